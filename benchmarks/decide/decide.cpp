// SPDX-License-Identifier: MIT
// How long matching a snapshot against a policy and planning takes.  Issue: 1,000 regions against 8
// schemes in less than 50 µs (median), and linear up to 1,000,000 regions:
//     decide_benchmark --benchmark_repetitions=9 --benchmark_report_aggregates_only=true
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "schemes/decide/decider.h"

namespace {

using namespace damon_schemes;
using namespace std::chrono_literals;

// One scheme whose age is tuned, which looks at every region once more.
Policy tuned_scheme() {
    Policy policy;
    Scheme scheme;
    scheme.name = "tuned";
    scheme.action = Action::pageout;
    scheme.frequency = {{}, Share{0}};
    scheme.age = {Duration(10s), {}};
    scheme.quota = default_pageout_quota();
    scheme.tune = Tune{Share{10'000}, Duration(1s), Duration(100s)};
    policy.schemes.push_back(scheme);
    return policy;
}

// Eight schemes as a careful operator might have them: most of them narrow, all actions, and one
// that counts a wide range.
Policy eight_schemes() {
    Policy policy;
    const auto add = [&](Action action, Range<Bytes> size, Range<Share> frequency,
                         Range<Duration> age) {
        Scheme scheme;
        scheme.name = "s" + std::to_string(policy.schemes.size());
        scheme.action = action;
        scheme.size = size;
        scheme.frequency = frequency;
        scheme.age = age;
        if (action == Action::pageout) scheme.quota = default_pageout_quota();
        policy.schemes.push_back(scheme);
    };
    const Share none{0}, some{50'000}, half{500'000};
    add(Action::pageout, {kibibytes(4), {}}, {{}, none}, {Duration(10s), {}});
    add(Action::pageout, {mebibytes(8), {}}, {{}, some}, {Duration(60s), {}});
    add(Action::cold, {{}, {}}, {{}, none}, {Duration(5s), Duration(10s)});
    add(Action::willneed, {{}, mebibytes(2)}, {half, {}}, {{}, Duration(1s)});
    add(Action::stat, {{}, {}}, {half, {}}, {{}, {}});
    add(Action::stat, {{}, {}}, {{}, none}, {Duration(10s), {}});
    add(Action::stat, {mebibytes(2), {}}, {some, half}, {Duration(1s), {}});
    add(Action::stat, {{}, {}}, {{}, {}}, {{}, {}});
    return policy;
}

// Regions as a monitor of four targets sees them: sizes over five orders of magnitude, a third hot,
// a third cold, a few unknown or absent, neighbours unlike each other, as after a merge.
Snapshot observed(std::size_t regions) {
    std::mt19937_64 random(42);
    const auto below = [&](std::uint64_t bound) { return random() % bound; };
    Snapshot snapshot;
    snapshot.sampling_interval = 5ms;
    snapshot.aggregation_interval = 100ms;
    snapshot.duration = 100ms;
    snapshot.passes = 20;
    for (std::uint64_t t = 0; t < 4; ++t) {
        TargetSnapshot target;
        target.id = {t + 1};
        target.generation = 1;
        std::uint64_t address = std::uint64_t{1} << 40;
        for (std::size_t i = 0; i < regions / 4; ++i) {
            if (below(16) == 0) address += 4096 * (1 + below(1000));
            Region region;
            region.range.start = address;
            address += 4096 * (1 + (below(1 << 12) >> below(12)));
            region.range.end = address;
            const std::uint64_t kind = below(12);
            region.sampled = kind == 0 ? 0 : 20;
            region.accessed = kind < 5 ? 0 : kind < 8 ? static_cast<std::uint32_t>(below(21)) : 20;
            if (kind == 0) region.accessed = 0;
            region.absent = kind == 1 ? 20 : 0;
            region.age = static_cast<std::uint32_t>(below(400));
            target.regions.push_back(region);
        }
        snapshot.targets.push_back(std::move(target));
    }
    return snapshot;
}

// Snapshot after snapshot, each plan carried out and reported: the state that decide() works on is
// that of a session that runs.  Timed is decide() alone, or the reports alone.
enum class Timed { decide, report };

void run(benchmark::State& state, Timed timed, Policy policy = eight_schemes()) {
    using clock = std::chrono::steady_clock;
    Snapshot snapshot = observed(static_cast<std::size_t>(state.range(0)));
    Decider decider(std::move(policy));
    Conditions conditions;
    conditions.sees = true;
    conditions.free_swap = Share{900'000};
    for (const TargetSnapshot& target : snapshot.targets) {
        Conditions::Target seen;
        seen.id = target.id;
        seen.major_faults = 7;
        conditions.targets.push_back(std::move(seen));
    }
    std::uint64_t planned = 0;
    const auto step = [&] {
        ++snapshot.sequence;
        snapshot.time += 100ms;
        const auto start = clock::now();
        const Plan plan = decider.decide(snapshot, conditions);
        const auto middle = clock::now();
        planned += plan.ranges.size();
        for (const PlannedRange& range : plan.ranges) {
            ActionReport report;  // of some 13 GB a second, so that both limits of the quota matter
            report.scheme = range.scheme;
            report.target = snapshot.targets[range.target].id;
            report.range = range.range;
            report.advised = range.range.size();
            report.spent = Duration(range.range.size().count / 13);
            report.time = snapshot.time + 10ms;
            decider.report(report);
        }
        const auto end = clock::now();
        return timed == Timed::decide ? middle - start : end - middle;
    };
    for (int i = 0; i < 20; ++i) step();
    planned = 0;
    for (auto _ : state) state.SetIterationTime(std::chrono::duration<double>(step()).count());
    state.SetComplexityN(state.range(0));
    if (timed == Timed::decide)
        state.SetItemsProcessed(state.iterations() * state.range(0) *
                                static_cast<std::int64_t>(decider.policy().schemes.size()));
    state.counters["ranges"] =
        benchmark::Counter(static_cast<double>(planned), benchmark::Counter::kAvgIterations);
}

void match_and_plan(benchmark::State& state) {
    run(state, Timed::decide);
}
BENCHMARK(match_and_plan)
    ->RangeMultiplier(10)
    ->Range(1'000, 1'000'000)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond)
    ->Complexity();

void tune(benchmark::State& state) {
    run(state, Timed::decide, tuned_scheme());
}
BENCHMARK(tune)
    ->RangeMultiplier(10)
    ->Range(1'000, 1'000'000)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond)
    ->Complexity();

void report_all(benchmark::State& state) {
    run(state, Timed::report);
}
BENCHMARK(report_all)
    ->Arg(1'000)
    ->Iterations(2'000)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace

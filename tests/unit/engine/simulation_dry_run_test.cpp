// SPDX-License-Identifier: MIT
// A simulation decides as a live dry run does.
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

#include "engine/actions/dry_run.h"
#include "engine/events/loop.h"
#include "engine/session/session.h"
#include "engine/simulation/simulator.h"
#include "engine/targets/procfs.h"
#include "tests/unit/engine/own_child.h"
#include "tests/unit/engine/scripted_monitor.h"
#include "tests/unit/schemes/observed.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using observed::mib;
using testing::MonitorScript;
using testing::OwnChild;
using testing::ScriptedMonitor;

// A dry run that counts its ranges where the session adds them up.
class CountedDryRun final : public Executor {
  public:
    std::vector<ActionOutcome> execute(const ActionRequest& request,
                                       const Cancelled& cancelled) override {
        auto outcomes = dry_run_.execute(request, cancelled);
        for (ActionOutcome& outcome : outcomes) outcome.calls = 1;
        return outcomes;
    }

  private:
    DryRun dry_run_;
};

// Two schemes that compete, with both kinds of quota.
Policy policy() {
    Scheme pageout = observed::scheme(Action::pageout, 2s);
    pageout.quota = {Bytes{3 * mib}, 2ms, 1s};
    Scheme cold = observed::scheme(Action::cold, 500ms);
    cold.quota = {Bytes{5 * mib}, std::nullopt, 500ms};
    Policy policy = observed::policy({pageout, cold});
    policy.limits = {std::nullopt, std::nullopt};
    return policy;
}

// A program that uses now this part of its memory, now that, and some addresses that are no longer
// mapped.
class Program {
  public:
    explicit Program(std::uint64_t start) : start_(start), ages_(40) {}

    Snapshot next() {
        std::vector<Region> regions;
        for (std::size_t i = 0; i < ages_.size(); ++i) {
            const std::uint64_t from = start_ + i * mib / 2;
            Region region{{from, from + mib / 2}, 20, 0, 0, ++ages_[i]};
            if (random_() % 100 < 3) ages_[i] = 0;
            if (ages_[i] == 0) region.accessed = 20;
            if (random_() % 50 == 0) region.sampled = region.accessed = 0;
            if (random_() % 20 == 0 && region.accessed == 0) region.absent = region.sampled;
            region.age = ages_[i];
            regions.push_back(region);
        }
        return observed::snapshot(100ms * step_++, std::move(regions));
    }

  private:
    std::uint64_t start_;
    std::vector<std::uint32_t> ages_;
    std::mt19937 random_{7};
    int step_ = 0;
};

RecordedTarget recorded(const OwnChild& child) {
    RecordedTarget target;
    target.id = {1};
    target.pid = child.pid();
    target.generation = 1;
    const auto maps = read_file("/proc/" + std::to_string(child.pid()) + "/maps");
    for (const Mapping& mapping : parse_mappings(maps.value_or(""))) {
        target.mappings.push_back(
            {mapping.range, mapping.kernel_provided ? MappingKind::special : MappingKind::anonymous,
             mapping.name});
    }
    return target;
}

void expect_equal(const Plan& live, const Plan& simulated) {
    ASSERT_EQ(live.sequence, simulated.sequence);
    ASSERT_EQ(live.ranges.size(), simulated.ranges.size());
    for (std::size_t i = 0; i < live.ranges.size(); ++i) {
        ASSERT_EQ(live.ranges[i].scheme, simulated.ranges[i].scheme);
        ASSERT_EQ(live.ranges[i].target, simulated.ranges[i].target);
        ASSERT_EQ(live.ranges[i].range, simulated.ranges[i].range);
    }
    ASSERT_EQ(live.schemes.size(), simulated.schemes.size());
    for (std::size_t i = 0; i < live.schemes.size(); ++i) {
        ASSERT_EQ(live.schemes[i].matched, simulated.schemes[i].matched);
        ASSERT_EQ(live.schemes[i].planned, simulated.schemes[i].planned);
        ASSERT_EQ(live.schemes[i].quota_exceeded, simulated.schemes[i].quota_exceeded);
        ASSERT_EQ(live.schemes[i].held_back, simulated.schemes[i].held_back);
    }
}

TEST(SimulatorTest, decides_as_a_live_dry_run_on_the_same_snapshots) {
    const OwnChild child([] { return testing::filled_memory(16 * mib); });
    ASSERT_NE(child.address(), 0U);
    auto loop = make_event_loop(LoopKind::epoll);
    ASSERT_TRUE(loop);
    auto script = std::make_shared<MonitorScript>();
    Session session(
        **loop, policy(),
        {std::make_unique<ScriptedMonitor>(script), std::make_unique<CountedDryRun>(), true});
    std::vector<Plan> live;
    session.on_decision = [&](const Snapshot&, const Plan& plan) { live.push_back(plan); };
    auto process = open_process(child.pid());
    ASSERT_TRUE(process);
    ASSERT_TRUE(session.add(std::move(*process)));
    ASSERT_TRUE(session.start());
    ASSERT_TRUE(session.allow_acting(TlbPolicy::automatic));

    Simulator simulator(policy());
    simulator.see(recorded(child));
    // 16 MiB are mapped, the regions reach 4 MiB further.
    Program program(child.address());
    std::uint64_t planned = 0;
    const auto all_reported = [&] {
        std::uint64_t calls = 0;
        for (const auto& totals : session.totals()) calls += totals.calls;
        return calls == planned;
    };
    for (std::size_t step = 0; step < 300; ++step) {
        const Snapshot snapshot = program.next();
        script->waiting.emplace_back(snapshot);
        const auto ticks = (*loop)->on_timer(100us, true, [&] {
            if (live.size() <= step) return;
            planned = 0;
            for (const Plan& plan : live) planned += plan.ranges.size();
            if (all_reported()) (*loop)->stop();
        });
        ASSERT_TRUE(ticks);
        ASSERT_TRUE((*loop)->run());
        (*loop)->forget(*ticks);
        ASSERT_NO_FATAL_FAILURE(expect_equal(live[step], simulator.see(snapshot))) << step;
    }
    EXPECT_GT(planned, 50U);
    EXPECT_GT(session.totals()[0].quota_exceeded, 0U);
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// A policy at work while the swap it pages out to is slow: does the engine's loop still answer, and
// does its quota of time hold?  Swap is as the machine has it.
//
//     slow_swap SECONDS JSON
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "benchmarks/controls/trial.h"
#include "benchmarks/json_file.h"
#include "schemes/quantity.h"

namespace {

using namespace damon_schemes;
using namespace damon_schemes::bench;
using namespace std::chrono_literals;

constexpr std::size_t mib = (1 << 20) / 4096;  // in pages
constexpr Duration quota = 10ms, window = 1s;

// What comes back has to be read in again, all the time.
Pacing program() {
    PacedPhase phase;
    phase.length = 1h;
    append(phase, 16 * mib, 3s);
    append(phase, 48 * mib, Duration());
    return {phase};
}

// Of the time that the calls took so far, the most of it in one window.
double fullest_window_ms(const std::vector<TrialFigures::Moment>& course) {
    Duration most{};
    for (std::size_t i = 0, first = 0; i < course.size(); ++i) {
        while (course[i].at - course[first].at > window) ++first;
        most = std::max(most, course[i].spent - course[first].spent);
    }
    return std::chrono::duration<double, std::milli>(most).count();
}

double at_share(std::vector<double> values, double share) {
    const auto rank = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), values.begin() + rank, values.end());
    return values[static_cast<std::size_t>(rank)];
}

nlohmann::json late(const TrialFigures& figures) {
    return {{"beats", figures.late_ms.size()},
            {"p50_ms", at_share(figures.late_ms, 0.5)},
            {"p99_ms", at_share(figures.late_ms, 0.99)},
            {"most_ms", at_share(figures.late_ms, 1)}};
}

int run(Duration length, const std::string& json) {
    const Trial trial{length, length / 3};
    const TrialFigures alone = run_trial(program(), nullptr, trial);
    const Policy policy = reclaiming(1s, "aggregation_interval = \"200ms\"\n",
                                     "quota = { bytes = \"128MiB\", time = \"" + to_string(quota) +
                                         "\", per = \"" + to_string(window) + "\" }\n");
    const TrialFigures figures = run_trial(program(), &policy, trial);
    const SchemeTotals& totals = figures.totals.front();
    const double seconds = std::chrono::duration<double>(length).count();
    const double spent_ms = std::chrono::duration<double, std::milli>(totals.spent).count();
    const nlohmann::json all = {
        {"seconds", seconds},
        {"without", late(alone)},
        {"with", late(figures)},
        {"spent_ms", spent_ms},
        {"spent_ms_per_window", spent_ms / seconds},
        {"fullest_window_ms", fullest_window_ms(figures.course)},
        {"quota_ms", std::chrono::duration<double, std::milli>(quota).count()},
        {"calls", totals.calls},
        {"mean_call_ms", totals.calls == 0 ? 0.0 : spent_ms / static_cast<double>(totals.calls)},
        {"paged_out_bytes", totals.paged_out.count},
        {"major_faults", figures.major_faults},
        {"wrong_pages", figures.wrong},
        {"touching_share", {alone.touching_share, figures.touching_share}}};
    std::printf("%s\n", all.dump(2).c_str());
    write_json(json, all.dump(2));
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    unsigned seconds = 0;
    const char* end = argc > 1 ? argv[1] + std::strlen(argv[1]) : nullptr;
    if (argc != 3 || std::from_chars(argv[1], end, seconds).ptr != end || seconds == 0) {
        std::fputs("usage: slow_swap SECONDS JSON\n", stderr);
        return 2;
    }
    try {
        return run(std::chrono::seconds(seconds), argv[2]);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "slow_swap: %s\n", error.what());
        return 1;
    }
}

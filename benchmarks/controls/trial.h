// SPDX-License-Identifier: MIT
// One paced program under one policy for a time: what was saved, and what that cost it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/controls/paced_program.h"
#include "engine/actions/totals.h"
#include "schemes/decide/explanation.h"
#include "schemes/policy/model.h"

namespace damon_schemes::bench {

struct Trial {
    Duration length{};
    Duration warm_up{};  // at its start, left out of the means below
};

struct TrialFigures {
    Duration measured{};
    Bytes rss_full;                  // before the policy began
    double rss_mean = 0;             // bytes
    std::uint64_t major_faults = 0;  // since the policy began, the warm-up too
    std::uint64_t touches = 0;
    double touching_share = 0;  // of the time, the program spent touching its pages
    std::uint64_t wrong = 0;    // pages that held something else than before; in all
    // How much later than it should the loop's thread came to a timer of 5 ms, each time.
    std::vector<double> late_ms;
    std::vector<SchemeTotals> totals;      // in all
    std::vector<SchemeControls> controls;  // at the end
    struct Moment {
        Duration at{};
        Bytes rss;
        std::optional<Duration> tuned_age;  // of the first scheme
        std::optional<double> refault_share;
        Duration spent{};  // of the first scheme, so far
    };
    std::vector<Moment> course;  // once a quarter of a second

    double saved_mean() const { return static_cast<double>(rss_full.count) - rss_mean; }
};

// nullptr: without a policy.  Throws std::runtime_error where the machine cannot do it.
TrialFigures run_trial(const Pacing& pacing, const Policy* policy, const Trial& trial);

// A policy from TOML; throws with every error in it.
Policy policy_from(const std::string& toml);

// Pages out what was idle for `age`, looked at each 20 ms, with no limit but the scheme's own. Keys
// are lines of TOML: of [monitor] (the aggregation interval at least) and of the scheme; `more` is
// what stands behind all.
Policy reclaiming(Duration age, const std::string& monitor_keys, const std::string& scheme_keys,
                  const std::string& more = "");

// Of `values`, which is not empty.
double median(std::vector<double> values);

}  // namespace damon_schemes::bench

// SPDX-License-Identifier: MIT
// How a daemon stands, as it answers over its socket and as people read it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/actions/totals.h"
#include "engine/monitors/monitor.h"
#include "schemes/decide/explanation.h"
#include "schemes/decide/harm_guard.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"
#include "schemes/result.h"

namespace damon_schemes {

struct DaemonStatus {
    struct Target {
        std::int32_t pid = 0;
        std::string name;
        std::optional<Bytes> rss;  // as it was last surveyed, at most half a second ago
        std::optional<Bytes> swapped;
        bool braked = false;
        // What leaves it alone, and why, by the guard.
        struct Guarded {
            std::string scheme;
            Harm harm{};
            double measured = 0;  // bytes a second, a share as 0..1, or the figure
            Duration left{};
        };
        std::vector<Guarded> guarded;
        // Which of the policy's rules fits; nullopt: a child of a target, or not looked at again
        // since a reload.
        std::optional<std::size_t> rule{};
    };
    struct OfScheme {
        std::string name;
        Action action = Action::stat;
        SchemeTotals totals;
        std::optional<Duration> tuned_age;
        std::uint64_t guard_pauses = 0;   // that the guard began
        SchemeControls controls{};        // as of the last decision
        std::vector<GoalMetric> goals{};  // parallel to those of the controls
    };
    struct OfPolicy {
        std::string name;
        std::string observing;  // why it does not act; empty: it does
        std::string resting;    // why nothing is monitored; empty: it is
        std::vector<Target> targets;
        std::vector<OfScheme> schemes;
        std::vector<TargetSelector> rules;
        std::uint64_t snapshots = 0;
        std::uint64_t regions = 0;  // in the newest snapshot
        std::optional<MonitorCost> monitor;
        Duration actor_time{};  // CPU time of the threads that act
    };
    Duration elapsed{};
    bool dry_run = false;
    std::vector<OfPolicy> policies;
    std::size_t unwatched = 0;  // processes that fit and could not be watched
};

// The schema of answers: fields are added, never taken away or given another meaning.
inline constexpr int answer_version = 1;

// One line, {"version", "ok": true, "status": {"elapsed_ns", "dry_run", "policies": [{"name",
// "observing", "resting" (null: it does not), "targets": [{"pid", "name", "rss_bytes",
// "swapped_bytes", "braked", "guarded": [{"scheme", "harm", "measured", "left_ns"}]}], "schemes":
// [{"name", "action", "matched_bytes", "planned_bytes", "advised_bytes", "paged_out_bytes",
// "confirmed_bytes", "refaulted_bytes", "guard_pauses", "tuned_age_ns", "held_back_bytes": {reason:
// bytes, where there are any}}]}]}}.
std::string answer_of(const DaemonStatus& status);
// {"version", "ok": true} and {"version", "ok": false, "error"}.
std::string answer_done();
std::string answer_refused(std::string_view error);

// For people, of an answer of answer_of(), at that many columns.  Errors (runtime): it is none, or
// says what was refused.
Result<std::string> status_table(const std::string& answer, std::size_t width);
// Of any answer: whether it was done.
Result<void> read_answer(const std::string& answer);

}  // namespace damon_schemes

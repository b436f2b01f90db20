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
    // What people have told it to leave alone.
    struct Paused {
        Duration ago{};                // since when
        std::optional<Duration> left;  // nullopt: until it is resumed
        std::int32_t by_pid = 0;       // who asked for it
        std::uint32_t by_uid = 0;
        bool released = false;  // as its memory was brought back
    };
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
        // So far, by all schemes together.
        Bytes paged_out;
        Bytes refaulted;
        std::optional<Paused> paused;
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
        std::optional<Paused> paused;
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
    std::optional<Paused> paused;  // all of it
    std::size_t releasing = 0;     // targets whose memory is on the way back from swap
    std::vector<OfPolicy> policies;
    std::size_t unwatched = 0;  // processes that fit and could not be watched
};

// The schema of answers: fields are added, never taken away or given another meaning.
inline constexpr int answer_version = 1;

// One line, {"version", "ok": true, "status": {"elapsed_ns", "dry_run", "paused", "releasing",
// "policies": [{"name", "observing", "resting" (null: it does not), "paused", "targets": [{"pid",
// "name", "rss_bytes", "swapped_bytes", "paged_out_bytes", "refaulted_bytes", "braked", "guarded":
// [{"scheme", "harm", "measured", "left_ns"}], "paused"}], "schemes": [{"name", "action",
// "matched_bytes", "planned_bytes", "advised_bytes", "paged_out_bytes", "confirmed_bytes",
// "refaulted_bytes", "guard_pauses", "tuned_age_ns", "held_back_bytes": {reason: bytes, where there
// are any}}]}]}}; "paused" is null, or {"ago_ns", "left_ns" (null: until it is resumed), "by_pid",
// "by_uid", "released"}.
std::string answer_of(const DaemonStatus& status);
// {"version", "ok": true}.
std::string answer_done();
// {"version", "ok": true, "done": what was done, for people}.
std::string answer_done(std::string_view done);
// {"version", "ok": false, "error"}.
std::string answer_refused(std::string_view error);

// For people, of an answer of answer_of(), at that many columns.  Errors (runtime): it is none, or
// says what was refused.
Result<std::string> status_table(const std::string& answer, std::size_t width);
// Of any answer: whether it was done.
Result<void> read_answer(const std::string& answer);
// Of an answer that says what was done: that.
Result<std::string> read_done(const std::string& answer);
// "for another 9 min 3 s, told 57 s ago by process 4711 of user 0".
std::string in_words(const DaemonStatus::Paused& paused);

}  // namespace damon_schemes

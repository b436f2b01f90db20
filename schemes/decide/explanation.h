// SPDX-License-Identifier: MIT
// Why memory was, or was not, acted on: for people who ask.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schemes/decide/harm_guard.h"
#include "schemes/decide/pauses.h"
#include "schemes/decide/plan.h"
#include "schemes/observation.h"

namespace damon_schemes {

// What one scheme found of one part of one region.  The parts of a region cover it, for each
// scheme.
struct Verdict {
    std::uint32_t scheme = 0;  // index into the policy's schemes
    std::uint32_t target = 0;  // index into the snapshot's targets
    std::uint32_t region = 0;  // index into the target's regions
    AddressRange range;
    std::optional<Reason> held_back;     // nullopt: planned (for stat: it matches)
    std::optional<std::uint32_t> other;  // other_scheme: which; filter: which filter, if one fitted
};

// Sorted by target, address and scheme once decide() returns.
struct Explanation {
    std::vector<Verdict> verdicts;
    void sort();
};

// Where one scheme's controllers stand.  What is nullopt is not set in the policy.
struct SchemeControls {
    enum class Rest : std::uint8_t { no, too_much_free, too_little_free, not_measured };
    std::optional<Rest> free_memory;  // by its watermark
    std::optional<Rest> free_swap;

    std::optional<Instant> next_apply;  // apply_interval: not before

    std::optional<Bytes> quota_bytes;  // of the window
    std::optional<Bytes> bytes_left;
    std::optional<Duration> quota_time;
    std::optional<Duration> time_left;       // below zero: what later windows pay back
    std::optional<double> bytes_per_second;  // the throughput that time is reckoned by
    struct Goal {
        std::optional<double> current;  // a share as 0..1, or the figure; nullopt: not measured
        double target = 0;
        std::optional<double> score;  // current / target: the quota shrinks above 1
    };
    std::vector<Goal> goals;                   // parallel to the policy's
    std::optional<Bytes> goal_bytes;           // what the goals allow in the window
    std::optional<std::uint32_t> least_score;  // priority: what scored less had to wait (0 to 1000)

    std::optional<Duration> tuned_age;       // in place of age.min
    std::optional<Duration> mean_tuned_age;  // since the scheme began, over time
    // Of what would leave memory at half of that age (no less than its least), so much would be
    // used within the window: by how long idle memory stays idle.  nullopt: that does not say.
    std::optional<double> half_age_share;
    std::optional<double> refault_share;  // measured; nullopt: too little was paged out to say
    Bytes refaulted;                      // so far
    Bytes watched;                        // paged out so far

    std::vector<Pauses::Pause> paused;
    struct Brake {
        TargetId target;
        Instant until;
    };
    std::vector<Brake> braked;
    // Targets that it leaves alone by the guard, and how many such pauses it has begun.
    struct Guarded {
        TargetId target;
        HarmGuard::Pause pause;
    };
    std::vector<Guarded> guarded;
    std::uint64_t guard_pauses = 0;
};

}  // namespace damon_schemes

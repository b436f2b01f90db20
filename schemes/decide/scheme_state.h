// SPDX-License-Identifier: MIT
// What a decider keeps for one scheme.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "schemes/decide/age_tuner.h"
#include "schemes/decide/candidates.h"
#include "schemes/decide/conditions.h"
#include "schemes/decide/explanation.h"
#include "schemes/decide/filters.h"
#include "schemes/decide/idle_spells.h"
#include "schemes/decide/plan.h"
#include "schemes/decide/quota_goals.h"
#include "schemes/decide/quota_window.h"
#include "schemes/decide/refault_meter.h"
#include "schemes/decide/spell_tracker.h"
#include "schemes/decide/watched_targets.h"
#include "schemes/decide/watermark_rest.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// A scheme that acted on memory, or tried to and was refused, leaves it for its cool_down; but at
// least for so long, or a scheme without one would act on the same memory at every snapshot.
inline constexpr Duration shortest_hold = std::chrono::seconds(1);

// What lasts by itself is looked at again only after so long, where the policy does not say.
inline constexpr Duration lasting_hold = std::chrono::minutes(1);

// The scheme's controllers, and what one decide() call finds of it.
struct SchemeState {
    // The scheme `which` of the policy, which outlives it.
    SchemeState(const Policy& policy, std::uint32_t which);

    // Looks at what concerns the scheme as a whole.
    void begin(const Policy& policy, const Conditions& conditions, Instant now,
               Explanation* explain);
    // What keeps it from acting on a target at all: it leaves the target's memory to others then.
    std::optional<Reason> what_blocks(const TargetSnapshot& target, const TargetState& state,
                                      const Conditions& conditions, const Limits& limits,
                                      Instant now) const;

    // What holds back the scheme in all targets, the first in the order of the reasons:
    // headroom_low, swap_low, zram_poor, unmeasured, watermark.
    std::optional<Reason> resting;
    bool due = true;  // by its apply_interval

    // Where its age is tuned: learns from the snapshot how long memory that it may have stays idle.
    void track_spells(const Snapshot& snapshot, WatchedTargets& targets);

    // What is known of a piece of a target's memory, as far as its filters ask for it.
    FilterFacts facts_of(const FilterPiece& piece, const TargetState& state) const;

    std::optional<Duration> min_age() const;     // tuned where it is
    std::optional<Duration> region_age() const;  // what of it a region has to have
    Duration hold() const;                       // after an action
    SchemeControls controls(Instant now) const;  // without the brake

    void count_held(Reason reason, std::uint64_t bytes) {
        tally.held_back[static_cast<std::size_t>(reason)] += {bytes};
    }
    // Counts it and, if asked to, explains it.
    void hold_back(const RegionPart& part, Reason reason, std::optional<std::uint32_t> other = {}) {
        count_held(reason, part.range.size().count);
        if (explanation != nullptr) tell(part, reason, other);
    }
    // Only with an explanation.  No reason: it is planned, or matches a stat scheme.
    void tell(const RegionPart& part, std::optional<Reason> reason,
              std::optional<std::uint32_t> other = {}) const;

    const Scheme* scheme;
    std::uint32_t index;
    bool acting;
    bool needs_presence;     // what is not in memory cannot leave it, but it can be brought in, and
                             // flagged
    bool filtering;          // it acts, and has filters
    bool needs_mappings;     // for its filters
    bool needs_cgroup;       // likewise
    bool needs_target;       // likewise: the target's name
    bool keeps_floor;        // it pages out, and has a floor
    bool keeps_lock_budget;  // it locks, and may not lock all of a target

    WatermarkRest watermarks;
    QuotaWindow quota;
    QuotaGoals goals;
    RefaultMeter refaults;
    std::optional<AgeTuner> tuner;
    std::optional<IdleSpells> spells;  // where there is a tuner, as the next one
    std::optional<SpellTracker> tracker;
    std::optional<Instant> next_apply;
    std::optional<Candidates::Position> resume;

    // For one decide() call; kept for their memory.
    SchemeTally tally;
    Explanation* explanation = nullptr;
    Candidates candidates;
    std::optional<std::uint32_t> least_score;
    // For one target of it.
    std::optional<Reason> blocked;
    std::size_t cursor = 0;

  private:
    bool has_come(Instant now);
    bool knows(const TargetSnapshot& target, const TargetState& state) const;
    double allowed_share(AddressRange range, const TargetState& state);

    std::vector<FilterPiece> pieces_;  // kept for their memory
};

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include "schemes/decide/watched_targets.h"

#include <algorithm>
#include <utility>

namespace damon_schemes {

TargetState* WatchedTargets::find(TargetId id) {
    const auto found = std::lower_bound(
        states_.begin(), states_.end(), id,
        [](const TargetState& state, TargetId wanted) { return state.id < wanted; });
    return found != states_.end() && found->id == id ? &*found : nullptr;
}

bool WatchedTargets::adopt(const Snapshot& snapshot) {
    bool changed = false;
    for (const TargetSnapshot& target : snapshot.targets) {
        if (target.exited) continue;
        TargetState* state = find(target.id);
        if (state == nullptr) {
            changed = true;
            TargetState fresh;
            fresh.id = target.id;
            fresh.generation = target.generation;
            fresh.acted.resize(schemes_);
            fresh.guards.resize(schemes_);
            fresh.held.resize(schemes_);
            const auto at = std::lower_bound(
                states_.begin(), states_.end(), target.id,
                [](const TargetState& other, TargetId id) { return other.id < id; });
            state = &*states_.insert(at, std::move(fresh));
        }
        state->last_seen = snapshots_;
        if (state->generation != target.generation) {
            changed = true;
            state->generation = target.generation;
            state->brake.forget_rate();
            for (HarmGuard& guard : state->guards) guard.forget_rates();
            for (ActedRanges& acted : state->acted) acted.clear();
            // An exec takes all locks with it.
            for (HeldLocks& held : state->held) held.clear();
            state->returned.clear();
        }
        const std::size_t limit = std::max<std::size_t>(4096, 2 * target.regions.size());
        for (ActedRanges& acted : state->acted)
            if (!acted.empty()) acted.expire(snapshot.time, limit);
    }
    const auto gone = std::erase_if(
        states_, [&](const TargetState& state) { return state.last_seen != snapshots_; });
    return changed || gone != 0;
}

void WatchedTargets::look_at_harm(Instant now, const Conditions& conditions,
                                  const Limits::Guard& limits) {
    HarmGuard::Readings readings;
    if (limits.figure) readings.figure = conditions.figure_in(limits.figure->file);
    for (TargetState& state : states_) {
        readings.stalled.reset();
        if (state.conditions != nullptr) readings.stalled = state.conditions->cgroup_stalled;
        for (std::size_t scheme = 0; scheme < schemes_; ++scheme)
            if (state.guards[scheme].look(now, limits, readings)) ++guard_pauses_[scheme];
    }
}

bool WatchedTargets::follow(const Snapshot& snapshot, const Conditions& conditions,
                            const Limits& limits) {
    ++snapshots_;
    const bool changed = adopt(snapshot);
    for (const Conditions::Target& target : conditions.targets) {
        TargetState* state = find(target.id);
        if (state == nullptr) continue;
        state->conditions = &target;
        if (limits.brake && target.major_faults)
            state->brake.observe(snapshot.time, *target.major_faults, *limits.brake);
    }
    if (limits.guard) look_at_harm(snapshot.time, conditions, *limits.guard);
    of_snapshot_.clear();
    for (const TargetSnapshot& target : snapshot.targets) {
        const TargetState* state = find(target.id);
        of_snapshot_.push_back(state == nullptr ? states_.size()
                                                : static_cast<std::size_t>(state - states_.data()));
    }
    return changed;
}

void WatchedTargets::forget_conditions() {
    for (TargetState& state : states_) state.conditions = nullptr;
}

}  // namespace damon_schemes

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

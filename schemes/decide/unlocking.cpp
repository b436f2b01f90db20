// SPDX-License-Identifier: MIT
#include "schemes/decide/unlocking.h"

#include <vector>

namespace damon_schemes {

void plan_unlocks(const SchemeState& scheme, const Policy& policy, const Conditions& conditions,
                  WatchedTargets& targets, const Snapshot& snapshot, Plan& plan) {
    if (scheme.scheme->action != Action::mlock || !scheme.scheme->unlock_age) return;
    std::vector<AddressRange> cooled;
    for (std::uint32_t t = 0; t < snapshot.targets.size(); ++t) {
        const TargetSnapshot& target = snapshot.targets[t];
        if (target.exited) continue;
        TargetState& state = targets.at(t);
        if (state.held[scheme.index].empty()) continue;
        const bool braked = policy.limits.brake && state.brake.active(snapshot.time);
        if (braked || target.denied || !conditions.sees) continue;
        cooled.clear();
        state.held[scheme.index].take_cooled(snapshot.time, *scheme.scheme->unlock_age, cooled);
        for (const AddressRange range : cooled)
            plan.ranges.push_back({scheme.index, t, range, /*unlock=*/true});
    }
}

}  // namespace damon_schemes

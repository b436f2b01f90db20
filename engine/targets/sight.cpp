// SPDX-License-Identifier: MIT
#include "engine/targets/sight.h"

namespace damon_schemes {

std::string_view name_of(SightVerdict verdict) {
    switch (verdict) {
        case SightVerdict::too_few_samples:
            return "too_few_samples";
        case SightVerdict::not_seen:
            return "not_seen";
        case SightVerdict::seen:
            return "seen";
    }
    return "?";
}

Share Sight::share() const {
    if (samples == 0) return {0};
    // Rounded down, so that what falls short of the limit never reaches it.
    return {static_cast<std::uint32_t>(accessed * 1'000'000 / samples)};
}

SightVerdict Sight::verdict() const {
    if (samples < required_samples) return SightVerdict::too_few_samples;
    return share() >= required_sight ? SightVerdict::seen : SightVerdict::not_seen;
}

Sight sight_of(const Snapshot& snapshot, TargetId target, AddressRange area) {
    Sight sight;
    for (const TargetSnapshot& seen : snapshot.targets) {
        if (seen.id != target || seen.exited) continue;
        for (const Region& region : seen.regions) {
            if (region.range.empty() || region.range.start < area.start ||
                region.range.end > area.end) {
                continue;
            }
            sight.samples += region.sampled;
            sight.accessed += region.accessed;
        }
    }
    return sight;
}

}  // namespace damon_schemes

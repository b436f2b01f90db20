// SPDX-License-Identifier: MIT
#include "schemes/decide/machine_limits.h"

namespace damon_schemes {

namespace {

bool below(const std::optional<Share>& value, const std::optional<Share>& least) {
    return value && least && *value < *least;
}

}  // namespace

std::optional<Reason> passed_limit(const Limits& limits, Action action,
                                   const Conditions& conditions) {
    if (acts(action) && below(conditions.headroom, limits.min_headroom))
        return Reason::headroom_low;
    if (action != Action::pageout) return std::nullopt;
    if (below(conditions.free_swap, limits.min_free_swap)) return Reason::swap_low;
    if (below(conditions.zram_saving, limits.min_zram_saving)) return Reason::zram_poor;
    return std::nullopt;
}

}  // namespace damon_schemes

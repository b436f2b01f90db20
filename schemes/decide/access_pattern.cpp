// SPDX-License-Identifier: MIT
#include "schemes/decide/access_pattern.h"

#include <algorithm>

namespace damon_schemes {

AccessPattern::AccessPattern(const Scheme& scheme, std::optional<Duration> min_age,
                             Duration interval) {
    if (scheme.size.min) min_size_ = scheme.size.min->count;
    if (scheme.size.max) max_size_ = scheme.size.max->count;
    if (scheme.frequency.min) min_ppm_ = scheme.frequency.min->ppm;
    if (scheme.frequency.max) max_ppm_ = scheme.frequency.max->ppm;
    // age × interval >= min  ⇔  age >= ⌈min / interval⌉, and <= likewise with ⌊ ⌋.
    const auto intervals = [&](Duration age) {
        return static_cast<std::uint64_t>(std::max(age, Duration::zero()) / interval);
    };
    if (min_age) {
        min_age_ = intervals(*min_age);
        if (min_age->count() % interval.count() > 0) ++min_age_;
    }
    if (scheme.age.max) max_age_ = intervals(*scheme.age.max);
}

}  // namespace damon_schemes

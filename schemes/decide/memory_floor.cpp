// SPDX-License-Identifier: MIT
#include "schemes/decide/memory_floor.h"

#include <algorithm>

namespace damon_schemes {

namespace {

std::int64_t second_of(Instant when) {
    return std::chrono::floor<std::chrono::seconds>(when).time_since_epoch().count();
}

}  // namespace

Bytes kept_by(const Floor& floor, Bytes rss, Bytes swapped) {
    std::uint64_t kept = floor.rss ? floor.rss->count : 0;
    if (floor.share) {
        // bytes × ppm / 1,000,000 without leaving 64 bits.
        const std::uint64_t all = rss.count + swapped.count;
        const std::uint64_t ppm = floor.share->ppm;
        const std::uint64_t share =
            all / 1'000'000 * ppm + (all % 1'000'000 * ppm + 999'999) / 1'000'000;
        kept = std::max(kept, share);
    }
    return {kept};
}

void DepartedBytes::note(Instant when, Bytes bytes) {
    const std::int64_t second = second_of(when);
    if (second > second_) {
        before_it_ = second - second_ == 1 ? in_it_ : 0;
        in_it_ = 0;
        second_ = second;
    }
    in_it_ += std::min(bytes.count, ~in_it_);
}

Bytes DepartedBytes::lately(Instant now) const {
    const std::int64_t passed = second_of(now) - second_;
    if (passed > 1) return {0};
    if (passed == 1) return {in_it_};
    return {in_it_ + std::min(before_it_, ~in_it_)};
}

}  // namespace damon_schemes

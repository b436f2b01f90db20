// SPDX-License-Identifier: MIT
#include "benchmarks/accuracy/touch_set.h"

#include <algorithm>

#include "benchmarks/random.h"

namespace damon_schemes::accuracy {
namespace {

std::uint64_t share_of(std::uint64_t size, Share share) {
    // Pages first: an area of tebibytes times a million would not fit.
    return size / page_bytes * share.ppm / 1'000'000 * page_bytes;
}

}  // namespace

TouchSet::TouchSet(const Access& access, Bytes size, std::uint64_t seed)
    : stride_(access.stride.count) {
    const std::uint64_t from = share_of(size.count, access.from);
    const std::uint64_t bytes = std::max(page_bytes, share_of(size.count, access.to) - from);
    if (access.spots) {
        const std::uint64_t number =
            std::max<std::uint64_t>(1, std::min(access.spots->number, bytes / page_bytes));
        const std::uint64_t cell = bytes / number / page_bytes;  // pages
        piece_ = std::min(access.spots->size.count, cell * page_bytes);
        bench::Random mixed(seed);
        bench::Random dice(mixed.next() ^ access.spots->seed);
        for (std::uint64_t i = 0; i < number; ++i)
            starts_.push_back(from +
                              (i * cell + dice.below(cell - piece_ / page_bytes + 1)) * page_bytes);
    } else {
        piece_ = bytes;
        starts_.push_back(from);
    }
    touches_ = std::max<std::uint64_t>(1, piece_ * starts_.size() / stride_);
}

std::vector<AddressRange> TouchSet::ranges() const {
    std::vector<AddressRange> all;
    for (const std::uint64_t start : starts_) {
        if (!all.empty() && all.back().end == start)
            all.back().end += piece_;
        else
            all.push_back({start, start + piece_});
    }
    return all;
}

}  // namespace damon_schemes::accuracy

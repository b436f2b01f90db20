// SPDX-License-Identifier: MIT
#include "engine/reports/address_set.h"

#include <algorithm>

namespace damon_schemes {

AddressSet::AddressSet(std::size_t most, const RangeSet& ranges) : most_(most) {
    for (const AddressRange range : ranges.ranges()) add(range);
}

void AddressSet::add(AddressRange range) {
    set_.add(range);
    // Closed late, many at a time.
    if (set_.ranges().size() > most_ * 2) close_smallest_holes();
}

void AddressSet::add(const AddressSet& other) {
    for (const AddressRange range : other.ranges()) add(range);
}

AddressSet AddressSet::cut_to(const AddressSet& other) const {
    return {most_, set_.within(other.set_)};
}

AddressSet AddressSet::cut_to(AddressRange range) const {
    return {most_, set_.within(range)};
}

void AddressSet::close_smallest_holes() {
    const std::vector<AddressRange>& ranges = set_.ranges();
    std::vector<std::uint64_t> holes;
    for (std::size_t i = 1; i < ranges.size(); ++i)
        holes.push_back(ranges[i].start - ranges[i - 1].end);
    const std::size_t closed = ranges.size() - most_;
    std::vector<std::uint64_t> by_size = holes;
    const auto limit = by_size.begin() + static_cast<std::ptrdiff_t>(closed - 1);
    std::nth_element(by_size.begin(), limit, by_size.end());
    RangeSet left;
    AddressRange joined = ranges.front();
    for (std::size_t i = 1; i < ranges.size(); ++i) {
        if (holes[i - 1] <= *limit) {
            joined.end = ranges[i].end;
        } else {
            left.add(joined);
            joined = ranges[i];
        }
    }
    left.add(joined);
    set_ = std::move(left);
}

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include "schemes/range_set.h"

#include <algorithm>

namespace damon_schemes {

void RangeSet::add(AddressRange range) {
    if (range.empty()) return;
    // The first that ends at or after the start of the new one: it may touch it.
    const auto before = [&](AddressRange each) { return each.end < range.start; };
    auto first = ranges_.begin();
    if (cursor_ < ranges_.size() && ranges_[cursor_].start <= range.start)
        first += static_cast<std::ptrdiff_t>(cursor_);
    if (first != ranges_.end() && before(*first)) {
        if (++first != ranges_.end() && before(*first))
            first = std::partition_point(first, ranges_.end(), before);
    }
    cursor_ = static_cast<std::size_t>(first - ranges_.begin());
    if (first == ranges_.end() || first->start > range.end) {
        ranges_.insert(first, range);
        return;
    }
    // What touches it becomes one with it.
    auto last = first;
    for (; last != ranges_.end() && last->start <= range.end; ++last) {
        range.start = std::min(range.start, last->start);
        range.end = std::max(range.end, last->end);
    }
    *first = range;
    ranges_.erase(first + 1, last);
}

void RangeSet::remove(AddressRange range) {
    if (range.empty()) return;
    const auto first = std::partition_point(
        ranges_.begin(), ranges_.end(), [&](AddressRange each) { return each.end <= range.start; });
    auto last = first;
    std::vector<AddressRange> rest;
    for (; last != ranges_.end() && last->start < range.end; ++last) {
        if (last->start < range.start) rest.push_back({last->start, range.start});
        if (range.end < last->end) rest.push_back({range.end, last->end});
    }
    const auto at = ranges_.erase(first, last);
    ranges_.insert(at, rest.begin(), rest.end());
    cursor_ = 0;
}

RangeSet RangeSet::within(AddressRange range) const {
    RangeSet set;
    auto each = std::partition_point(ranges_.begin(), ranges_.end(), [&](AddressRange candidate) {
        return candidate.end <= range.start;
    });
    for (; each != ranges_.end() && each->start < range.end; ++each)
        set.ranges_.push_back({std::max(each->start, range.start), std::min(each->end, range.end)});
    return set;
}

RangeSet RangeSet::within(const RangeSet& other) const {
    RangeSet set;
    for (const AddressRange range : other.ranges_) set.add(within(range));
    return set;
}

RangeSet RangeSet::without(const RangeSet& other) const {
    RangeSet set = *this;
    set.remove(other);
    return set;
}

Bytes RangeSet::size() const {
    Bytes size;
    for (const AddressRange range : ranges_) size += range.size();
    return size;
}

}  // namespace damon_schemes

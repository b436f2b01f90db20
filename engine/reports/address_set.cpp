// SPDX-License-Identifier: MIT
#include "engine/reports/address_set.h"

#include <algorithm>

namespace damon_schemes {

void AddressSet::add(AddressRange range) {
    if (range.empty()) return;
    // The first that ends at or after the start of the new one: it may touch it.
    auto touches = [&range](const AddressRange& there) { return there.end < range.start; };
    auto from = ranges_.begin();
    if (cursor_ < ranges_.size() && ranges_[cursor_].start <= range.start)
        from += static_cast<std::ptrdiff_t>(cursor_);
    auto first = from;
    if (first != ranges_.end() && touches(*first)) {
        if (++first != ranges_.end() && touches(*first))
            first = std::partition_point(first, ranges_.end(), touches);
    }
    cursor_ = static_cast<std::size_t>(first - ranges_.begin());
    if (first == ranges_.end() || first->start > range.end) {
        ranges_.insert(first, range);
        // Closed late, many at a time.
        if (ranges_.size() > most_ * 2) close_smallest_holes();
        return;
    }
    if (first->start <= range.start && range.end <= first->end) return;
    auto last = first;
    AddressRange joined = {std::min(first->start, range.start), range.end};
    while (last != ranges_.end() && last->start <= range.end) {
        joined.end = std::max(joined.end, last->end);
        ++last;
    }
    *first = joined;
    ranges_.erase(first + 1, last);
}

void AddressSet::add(const AddressSet& other) {
    for (const AddressRange& range : other.ranges_) add(range);
}

void AddressSet::remove(AddressRange range) {
    if (range.empty()) return;
    std::vector<AddressRange> left;
    for (const AddressRange& there : ranges_) {
        const AddressRange before = {there.start, std::min(there.end, range.start)};
        const AddressRange behind = {std::max(there.start, range.end), there.end};
        if (!before.empty()) left.push_back(before);
        if (!behind.empty()) left.push_back(behind);
    }
    ranges_ = std::move(left);
    cursor_ = 0;
}

AddressSet AddressSet::cut_to(const AddressSet& other) const {
    AddressSet result(most_);
    auto there = other.ranges_.begin();
    for (const AddressRange& range : ranges_) {
        while (there != other.ranges_.end() && there->end <= range.start) ++there;
        for (auto next = there; next != other.ranges_.end() && next->start < range.end; ++next)
            result.add({std::max(range.start, next->start), std::min(range.end, next->end)});
    }
    return result;
}

AddressSet AddressSet::cut_to(AddressRange range) const {
    AddressSet one;
    one.add(range);
    return cut_to(one);
}

Bytes AddressSet::size() const {
    Bytes sum;
    for (const AddressRange& range : ranges_) sum += range.size();
    return sum;
}

void AddressSet::close_smallest_holes() {
    std::vector<std::uint64_t> holes;
    for (std::size_t i = 1; i < ranges_.size(); ++i)
        holes.push_back(ranges_[i].start - ranges_[i - 1].end);
    const std::size_t closed = ranges_.size() - most_;
    std::vector<std::uint64_t> by_size = holes;
    const auto limit = by_size.begin() + static_cast<std::ptrdiff_t>(closed - 1);
    std::nth_element(by_size.begin(), limit, by_size.end());
    std::vector<AddressRange> left = {ranges_.front()};
    for (std::size_t i = 1; i < ranges_.size(); ++i) {
        if (holes[i - 1] <= *limit)
            left.back().end = ranges_[i].end;
        else
            left.push_back(ranges_[i]);
    }
    ranges_ = std::move(left);
    cursor_ = 0;
}

}  // namespace damon_schemes

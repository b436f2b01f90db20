// SPDX-License-Identifier: MIT
#include "engine/simulation/out_ranges.h"

#include <algorithm>
#include <iterator>

namespace damon_schemes {
namespace {

// bytes × part / whole, where the product may pass 64 bits.
Bytes part_of(Bytes bytes, std::uint64_t part, std::uint64_t whole) {
    __extension__ using Wide = unsigned __int128;
    return {static_cast<std::uint64_t>(Wide{bytes.count} * part / whole)};
}

}  // namespace

void OutRanges::cut_at(std::uint64_t address) {
    auto at = parts_.lower_bound(address);
    if (at == parts_.begin()) return;
    --at;
    Part& left = at->second;
    if (left.end <= address) return;
    const Bytes kept = part_of(left.bytes, address - at->first, left.end - at->first);
    parts_.emplace_hint(std::next(at), address, Part{left.end, left.bytes - kept, left.since});
    left.end = address;
    left.bytes = kept;
}

OutRanges::Parts::iterator OutRanges::drop(Parts::iterator part) {
    bytes_ -= part->second.bytes;
    return parts_.erase(part);
}

Bytes OutRanges::add(AddressRange range, Bytes bytes, Instant since) {
    if (range.empty()) return {};
    cut_at(range.start);
    cut_at(range.end);
    Bytes added;
    std::uint64_t from = range.start;
    auto at = parts_.lower_bound(range.start);
    while (from < range.end) {
        const bool gap_ends = at != parts_.end() && at->first < range.end;
        const std::uint64_t end = gap_ends ? at->first : range.end;
        if (from < end) {
            const Bytes part = part_of(bytes, end - from, range.size().count);
            parts_.emplace_hint(at, from, Part{end, part, since});
            added += part;
        }
        if (!gap_ends) break;
        from = at->second.end;
        ++at;
    }
    bytes_ += added;
    return added;
}

void OutRanges::take(AddressRange range, const Back& back) {
    if (range.empty() || parts_.empty()) return;
    cut_at(range.start);
    cut_at(range.end);
    for (auto at = parts_.lower_bound(range.start); at != parts_.end() && at->first < range.end;) {
        back(at->second.bytes, at->second.since);
        at = drop(at);
    }
}

void OutRanges::keep_within(const std::vector<AddressRange>& ranges) {
    std::uint64_t from = 0;
    const auto drop_between = [&](std::uint64_t start, std::uint64_t end) {
        if (start < end) take({start, end}, [](Bytes, Instant) {});
    };
    for (const AddressRange range : ranges) {
        drop_between(from, range.start);
        from = std::max(from, range.end);
    }
    drop_between(from, ~std::uint64_t{0});
}

void OutRanges::clear() {
    parts_.clear();
    bytes_ = {};
}

}  // namespace damon_schemes

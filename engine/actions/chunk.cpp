// SPDX-License-Identifier: MIT
#include "engine/actions/chunk.h"

#include <algorithm>

namespace damon_schemes {

namespace {

constexpr Duration call_time = std::chrono::milliseconds(20);

constexpr std::uint64_t block_of(std::uint64_t address) {
    return address & ~(huge_page_size.count - 1);
}
constexpr bool on_block_border(std::uint64_t address) {
    return block_of(address) == address;
}

}  // namespace

Untorn without_torn_huge_pages(AddressRange range, const HugePageAt& huge_page_at) {
    AddressRange kept = range;
    if (!kept.empty() && !on_block_border(kept.start) && huge_page_at(block_of(kept.start))) {
        kept.start = std::min(kept.end, block_of(kept.start) + huge_page_size.count);
    }
    if (!kept.empty() && !on_block_border(kept.end) && huge_page_at(block_of(kept.end))) {
        kept.end = std::max(kept.start, block_of(kept.end));
    }
    if (kept.empty()) kept = {range.start, range.start};
    return {kept, range.size() - kept.size()};
}

AddressRange first_chunk(AddressRange range, Bytes limit, const HugePageAt& huge_page_at) {
    if (range.size() <= limit) return range;
    std::uint64_t end = range.start + limit.count;
    // A border inside the chunk is as good a place, and needs no question.
    if (block_of(end) > range.start && limit >= huge_page_size) return {range.start, block_of(end)};
    if (!on_block_border(end) && huge_page_at(block_of(end))) {
        // Back to the border if that leaves something, else on to the next.
        end = block_of(end) > range.start ? block_of(end) : block_of(end) + huge_page_size.count;
    }
    return {range.start, std::min(end, range.end)};
}

Bytes next_chunk_limit(Bytes limit, Bytes done, Duration spent) {
    if (done.count == 0 || spent <= Duration::zero()) return limit;
    const double rate = static_cast<double>(done.count) / static_cast<double>(spent.count());
    const double wanted = rate * static_cast<double>(call_time.count());
    // At most twofold a step: one call that had nothing to do says little about the next.
    const double bounded = std::clamp(wanted, static_cast<double>(limit.count) / 2,
                                      static_cast<double>(limit.count) * 2);
    const double clamped = std::clamp(bounded, static_cast<double>(smallest_chunk.count),
                                      static_cast<double>(largest_chunk.count));
    // Whole smallest chunks keep every border page-aligned.
    return {static_cast<std::uint64_t>(clamped) & ~(smallest_chunk.count - 1)};
}

}  // namespace damon_schemes

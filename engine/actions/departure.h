// SPDX-License-Identifier: MIT
// What really left memory, and why the rest stayed: pagemap before a pageout compared with pagemap
// after. Plain functions, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "engine/actions/executor.h"
#include "engine/actions/pagemap.h"
#include "schemes/observation.h"

namespace damon_schemes {

// One page, before and after it was to be paged out.
struct PageFate {
    PagemapEntry before;
    PagemapEntry after;
    std::uint64_t frame_flags = 0;  // of the frame it is in after; 0: not known
};

// Of the machine and the target's cgroup, right after the call.
struct SwapRoom {
    bool machine_full = false;
    bool cgroup_full = false;
};

// True: it stayed, and only the swap's state or the frame's flags may tell why (so it is worth
// asking).
bool needs_cause(const PageFate& page);

// Why a page that is present before and after stayed.  The first cause that holds: shared, file,
// pinned, touched (it is in another frame now, so it left and came back), no swap for the cgroup,
// no swap at all, touched (the kernel found it referenced), unknown.
Gap cause_of_stay(const PageFate& page, SwapRoom room);

struct Departure {
    Bytes paged_out;
    std::array<Bytes, gap_count> gaps{};
};
// paged_out plus all gaps = pages.size() * page_size.
Departure account_for(std::span<const PageFate> pages, SwapRoom room, Bytes page_size);

}  // namespace damon_schemes

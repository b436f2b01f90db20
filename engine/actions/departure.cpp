// SPDX-License-Identifier: MIT
#include "engine/actions/departure.h"

#include <linux/kernel-page-flags.h>

namespace damon_schemes {

namespace {

constexpr std::uint64_t bit(int number) {
    return std::uint64_t{1} << number;
}

// include/linux/kernel-page-flags.h, not part of the exported header.
constexpr std::uint64_t kpf_mlocked = bit(33);

bool stayed(const PageFate& page) {
    return page.before.present() && page.after.present();
}

// Shared anonymous memory and tmpfs have pagemap's file bit, but leave by way of swap.
bool kept_by_file(const PageFate& page) {
    return page.after.file() && (page.frame_flags & bit(KPF_SWAPBACKED)) == 0;
}

}  // namespace

bool needs_cause(const PageFate& page) {
    return stayed(page) && page.after.exclusive();
}

Gap cause_of_stay(const PageFate& page, SwapRoom room) {
    const std::uint64_t flags = page.frame_flags;
    if (!page.after.exclusive()) return Gap::shared;
    if (kept_by_file(page)) return Gap::file;
    if ((flags & (bit(KPF_UNEVICTABLE) | kpf_mlocked)) != 0) return Gap::pinned;
    if (page.before.frame() != 0 && page.after.frame() != 0 &&
        page.before.frame() != page.after.frame()) {
        return Gap::touched;
    }
    if (room.cgroup_full) return Gap::cgroup_swap;
    if (room.machine_full) return Gap::swap_full;
    // MADV_PAGEOUT takes a page off its list and clears both flags first; reclaim sets them again
    // when it finds the page used since.  A page that got its place in swap and is mapped was
    // faulted back in.
    if ((flags & (bit(KPF_REFERENCED) | bit(KPF_ACTIVE) | bit(KPF_SWAPCACHE))) != 0) {
        return Gap::touched;
    }
    return Gap::unknown;
}

Departure account_for(std::span<const PageFate> pages, SwapRoom room, Bytes page_size) {
    Departure departure;
    for (const PageFate& page : pages) {
        if (!page.before.present()) {
            departure.gaps[static_cast<std::size_t>(Gap::absent)] += page_size;
        } else if (!page.after.present()) {
            departure.paged_out += page_size;
        } else {
            departure.gaps[static_cast<std::size_t>(cause_of_stay(page, room))] += page_size;
        }
    }
    return departure;
}

}  // namespace damon_schemes

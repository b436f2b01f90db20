// SPDX-License-Identifier: MIT
#include "engine/actions/executor.h"

namespace damon_schemes {

std::string_view name_of(Gap gap) {
    switch (gap) {
        case Gap::unmapped:
            return "unmapped";
        case Gap::special:
            return "special";
        case Gap::refused:
            return "refused";
        case Gap::huge_page_cut:
            return "huge_page_cut";
        case Gap::cancelled:
            return "cancelled";
        case Gap::absent:
            return "absent";
        case Gap::shared:
            return "shared";
        case Gap::file:
            return "file";
        case Gap::swap_full:
            return "swap_full";
        case Gap::cgroup_swap:
            return "cgroup_swap";
        case Gap::pinned:
            return "pinned";
        case Gap::touched:
            return "touched";
        case Gap::filtered:
            return "filtered";
        case Gap::not_idle:
            return "not_idle";
        case Gap::unknown:
            return "unknown";
        case Gap::count_:
            break;
    }
    return "?";
}

std::string_view explanation_of(Gap gap) {
    switch (gap) {
        case Gap::unmapped:
            return "nothing is mapped there (any more)";
        case Gap::special:
            return "device memory, hugetlb pages or locked memory, which the kernel does not take "
                   "advice on";
        case Gap::refused:
            return "the kernel refused the call for it";
        case Gap::huge_page_cut:
            return "part of a huge page, which the policy does not let be split (split_huge_pages)";
        case Gap::cancelled:
            return "the session ended, or the plan grew stale, before its turn";
        case Gap::absent:
            return "was not in memory";
        case Gap::shared:
            return "another process maps it too (a forked child, for example), so it stays";
        case Gap::file:
            return "file pages that the kernel kept, or that damon-schemes may not page out";
        case Gap::swap_full:
            return "no swap was left";
        case Gap::cgroup_swap:
            return "the target's cgroup may not swap (more): memory.swap.max";
        case Gap::pinned:
            return "locked, or held in memory by the kernel";
        case Gap::touched:
            return "was used again before it could leave, or came back since";
        case Gap::filtered:
            return "the scheme's filters reject these pages";
        case Gap::not_idle:
            return "was used while it was verified, or could not be verified";
        case Gap::unknown:
            return "whether it left, or why it stayed, could not be found out";
        case Gap::count_:
            break;
    }
    return "?";
}

}  // namespace damon_schemes

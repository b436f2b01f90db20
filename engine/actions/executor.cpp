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
        case Gap::already:
            return "already";
        case Gap::not_whole:
            return "not_whole";
        case Gap::forbidden:
            return "forbidden";
        case Gap::sparse:
            return "sparse";
        case Gap::growth:
            return "growth";
        case Gap::mapping_limit:
            return "mapping_limit";
        case Gap::remote_never:
            return "remote_never";
        case Gap::remote_refused:
            return "remote_refused";
        case Gap::own_lock:
            return "own_lock";
        case Gap::not_held:
            return "not_held";
        case Gap::memlock_limit:
            return "memlock_limit";
        case Gap::lock_target:
            return "lock_target";
        case Gap::lock_host:
            return "lock_host";
        case Gap::no_journal:
            return "no_journal";
        case Gap::no_effect:
            return "no_effect";
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
        case Gap::already:
            return "was so already: a huge page, a mapping with that flag, or locked by "
                   "damon-schemes";
        case Gap::not_whole:
            return "not all of the 2 MiB that a huge page takes, or they are not of one mapping";
        case Gap::forbidden:
            return "the program asked for no huge pages there (MADV_NOHUGEPAGE), or its kind of "
                   "memory cannot have them";
        case Gap::sparse:
            return "less of its 2 MiB is in memory than the scheme's present.min asks for";
        case Gap::growth:
            return "collapses have added as much memory to the target as the scheme's growth "
                   "allows";
        case Gap::mapping_limit:
            return "the target has nearly as many mappings as it may (vm.max_map_count), and this "
                   "would cut it more of them";
        case Gap::remote_never:
            return "it takes a system call that the target makes itself, and the policy does not "
                   "allow that (remote_syscall)";
        case Gap::remote_refused:
            return "the target could not be made to call the kernel itself";
        case Gap::own_lock:
            return "the program locked it itself, so it is left as it is";
        case Gap::not_held:
            return "damon-schemes has not locked it, so it does not unlock it";
        case Gap::memlock_limit:
            return "the target may not lock more (RLIMIT_MEMLOCK; see raise_memlock)";
        case Gap::lock_target:
            return "as much of the target is locked as the scheme's lock.target allows";
        case Gap::lock_host:
            return "as much of the machine's memory is locked as the scheme's lock.host allows";
        case Gap::no_journal:
            return "it could not be written down beforehand, as undoing it after a crash needs";
        case Gap::no_effect:
            return "the kernel took the call, and a look afterwards found no effect";
        case Gap::count_:
            break;
    }
    return "?";
}

}  // namespace damon_schemes

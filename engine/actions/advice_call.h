// SPDX-License-Identifier: MIT
// process_madvise(2), and what of it this kernel takes.  Any thread.
#pragma once

#include <sys/mman.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <optional>

namespace damon_schemes {

// Since Linux 6.1; older C libraries do not name it.
#ifdef MADV_COLLAPSE
inline constexpr int advice_collapse = MADV_COLLAPSE;
#else
inline constexpr int advice_collapse = 25;
#endif

// Bytes advised, or -1 with errno.
ssize_t advise_process(int pidfd, const iovec* ranges, std::size_t count, int advice);

// What process_madvise(2) takes for another process; nullopt: it could not be tried.
struct AdviceSupport {
    std::optional<bool> collapse;    // Linux 6.1
    std::optional<bool> hugepage;    // no kernel so far
    std::optional<bool> nohugepage;  // likewise
};
// Tries each on 2 MiB of a child of our own: forks, and ends and reaps the child.  Takes some
// milliseconds.
AdviceSupport try_advice();

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// Brings back what of a process's memory is in swap.
#pragma once

#include <functional>
#include <string>

#include "engine/actions/executor.h"
#include "engine/machine/memory.h"
#include "schemes/observation.h"

namespace damon_schemes {

// What came of it; of private anonymous memory alone.
struct Recalled {
    Bytes found;          // was in swap when it was looked for
    Bytes back;           // of that, was in memory again afterwards
    std::string stopped;  // why it ended before its end; empty: it did not
};

// So much is asked for at once; between two of these it looks whether to go on.
inline constexpr Bytes recalled_at_once = mebibytes(32);

// Reads all swapped pages of `target` (its pid, pidfd, name and identity are used) back through
// `executor`, by willneed; that leaves them in the swap cache, so they are then touched, by
// process_vm_readv(2), which maps them: the program meets no fault that waits.  It stops where less
// than `keep_free` of memory could still be had (MemAvailable), and when it is cancelled.  Pages
// that the kernel pages out again meanwhile are not counted as back.  Waits for swap and for the
// target: an actor thread's.  Takes CAP_SYS_PTRACE over the target.
Recalled recall(const ActionRequest& target, Executor& executor, Bytes keep_free,
                const Cancelled& cancelled, const MachinePaths& paths = {});

}  // namespace damon_schemes

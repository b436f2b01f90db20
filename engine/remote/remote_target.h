// SPDX-License-Identifier: MIT
// What must be known of a process before a thread of it is borrowed.  Reads procfs and nothing
// else: the target does not notice.  Plain functions, any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/remote/remote_caller.h"
#include "engine/targets/process.h"

namespace damon_schemes {

struct RemoteTarget {
    Descriptor pidfd;
    Descriptor memory;            // /proc/PID/mem: of the address space that it has now
    std::uint64_t call_site = 0;  // of a syscall instruction; 0: none was found
};

// Either the target or the reason why it is let alone.  `pidfd` is borrowed; -1: the process that
// has the pid now is meant.
std::optional<RemoteRefusal> open_remote_target(std::int32_t pid, int pidfd, RemoteTarget& target);

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// What a process's cgroup allows it (cgroup v2).  Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/machine/memory.h"
#include "schemes/observation.h"

namespace damon_schemes {

struct CgroupSwapLimit {
    std::string cgroup;  // path below the mount point, "/" for the root
    Bytes max;           // memory.swap.max
    Bytes current;       // memory.swap.current
    Bytes left() const { return current < max ? max - current : Bytes{}; }
};

// The limit with the least swap left, of the process's cgroup and all above it: a limit of an
// ancestor binds as well.  nullopt: none is set, or there is no cgroup v2 memory controller.
std::optional<CgroupSwapLimit> tightest_swap_limit(std::int32_t pid,
                                                   const MachinePaths& paths = {});

// Where cgroup2 is mounted, from /proc/self/mountinfo; nullopt: nowhere.
std::optional<std::string> cgroup2_mount(std::string_view mountinfo);

}  // namespace damon_schemes

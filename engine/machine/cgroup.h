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

// Of the text of /proc/PID/cgroup, the process's cgroup, as below.
std::optional<std::string_view> cgroup_in(std::string_view membership);

// The process's cgroup as a path below the mount point, "/" for the root.  nullopt: it is in none
// of cgroup v2, or in one outside of our own cgroup namespace.  Takes a lock of the kernel's that
// moving processes between cgroups holds.
std::optional<std::string> cgroup_of(std::int32_t pid, const MachinePaths& paths = {});
// The same, of an open /proc/PID.
std::optional<std::string> cgroup_of_process(int process_folder);

// Where the kernel shows a cgroup: its folder below the mount point of cgroup2; nullopt: that is
// mounted nowhere.
std::optional<std::string> cgroup_folder(const std::string& cgroup, const MachinePaths& paths = {});

// Pages of a cgroup, and of all below it, that reclaim had evicted so recently that they belonged
// to the working set, so far (memory.stat).  Whoever evicted them.
struct WorkingsetRefaults {
    std::uint64_t anonymous = 0;
    std::uint64_t file = 0;
};
std::optional<WorkingsetRefaults> refaults_of(const std::string& cgroup,
                                              const MachinePaths& paths = {});

// Where cgroup2 is mounted, from /proc/self/mountinfo; nullopt: nowhere.
std::optional<std::string> cgroup2_mount(std::string_view mountinfo);

}  // namespace damon_schemes

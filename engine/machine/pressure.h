// SPDX-License-Identifier: MIT
// How long tasks had to wait for memory: pressure stall information
// (Documentation/accounting/psi.rst). Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/machine/memory.h"
#include "schemes/observation.h"

namespace damon_schemes {

// The `total` of the line "some": time in which at least one task waited, ever growing.
std::optional<Duration> parse_stalled(std::string_view text);

// nullopt: the kernel has no PSI, or it was turned off (psi=0).
std::optional<Duration> memory_stalled(const MachinePaths& paths = {});
// Of one cgroup and all below it (cgroup v2); `cgroup` as cgroup_of() says it.
std::optional<Duration> memory_stalled_of(const std::string& cgroup,
                                          const MachinePaths& paths = {});

}  // namespace damon_schemes

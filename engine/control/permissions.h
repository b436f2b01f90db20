// SPDX-License-Identifier: MIT
// Whether this process may do to others what a daemon is for.
#pragma once

#include "engine/machine/memory.h"
#include "schemes/result.h"

namespace damon_schemes {

// Advising the memory of other users' processes takes CAP_SYS_NICE and CAP_SYS_PTRACE, both
// (process_madvise(2)).  Errors (unsupported): which is missing.  Any thread.
Result<void> may_act_on_others(const MachinePaths& paths = {});

}  // namespace damon_schemes

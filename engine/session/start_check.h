// SPDX-License-Identifier: MIT
// Whether a policy's controls can work here, asked before anything is acted on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/machine/memory.h"
#include "schemes/policy/model.h"
#include "schemes/result.h"

namespace damon_schemes {

struct CheckedTarget {
    std::int32_t pid = 0;
    std::string name;
};

// A control whose figure can never be had would hold its scheme back for ever, or, worse, seem to
// guard what it does not.  Errors (unsupported): no PSI, no cgroup v2 or no pressure of it, a
// monitor that cannot look at pages (`looks_at_pages`) under a scheme that verifies or filters by
// 'young', no swap for a watermark of it; (usage): the file of a figure is missing or has no number
// in it.  Each says of which scheme, and what to do.
Result<void> check_controls(const Policy& policy, const std::vector<CheckedTarget>& targets,
                            bool looks_at_pages, const MachinePaths& paths = {});

}  // namespace damon_schemes

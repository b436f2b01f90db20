// SPDX-License-Identifier: MIT
// Which processes a command line or a policy means.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/targets/process.h"
#include "schemes/policy/model.h"
#include "schemes/result.h"

namespace damon_schemes {

struct TargetWishes {
    std::vector<std::int32_t> pids;
    std::vector<std::string> names;
    bool all = false;  // every process of a name, not just a single one
};

// The wishes of the command line, or, where it has none, those of the policy.
TargetWishes wishes_of(const TargetWishes& command_line, const Policy& policy);

// Errors (usage): no such process, a name that fits none, or several without `all` (they are
// listed), a process that must never be acted on.
Result<std::vector<Process>> find_targets(const TargetWishes& wishes);

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// What a policy asks for that has no effect on this machine, or another than one might think.
#pragma once

#include <string>
#include <vector>

#include "engine/actions/advice_call.h"
#include "engine/machine/memory.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// The chosen one of "always [madvise] never"; empty: none is.
std::string chosen_setting(const std::string& text);

// Sentences for people.  Any thread.
std::vector<std::string> action_warnings(const Policy& policy, const AdviceSupport& support,
                                         const MachinePaths& paths = {});

}  // namespace damon_schemes

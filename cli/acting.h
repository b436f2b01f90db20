// SPDX-License-Identifier: MIT
// What commands that act need before they do.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/actions/action_router.h"
#include "schemes/policy/model.h"
#include "schemes/result.h"

namespace damon_schemes {

// Error (unsupported): the machine has no swap.
Result<void> check_swap();

// Who carries out the policy's actions; what this kernel takes for other processes is tried where
// that matters.  `warn` is called with what will not be done as the policy says.  Errors: as
// ActionRouter::make().
Result<std::unique_ptr<ActionRouter>> make_router(
    const Policy& policy, ActionRouter::Options options,
    const std::function<void(const std::string&)>& warn);

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// The limits that stand over every scheme and all targets.
#pragma once

#include <optional>

#include "schemes/decide/conditions.h"
#include "schemes/decide/plan.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// Which of them keeps an action from being done at all: headroom_low, swap_low or zram_poor, the
// first in this order.  What is not known keeps nothing back.
std::optional<Reason> passed_limit(const Limits& limits, Action action,
                                   const Conditions& conditions);

}  // namespace damon_schemes

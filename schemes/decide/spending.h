// SPDX-License-Identifier: MIT
// What of a scheme's candidates its floors and its quota let through.
#pragma once

#include "schemes/decide/plan.h"
#include "schemes/decide/scheme_state.h"
#include "schemes/decide/watched_targets.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// Plans as many of the scheme's candidates as its apply interval, its floors and its quota allow;
// charges them, and holds them until they are reported.  Where that is not all, those of the
// highest priority go first, and equal ones in turn from where an exhausted limit stopped the last
// time.
void spend(SchemeState& scheme, const Policy& policy, WatchedTargets& targets,
           const Snapshot& snapshot, Plan& plan);

}  // namespace damon_schemes

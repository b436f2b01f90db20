// SPDX-License-Identifier: MIT
// When what a scheme has locked is unlocked again.
#pragma once

#include "schemes/decide/conditions.h"
#include "schemes/decide/plan.h"
#include "schemes/decide/scheme_state.h"
#include "schemes/decide/watched_targets.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// Plans to unlock what the scheme holds locked and what has not been used as it asks for during its
// unlock.age.  No quota, filter or watermark holds that back, since it takes nothing from anybody;
// the brake does, and whatever means that the target may not be touched.  What is planned is in
// flight until it is reported.
void plan_unlocks(const SchemeState& scheme, const Policy& policy, const Conditions& conditions,
                  WatchedTargets& targets, const Snapshot& snapshot, Plan& plan);

}  // namespace damon_schemes

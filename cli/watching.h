// SPDX-License-Identifier: MIT
// Sessions of commands that look at programs and act on nothing.
#pragma once

#include <memory>
#include <vector>

#include "engine/events/loop.h"
#include "engine/session/session.h"
#include "engine/targets/process.h"
#include "schemes/policy/model.h"
#include "schemes/result.h"

namespace damon_schemes {

// Through the module, of these targets; a dry run that goes on looking while its policy rests.  Not
// started.  Errors: the module cannot be used, or a target may not be watched.
Result<std::unique_ptr<Session>> watching_session(EventLoop& loop, Policy policy,
                                                  std::vector<Process> targets);

}  // namespace damon_schemes

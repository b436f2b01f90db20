// SPDX-License-Identifier: MIT
// Sessions of commands that look at programs and act on nothing.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/events/loop.h"
#include "engine/monitors/monitor_kind.h"
#include "engine/session/session.h"
#include "engine/targets/process.h"
#include "schemes/policy/model.h"
#include "schemes/result.h"

namespace CLI {
class App;
}

namespace damon_schemes {

// By a monitor of this name ("auto", …), of these targets; a dry run that goes on looking while its
// policy rests.  Not started.  Errors: there is no such monitor, it cannot be used, or a target may
// not be watched.
Result<std::unique_ptr<Session>> watching_session(EventLoop& loop, Policy policy,
                                                  std::vector<Process> targets,
                                                  const std::string& monitor);

// --monitor, for a command that watches.  `monitor` outlives the parsing.
void add_monitor_option(CLI::App& app, std::string& monitor);

}  // namespace damon_schemes

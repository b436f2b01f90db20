// SPDX-License-Identifier: MIT
// Which processes a command line or a policy means.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/targets/process.h"
#include "schemes/policy/model.h"
#include "schemes/result.h"

namespace CLI {
class App;
}

namespace damon_schemes {

struct TargetWishes {
    std::vector<std::int32_t> pids;
    std::vector<TargetSelector> names;  // whom a name or a rule means, as without a pid
    bool all = false;                   // every process of a name, not just a single one
};

// --pid, --name and --all.  `wishes` outlives the parsing.
void add_target_options(CLI::App& app, TargetWishes& wishes);

// The wishes of the command line, or, where it has none, those of the policy.
TargetWishes wishes_of(const TargetWishes& command_line, const Policy& policy);

// Errors (usage): no such process, a name that fits none, or several without `all` (they are
// listed), a process that must never be acted on; rules of which none fits any process, or that
// name a user whom there is not.
Result<std::vector<Process>> find_targets(const TargetWishes& wishes);

// What a command watches: processes that run, or a command of its own that does not run yet.
struct ChosenTargets {
    std::vector<Process> processes;       // the command's among them
    std::optional<ChildCommand> command;  // held back before its exec
};
// The command behind "--", or the targets of the command line or else of the policy; `none_message`
// says what to do where there are none.  Errors (usage): as find_targets() has them, or both kinds
// at once, or the command cannot be started.
Result<ChosenTargets> choose_targets(const TargetWishes& command_line, const Policy& policy,
                                     const std::optional<std::vector<std::string>>& command,
                                     const std::string& none_message);

}  // namespace damon_schemes

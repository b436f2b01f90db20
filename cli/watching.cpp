// SPDX-License-Identifier: MIT
#include "cli/watching.h"

#include <utility>

#include "engine/actions/dry_run.h"
#include "engine/monitors/module_monitor.h"

namespace damon_schemes {

Result<std::unique_ptr<Session>> watching_session(EventLoop& loop, Policy policy,
                                                  std::vector<Process> targets) {
    auto monitor = open_module_monitor();
    if (!monitor) return monitor.error();
    Session::Parts parts;
    parts.monitor = std::move(*monitor);
    parts.executor = std::make_unique<DryRun>();
    parts.dry_run = true;
    parts.may_rest = false;
    auto session = std::make_unique<Session>(loop, std::move(policy), std::move(parts));
    for (auto& target : targets) {
        if (auto added = session->add(std::move(target)); !added) return added.error();
    }
    return session;
}

}  // namespace damon_schemes

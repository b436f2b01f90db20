// SPDX-License-Identifier: MIT
#include "cli/watching.h"

#include <CLI/CLI.hpp>
#include <utility>

#include "engine/actions/dry_run.h"

namespace damon_schemes {

Result<std::unique_ptr<Session>> watching_session(EventLoop& loop, Policy policy,
                                                  std::vector<Process> targets,
                                                  const std::string& monitor) {
    const auto kind = monitor_kind(monitor);
    if (!kind) return kind.error();
    auto opened = open_monitor(*kind);
    if (!opened) return opened.error();
    Session::Parts parts;
    parts.monitor = std::move(opened->monitor);
    parts.executor = std::make_unique<DryRun>();
    parts.dry_run = true;
    parts.may_rest = false;
    auto session = std::make_unique<Session>(loop, std::move(policy), std::move(parts));
    for (auto& target : targets) {
        if (auto added = session->add(std::move(target)); !added) return added.error();
    }
    return session;
}

void add_monitor_option(CLI::App& app, std::string& monitor) {
    app.add_option("--monitor", monitor,
                   "Where snapshots come from: module (ours), mainline (the kernel's own DAMON), "
                   "auto (the module if it is loaded)");
}

}  // namespace damon_schemes

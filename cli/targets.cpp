// SPDX-License-Identifier: MIT
#include "cli/targets.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

std::string listing(const std::vector<FoundProcess>& found) {
    std::string text;
    for (const auto& process : found) {
        std::string line = "\n  " + std::to_string(process.pid) + "  " + readable(process.rss) +
                           "  " + process.command_line;
        text += shortened(line, 80);
    }
    return text;
}

Result<std::vector<std::int32_t>> pids_named(const std::string& name, bool all) {
    auto found = find_processes(name);
    std::erase_if(found,
                  [](const FoundProcess& process) { return refusal(process.pid).has_value(); });
    if (found.empty()) {
        return Error{ErrorKind::usage,
                     "no process is called '" + name + "' (the name is what 'ps -e -o comm' shows)",
                     0};
    }
    if (found.size() > 1 && !all) {
        return Error{ErrorKind::usage,
                     std::to_string(found.size()) + " processes are called '" + name +
                         "': choose with --pid, or take them all with --all:" + listing(found),
                     0};
    }
    std::vector<std::int32_t> pids;
    for (const auto& process : found) pids.push_back(process.pid);
    return pids;
}

}  // namespace

void add_target_options(CLI::App& app, TargetWishes& wishes) {
    app.add_option("-p,--pid", wishes.pids, "Process to watch; may be given more than once")
        ->allow_extra_args(false);
    app.add_option("-n,--name", wishes.names, "Process to watch, by its command name")
        ->allow_extra_args(false);
    app.add_flag("-a,--all", wishes.all, "Every process of a name, where there are several");
}

TargetWishes wishes_of(const TargetWishes& command_line, const Policy& policy) {
    if (!command_line.pids.empty() || !command_line.names.empty()) return command_line;
    TargetWishes wishes;
    for (const auto& selector : policy.targets) {
        if (selector.pid) wishes.pids.push_back(*selector.pid);
        if (selector.name) wishes.names.push_back(*selector.name);
        wishes.all = wishes.all || selector.all;
    }
    wishes.all = wishes.all || command_line.all;
    return wishes;
}

Result<std::vector<Process>> find_targets(const TargetWishes& wishes) {
    std::vector<std::int32_t> pids = wishes.pids;
    for (const auto& name : wishes.names) {
        auto named = pids_named(name, wishes.all);
        if (!named) return named.error();
        pids.insert(pids.end(), named->begin(), named->end());
    }
    std::sort(pids.begin(), pids.end());
    pids.erase(std::unique(pids.begin(), pids.end()), pids.end());

    std::vector<Process> processes;
    for (const auto pid : pids) {
        auto process = open_process(pid);
        if (!process) return process.error();
        if (const auto why = refusal(pid)) {
            return Error{ErrorKind::usage,
                         "process " + std::to_string(pid) + " is never acted on: " + *why + ".", 0};
        }
        processes.push_back(std::move(*process));
    }
    return processes;
}

Result<ChosenTargets> choose_targets(const TargetWishes& command_line, const Policy& policy,
                                     const std::optional<std::vector<std::string>>& command,
                                     const std::string& none_message) {
    const auto refuse = [](const std::string& why) { return Error{ErrorKind::usage, why, 0}; };
    if (command && command->empty()) return refuse("there is no command behind '--'");
    const bool named = !command_line.pids.empty() || !command_line.names.empty();
    if (command && named)
        return refuse("either name targets, or give a command behind '--', not both");
    const TargetWishes wishes = wishes_of(command_line, policy);
    if (!command && wishes.pids.empty() && wishes.names.empty()) return refuse(none_message);

    ChosenTargets chosen;
    if (!command) {
        auto found = find_targets(wishes);
        if (!found) return found.error();
        chosen.processes = std::move(*found);
        return chosen;
    }
    auto started = ChildCommand::start(*command);
    if (!started) return started.error();
    auto process = open_process(started->process().pid);
    if (!process) return process.error();
    process->name = command->front().substr(command->front().rfind('/') + 1);
    chosen.processes.push_back(std::move(*process));
    chosen.command = std::move(*started);
    return chosen;
}

}  // namespace damon_schemes

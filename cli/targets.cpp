// SPDX-License-Identifier: MIT
#include "cli/targets.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/reports/readable.h"
#include "engine/targets/discovery.h"

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

// Those that fit now and may be acted on.  Rules together, for a process has one.
Result<std::vector<Process>> fitting(const std::vector<TargetSelector>& rules) {
    std::vector<Process> processes;
    if (rules.empty()) return processes;
    auto discovery = Discovery::make(rules);
    if (!discovery) return discovery.error();
    for (const auto& found : (*discovery)->look(std::chrono::steady_clock::now()).newcomers) {
        if (auto process = open_newcomer(found)) processes.push_back(std::move(*process));
    }
    if (processes.empty())
        return Error{ErrorKind::usage,
                     "no process fits what is asked for, by the policy's [[target]] or by --name "
                     "with wildcards, but for such as are never acted on. `damon-schemes check` "
                     "tells a policy's targets in words, `ps -e -o pid,user,comm,cgroup` what "
                     "there is. Start the program first, or name processes with --pid or --name.",
                     0};
    return processes;
}

}  // namespace

void add_target_options(CLI::App& app, TargetWishes& wishes) {
    app.add_option("-p,--pid", wishes.pids, "Process to watch; may be given more than once")
        ->allow_extra_args(false);
    app.add_option_function<std::vector<std::string>>(
           "-n,--name",
           [&wishes](const std::vector<std::string>& names) {
               for (const std::string& name : names) {
                   wishes.names.emplace_back();
                   wishes.names.back().name = name;
               }
           },
           "Process to watch, by its command name; every one that fits, where it has * or ?")
        ->allow_extra_args(false);
    app.add_flag("-a,--all", wishes.all, "Every process of a name, where there are several");
}

TargetWishes wishes_of(const TargetWishes& command_line, const Policy& policy) {
    if (!command_line.pids.empty() || !command_line.names.empty()) return command_line;
    TargetWishes wishes;
    for (const auto& selector : policy.targets) {
        if (selector.pid)
            wishes.pids.push_back(*selector.pid);
        else
            wishes.names.push_back(selector);
    }
    wishes.all = command_line.all;
    return wishes;
}

Result<std::vector<Process>> find_targets(const TargetWishes& wishes) {
    std::vector<std::int32_t> pids = wishes.pids;
    std::vector<TargetSelector> rules;
    for (const TargetSelector& selector : wishes.names) {
        if (selector.is_rule()) {
            rules.push_back(selector);
            continue;
        }
        auto named = pids_named(selector.name.value_or(""), wishes.all || selector.all);
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
    auto fit = fitting(rules);
    if (!fit) return fit.error();
    for (Process& process : *fit)
        if (!std::binary_search(pids.begin(), pids.end(), process.pid))
            processes.push_back(std::move(process));
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

// SPDX-License-Identifier: MIT
// damon-schemes doctor: what this machine allows, and what to do about what it does not.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "engine/machine/probes.h"
#include "engine/monitors/mainline_monitor.h"
#include "engine/monitors/module_monitor.h"
#include "engine/reports/readable.h"
#include "engine/reports/terminal.h"

namespace damon_schemes {
namespace {

// A needed item that works in part lets the main job run.
bool stands_in_the_way(const Probe& probe) {
    return probe.needed && probe.state == ProbeState::no;
}

void print_table(const std::vector<Probe>& probes, std::size_t width) {
    constexpr std::size_t indent = 8;  // "partly  "
    for (const Probe& probe : probes) {
        std::string state(name_of(probe.state));
        // A "no" that costs nothing much is told from one that stops everything.
        if (stands_in_the_way(probe)) state = "NO";
        state.resize(indent, ' ');
        bool first = true;
        auto put = [&](const std::string& text, const std::string& rest) {
            for (const std::string& line : wrapped(text, width - indent - rest.size())) {
                std::printf("%s%s\n", (first ? state : std::string(indent, ' ') + rest).c_str(),
                            line.c_str());
                first = false;
            }
        };
        put(printable(probe.title + ": " + probe.found), "  ");
        if (!probe.advice.empty()) put("-> " + printable(probe.advice), "     ");
    }
    std::vector<std::string> missing;
    for (const Probe& probe : probes) {
        if (stands_in_the_way(probe)) missing.push_back(probe.title);
    }
    std::string verdict = "This machine can watch processes and page out what they do not use.";
    if (!missing.empty()) {
        verdict = "This machine cannot page out cold memory yet; in the way: ";
        for (std::size_t i = 0; i < missing.size(); ++i)
            verdict += (i == 0 ? "" : "; ") + missing[i];
        verdict += ". What to do stands at each NO.";
    }
    std::printf("\n");
    for (const std::string& line : wrapped(verdict, width)) std::printf("%s\n", line.c_str());
}

void print_json(const std::vector<Probe>& probes, bool ready) {
    nlohmann::json items = nlohmann::json::array();
    for (const Probe& probe : probes) {
        items.push_back({{"name", probe.name},
                         {"title", probe.title},
                         {"state", name_of(probe.state)},
                         {"needed", probe.needed},
                         {"found", probe.found},
                         {"advice", probe.advice}});
    }
    const nlohmann::json root = {{"ready", ready}, {"items", std::move(items)}};
    std::printf("%s\n", root.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

int doctor(bool json) {
    const std::vector<Probe> probes = probe_machine(probe_module(), probe_mainline());
    const bool ready = std::none_of(probes.begin(), probes.end(), stands_in_the_way);
    if (json)
        print_json(probes, ready);
    else
        print_table(probes, std::min<std::size_t>(terminal_of(STDOUT_FILENO).width, 100));
    return ready ? exit_ok : exit_unsupported;
}

}  // namespace

void add_doctor(CLI::App& root, Invocation& invocation) {
    CLI::App* command = root.add_subcommand(
        "doctor", "Say item by item what this machine allows, and what to do about each no");
    const auto json = std::make_shared<bool>(false);
    command->add_flag("--json", *json, "One JSON object: ready, items[]");
    command->footer(
        "It looks only, and changes nothing. A NO in capitals keeps the main job from running; a\n"
        "no in small letters costs a feature or a figure.\n"
        "\n"
        "Examples:\n"
        "  damon-schemes doctor\n"
        "  damon-schemes doctor --json | jq .ready\n"
        "\n"
        "Exit status: 0 cold memory can be paged out here, 4 it cannot.");
    command->callback([json, &invocation] { invocation.run = [json] { return doctor(*json); }; });
}

}  // namespace damon_schemes

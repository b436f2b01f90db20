// SPDX-License-Identifier: MIT
// damon-schemes status and reload: what a daemon is asked and told over its socket.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/asking.h"
#include "cli/command.h"
#include "engine/reports/daemon_status.h"
#include "engine/reports/terminal.h"

namespace damon_schemes {
namespace {

int ask_for_status(const AskOptions& options) {
    const auto answer = ask(options, "status", nlohmann::json::object());
    if (!answer) return fail(answer.error());
    if (options.json) {
        std::cout << *answer << std::endl;
        const auto read = read_answer(*answer);
        return read ? exit_ok : fail(read.error());
    }
    const auto table = status_table(*answer, terminal_of(STDOUT_FILENO).width);
    if (!table) return fail(table.error());
    std::cout << *table << std::flush;
    return exit_ok;
}

int tell_to_reload(const AskOptions& options) {
    const auto answer = ask(options, "reload", nlohmann::json::object());
    if (!answer) return fail(answer.error());
    if (options.json) std::cout << *answer << std::endl;
    if (const auto read = read_answer(*answer); !read) return fail(read.error());
    if (!options.json) std::printf("reloaded\n");
    return exit_ok;
}

}  // namespace

void add_status(CLI::App& root, Invocation& invocation) {
    auto options = std::make_shared<AskOptions>();
    CLI::App* app = root.add_subcommand("status",
                                        "How the daemon stands: targets, schemes, and "
                                        "what holds memory back");
    add_ask_options(*app, *options);
    app->footer(
        "examples:\n"
        "  damon-schemes status\n"
        "  damon-schemes status --json");
    app->callback([options, &invocation] {
        invocation.run = [options] { return ask_for_status(*options); };
    });
}

void add_reload(CLI::App& root, Invocation& invocation) {
    auto options = std::make_shared<AskOptions>();
    CLI::App* app = root.add_subcommand("reload", "Have the daemon read its policies again");
    add_ask_options(*app, *options);
    app->footer(
        "Says what is wrong with a policy that is refused; nothing has changed then.\n\n"
        "example:\n"
        "  damon-schemes reload --socket /run/damon-schemes/control.sock");
    app->callback([options, &invocation] {
        invocation.run = [options] { return tell_to_reload(*options); };
    });
}

}  // namespace damon_schemes

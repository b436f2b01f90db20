// SPDX-License-Identifier: MIT
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace damon_schemes {

int fail(const Error& error) {
    std::fprintf(stderr, "damon-schemes: %s\n", error.message.c_str());
    return exit_code(error.kind);
}

namespace {

bool is_command(const CLI::App& root, const std::string& name) {
    const auto commands = root.get_subcommands([](const CLI::App*) { return true; });
    return std::any_of(commands.begin(), commands.end(),
                       [&name](const CLI::App* command) { return command->get_name() == name; });
}

// "apply, check and doctor".
std::string commands_of(const CLI::App& root) {
    const auto commands = root.get_subcommands([](const CLI::App*) { return true; });
    std::string names;
    for (std::size_t i = 0; i < commands.size(); ++i) {
        if (i > 0) names += i + 1 < commands.size() ? ", " : " and ";
        names += commands[i]->get_name();
    }
    return names;
}

// The first argument that is no option of damon-schemes itself.
std::optional<std::string> command_named(const std::vector<std::string>& arguments) {
    const auto named =
        std::find_if(arguments.begin(), arguments.end(),
                     [](const std::string& text) { return text.empty() || text.front() != '-'; });
    if (named == arguments.end()) return std::nullopt;
    return *named;
}

// What was named last, for "see … --help".
std::string path_of(const CLI::App& root) {
    std::string path = root.get_name();
    for (const CLI::App* command : root.get_subcommands()) path += " " + command->get_name();
    return path;
}

int run(std::vector<std::string> arguments) {
    Invocation invocation;
    const auto named = command_named(arguments);
    // Only these run a command of the user's; elsewhere "--" is CLI11's own end of options.
    const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
    if ((named == "apply" || named == "record") && dashes != arguments.end()) {
        invocation.command.emplace(dashes + 1, arguments.end());
        arguments.erase(dashes, arguments.end());
    }

    CLI::App root{"Watches how programs use their memory, and acts on it as a policy says.",
                  "damon-schemes"};
    root.set_version_flag("--version", "damon-schemes " DAMON_SCHEMES_VERSION);
    root.require_subcommand(1);
    root.get_formatter()->column_width(28);
    root.footer(
        "Examples:\n"
        "  damon-schemes doctor\n"
        "  damon-schemes check policies/proactive-reclaim.toml\n"
        "  damon-schemes apply policies/proactive-reclaim.toml --pid 4242\n"
        "  damon-schemes record --duration 1min -- ./program\n"
        "  damon-schemes report damon.dsr\n"
        "\n"
        "Exit status: 0 done, 1 it went wrong while running, 2 wrong usage, 3 the policy has\n"
        "errors, 4 this kernel, or your permissions, cannot do it.\n"
        "'damon-schemes COMMAND --help' says more about each command.");
    add_apply(root, invocation);
    add_check(root, invocation);
    add_convert(root, invocation);
    add_daemon(root, invocation);
    add_doctor(root, invocation);
    add_explain(root, invocation);
    add_pause(root, invocation);
    add_record(root, invocation);
    add_reload(root, invocation);
    add_release(root, invocation);
    add_report(root, invocation);
    add_restore(root, invocation);
    add_resume(root, invocation);
    add_set_goal(root, invocation);
    add_simulate(root, invocation);
    add_status(root, invocation);
    add_top(root, invocation);

    if (arguments.empty()) {
        std::fputs(root.help().c_str(), stderr);
        return exit_usage;
    }
    if (named && !is_command(root, *named)) {
        return fail({ErrorKind::usage,
                     "there is no command '" + *named + "'; there are " + commands_of(root) +
                         ". See 'damon-schemes --help'.",
                     0});
    }
    try {
        std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
        root.parse(arguments);
    } catch (const CLI::Success& wanted) {  // --help, --version
        return root.exit(wanted);
    } catch (const CLI::ParseError& error) {
        std::fprintf(stderr, "damon-schemes: %s\nSee '%s --help'.\n", error.what(),
                     path_of(root).c_str());
        return exit_usage;
    }
    return invocation.run();
}

}  // namespace
}  // namespace damon_schemes

int main(int argc, char** argv) {
    const int status = damon_schemes::run({argv + std::min(argc, 1), argv + argc});
    // What was printed may be what the caller waits for: a full disk is a failure.
    if (std::fflush(stdout) != 0 && status == damon_schemes::exit_ok)
        return damon_schemes::fail(
            {damon_schemes::ErrorKind::runtime, "cannot write the output; is the disk full?", 0});
    return status;
}

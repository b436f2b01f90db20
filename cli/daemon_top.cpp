// SPDX-License-Identifier: MIT
#include "cli/daemon_top.h"

#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "cli/command.h"
#include "engine/reports/daemon_top.h"
#include "engine/reports/readable.h"
#include "engine/reports/terminal.h"

namespace damon_schemes {
namespace {

// ECMA-48, as every terminal takes it: home; the rest of a line, and of the screen, is blank.
constexpr const char* home = "\x1b[H";
constexpr const char* end_of_line = "\x1b[K\n";
constexpr const char* end_of_screen = "\x1b[J";

// Over what is there, and not after a blank screen, which would flicker.
void paint(const std::string& table) {
    std::istringstream lines(table);
    std::string screen = home;
    bool first = true;
    for (std::string line; std::getline(lines, line); first = false)
        screen += (first ? "" : end_of_line) + line;
    // The last line is not ended: on a full screen that would scroll.
    std::cout << screen << "\x1b[K" << end_of_screen << std::flush;
}

Result<std::string> answered(const DaemonTopOptions& options) {
    return ask(options.ask, "status", nlohmann::json::object());
}

// Who has no daemon may have meant a process.
Error or_a_target(Error error) {
    if (error.kind == ErrorKind::unsupported)
        error.message += "; or watch a process yourself, as in damon-schemes top --pid 1234";
    return error;
}

int show_once(const DaemonTopOptions& options, TopOrder order) {
    const auto answer = answered(options);
    if (!answer) return fail(or_a_target(answer.error()));
    const auto text = options.ask.json
                          ? top_json(*answer, order)
                          : top_table(*answer, order, terminal_of(STDOUT_FILENO).width);
    if (!text) return fail(text.error());
    std::cout << *text << (options.ask.json ? "\n" : "") << std::flush;
    return exit_ok;
}

// Ends with the daemon, or with the signal that ends everything: nothing of the terminal is changed
// that would have to be given back.
int show_until_interrupted(const DaemonTopOptions& options, TopOrder order, Duration interval) {
    for (;;) {
        const Terminal terminal = terminal_of(STDOUT_FILENO);
        const auto answer = answered(options);
        const auto table =
            answer ? top_table(*answer, order, terminal.width, terminal.height) : answer;
        if (!table) {
            std::cout << std::endl;
            return fail(or_a_target(table.error()));
        }
        paint(*table);
        std::this_thread::sleep_for(interval);
    }
}

}  // namespace

int run_daemon_top(const DaemonTopOptions& options) {
    const auto order = top_order(options.order);
    if (!order)
        return fail({ErrorKind::usage,
                     "--sort: there is no '" + printable(options.order) +
                         "'; there are paged-out, rss, swapped, refaulted and name",
                     0});
    const auto interval = time_asked("--interval", options.interval);
    if (!interval) return fail(interval.error());
    const bool again = !options.once && !options.ask.json && terminal_of(STDOUT_FILENO).interactive;
    if (!again) return show_once(options, *order);
    return show_until_interrupted(options, *order, interval->value_or(std::chrono::seconds(2)));
}

}  // namespace damon_schemes

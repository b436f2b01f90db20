// SPDX-License-Identifier: MIT
#include "cli/asking.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/command.h"
#include "engine/reports/daemon_status.h"
#include "engine/reports/readable.h"
#include "schemes/quantity.h"

namespace damon_schemes {

void add_ask_options(CLI::App& app, AskOptions& options) {
    app.add_option("--socket", options.socket, "The daemon's")->capture_default_str();
    app.add_flag("--json", options.json, "The daemon's answer as it came: one line of JSON");
}

Result<std::string> ask(const AskOptions& options, const char* command, nlohmann::json fields,
                        Duration patience) {
    nlohmann::json request{{"version", answer_version}, {"command", command}};
    request.update(fields);
    return ask_daemon(options.socket,
                      request.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
                      patience);
}

int tell(const AskOptions& options, const char* command, nlohmann::json fields) {
    const auto answer = ask(options, command, std::move(fields));
    if (!answer) return fail(answer.error());
    const auto done = read_done(*answer);
    if (options.json)
        std::cout << *answer << std::endl;
    else if (done)
        std::cout << printable(*done) << std::endl;
    return done ? exit_ok : fail(done.error());
}

Result<std::optional<Duration>> time_asked(const char* option, const std::string& text) {
    if (text.empty()) return std::optional<Duration>();
    const auto time = parse_duration(text);
    if (!time)
        return Error{ErrorKind::usage,
                     std::string(option) + ": '" + printable(text) + "': " + time.message +
                         (time.suggestion.empty() ? "" : "; " + time.suggestion),
                     0};
    if (*time.value < std::chrono::seconds(1))
        return Error{ErrorKind::usage, std::string(option) + " has to be at least 1s", 0};
    return std::optional(*time.value);
}

}  // namespace damon_schemes

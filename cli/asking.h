// SPDX-License-Identifier: MIT
// What the commands that ask a daemon share.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "engine/control/control_socket.h"
#include "schemes/observation.h"
#include "schemes/result.h"

namespace CLI {
class App;
}

namespace damon_schemes {

struct AskOptions {
    std::string socket = default_control_socket;
    bool json = false;
};

// --socket and --json.  `options` outlives the parsing.
void add_ask_options(CLI::App& app, AskOptions& options);

// The answer to {"version", "command"} and these fields.  Errors: as of ask_daemon().
Result<std::string> ask(const AskOptions& options, const char* command, nlohmann::json fields,
                        Duration patience = ControlSocket::patience);

// Prints what was done, or, with --json, the answer as it came.  Returns the exit status.
int tell(const AskOptions& options, const char* command, nlohmann::json fields);

// Of an option that is a time.  Errors (usage): it is none.
Result<std::optional<Duration>> time_asked(const char* option, const std::string& text);

}  // namespace damon_schemes

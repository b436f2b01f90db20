// SPDX-License-Identifier: MIT
// What the subcommands and main() share.  A subcommand is one file with one function
//
//     void add_NAME(CLI::App& root, Invocation& invocation);
//
// that adds its options to `root` (into storage of its own that outlives parsing: a shared_ptr that
// the callback captures) and, from CLI11's callback, sets `invocation.run`.  main() parses, then
// calls it and exits with what it returns.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "schemes/result.h"

namespace CLI {
class App;
}

namespace damon_schemes {

// Documented in README.md; the numbers of ErrorKind are the same.
enum ExitCode : int {
    exit_ok = 0,
    exit_runtime = 1,
    exit_usage = 2,
    exit_policy = 3,
    exit_unsupported = 4,
};
constexpr int exit_code(ErrorKind kind) {
    return static_cast<int>(kind);
}

struct Invocation {
    // What stood after "--", which main() takes off before CLI11 sees the rest, so that a command's
    // own options stay its own; nullopt: there was no "--".
    std::optional<std::vector<std::string>> command;
    // Set by the subcommand that was named.  Returns the exit status.
    std::function<int()> run;
};

// Prints "damon-schemes: MESSAGE" on stderr and returns the exit status that belongs to the error.
int fail(const Error& error);

void add_apply(CLI::App& root, Invocation& invocation);
void add_check(CLI::App& root, Invocation& invocation);
void add_convert(CLI::App& root, Invocation& invocation);
void add_daemon(CLI::App& root, Invocation& invocation);
void add_doctor(CLI::App& root, Invocation& invocation);
void add_explain(CLI::App& root, Invocation& invocation);
void add_pause(CLI::App& root, Invocation& invocation);
void add_record(CLI::App& root, Invocation& invocation);
void add_reload(CLI::App& root, Invocation& invocation);
void add_release(CLI::App& root, Invocation& invocation);
void add_report(CLI::App& root, Invocation& invocation);
void add_restore(CLI::App& root, Invocation& invocation);
void add_resume(CLI::App& root, Invocation& invocation);
void add_set_goal(CLI::App& root, Invocation& invocation);
void add_simulate(CLI::App& root, Invocation& invocation);
void add_status(CLI::App& root, Invocation& invocation);
void add_top(CLI::App& root, Invocation& invocation);

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// damon-schemes restore: undoes what a session that was killed left locked.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "cli/command.h"
#include "cli/remote_calls.h"
#include "engine/actions/lock_journal.h"
#include "engine/actions/lock_undoing.h"

namespace damon_schemes {
namespace {

struct RestoreOptions {
    std::string journal = default_lock_journal;
    bool all = false;
};

int restore(const RestoreOptions& options) {
    if (access(options.journal.c_str(), F_OK) != 0) {
        std::printf("Nothing was left locked.\n");
        return exit_ok;
    }
    auto journal = LockJournal::open_existing(options.journal);
    if (!journal) return fail(journal.error());
    std::unique_ptr<RemoteCaller> caller;
    // Where nothing was left no other process is stopped.
    const LockJournal::Survey survey = journal->survey();
    if (!survey.left.empty()) {
        auto started = remote_caller_starter()();
        if (!started) return fail(started.error());
        caller = std::move(*started);
    }
    const RestoredLocks restored = restore_locks(*journal, caller.get(), {}, options.all);
    for (const std::string& line : restored.done) std::printf("%s\n", line.c_str());
    for (const std::string& line : restored.not_done)
        std::fprintf(stderr, "damon-schemes: %s\n", line.c_str());
    if (restored.kept != 0)
        std::printf(
            "Left as it is, as the policy said (on_exit = \"keep\"): %zu %s; --all undoes that.\n",
            restored.kept, restored.kept == 1 ? "process" : "processes");
    else if (restored.done.empty() && restored.not_done.empty())
        std::printf("Nothing was left locked.\n");
    return restored.not_done.empty() ? exit_ok : exit_runtime;
}

}  // namespace

void add_restore(CLI::App& root, Invocation& invocation) {
    CLI::App* command =
        root.add_subcommand("restore", "Undo what a session that was killed left locked");
    const auto options = std::make_shared<RestoreOptions>();
    command->add_option("--journal", options->journal,
                        "Folder where sessions wrote down what they locked (apply --journal)");
    command->add_flag("--all", options->all, "Also what a policy said to keep locked");
    command->footer(
        "A session that ends by itself undoes what it locked. After one that was killed this "
        "does,\n"
        "and so does the next 'apply' whose policy allows remote system calls. What a running\n"
        "session holds is left alone.\n"
        "\n"
        "Each process that has memory locked is made to call munlock(2); see "
        "docs/remote-calls.md.\n"
        "\n"
        "Examples:\n"
        "  damon-schemes restore\n"
        "  damon-schemes restore --all\n"
        "\n"
        "Exit status: 0 nothing is left to undo, 1 something could not be undone, 4 the journal "
        "or\n"
        "remote system calls cannot be used here.");
    command->callback(
        [options, &invocation] { invocation.run = [options] { return restore(*options); }; });
}

}  // namespace damon_schemes

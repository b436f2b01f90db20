// SPDX-License-Identifier: MIT
// What ends a run that watches programs, and what the run's exit status is then.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "engine/events/loop.h"
#include "engine/targets/process.h"
#include "schemes/result.h"

namespace damon_schemes {

// What --duration says; nullopt where it says nothing.  Error (usage): it is no time.
Result<std::optional<Duration>> duration_asked(const std::string& text);

// SIGINT, SIGTERM, a time that has passed and the command's exit end the session; the loop stops
// once the session has finished and the command, if there is one, has exited.  Belongs to the
// loop's thread.
class Ending {
  public:
    // `finish` ends the session, whenever it is called and however often.
    Ending(EventLoop& loop, std::function<void(const std::string& why)> finish)
        : loop_(loop), finish_(std::move(finish)) {}

    // Before any thread starts: it blocks the signals.
    Result<void> watch_signals();
    Result<void> watch_time(std::optional<Duration> duration);
    // Lets the command run, if there is one.
    Result<void> release(std::optional<ChildCommand> command);
    // The session has nothing more to do.
    void session_finished();

    // As a shell would give it; nullopt: there is none, or it has not exited.
    std::optional<int> command_status() const { return command_status_; }

  private:
    void signalled(int signal);
    void command_exited();
    void stop_if_done();

    EventLoop& loop_;
    std::function<void(const std::string& why)> finish_;
    std::optional<ChildCommand> command_;
    std::optional<int> command_status_;
    bool session_done_ = false;
};

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include "cli/ending.h"

#include <csignal>
#include <utility>

#include "schemes/quantity.h"

namespace damon_schemes {

Result<std::optional<Duration>> duration_asked(const std::string& text) {
    if (text.empty()) return std::optional<Duration>();
    const auto duration = parse_duration(text);
    if (duration && *duration.value > Duration::zero()) return duration.value;
    return Error{ErrorKind::usage,
                 "--duration wants a time such as 30s or 5min, not '" + text + "'", 0};
}

Result<void> Ending::watch_signals() {
    auto watch = loop_.on_signals({SIGINT, SIGTERM}, [this](int signal) { signalled(signal); });
    if (!watch) return watch.error();
    return {};
}

Result<void> Ending::watch_time(std::optional<Duration> duration) {
    if (!duration) return {};
    auto end =
        loop_.on_timer(*duration, false, [this] { finish_("the time asked for has passed"); });
    if (!end) return end.error();
    return {};
}

Result<void> Ending::release(std::optional<ChildCommand> command) {
    if (!command) return {};
    command_ = std::move(command);
    auto watch = loop_.on_readable(command_->process().pidfd.get(), [this] { command_exited(); });
    if (!watch) return watch.error();
    return command_->release();
}

void Ending::session_finished() {
    session_done_ = true;
    stop_if_done();
}

void Ending::signalled(int signal) {
    // A terminal's ^C reaches the command as well; whoever sends SIGTERM means it, too.
    if (command_ && !command_status_ && (session_done_ || signal == SIGTERM))
        command_->send(SIGTERM);
    finish_(signal == SIGINT ? "interrupted" : "terminated");
}

void Ending::command_exited() {
    if (command_status_) return;
    command_status_ = command_->poll_exit();
    if (!command_status_) return;
    finish_("the command has exited");
    stop_if_done();
}

void Ending::stop_if_done() {
    if (session_done_ && (!command_ || command_status_)) loop_.stop();
}

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "engine/targets/process.h"

namespace damon_schemes {

namespace {

struct Channel {
    Descriptor engine;
    Descriptor child;
};

// A pair of sockets rather than a pipe: writing to a child that was killed then is an error, not
// SIGPIPE.
Result<Channel> open_channel() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return Error{ErrorKind::runtime,
                     std::string("no channel to the command can be opened: ") +
                         std::strerror(errno) +
                         ". If too many files are open, raise the limit (`ulimit -n`).",
                     errno};
    }
    return Channel{Descriptor(ends[0]), Descriptor(ends[1])};
}

ssize_t read_again(int file, void* buffer, std::size_t size) {
    ssize_t got = 0;
    do {
        got = ::read(file, buffer, size);
    } while (got < 0 && errno == EINTR);
    return got;
}

// Runs in the child, which may be a copy of a process with other threads that held locks: only
// calls that signal-safety(7) lists.
[[noreturn]] void wait_and_exec(int channel, char* const* argv) {
    // The engine blocks the signals that its loop reads, and may ignore some; a program starts with
    // none of that.  SIGHUP stays ignored where it was, for nohup(1).
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number) {
        struct sigaction present {};
        if (number == SIGHUP && ::sigaction(number, nullptr, &present) == 0 &&
            present.sa_handler == SIG_IGN) {
            continue;
        }
        ::sigaction(number, &standard, nullptr);
    }
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);

    char released = 0;
    // An end of file instead of the byte: the engine is gone, and nobody waits for the command any
    // more.
    if (read_again(channel, &released, 1) != 1) ::_exit(127);
    ::execvp(argv[0], argv);
    const int error = errno;
    // Nobody to tell if this fails; the exit status says it too.
    [[maybe_unused]] const ssize_t told = ::send(channel, &error, sizeof error, MSG_NOSIGNAL);
    ::_exit(error == ENOENT ? 127 : 126);
}

int shell_status(int status) {
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Result<ChildCommand> ChildCommand::start(const std::vector<std::string>& argv) {
    if (argv.empty() || argv.front().empty()) {
        return Error{ErrorKind::usage,
                     "there is no command behind `--`; give one: -- COMMAND ARGS…", EINVAL};
    }
    auto channel = open_channel();
    if (!channel) return channel.error();

    // Before the fork, since the child may not allocate.
    std::vector<std::string> words = argv;
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);

    const pid_t pid = ::fork();
    if (pid < 0) {
        return Error{ErrorKind::runtime,
                     std::string("the command cannot be started: ") + std::strerror(errno) +
                         ". The limit on processes (`ulimit -u`, or the cgroup's pids.max) may be "
                         "reached.",
                     errno};
    }
    if (pid == 0) {
        // Its own copy of the engine's end would keep the channel from ever ending.
        ::close(channel->engine.get());
        wait_and_exec(channel->child.get(), pointers.data());
    }

    ChildCommand child;
    child.gate_ = std::move(channel->engine);
    child.process_.pid = pid;
    child.process_.name = argv.front().substr(argv.front().rfind('/') + 1).substr(0, 15);
    // An own child that has not been waited for keeps its pid, so this is the right process.
    child.process_.pidfd = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!child.process_.pidfd) {
        const int error = errno;  // the destructor ends the child
        return Error{
            error == ENOSYS ? ErrorKind::unsupported : ErrorKind::runtime,
            std::string("the command cannot be held by a pidfd: ") + std::strerror(error) +
                (error == ENOSYS ? ". Linux 5.10 or newer is needed."
                                 : ". If too many files are open, raise the limit (`ulimit -n`)."),
            error};
    }
    return child;
}

ChildCommand::ChildCommand(ChildCommand&& other) noexcept {
    *this = std::move(other);
}

ChildCommand& ChildCommand::operator=(ChildCommand&& other) noexcept {
    if (this != &other) {
        abandon();
        process_ = std::move(other.process_);
        gate_ = std::move(other.gate_);
        status_ = other.status_;
        other.process_.pid = 0;
    }
    return *this;
}

ChildCommand::~ChildCommand() {
    abandon();
}

void ChildCommand::abandon() {
    if (process_.pid <= 0 || status_ || !gate_) return;
    // Never released: it reads an end of file and exits at once.
    gate_ = Descriptor();
    int status = 0;
    while (::waitpid(process_.pid, &status, 0) < 0 && errno == EINTR) {
    }
    status_ = shell_status(status);
}

Result<void> ChildCommand::release() {
    if (!gate_) return {};
    const char go = 1;
    // Fails only if the child was killed meanwhile; poll_exit() tells that.
    [[maybe_unused]] const ssize_t told = ::send(gate_.get(), &go, 1, MSG_NOSIGNAL);

    // Close-on-exec ends the channel when exec succeeds.
    int error = 0;
    const ssize_t got = read_again(gate_.get(), &error, sizeof error);
    gate_ = Descriptor();
    if (got != static_cast<ssize_t>(sizeof error)) return {};

    int status = 0;
    while (::waitpid(process_.pid, &status, 0) < 0 && errno == EINTR) {
    }
    status_ = shell_status(status);
    std::string message = "'" + process_.name + "' cannot be run: ";
    if (error == ENOENT) {
        message += "no such program. Give its path, or check PATH.";
    } else if (error == EACCES) {
        message += "it is not executable, or a folder on its path may not be entered.";
    } else {
        message += std::string(std::strerror(error)) + ".";
    }
    return Error{ErrorKind::usage, std::move(message), error};
}

std::optional<int> ChildCommand::poll_exit() {
    if (status_ || process_.pid <= 0) return status_;
    int status = 0;
    pid_t ended = 0;
    do {
        ended = ::waitpid(process_.pid, &status, WNOHANG);
    } while (ended < 0 && errno == EINTR);
    if (ended == process_.pid) status_ = shell_status(status);
    return status_;
}

void ChildCommand::send(int signal) const {
    if (process_.pidfd && !status_) {
        ::syscall(SYS_pidfd_send_signal, process_.pidfd.get(), signal, nullptr, 0);
    }
}

}  // namespace damon_schemes

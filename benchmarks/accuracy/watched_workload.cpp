// SPDX-License-Identifier: MIT
#include "benchmarks/accuracy/watched_workload.h"

#include <fcntl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>

namespace damon_schemes::accuracy {
namespace {

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what + ": " + std::strerror(errno));
}

std::array<Descriptor, 2> pipe_ends() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) fail("no pipe");
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

}  // namespace

WatchedWorkload::WatchedWorkload(std::vector<std::string> command) {
    command.emplace_back("--wait");
    std::vector<char*> words;
    for (std::string& word : command) words.push_back(word.data());
    words.push_back(nullptr);
    auto to = pipe_ends(), from = pipe_ends();
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ < 0) fail("no process for the workload");
    if (pid_ == 0) {
        // Addresses are the same in each run: they are none of the differences to be seen.
        personality(ADDR_NO_RANDOMIZE);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent || dup2(to[0].get(), 0) < 0 || dup2(from[1].get(), 1) < 0)
            _exit(127);
        execv(words[0], words.data());
        _exit(127);
    }
    input_ = std::move(to[1]);
    output_ = std::move(from[0]);
    from[1] = Descriptor();
    // One line.
    for (char c = 0; c != '\n';) {
        const ssize_t got = read(output_.get(), &c, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got > 0) continue;
        const int status = wait();
        throw std::runtime_error(command[0] +
                                 (status == 127 ? " cannot be run" : " did not begin"));
    }
}

WatchedWorkload::~WatchedWorkload() {
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    wait();
}

void WatchedWorkload::begin() {
    if (write(input_.get(), "\n", 1) != 1) fail("the workload does not listen");
}

int WatchedWorkload::wait() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0)
        if (errno != EINTR) break;
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void WatchedWorkload::finish() {
    if (const int status = wait(); status != 0)
        throw std::runtime_error("the workload ended with " + std::to_string(status));
}

}  // namespace damon_schemes::accuracy

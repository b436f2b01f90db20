// SPDX-License-Identifier: MIT
#include "target.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <sstream>
#include <stdexcept>

extern char** environ;

namespace damon_schemes::vm {

Target::Target() {
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
        throw std::runtime_error("no pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    std::string name = "vm_target";
    const std::array<char*, 2> argv{name.data(), nullptr};
    const int error = posix_spawnp(&pid_, name.c_str(), &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    in_ = fdopen(in[1], "w");
    out_ = fdopen(out[0], "r");
    if (error != 0) throw std::runtime_error("vm_target does not start; is it in the PATH?");
    if (line() != "ready") throw std::runtime_error("vm_target is not ready");
}

Target::~Target() {
    if (pid_ > 0) kill();
    fclose(in_);
    fclose(out_);
}

std::string Target::line() {
    std::string result;
    for (int c = std::fgetc(out_); c != '\n'; c = std::fgetc(out_)) {
        if (c == EOF) throw std::runtime_error("vm_target has ended");
        result.push_back(static_cast<char>(c));
    }
    return result;
}

std::string Target::ask(const std::string& command) {
    std::fprintf(in_, "%s\n", command.c_str());
    std::fflush(in_);
    const auto answer = line();
    if (!answer.starts_with("ok")) throw std::runtime_error(command + ": " + answer);
    return answer.size() > 3 ? answer.substr(3) : "";
}

Area Target::map(const std::string& name, std::uint64_t bytes, const std::string& kind) {
    std::istringstream answer(ask("map " + name + " " + std::to_string(bytes) + " " + kind));
    Area area;
    answer >> area.start >> area.end;
    return area;
}

void Target::begin_exec(const std::string& path) {
    std::fprintf(in_, "exec %s\n", path.c_str());
    std::fflush(in_);
}

void Target::finish_exec() {
    if (line() != "ready") throw std::runtime_error("vm_target is not ready after exec");
}

pid_t Target::fork() {
    return static_cast<pid_t>(std::stol(ask("fork")));
}

std::vector<pid_t> Target::family(std::uint64_t bytes, int depth, bool exec_last) {
    std::istringstream answer(ask("family " + std::to_string(bytes) + " " + std::to_string(depth) +
                                  (exec_last ? " exec" : "")));
    std::vector<pid_t> pids;
    for (pid_t pid = 0; answer >> pid;) pids.push_back(pid);
    return pids;
}

void Target::kill(bool reap) {
    ::kill(pid_, SIGKILL);
    siginfo_t info{};
    waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | (reap ? 0 : WNOWAIT));
    if (reap) pid_ = -1;
}

}  // namespace damon_schemes::vm

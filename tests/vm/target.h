// SPDX-License-Identifier: MIT
// The program that is watched (target_main.cpp), started and told what to do.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace damon_schemes::vm {

struct Area {
    std::uint64_t start = 0, end = 0;
    std::uint64_t bytes() const { return end - start; }
};

// Kills and reaps the program when it goes.  Whatever fails throws std::runtime_error.
class Target {
  public:
    Target();
    ~Target();
    Target(const Target&) = delete;
    Target& operator=(const Target&) = delete;

    pid_t pid() const { return pid_; }
    // See target_main.cpp for the kinds.
    Area map(const std::string& name, std::uint64_t bytes, const std::string& kind = "base");
    void hot(const std::string& name) { ask("hot " + name); }
    void cool(const std::string& name) { ask("cool " + name); }
    // Becomes the same program anew, or the one given; finish_exec() returns once that is ready.
    void begin_exec(const std::string& path = "");
    void finish_exec();
    void exec(const std::string& path = "") {
        begin_exec(path);
        finish_exec();
    }
    // A forked child that holds the memory as it was; returns its pid.
    pid_t fork();
    // A child that holds memory of its own, its child and so on; their pids, the child's first.
    std::vector<pid_t> family(std::uint64_t bytes, int depth, bool exec_last = false);
    // Ends the program and waits until it has exited; it stays a zombie if `reap` is false.
    void kill(bool reap = true);
    // What it answers after 'ok'.
    std::string ask(const std::string& command);

  private:
    std::string line();

    pid_t pid_ = -1;
    FILE* in_ = nullptr;
    FILE* out_ = nullptr;
};

}  // namespace damon_schemes::vm

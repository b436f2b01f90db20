// SPDX-License-Identifier: MIT
// A program run as a person would: its status, and what it said.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace damon_schemes::vm {

class Command {
  public:
    enum class As { root, nobody };

    // Starts it; argv[0] is searched in PATH.  Throws std::runtime_error where that fails.
    explicit Command(const std::vector<std::string>& argv, As user = As::root);
    ~Command();  // kills what still runs
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;

    pid_t pid() const { return pid_; }
    void signal(int number) const;
    bool running();
    // Waits for the end; as a shell gives it: 128 + signal.
    int wait();
    // So far.
    std::string out() const;
    std::string err() const;

  private:
    pid_t pid_ = -1;
    int status_ = -1;
    std::string out_, err_;
};

}  // namespace damon_schemes::vm

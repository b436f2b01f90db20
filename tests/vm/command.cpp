// SPDX-License-Identifier: MIT
#include "command.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "process.h"

namespace damon_schemes::vm {
namespace {

constexpr uid_t nobody = 65534;

std::string temporary_file() {
    std::string path = "/tmp/vm_command_XXXXXX";
    const int fd = mkstemp(path.data());
    if (fd < 0) throw std::runtime_error("no file in /tmp");
    close(fd);
    return path;
}

std::string contents(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

int status_of(int wait_status) {
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

}  // namespace

Command::Command(const std::vector<std::string>& argv, As user)
    : out_(temporary_file()), err_(temporary_file()) {
    std::vector<char*> arguments;
    for (const auto& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("no process");
    if (pid_ > 0) return;
    dup2(open("/dev/null", O_RDONLY), 0);
    dup2(open(out_.c_str(), O_WRONLY | O_TRUNC), 1);
    dup2(open(err_.c_str(), O_WRONLY | O_TRUNC), 2);
    if (user == As::nobody && (setgroups(0, nullptr) != 0 || setgid(nobody) != 0 || setuid(nobody)))
        _exit(126);
    execvp(arguments[0], arguments.data());
    _exit(127);
}

Command::~Command() {
    if (running()) {
        signal(SIGKILL);
        wait();
    }
    unlink(out_.c_str());
    unlink(err_.c_str());
}

void Command::signal(int number) const {
    kill(pid_, number);
}

bool Command::running() {
    if (status_ >= 0) return false;
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) != pid_) return true;
    status_ = status_of(status);
    return false;
}

int Command::wait() {
    if (!eventually([this] { return !running(); })) throw std::runtime_error("it does not end");
    return status_;
}

std::string Command::out() const {
    return contents(out_);
}
std::string Command::err() const {
    return contents(err_);
}

}  // namespace damon_schemes::vm

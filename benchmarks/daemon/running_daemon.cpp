// SPDX-License-Identifier: MIT
#include "benchmarks/daemon/running_daemon.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "engine/control/control_socket.h"
#include "engine/reports/daemon_status.h"
#include "engine/targets/procfs.h"

namespace damon_schemes::bench {
namespace {

constexpr const char* log_file = "/tmp/measured-daemon.log";
constexpr const char* control_socket = "/tmp/measured-daemon.sock";

std::string text_of(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

CpuTime cpu_time_of_process(std::int32_t pid) {
    const auto stat = read_process_stat(pid, "/proc");
    if (!stat) return {};
    const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    return {static_cast<double>(stat->user_ticks) / ticks,
            static_cast<double>(stat->system_ticks) / ticks};
}

}  // namespace

RunningDaemon::RunningDaemon(const std::string& program, const std::string& policy)
    : program_(program) {
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("no process for the daemon");
    if (pid_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) std::_Exit(0);
        const int log = open(log_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        dup2(log, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
        execlp(program.c_str(), program.c_str(), "daemon", "--policies", policy.c_str(), "--socket",
               control_socket, nullptr);
        std::_Exit(127);
    }
    while (said().find("may act") == std::string::npos) {
        if (waitpid(pid_, nullptr, WNOHANG) != 0) {
            pid_ = -1;
            throw std::runtime_error("the daemon ended: " + said());
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

RunningDaemon::~RunningDaemon() {
    if (pid_ <= 0) return;
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
}

std::string RunningDaemon::said() const {
    return text_of(log_file);
}

std::string RunningDaemon::status() const {
    static const std::string request =
        nlohmann::json{{"version", answer_version}, {"command", "status"}}.dump();
    const auto answer = ask_daemon(control_socket, request, std::chrono::seconds(30));
    return answer ? *answer : std::string();
}

void RunningDaemon::reload() const {
    const std::string command =
        program_ + " reload --socket " + control_socket + " >/tmp/measured-status.log 2>&1";
    if (std::system(command.c_str()) != 0)  // NOLINT(cert-env33-c)
        throw std::runtime_error("not reloaded: " + text_of("/tmp/measured-status.log"));
}

std::size_t RunningDaemon::descriptors() const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/fd"))
        ++count;
    return count;
}

CpuTime RunningDaemon::cpu_time() const {
    return cpu_time_of_process(pid_);
}

std::uint64_t RunningDaemon::rss_bytes() const {
    const auto status = read_file("/proc/" + std::to_string(pid_) + "/status");
    return status ? kilobytes_of(*status, "VmRSS").value_or(Bytes{}).count : 0;
}

CpuTime cpu_time_of_module() {
    CpuTime sum;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const auto pid = parse_number(entry.path().filename().string());
        if (!pid || !text_of(entry.path().string() + "/comm").starts_with("damon_schemes/"))
            continue;
        const CpuTime thread = cpu_time_of_process(static_cast<std::int32_t>(*pid));
        sum.user_s += thread.user_s;
        sum.system_s += thread.system_s;
    }
    return sum;
}

}  // namespace damon_schemes::bench

// SPDX-License-Identifier: MIT
#include "benchmarks/demo/policy_run.h"

#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

#include "engine/reports/terminal.h"
#include "engine/targets/procfs.h"

namespace damon_schemes::demo {
namespace {

using namespace std::chrono_literals;

// It waits for what is under way, at most a chunk of pages, which emulation makes slow.
constexpr Duration end_patience = 60s;
constexpr Duration proof_patience = 60s;

std::vector<std::string> words_of(const PolicyCommand& command, std::int32_t pid) {
    std::vector<std::string> words = {command.program, "apply", command.policy, "--pid",
                                      std::to_string(pid)};
    for (const std::string& setting : command.settings) {
        words.emplace_back("--set");
        words.push_back(setting);
    }
    return words;
}

// Of its children, the one that the proof of sight watches.
bool has_canary(std::int32_t pid) {
    for (const std::int32_t other : list_pids("/proc")) {
        const auto stat = read_process_stat(other, "/proc");
        if (stat && stat->parent == pid && stat->comm == "damon-canary" && !stat->zombie())
            return true;
    }
    return false;
}

std::string content_of(int file) {
    std::string text;
    std::array<char, 16 * 1024> bytes;
    ::lseek(file, 0, SEEK_SET);
    ssize_t got = 0;
    while ((got = ::read(file, bytes.data(), bytes.size())) > 0)
        text.append(bytes.data(), static_cast<std::size_t>(got));
    return text;
}

}  // namespace

std::string typed(const PolicyCommand& command, std::int32_t pid, std::size_t width) {
    const auto words = words_of(command, pid);
    std::string text;
    std::string line;
    for (std::size_t i = 0; i < words.size(); ++i) {
        // An option stays with its value.
        std::string piece = words[i];
        if (piece.starts_with("--") && i + 1 < words.size()) piece += " " + words[++i];
        if (!line.empty() && line.size() + piece.size() + 3 > width) {
            text += line + " \\\n";
            line = "   ";
        }
        if (!line.empty()) line += ' ';
        line += piece;
    }
    return text + line + "\n";
}

Result<PolicyRun> PolicyRun::start(const PolicyCommand& command, std::int32_t pid, Show show) {
    auto words = words_of(command, pid);
    words.emplace_back("--json");
    if (show == Show::nothing) {
        words.emplace_back("--no-status");
    } else {
        words.emplace_back("--heatmap");
        if (terminal_of(STDOUT_FILENO).colour) {
            words.emplace_back("--color");
            words.emplace_back("always");
        }
    }
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);

    Descriptor output(::memfd_create("summary", MFD_CLOEXEC));
    if (!output) return Error{ErrorKind::runtime, std::strerror(errno), errno};
    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_adddup2(&files, output.get(), STDOUT_FILENO);
    pid_t child = -1;
    const int failure = ::posix_spawnp(&child, argv.front(), &files, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&files);
    if (failure != 0) {
        return Error{ErrorKind::usage,
                     command.program + " cannot be started: " + std::strerror(failure) +
                         ". Build it (./dev build), and name it with --command.",
                     failure};
    }
    return PolicyRun(child, std::move(output));
}

PolicyRun::PolicyRun(PolicyRun&& other) noexcept
    : pid_(other.pid_), status_(other.status_), output_(std::move(other.output_)) {
    other.pid_ = -1;
}

PolicyRun::~PolicyRun() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    reap(true);
}

bool PolicyRun::reap(bool wait) {
    if (pid_ < 0) return true;
    pid_t ended = 0;
    do {
        ended = ::waitpid(pid_, &status_, wait ? 0 : WNOHANG);
    } while (ended < 0 && errno == EINTR);
    if (ended == pid_) pid_ = -1;
    return pid_ < 0;
}

bool PolicyRun::running() {
    return !reap(false);
}

Result<void> PolicyRun::wait_until_acting() {
    const auto patient_until = std::chrono::steady_clock::now() + proof_patience;
    bool proving = false;
    while (running()) {
        // The canary lives as long as the proof.
        const bool canary = has_canary(pid_);
        if (proving && !canary) return {};
        proving = canary;
        if (std::chrono::steady_clock::now() > patient_until)
            return Error{ErrorKind::runtime, "damon-schemes apply did not begin to act"};
        std::this_thread::sleep_for(50ms);
    }
    return Error{ErrorKind::runtime, "damon-schemes apply ended; it says why above"};
}

std::optional<Duration> PolicyRun::engine_time() const {
    const auto memory = pid_ < 0 ? std::nullopt : memory_of(pid_);
    if (!memory) return std::nullopt;
    return memory->cpu_time;
}

std::optional<Duration> PolicyRun::monitoring_time() {
    std::optional<Duration> time;
    const Duration tick = Duration(1s) / ::sysconf(_SC_CLK_TCK);
    for (const std::int32_t pid : list_pids("/proc")) {
        const auto stat = read_process_stat(pid, "/proc");
        if (!stat || !stat->kernel_thread || !stat->comm.starts_with("damon_schemes/")) continue;
        const auto ticks = static_cast<Duration::rep>(stat->user_ticks + stat->system_ticks);
        time = time.value_or(Duration::zero()) + ticks * tick;
    }
    return time;
}

Result<nlohmann::json> PolicyRun::finish() {
    if (pid_ >= 0) ::kill(pid_, SIGINT);
    const auto patient_until = std::chrono::steady_clock::now() + end_patience;
    while (!reap(false)) {
        if (std::chrono::steady_clock::now() > patient_until) {
            ::kill(pid_, SIGKILL);
            reap(true);
            return Error{ErrorKind::runtime, "damon-schemes apply did not end when interrupted"};
        }
        std::this_thread::sleep_for(10ms);
    }
    const auto summary = nlohmann::json::parse(content_of(output_.get()), nullptr, false);
    if (summary.is_object() && summary.value("observed_only", nlohmann::json()).is_string()) {
        return Error{ErrorKind::unsupported,
                     "the policy only observed: " + summary["observed_only"].get<std::string>()};
    }
    if (!WIFEXITED(status_) || WEXITSTATUS(status_) != 0) {
        const std::string how = WIFEXITED(status_)
                                    ? "exit status " + std::to_string(WEXITSTATUS(status_))
                                    : "signal " + std::to_string(WTERMSIG(status_));
        const int status = WIFEXITED(status_) ? WEXITSTATUS(status_) : 1;
        const auto kind =
            status >= 2 && status <= 4 ? static_cast<ErrorKind>(status) : ErrorKind::runtime;
        return Error{kind, "damon-schemes apply failed (" + how + "); it says why above"};
    }
    if (!summary.is_object())
        return Error{ErrorKind::runtime, "damon-schemes apply printed no summary"};
    return summary;
}

}  // namespace damon_schemes::demo

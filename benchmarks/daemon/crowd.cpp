// SPDX-License-Identifier: MIT
// Many targets, births and deaths, and reloads under the daemon: what it takes, whether it grows,
// and whether a policy that was replaced still acts.
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <deque>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "benchmarks/daemon/host.h"
#include "benchmarks/daemon/running_daemon.h"
#include "benchmarks/interruption.h"
#include "benchmarks/json_file.h"
#include "engine/targets/process.h"

namespace {

using namespace damon_schemes;
using namespace damon_schemes::bench;
using Clock = std::chrono::steady_clock;

struct Options {
    std::string policy;   // what is at work, and in turn with
    std::string another;  // this one, where it is reloaded; it does nothing
    std::string daemon = "damon-schemes";
    std::string out;
    unsigned stayers = 500;
    double births = 0;    // a second; each lives for two
    double reload_s = 0;  // from one reload to the next; 0: none
    double seconds = 60;
    double sample_s = 10;
    std::size_t bytes_kib = 512;
    double cold_share = 0;  // of these, which are used once and never again
};

constexpr double life_s = 2;
constexpr double grace_s = 0.2;  // what is under way ends at its next chunk

// Uses its memory every three seconds, so that it is cold in between; what is cold, once.
pid_t start_member(const char* name, const Options& options) {
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child < 0) throw std::runtime_error("no process for a member");
    if (child > 0) return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
    if (getppid() != parent) std::_Exit(0);
    prctl(PR_SET_NAME, name);
    const std::size_t bytes = options.bytes_kib << 10;
    auto* memory = static_cast<volatile std::uint8_t*>(
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (memory == MAP_FAILED) std::_Exit(1);
    for (std::size_t at = 0; at < bytes; at += 4096) memory[at] = 1;
    const auto used =
        static_cast<std::size_t>(static_cast<double>(bytes) * (1 - options.cold_share));
    for (;;) {
        for (std::size_t at = 0; at < used; at += 4096) memory[at] = 1;
        std::this_thread::sleep_for(std::chrono::seconds(3));
    }
}

void end(pid_t pid) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
}

class Crowd {
  public:
    explicit Crowd(const Options& options) : options_(options) {
        for (unsigned i = 0; i < options.stayers; ++i)
            stayers_.push_back(start_member("stayer", options));
    }
    ~Crowd() {
        for (const pid_t pid : stayers_) end(pid);
        for (const Brief& brief : brief_) end(brief.pid);
    }
    Crowd(const Crowd&) = delete;
    Crowd& operator=(const Crowd&) = delete;

    // As many births as are due, and the deaths of those that have lived long enough.
    void go_on() {
        const auto now = Clock::now();
        while (!brief_.empty() && now - brief_.front().born >= seconds_of(life_s)) {
            end(brief_.front().pid);
            brief_.pop_front();
            ++deaths_;
        }
        if (options_.births <= 0) return;
        for (int i = 0; next_birth_ <= now && i < 100; ++i) {
            brief_.push_back({start_member("brief", options_), now});
            next_birth_ += seconds_of(1 / options_.births);
        }
    }
    std::uint64_t deaths() const { return deaths_; }

  private:
    struct Brief {
        pid_t pid;
        Clock::time_point born;
    };
    const Options& options_;
    std::vector<pid_t> stayers_;
    std::deque<Brief> brief_;
    Clock::time_point next_birth_ = Clock::now();
    std::uint64_t deaths_ = 0;
};

nlohmann::json status_of(const RunningDaemon& daemon) {
    const auto answer = nlohmann::json::parse(daemon.status(), nullptr, false);
    if (!answer.is_object() || !answer.value("ok", false)) return nullptr;
    return answer["status"];
}

std::size_t targets_in(const nlohmann::json& status) {
    std::size_t count = 0;
    if (status.is_object())
        for (const auto& policy : status["policies"]) count += policy["targets"].size();
    return count;
}

std::uint64_t sum_in(const nlohmann::json& status, const char* key) {
    std::uint64_t sum = 0;
    if (status.is_object())
        for (const auto& policy : status["policies"])
            if (policy[key].is_number()) sum += policy[key].get<std::uint64_t>();
    return sum;
}

// Two policies in turn, and what was paged out while the one that does nothing was in force.
class Reloads {
  public:
    Reloads(const Options& options, std::string place, const RunningDaemon& daemon)
        : options_(options), place_(std::move(place)), daemon_(daemon) {}

    void go_on() {
        const auto now = Clock::now();
        if (options_.reload_s <= 0 || now < next_) return;
        next_ = now + seconds_of(options_.reload_s);
        // Counted from when what was under way has ended to just before the next reload.
        if (idle_since_ != Clock::time_point{}) {
            acted_while_replaced_ += HostCounts::now().swapped_out - out_at_idle_;
            ++idle_spells_;
            idle_since_ = {};
        }
        acting_ = !acting_;
        std::filesystem::copy_file(acting_ ? options_.policy : options_.another, place_ + ".new",
                                   std::filesystem::copy_options::overwrite_existing);
        std::filesystem::rename(place_ + ".new", place_);
        daemon_.reload();
        ++reloads_;
        if (!acting_) settled_at_ = Clock::now() + seconds_of(grace_s);
    }
    void look() {
        if (acting_ || idle_since_ != Clock::time_point{} || Clock::now() < settled_at_) return;
        idle_since_ = Clock::now();
        out_at_idle_ = HostCounts::now().swapped_out;
    }
    nlohmann::json figures() const {
        return {{"reloads", reloads_},
                {"idle_spells", idle_spells_},
                {"pages_out_while_replaced", acted_while_replaced_}};
    }

  private:
    const Options& options_;
    const std::string place_;
    const RunningDaemon& daemon_;
    bool acting_ = true;
    Clock::time_point next_ = Clock::now(), settled_at_{}, idle_since_{};
    std::uint64_t out_at_idle_ = 0, acted_while_replaced_ = 0;
    unsigned reloads_ = 0, idle_spells_ = 0;
};

void run(const Options& options) {
    const std::string place = "/tmp/crowd-policy.toml";
    std::filesystem::copy_file(options.policy, place,
                               std::filesystem::copy_options::overwrite_existing);
    Crowd crowd(options);
    const RunningDaemon daemon(options.daemon, place);
    for (const auto until = Clock::now() + std::chrono::minutes(3);
         targets_in(status_of(daemon)) < options.stayers;) {
        if (Clock::now() > until) throw std::runtime_error("not all are watched");
        sleep_unless_interrupted(std::chrono::milliseconds(500));
    }
    Reloads reloads(options, place, daemon);
    nlohmann::json samples = nlohmann::json::array();
    const auto before = status_of(daemon);
    const HostCounts first = HostCounts::now();
    const CpuTime cpu = daemon.cpu_time(), monitors_before = cpu_time_of_module();
    const auto began = Clock::now();
    auto next_sample = began;
    std::vector<double> answered_ms;
    for (const auto until = began + seconds_of(options.seconds); Clock::now() < until;) {
        sleep_unless_interrupted(std::chrono::milliseconds(10));
        crowd.go_on();
        reloads.go_on();
        reloads.look();
        if (Clock::now() < next_sample) continue;
        next_sample += seconds_of(options.sample_s);
        const auto asked = Clock::now();
        const auto status = status_of(daemon);
        answered_ms.push_back(
            std::chrono::duration<double, std::milli>(Clock::now() - asked).count());
        samples.push_back({{"seconds", std::chrono::duration<double>(Clock::now() - began).count()},
                           {"rss_bytes", daemon.rss_bytes()},
                           {"descriptors", daemon.descriptors()},
                           {"targets", targets_in(status)}});
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
    const CpuTime now = daemon.cpu_time(), monitors = cpu_time_of_module();
    const CpuTime spent{now.user_s - cpu.user_s, now.system_s - cpu.system_s};
    const auto status = status_of(daemon);
    nlohmann::json figures = {
        {"stayers", options.stayers},
        {"births_per_second", options.births},
        {"seconds", seconds},
        {"deaths", crowd.deaths()},
        {"cpu_share", spent.all_s() / seconds},
        {"cpu_user_share", spent.user_s / seconds},
        {"monitor_share", (monitors.all_s() - monitors_before.all_s()) / seconds},
        {"pages_out", HostCounts::now().swapped_out - first.swapped_out},
        {"targets_at_end", targets_in(status)},
        {"answered_ms", answered_ms},
        {"samples", samples},
        {"snapshots", sum_in(status, "snapshots") - sum_in(before, "snapshots")},
        {"lost_snapshots", sum_in(status, "lost_snapshots") - sum_in(before, "lost_snapshots")},
        {"status", status},
        {"reloads", reloads.figures()}};
    std::printf("%u targets, %.0f births a second: %.2f %% of a CPU, %.1f MiB\n", options.stayers,
                options.births, figures["cpu_share"].get<double>() * 100,
                static_cast<double>(daemon.rss_bytes()) / 1048576);
    write_json(options.out, figures.dump(1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Many targets, births, deaths and reloads under the daemon");
    Options options;
    app.add_option("policy", options.policy, "What the daemon goes by")->required();
    app.add_option("--another", options.another, "A policy that does nothing, for reloads");
    app.add_option("--stayers", options.stayers, "Processes that are there all the time");
    app.add_option("--births", options.births, "A second; each lives for two seconds");
    app.add_option("--reload", options.reload_s, "Seconds from one reload to the next")
        ->needs("--another");
    app.add_option("--seconds", options.seconds);
    app.add_option("--sample", options.sample_s, "Seconds from one look at the daemon to the next")
        ->check(CLI::PositiveNumber);
    app.add_option("--size", options.bytes_kib, "KiB of each");
    app.add_option("--cold", options.cold_share, "The part of it that is used once")
        ->check(CLI::Range(0.0, 1.0));
    app.add_option("--daemon", options.daemon, "The command damon-schemes");
    app.add_option("--out", options.out, "A file for the figures, in JSON");
    CLI11_PARSE(app, argc, argv);
    note_interruptions();
    try {
        run(options);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "crowd: %s\n", error.what());
        return 1;
    }
}

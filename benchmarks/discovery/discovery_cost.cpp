// SPDX-License-Identifier: MIT
// What looking for processes costs, once a second, with so many that sleep besides those that the
// machine has: CPU time of the thread that looks, the kernel's part included, by kinds of rules.
// Issue: with 1,000 processes less than 0.2 % of a processor.
//
//     discovery_cost [PROCESSES [SECONDS [JSON]]]          (1000, 60)
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <exception>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/interruption.h"
#include "benchmarks/json_file.h"
#include "engine/targets/discovery.h"

namespace damon_schemes::bench {
namespace {

using namespace std::chrono_literals;

// Programs of their own, as what is found by rules is.
class Sleepers {
  public:
    explicit Sleepers(std::size_t count) {
        const pid_t parent = ::getpid();
        for (std::size_t i = 0; i < count; ++i) {
            const pid_t pid = ::fork();
            if (pid < 0) break;
            if (pid == 0) {
                ::prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (::getppid() != parent) ::_exit(0);
                ::execlp("sleep", "sleep", "infinity", nullptr);
                ::_exit(1);
            }
            pids_.push_back(pid);
        }
        if (pids_.size() == count) return;
        end();
        throw std::runtime_error("cannot start so many processes");
    }
    ~Sleepers() { end(); }
    Sleepers(const Sleepers&) = delete;
    Sleepers& operator=(const Sleepers&) = delete;

  private:
    void end() {
        for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
        for (const pid_t pid : pids_) ::waitpid(pid, nullptr, 0);
    }
    std::vector<pid_t> pids_;
};

Duration thread_time() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

double milliseconds(Duration time) {
    return std::chrono::duration<double, std::milli>(time).count();
}

// One kind of rules, and what looking by it took.
class Kind {
  public:
    Kind(std::string name, const TargetSelector& rule) : name_(std::move(name)) {
        auto made = Discovery::make({rule});
        if (!made) throw std::runtime_error(made.error().message);
        discovery_ = std::move(*made);
    }
    void look(bool steady) {
        const std::uint64_t read = discovery_->read();
        const Duration before = thread_time();
        found_ += discovery_->look(std::chrono::steady_clock::now()).newcomers.size();
        const Duration took = thread_time() - before;
        if (first_ == Duration::zero()) first_ = took;
        if (!steady) return;
        looks_.push_back(took);
        read_ += discovery_->read() - read;
    }
    nlohmann::json figures() {
        Duration sum{};
        for (const Duration look : looks_) sum += look;
        std::sort(looks_.begin(), looks_.end());
        const double looks = static_cast<double>(looks_.size());
        const double mean = milliseconds(sum) / looks;
        return {{"rules", name_},
                {"found", found_},
                {"first_ms", milliseconds(first_)},
                {"read_per_look", static_cast<double>(read_) / looks},
                {"mean_ms", mean},
                {"median_ms", milliseconds(looks_[looks_.size() / 2])},
                {"max_ms", milliseconds(looks_.back())},
                {"percent_of_a_cpu", mean / 10}};
    }

  private:
    std::string name_;
    std::unique_ptr<Discovery> discovery_;
    Duration first_{};
    std::vector<Duration> looks_;
    std::uint64_t read_ = 0;
    std::size_t found_ = 0;
};

std::vector<Kind> kinds() {
    std::vector<Kind> kinds;
    TargetSelector name;
    name.name = "no-such-program";
    kinds.emplace_back("a name that none has", name);
    TargetSelector every;
    every.name = "no-such-program*";
    every.executable = "/no/such/*";
    every.user = "0";
    every.unit = "no-such-*.service";
    every.cgroup = "/no/such/*";
    every.min_rss = mebibytes(1);
    kinds.emplace_back("every condition, and none fits", every);
    TargetSelector all;
    all.executable = "*/sleep";
    kinds.emplace_back("all of the sleepers fit", all);
    TargetSelector larger;
    larger.min_rss = mebibytes(1024 * 1024);
    kinds.emplace_back("all are too small", larger);
    return kinds;
}

std::size_t number(const char* text) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text, text + std::strlen(text), value);
    if (error != std::errc() || *end != '\0' || value == 0)
        throw std::runtime_error(std::string(text) + " is no number above 0");
    return value;
}

void run(int argc, char** argv) {
    const std::size_t processes = argc > 1 ? number(argv[1]) : 1000;
    const std::size_t seconds = argc > 2 ? number(argv[2]) : 60;
    note_interruptions();
    const Sleepers sleepers(processes);
    // Before they have exec'd they are forks of this program.
    sleep_unless_interrupted(2s);
    std::vector<Kind> all = kinds();
    // What all have found new, and read again for that, is no cost of each second.
    for (Duration young{}; young <= Discovery::young_for; young += 1s) {
        for (Kind& kind : all) kind.look(false);
        sleep_unless_interrupted(1s);
    }
    // One by one and spread, as a daemon looks: with what it needs no longer in the caches.
    for (std::size_t second = 0; second < seconds; ++second)
        for (Kind& kind : all) {
            sleep_unless_interrupted(Duration(1s) / all.size());
            kind.look(true);
        }

    nlohmann::json report = {{"processes", processes}, {"looks", seconds}};
    std::printf("%zu processes besides the machine's, a look a second for %zu s\n", processes,
                seconds);
    std::printf("%-32s %6s %9s %8s %8s %8s %8s %9s\n", "rules", "found", "first/ms", "read",
                "mean/ms", "median", "max", "% of CPU");
    for (Kind& kind : all) {
        const nlohmann::json figures = kind.figures();
        std::printf("%-32s %6zu %9.2f %8.1f %8.3f %8.3f %8.3f %9.4f\n",
                    figures["rules"].get<std::string>().c_str(),
                    figures["found"].get<std::size_t>(), figures["first_ms"].get<double>(),
                    figures["read_per_look"].get<double>(), figures["mean_ms"].get<double>(),
                    figures["median_ms"].get<double>(), figures["max_ms"].get<double>(),
                    figures["percent_of_a_cpu"].get<double>());
        report["kinds"].push_back(figures);
    }
    write_json(argc > 3 ? argv[3] : "", report.dump(2));
}

}  // namespace
}  // namespace damon_schemes::bench

int main(int argc, char** argv) {
    try {
        damon_schemes::bench::run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "discovery_cost: %s\n", error.what());
        return 1;
    }
    return 0;
}

// SPDX-License-Identifier: MIT
// What a monitor costs: its thread for each look at a region, and the program that it watches.
//
//     monitor_cost --monitor module|mainline --regions MIN:MAX --targets N [--awake] --times N
//                  --windows N --seconds S
//
// A child goes round 64 MiB all the time, a read a page, and holds 192 MiB that it leaves alone.
// Further targets hold 1 MiB each and sleep, or wake for a moment in each sampling interval.
// Windows with the monitor and without it alternate; of each the child's CPU time for a round is
// taken, in which interrupts and flushes are, and the time of other threads is not.  In the lab's
// guest, as root; started with --icount time counts instructions (4 ns each), so that figures
// repeat.
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "engine/monitors/monitor_kind.h"

namespace damon_schemes::accuracy {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t page = 4096, hot_bytes = 64 << 20, cold_bytes = 192 << 20,
                      sleeper_bytes = 1 << 20;

struct Options {
    std::string monitor = "module";
    std::string regions = "1000:1000";
    unsigned targets = 1;
    bool awake = false;
    unsigned times = 1;  // the default intervals
    bool search = true;
    unsigned windows = 3;
    double seconds = 2;
    std::string json;
};

template <typename T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(result).value();
}
void must(const Result<void>& result) {
    if (!result) throw std::runtime_error(result.error().message);
}

// The child, which is killed with this object.
class Walker {
  public:
    Walker() {
        void* shared = mmap(nullptr, sizeof(std::atomic<std::uint64_t>), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (shared == MAP_FAILED) throw std::runtime_error("no shared memory");
        rounds_ = new (shared) std::atomic<std::uint64_t>(0);
        pid_ = fork();
        if (pid_ < 0) throw std::runtime_error("cannot fork");
        if (pid_ == 0) walk();
        while (rounds_->load() == 0) usleep(10'000);
        if (clock_getcpuclockid(pid_, &clock_) != 0) throw std::runtime_error("no CPU clock");
    }
    ~Walker() {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        munmap(rounds_, sizeof(*rounds_));
    }
    Walker(const Walker&) = delete;
    Walker& operator=(const Walker&) = delete;

    pid_t pid() const { return pid_; }
    std::uint64_t rounds() const { return rounds_->load(); }
    std::int64_t cpu_ns() const {
        timespec now{};
        clock_gettime(clock_, &now);
        return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
    }

  private:
    [[noreturn]] void walk() {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        auto* area = static_cast<volatile char*>(mmap(nullptr, hot_bytes + cold_bytes,
                                                      PROT_READ | PROT_WRITE,
                                                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        madvise(const_cast<char*>(area), hot_bytes + cold_bytes, MADV_NOHUGEPAGE);
        for (std::size_t at = 0; at < hot_bytes + cold_bytes; at += page) area[at] = 1;
        // A sixteenth of the area is a round, so that a window has many.
        for (std::size_t at = 0;; at = (at + hot_bytes / 16) % hot_bytes) {
            for (std::size_t i = 0; i < hot_bytes / 16; i += page) (void)area[at + i];
            rounds_->fetch_add(1);
        }
    }

    pid_t pid_ = -1;
    clockid_t clock_{};
    std::atomic<std::uint64_t>* rounds_ = nullptr;
};

// Children that hold memory and sleep, `nap` at a time or for good; killed with this object.
class Sleepers {
  public:
    Sleepers(unsigned count, std::optional<Duration> nap) {
        for (unsigned i = 0; i < count; ++i) {
            const pid_t pid = fork();
            if (pid < 0) throw std::runtime_error("cannot fork");
            if (pid == 0) sleep_with_memory(nap);
            pids_.push_back(pid);
        }
        // They have touched their memory and stopped themselves.
        for (const pid_t pid : pids_)
            if (waitpid(pid, nullptr, WUNTRACED) != pid)
                throw std::runtime_error("a child is gone");
        if (nap)
            for (const pid_t pid : pids_) kill(pid, SIGCONT);
    }
    ~Sleepers() {
        for (const pid_t pid : pids_) kill(pid, SIGKILL);
        for (const pid_t pid : pids_) waitpid(pid, nullptr, 0);
    }
    Sleepers(const Sleepers&) = delete;
    Sleepers& operator=(const Sleepers&) = delete;
    const std::vector<pid_t>& pids() const { return pids_; }

  private:
    [[noreturn]] static void sleep_with_memory(std::optional<Duration> nap) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        auto* area = static_cast<volatile char*>(mmap(
            nullptr, sleeper_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        for (std::size_t at = 0; at < sleeper_bytes; at += page) area[at] = 1;
        raise(SIGSTOP);
        while (nap) {
            std::this_thread::sleep_for(*nap);
            area[0] = 1;
        }
        for (;;) raise(SIGSTOP);
    }
    std::vector<pid_t> pids_;
};

// The child's CPU time for a round, in ns, over a window; `meanwhile` is called now and then.
template <typename Meanwhile>
double ns_a_round(const Walker& walker, double seconds, const Meanwhile& meanwhile) {
    const auto rounds = walker.rounds();
    const auto cpu = walker.cpu_ns();
    const auto until = Clock::now() + std::chrono::duration<double>(seconds);
    while (Clock::now() < until) meanwhile();
    return static_cast<double>(walker.cpu_ns() - cpu) /
           static_cast<double>(std::max<std::uint64_t>(1, walker.rounds() - rounds));
}

struct Window {
    double alone_ns = 0, watched_ns = 0;  // a round
    double thread_ns = 0;                 // of the monitoring thread
    double checks = 0;                    // looks at a region
    double regions = 0;                   // in the mean
    double cpu_share = 0;                 // the thread's, of a processor
    double pass_ns = 0;                   // the thread's, for a pass over all regions
    double interrupts = 0;                // to other processors, a second
    std::uint64_t memory = 0;
};

void wait_for_snapshot(Monitor& monitor) {
    pollfd waiting{monitor.descriptor(), POLLIN, 0};
    if (poll(&waiting, 1, 100) < 0 && errno != EINTR) throw std::runtime_error("poll failed");
}

Window measure(const Walker& walker, const Sleepers& sleepers, const Options& options,
               const MonitorAttributes& attributes) {
    Window window;
    window.alone_ns = ns_a_round(walker, options.seconds, [] { usleep(100'000); });
    const auto chosen = must(open_monitor(must(monitor_kind(options.monitor))));
    Monitor& monitor = *chosen.monitor;
    must(monitor.set_attributes(attributes));
    must(monitor.add_target(walker.pid()));
    for (const pid_t pid : sleepers.pids()) must(monitor.add_target(pid));
    must(monitor.start());
    std::uint64_t snapshots = 0, regions = 0;
    const auto take_all = [&] {
        while (const auto snapshot = must(monitor.take_snapshot())) {
            ++snapshots;
            for (const TargetSnapshot& target : snapshot->targets) {
                regions += target.regions.size();
                window.checks += static_cast<double>(target.regions.size()) *
                                 static_cast<double>(attributes.aggregation_interval.count()) /
                                 static_cast<double>(attributes.sampling_interval.count());
            }
        }
    };
    // Until regions have found their number.
    while (snapshots < 10) {
        wait_for_snapshot(monitor);
        take_all();
    }
    snapshots = regions = 0;
    window.checks = 0;
    const MonitorCost before = must(monitor.cost());
    const auto began = Clock::now();
    window.watched_ns = ns_a_round(walker, options.seconds, [&] {
        wait_for_snapshot(monitor);
        take_all();
    });
    const MonitorCost after = must(monitor.cost());
    const std::chrono::duration<double, std::nano> length = Clock::now() - began;
    window.thread_ns = static_cast<double>((after.thread_time - before.thread_time).count());
    window.cpu_share = window.thread_ns / length.count();
    window.pass_ns = window.thread_ns /
                     static_cast<double>(std::max<std::uint64_t>(1, after.passes - before.passes));
    window.interrupts =
        static_cast<double>(after.flush_ipis - before.flush_ipis) / (length.count() / 1e9);
    window.regions =
        static_cast<double>(regions) / static_cast<double>(std::max<std::uint64_t>(1, snapshots));
    window.memory = after.memory.count;
    must(monitor.stop());
    return window;
}

double median(const std::vector<Window>& windows, double Window::*figure) {
    std::vector<double> values;
    for (const Window& window : windows) values.push_back(window.*figure);
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

int run(const Options& options) {
    MonitorAttributes attributes;
    if (std::sscanf(options.regions.c_str(), "%u:%u", &attributes.min_regions,
                    &attributes.max_regions) != 2)
        throw std::runtime_error("--regions: two numbers such as 10:1000");
    attributes.search = options.search;
    attributes.sampling_interval *= options.times;
    attributes.aggregation_interval *= options.times;
    attributes.update_interval *= options.times;
    const Walker walker;
    const Sleepers sleepers(
        options.targets - 1,
        options.awake ? std::optional(attributes.sampling_interval / 2) : std::nullopt);
    std::vector<Window> windows;
    for (unsigned i = 0; i < options.windows; ++i)
        windows.push_back(measure(walker, sleepers, options, attributes));
    for (Window& window : windows) window.thread_ns /= std::max(1.0, window.checks);
    const double alone = median(windows, &Window::alone_ns);
    const double watched = median(windows, &Window::watched_ns);
    const double check = median(windows, &Window::thread_ns);
    const double share = median(windows, &Window::cpu_share);
    const double regions = median(windows, &Window::regions);
    std::printf(
        "%-8s %-10s search %-3s: %7.1f ns a look, %5.2f %% of a processor, %6.0f regions; the "
        "program %+6.2f %%\n",
        options.monitor.c_str(), options.regions.c_str(), options.search ? "yes" : "no", check,
        100 * share, regions, 100 * (watched / alone - 1));
    if (options.json.empty()) return 0;
    utsname machine{};
    uname(&machine);
    std::ofstream file(options.json);
    file << nlohmann::json{{"monitor", options.monitor},
                           {"regions", options.regions},
                           {"search", options.search},
                           {"times", options.times},
                           {"kernel", machine.release},
                           {"ns_a_look", check},
                           {"cpu_share", share},
                           {"targets", options.targets},
                           {"awake", options.awake},
                           {"mean_regions", regions},
                           {"ns_a_pass", median(windows, &Window::pass_ns)},
                           {"interrupts_a_second", median(windows, &Window::interrupts)},
                           {"alone_ns_a_round", alone},
                           {"watched_ns_a_round", watched},
                           {"slowdown", watched / alone - 1},
                           {"memory_bytes", windows.back().memory}}
                .dump(1)
         << '\n';
    if (!file.flush()) throw std::runtime_error("cannot write " + options.json);
    return 0;
}

}  // namespace
}  // namespace damon_schemes::accuracy

int main(int argc, char** argv) {
    damon_schemes::accuracy::Options options;
    CLI::App app{"What a monitor costs, itself and the program that it watches."};
    app.add_option("--monitor", options.monitor, "module (default) or mainline");
    app.add_option("--regions", options.regions, "least and most (default: 1000:1000)");
    app.add_flag("--search,!--no-search", options.search, "whether the module searches");
    app.add_option("--targets", options.targets, "of which all but one sleep (default: 1)")
        ->check(CLI::PositiveNumber);
    app.add_flag("--awake", options.awake, "they wake in each sampling interval");
    app.add_option("--times", options.times, "the default intervals, 5 and 100 ms (default: 1)")
        ->check(CLI::PositiveNumber);
    app.add_option("--windows", options.windows, "of each kind (default: 3)")
        ->check(CLI::PositiveNumber);
    app.add_option("--seconds", options.seconds, "of a window (default: 2)")
        ->check(CLI::PositiveNumber);
    app.add_option("--json", options.json, "figures for programs");
    CLI11_PARSE(app, argc, argv);
    try {
        return damon_schemes::accuracy::run(options);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "monitor_cost: %s\n", error.what());
        return 1;
    }
}

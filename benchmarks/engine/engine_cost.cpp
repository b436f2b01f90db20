// SPDX-License-Identifier: MIT
// What the engine costs with 1,000 regions ten times a second: the session as `apply --dry-run` has
// it, on a real process, with a monitor that makes the snapshots up.  Runs natively, without the
// module; what the monitor itself costs here (less than reading a snapshot from the module) is in
// the figure.
//
//     engine_cost POLICY SECONDS [JSON]
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

#include "engine/actions/dry_run.h"
#include "engine/events/loop.h"
#include "engine/monitors/monitor.h"
#include "engine/session/session.h"
#include "engine/targets/process.h"
#include "schemes/policy/reader.h"

namespace {

using namespace damon_schemes;
using namespace std::chrono_literals;

constexpr std::size_t regions = 1000;
constexpr std::uint64_t region_bytes = 256 << 10;
constexpr std::size_t mappings = 100;
constexpr Duration aggregation = 100ms;

// A process with 250 MiB of address space in a hundred mappings; it only waits.
class IdleProcess {
  public:
    IdleProcess() {
        int ready[2];
        if (pipe(ready) != 0) throw std::runtime_error("no pipe");
        const pid_t parent = getpid();
        pid_ = fork();
        if (pid_ < 0) throw std::runtime_error("no process");
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != parent) _exit(0);
            live(ready[1]);
        }
        close(ready[1]);
        if (read(ready[0], &start_, sizeof(start_)) != sizeof(start_)) start_ = 0;
        close(ready[0]);
        if (start_ == 0) throw std::runtime_error("no address space for the process");
    }
    ~IdleProcess() {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    IdleProcess(const IdleProcess&) = delete;
    IdleProcess& operator=(const IdleProcess&) = delete;
    pid_t pid() const { return pid_; }
    std::uint64_t start() const { return start_; }

  private:
    [[noreturn]] static void live(int ready) {
        constexpr std::size_t bytes = regions * region_bytes, each = bytes / mappings;
        void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        // Neighbours differ in a flag, or the kernel would make one mapping of them.
        for (std::size_t i = 0; i < mappings && memory != MAP_FAILED; i += 2)
            madvise(static_cast<char*>(memory) + i * each, each, MADV_DONTFORK);
        const auto start =
            memory == MAP_FAILED
                ? 0
                : static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(memory));
        const bool told = write(ready, &start, sizeof(start)) == sizeof(start);
        while (told) pause();
        _exit(1);
    }

    pid_t pid_ = -1;
    std::uint64_t start_ = 0;
};

// Snapshots by a clock.  A third of the regions is hot, the others are idle and grow old; each time
// one in a hundred changes sides, so that there is always something that has just grown cold
// enough.
class ClockMonitor final : public Monitor {
  public:
    explicit ClockMonitor(std::uint64_t start)
        : timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
        if (!timer_) throw std::runtime_error("no timer");
        target_.generation = 1;
        for (std::size_t i = 0; i < regions; i++) {
            Region region;
            region.range = {start + i * region_bytes, start + (i + 1) * region_bytes};
            region.sampled = 20;
            region.accessed = i % 3 == 0 ? 20 : 0;
            region.age = static_cast<std::uint32_t>(random_() % 200);
            target_.regions.push_back(region);
        }
    }
    Result<void> set_attributes(const MonitorAttributes&) override { return {}; }
    Result<TargetId> add_target(std::int32_t pid) override {
        target_.id = {1};
        target_.pid = pid;
        return target_.id;
    }
    Result<void> remove_target(TargetId) override { return {}; }
    Result<void> start() override {
        const itimerspec every{{0, aggregation.count()}, {0, aggregation.count()}};
        if (timerfd_settime(timer_.get(), 0, &every, nullptr) != 0)
            return Error{ErrorKind::runtime, "the timer cannot be set", errno};
        return {};
    }
    Result<void> stop() override { return {}; }
    int descriptor() const override { return timer_.get(); }
    Result<std::optional<Snapshot>> take_snapshot() override {
        std::uint64_t ticks = 0;
        if (read(timer_.get(), &ticks, sizeof(ticks)) != sizeof(ticks))
            return std::optional<Snapshot>();
        Snapshot snapshot;
        snapshot.sequence = sequence_ += ticks;
        snapshot.lost = lost_ += ticks - 1;
        snapshot.time = std::chrono::steady_clock::now();
        snapshot.duration = snapshot.aggregation_interval = aggregation;
        snapshot.sampling_interval = 5ms;
        snapshot.passes = 20;
        for (auto& region : target_.regions) region.age++;
        for (std::size_t i = 0; i < regions / 100; i++) {
            auto& region = target_.regions[random_() % regions];
            region.accessed = region.accessed ? 0 : 20;
            region.age = 0;
        }
        snapshot.targets.push_back(target_);
        return std::optional<Snapshot>(std::move(snapshot));
    }
    Result<MonitorCost> cost() const override { return MonitorCost{}; }

  private:
    Descriptor timer_;
    TargetSnapshot target_;
    std::mt19937_64 random_{42};
    std::uint64_t sequence_ = 0, lost_ = 0;
};

Duration cpu_time() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto of = [](const timeval& time) {
        return Duration(std::chrono::seconds(time.tv_sec)) +
               std::chrono::microseconds(time.tv_usec);
    };
    return of(usage.ru_utime) + of(usage.ru_stime);
}

// "VmHWM: 1234 kB" → bytes
std::uint64_t memory(const std::string& key) {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;)
        if (word == key + ":") {
            std::uint64_t kib = 0;
            status >> kib;
            return kib << 10;
        }
    throw std::runtime_error("/proc/self/status has no " + key);
}

template <typename T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

Policy read(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    auto reading = read_policy(text.str(), {path, {}});
    if (!file || !reading.ok())
        throw std::runtime_error(reading.ok() ? "cannot read " + path
                                              : to_string(reading.errors.front()));
    return std::move(reading.policy);
}

int run(const std::string& policy, unsigned seconds, const std::string& json) {
    const IdleProcess process;
    auto loop = must(make_event_loop(LoopKind::automatic));
    Session::Parts parts;
    parts.monitor = std::make_unique<ClockMonitor>(process.start());
    auto dry_run = std::make_unique<DryRun>();
    const DryRun* planned = dry_run.get();
    parts.executor = std::move(dry_run);
    parts.dry_run = true;
    Session session(*loop, read(policy), std::move(parts));
    must(session.add(must(open_process(process.pid()))));
    must(session.start());
    must(session.allow_acting(TlbPolicy::automatic));

    std::uint64_t ranges = 0;
    session.on_decision = [&](const Snapshot&, const Plan& plan) { ranges += plan.ranges.size(); };
    session.on_finished = [&] { loop->stop(); };
    must(loop->on_timer(std::chrono::seconds(seconds), false, [&] { session.finish("time"); }));
    const auto began = std::chrono::steady_clock::now();
    const auto cpu_before = cpu_time();
    must(loop->run());
    const auto cpu = cpu_time() - cpu_before;
    const Duration elapsed = std::chrono::steady_clock::now() - began;

    if (session.regions() != regions || session.snapshots() < seconds || planned->ranges() == 0)
        throw std::runtime_error("the session had nothing to do: the figures mean nothing");
    const double share = static_cast<double>(cpu.count()) / static_cast<double>(elapsed.count());
    const auto per_snapshot = cpu.count() / static_cast<std::int64_t>(session.snapshots());
    std::printf(
        "engine (%s): %.3f %% of one CPU, %lld us a snapshot, %.1f MiB RSS at most; %llu snapshots "
        "of %zu regions, %llu ranges planned\n",
        loop->name(), share * 100, static_cast<long long>(per_snapshot / 1000),
        static_cast<double>(memory("VmHWM")) / (1 << 20),
        static_cast<unsigned long long>(session.snapshots()), regions,
        static_cast<unsigned long long>(ranges));
    if (json.empty()) return 0;
    const nlohmann::json all = {{"cpu_share", share},
                                {"cpu_ns", cpu.count()},
                                {"elapsed_ns", elapsed.count()},
                                {"cpu_ns_per_snapshot", per_snapshot},
                                {"rss_bytes", memory("VmRSS")},
                                {"rss_peak_bytes", memory("VmHWM")},
                                {"snapshots", session.snapshots()},
                                {"regions", regions},
                                {"ranges_planned", ranges},
                                {"loop", loop->name()}};
    std::ofstream file(json);
    file << all.dump(2) << "\n";
    if (!file.flush()) throw std::runtime_error("cannot write " + json);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    unsigned seconds = 0;
    const char* end = argc > 2 ? argv[2] + std::strlen(argv[2]) : nullptr;
    if (argc < 3 || argc > 4 || std::from_chars(argv[2], end, seconds).ptr != end || seconds == 0) {
        std::fputs("usage: engine_cost POLICY SECONDS [JSON]\n", stderr);
        return 2;
    }
    try {
        return run(argv[1], seconds, argc == 4 ? argv[3] : "");
    } catch (const std::exception& error) {
        std::fprintf(stderr, "engine_cost: %s\n", error.what());
        return 1;
    }
}

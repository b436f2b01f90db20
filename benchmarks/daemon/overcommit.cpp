// SPDX-License-Identifier: MIT
// Tenants that ask for more memory than there is, on a host without help, with the kernel's
// multi-generation LRU, with a plain loop of memory.reclaim, and with damon-schemes, in turn.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchmarks/daemon/host.h"
#include "benchmarks/daemon/running_daemon.h"
#include "benchmarks/daemon/tenant.h"
#include "benchmarks/interruption.h"
#include "benchmarks/json_file.h"
#include "engine/machine/memory.h"

namespace {

using namespace damon_schemes;
using namespace damon_schemes::bench;
using Clock = std::chrono::steady_clock;

// Of the tenants of a cgroup; cgroups take turns.  Fixed before anything was measured: from a busy
// service to one that hardly anybody uses, three fifths on the mean.
constexpr std::array<double, 5> cold_shares{0.3, 0.5, 0.6, 0.7, 0.9};

struct Options {
    std::vector<std::string> ways{"without", "daemon"};
    std::vector<double> ratios{1.5};
    unsigned groups = 20;
    unsigned per_group = 10;
    double settle_s = 60;
    double seconds = 120;
    std::uint64_t seed = 1;
    double memory_mib = 0;  // that the demand is a multiple of; 0: the machine's
    std::string daemon = "damon-schemes";
    std::string policy;
    std::string out;
};

// The tenants, and new ones in place of those that were killed.
class Tenants {
  public:
    Tenants(const Options& options, const Cgroups& cgroups, std::uint64_t demand_bytes)
        : options_(options), cgroups_(cgroups), count_(options.groups * options.per_group) {
        shape_.bytes = demand_bytes / count_;
        memory_ = mmap(nullptr, count_ * sizeof(TenantWork), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory_ == MAP_FAILED) throw std::runtime_error("no shared memory for the tenants");
        for (std::size_t i = 0; i < count_; ++i) new (&work(i)) TenantWork;
        pids_.resize(count_, -1);
        for (std::size_t i = 0; i < count_; ++i) start(i);
    }
    ~Tenants() {
        for (const pid_t pid : pids_)
            if (pid > 0) kill(pid, SIGKILL);
        for (const pid_t pid : pids_)
            if (pid > 0) waitpid(pid, nullptr, 0);
        munmap(memory_, count_ * sizeof(TenantWork));
    }
    Tenants(const Tenants&) = delete;
    Tenants& operator=(const Tenants&) = delete;

    // Those that have ended begin anew; they are counted.
    void look_after() {
        for (std::size_t i = 0; i < count_; ++i) {
            int status = 0;
            if (waitpid(pids_[i], &status, WNOHANG) != pids_[i]) continue;
            if (WIFEXITED(status)) throw std::runtime_error("a tenant gave up");
            ++killed_;
            start(i);
        }
    }
    bool ready() {
        for (std::size_t i = 0; i < count_; ++i)
            if (!work(i).ready) return false;
        return true;
    }
    void count_times() {
        for (std::size_t i = 0; i < count_; ++i) work(i).counting = true;
    }
    std::uint64_t requests() {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < count_; ++i) sum += work(i).requests;
        return sum;
    }
    std::uint64_t wrong_pages() {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < count_; ++i) sum += work(i).wrong_pages;
        return sum;
    }
    // In milliseconds; an upper bound, a quarter of an octave wide.
    double time_of(double share) {
        std::array<std::uint64_t, TenantWork::time_bins> sum{};
        std::uint64_t all = 0;
        for (std::size_t i = 0; i < count_; ++i)
            for (std::size_t bin = 0; bin < sum.size(); ++bin) {
                sum[bin] += work(i).times[bin];
                all += work(i).times[bin];
            }
        std::uint64_t below = 0;
        for (std::size_t bin = 0; bin < sum.size(); ++bin) {
            below += sum[bin];
            if (static_cast<double>(below) >= share * static_cast<double>(all))
                return TenantWork::upper_edge_us(bin) / 1e3;
        }
        return 0;
    }
    std::uint64_t killed() const { return killed_; }

  private:
    TenantWork& work(std::size_t i) { return static_cast<TenantWork*>(memory_)[i]; }

    void start(std::size_t i) {
        TenantShape shape = shape_;
        const std::size_t group = i / options_.per_group;
        shape.cold_share = cold_shares[group % cold_shares.size()];
        shape.seed = options_.seed * 1'000'003 + i;
        pids_[i] = start_tenant(shape, work(i), cgroups_.folders()[group]);
    }

    const Options& options_;
    const Cgroups& cgroups_;
    const std::size_t count_;
    TenantShape shape_;
    void* memory_ = nullptr;
    std::vector<pid_t> pids_;
    std::uint64_t killed_ = 0;
};

// Who keeps memory free, by name.
struct Keeper {
    std::unique_ptr<LruGeneration> lru;
    std::unique_ptr<ReclaimLoop> loop;
    std::unique_ptr<RunningDaemon> daemon;
};

Keeper keeper_of(const std::string& way, const Options& options, const Cgroups& cgroups) {
    Keeper keeper;
    keeper.lru = std::make_unique<LruGeneration>(way == "mglru");
    if (way == "reclaim") keeper.loop = std::make_unique<ReclaimLoop>(cgroups.folders());
    if (way == "daemon")
        keeper.daemon = std::make_unique<RunningDaemon>(options.daemon, options.policy);
    return keeper;
}

void watch(Tenants& tenants, double seconds, nlohmann::json* course, std::uint64_t first) {
    constexpr double step = 5;
    for (double waited = 0; waited < seconds; waited += step) {
        sleep_unless_interrupted(seconds_of(std::min(step, seconds - waited)));
        tenants.look_after();
        const auto memory = memory_of_machine();
        if (course == nullptr || !memory) continue;
        course->push_back({{"requests", tenants.requests() - first},
                           {"available_bytes", memory->available.count},
                           {"swapped_bytes", memory->swap_total.count - memory->swap_free.count},
                           {"zram_bytes", memory->zram.count}});
    }
}

nlohmann::json run_once(const std::string& way, double ratio, const Options& options) {
    const auto machine = memory_of_machine();
    if (!machine) throw std::runtime_error("/proc/meminfo cannot be read");
    const double memory = options.memory_mib > 0 ? options.memory_mib * 1048576
                                                 : static_cast<double>(machine->total.count);
    const Cgroups cgroups("overcommit", options.groups);
    const Keeper keeper = keeper_of(way, options, cgroups);
    const HostCounts first = HostCounts::now();
    Tenants tenants(options, cgroups, static_cast<std::uint64_t>(ratio * memory));
    const auto began = Clock::now();
    while (!tenants.ready()) {
        sleep_unless_interrupted(std::chrono::milliseconds(200));
        tenants.look_after();
    }
    const double filled_s = std::chrono::duration<double>(Clock::now() - began).count();
    watch(tenants, options.settle_s, nullptr, 0);

    tenants.count_times();
    const std::uint64_t requests = tenants.requests();
    const HostCounts before = HostCounts::now();
    const CpuTime cpu = keeper.daemon ? keeper.daemon->cpu_time() : CpuTime{};
    const auto measured = Clock::now();
    nlohmann::json course = nlohmann::json::array();
    watch(tenants, options.seconds, &course, requests);
    const double seconds = std::chrono::duration<double>(Clock::now() - measured).count();
    const HostCounts after = HostCounts::now();
    nlohmann::json figures = {
        {"way", way},
        {"ratio", ratio},
        {"demand_bytes", static_cast<std::uint64_t>(ratio * memory)},
        {"filled_s", filled_s},
        {"seconds", seconds},
        {"requests_per_second", static_cast<double>(tenants.requests() - requests) / seconds},
        {"p50_ms", tenants.time_of(0.5)},
        {"p99_ms", tenants.time_of(0.99)},
        {"wrong_pages", tenants.wrong_pages()},
        {"oom_kills", after.oom_kills - first.oom_kills},
        {"tenants_killed", tenants.killed()},
        {"swapped_in_pages", after.swapped_in - before.swapped_in},
        {"swapped_out_pages", after.swapped_out - before.swapped_out},
        {"direct_scanned_pages", after.direct_scans - before.direct_scans},
        {"stalled_share", (after.stalled_s - before.stalled_s) / seconds},
        {"stalled_full_share", (after.stalled_full_s - before.stalled_full_s) / seconds},
        {"course", course}};
    if (keeper.daemon) {
        const CpuTime now = keeper.daemon->cpu_time();
        figures["daemon_cpu_share"] = (now.all_s() - cpu.all_s()) / seconds;
        figures["daemon_cpu_user_share"] = (now.user_s - cpu.user_s) / seconds;
        figures["daemon_rss_bytes"] = keeper.daemon->rss_bytes();
        figures["daemon_status"] = nlohmann::json::parse(keeper.daemon->status(), nullptr, false);
    }
    return figures;
}

void run(const Options& options) {
    nlohmann::json runs = nlohmann::json::array();
    for (const double ratio : options.ratios)
        for (const std::string& way : options.ways) {
            runs.push_back(run_once(way, ratio, options));
            const auto& last = runs.back();
            std::printf("%-8s %.2f  %8.1f requests a second, p99 %.1f ms, %llu OOM kills\n",
                        way.c_str(), ratio, last["requests_per_second"].get<double>(),
                        last["p99_ms"].get<double>(),
                        static_cast<unsigned long long>(last["oom_kills"].get<std::uint64_t>()));
            std::fflush(stdout);
            write_json(options.out,
                       nlohmann::json{{"runs", runs},
                                      {"cold_shares", cold_shares},
                                      {"groups", options.groups},
                                      {"per_group", options.per_group}}
                           .dump(1, ' ', false, nlohmann::json::error_handler_t::replace));
        }
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Tenants that ask for more memory than there is, with and without help");
    Options options;
    app.add_option("policy", options.policy, "What the daemon goes by: a file or a folder");
    app.add_option("--way", options.ways, "without, mglru, reclaim, daemon: in this order")
        ->check(CLI::IsMember({"without", "mglru", "reclaim", "daemon"}));
    app.add_option("--ratio", options.ratios, "Of demand to memory, each with every way");
    app.add_option("--memory", options.memory_mib, "MiB that the demand is a multiple of");
    app.add_option("--groups", options.groups)->check(CLI::Range(1, 1000));
    app.add_option("--per-group", options.per_group)->check(CLI::Range(1, 1000));
    app.add_option("--settle", options.settle_s, "Seconds after all is filled");
    app.add_option("--seconds", options.seconds, "Measured seconds");
    app.add_option("--seed", options.seed);
    app.add_option("--daemon", options.daemon, "The command damon-schemes");
    app.add_option("--out", options.out, "A file for the figures, in JSON");
    CLI11_PARSE(app, argc, argv);
    note_interruptions();
    // Whatever is killed, it is not what measures.
    std::ofstream("/proc/self/oom_score_adj") << "-1000\n";
    try {
        run(options);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "overcommit: %s\n", error.what());
        return 1;
    }
}

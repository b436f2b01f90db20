// SPDX-License-Identifier: MIT
// How well a monitor sees: runs the workload of a phase file, watches it, and holds what was seen
// against what the workload did.
//
//     accuracy FILE --monitor module|mainline --seed N --json OUT
//
// As root, with the module loaded, or on a kernel that has DAMON.  Exit status 4: this monitor is
// not to be had here.
#include <poll.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "benchmarks/accuracy/score.h"
#include "benchmarks/accuracy/score_json.h"
#include "benchmarks/accuracy/truth_file.h"
#include "benchmarks/accuracy/watched_workload.h"
#include "engine/monitors/mainline_monitor.h"
#include "engine/monitors/module_monitor.h"
#include "schemes/policy/reader.h"
#include "schemes/quantity.h"

namespace {

using namespace damon_schemes;
using namespace damon_schemes::accuracy;

// Phase files are written for the default aggregation interval.
constexpr Duration usual_aggregation = std::chrono::milliseconds(100);
constexpr int quiet_ms = 60'000;

struct Options {
    std::string file, monitor = "module", program, truth, json;
    std::string sampling = "5ms", aggregation = "100ms", regions = "10:1000", hot = "20%";
    std::vector<std::string> keys;
    std::uint64_t seed = 1;
    double sizes = 1, times = 0;
};

// A failure that has an exit status of its own.
struct Failure : std::runtime_error {
    explicit Failure(const Error& error)
        : std::runtime_error(error.message), status(static_cast<int>(error.kind)) {}
    int status;
};

template <typename T>
T must(Result<T> result) {
    if (!result) throw Failure(result.error());
    return std::move(result).value();
}
void must(const Result<void>& result) {
    if (!result) throw Failure(result.error());
}

template <typename T>
T must(const QuantityReading<T>& reading, const std::string& option) {
    if (!reading) throw Failure({ErrorKind::usage, option + ": " + reading.message});
    return *reading.value;
}

std::unique_ptr<Monitor> open_monitor_named(const std::string& name) {
    if (name == "module") return must(open_module_monitor());
    return must(open_mainline_monitor());
}

// By the keys of a policy's [monitor], so that whatever these can say can be scored.
MonitorAttributes attributes_of(const Options& options) {
    std::uint32_t least = 0, most = 0;
    int read = 0;
    if (std::sscanf(options.regions.c_str(), "%u:%u%n", &least, &most, &read) != 2 ||
        static_cast<std::size_t>(read) != options.regions.size())
        throw Failure({ErrorKind::usage, "--regions: two numbers such as 10:1000"});
    const Duration aggregation = must(parse_duration(options.aggregation), "--aggregation");
    const std::string text = "version = 1\n[monitor]\nsampling_interval = \"" + options.sampling +
                             "\"\naggregation_interval = \"" + options.aggregation +
                             "\"\nupdate_interval = \"" + to_string(10 * aggregation) +
                             "\"\nregions = { min = " + std::to_string(least) +
                             ", max = " + std::to_string(most) +
                             " }\n[[scheme]]\nname = \"watched\"\naction = \"stat\"\n";
    PolicyReadOptions reading;
    reading.source = "command line";
    for (const std::string& key : options.keys) reading.overrides.push_back("monitor." + key);
    const PolicyReading policy = read_policy(text, reading);
    if (!policy.ok())
        throw Failure({ErrorKind::usage, damon_schemes::to_string(policy.errors.front())});
    return policy.policy.monitor;
}

struct Watched {
    std::vector<Snapshot> snapshots;
    MonitorCost cost;
    Duration length{};  // of the monitoring
};

void take_all(Monitor& monitor, std::vector<Snapshot>& snapshots) {
    while (auto snapshot = must(monitor.take_snapshot())) snapshots.push_back(std::move(*snapshot));
}

// Of all targets: more than what is mapped, for only the two largest gaps are left out.
std::uint64_t watched_bytes(const Snapshot& snapshot) {
    std::uint64_t bytes = 0;
    for (const TargetSnapshot& target : snapshot.targets)
        for (const Region& region : target.regions) bytes += region.range.size().count;
    return bytes;
}

// Until the workload's end.
Watched watch(WatchedWorkload& workload, Monitor& monitor, const MonitorAttributes& attributes,
              std::uint64_t seed) {
    must(monitor.set_attributes(attributes));
    must(monitor.add_target(workload.pid()));
    must(monitor.start());
    const auto began = std::chrono::steady_clock::now();
    // Phases are mostly whole numbers of aggregation intervals long: where in an interval they
    // change is not left to that.  Multiples of the golden ratio spread few seeds as well as many.
    const double part = std::fmod(static_cast<double>(seed % 1'000'000) * 0.6180339887, 1);
    std::this_thread::sleep_for(Duration(static_cast<std::int64_t>(
        part * static_cast<double>(attributes.aggregation_interval.count()))));
    workload.begin();
    Watched watched;
    for (bool running = true; running;) {
        std::array<pollfd, 2> both = {
            {{monitor.descriptor(), POLLIN, 0}, {workload.output(), POLLIN, 0}}};
        const int ready = poll(both.data(), both.size(), quiet_ms);
        if (ready < 0 && errno != EINTR)
            throw std::runtime_error(std::string("poll: ") + std::strerror(errno));
        if (ready == 0)
            throw std::runtime_error("neither a snapshot comes, nor the workload's end");
        take_all(monitor, watched.snapshots);
        if (both[1].revents != 0) {
            std::array<char, 256> rest{};
            running = read(workload.output(), rest.data(), rest.size()) > 0;
        }
    }
    take_all(monitor, watched.snapshots);
    watched.cost = must(monitor.cost());
    watched.length = std::chrono::steady_clock::now() - began;
    // Targets that are gone may have ended it already.
    (void)monitor.stop().ok();
    return watched;
}

std::string shown(const std::optional<double>& share) {
    if (!share) return "-";
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.2f %%", *share * 100);
    return text.data();
}

void print(const char* what, const Score& score, std::size_t snapshots) {
    std::printf("%-8s %9zu %10s %10s %10s %12s %12s %10s %10s\n", what, snapshots,
                shown(score.recall()).c_str(), shown(score.precision()).c_str(),
                shown(score.strict_precision()).c_str(),
                shown(score.wrongly_cold_of_mapped()).c_str(),
                shown(score.wrongly_cold_of_touched()).c_str(),
                shown(score.working_set_error()).c_str(), shown(score.unknown_of_mapped()).c_str());
}

void print(const RunScore& run) {
    std::printf("%-8s %9s %10s %10s %10s %12s %12s %10s %10s\n", "", "snapshots", "recall",
                "precision", "strict", "wrongly cold", "of touched", "WSS error", "unknown");
    print("whole", run.whole, run.snapshots.size());
    print("settled", run.settled, run.settled_snapshots);
    for (const ChangeScore& change : run.changes) {
        const ChangeScore::Seen& last = change.seen ? *change.seen : change.watched;
        std::printf(
            "change at %.2f s (%s newly hot, %s newly cold): %s in interval %llu, %.2f intervals "
            "after\n",
            std::chrono::duration<double>(change.at).count(),
            damon_schemes::to_string(Bytes{change.newly_hot}).c_str(),
            damon_schemes::to_string(Bytes{change.newly_cold}).c_str(),
            change.seen ? "seen" : "not yet seen", static_cast<unsigned long long>(last.intervals),
            last.time);
    }
}

// A file that goes with this object.
class TemporaryFile {
  public:
    TemporaryFile() : path_(std::filesystem::temp_directory_path() / "truth-XXXXXX") {
        const int file = mkstemp(path_.data());
        if (file < 0) throw std::runtime_error("no temporary file");
        close(file);
    }
    ~TemporaryFile() {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

int run(Options options) {
    const MonitorAttributes attributes = attributes_of(options);
    if (options.times == 0)
        options.times = static_cast<double>(attributes.aggregation_interval.count()) /
                        static_cast<double>(usual_aggregation.count());
    ScoreRules rules;
    rules.hot = must(parse_share(options.hot), "--hot");
    if (options.program.empty())
        options.program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "phases";

    const TemporaryFile scratch;
    const std::string truth_path = options.truth.empty() ? scratch.path() : options.truth;
    const std::unique_ptr<Monitor> monitor = open_monitor_named(options.monitor);
    WatchedWorkload workload({options.program, options.file, "--seed", std::to_string(options.seed),
                              "--sizes", std::to_string(options.sizes), "--times",
                              std::to_string(options.times), "--truth", truth_path});
    const Watched watched = watch(workload, *monitor, attributes, options.seed);
    workload.finish();
    const Truth truth = must(read_truth(truth_path));
    Scorer scorer(truth, rules);
    for (const Snapshot& snapshot : watched.snapshots) scorer.add(snapshot);
    const RunScore score = scorer.finish();

    std::printf("%s, %s, seed %llu: %s/%s, regions %s\n",
                std::filesystem::path(options.file).stem().c_str(), options.monitor.c_str(),
                static_cast<unsigned long long>(options.seed), options.sampling.c_str(),
                options.aggregation.c_str(), options.regions.c_str());
    print(score);
    if (score.snapshots.empty())
        throw std::runtime_error("no snapshot lies within the workload's time");
    if (options.json.empty()) return 0;
    utsname machine{};
    uname(&machine);
    nlohmann::json all = json_of(score);
    all["file"] = std::filesystem::path(options.file).stem();
    all["monitor"] = options.monitor;
    all["seed"] = options.seed;
    all["kernel"] = machine.release;
    all["sampling"] = options.sampling;
    all["aggregation"] = options.aggregation;
    all["regions"] = {{"min", attributes.min_regions}, {"max", attributes.max_regions}};
    all["set"] = options.keys;
    all["lost_snapshots"] = watched.cost.lost_snapshots;
    all["watched_bytes"] = watched_bytes(watched.snapshots[watched.snapshots.size() / 2]);
    all["passes"] = watched.cost.passes;
    all["late_passes"] = watched.cost.late_passes;
    all["thread_share"] = static_cast<double>(watched.cost.thread_time.count()) /
                          static_cast<double>(watched.length.count());
    std::ofstream file(options.json);
    file << all.dump(2) << "\n";
    if (!file.flush()) throw std::runtime_error("cannot write " + options.json);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app{"How well a monitor sees what a phase file's workload does."};
    app.add_option("FILE", options.file, "the phase file")->required();
    app.add_option("--monitor", options.monitor, "module (default) or mainline")
        ->check(CLI::IsMember({"module", "mainline"}));
    app.add_option("--seed", options.seed, "of everything that is random (default: 1)");
    app.add_option("--sampling", options.sampling, "interval (default: 5ms)");
    app.add_option("--aggregation", options.aggregation,
                   "interval; the update interval is ten of them (default: 100ms)");
    app.add_option("--regions", options.regions, "least and most (default: 10:1000)");
    app.add_option("--set", options.keys,
                   "KEY=VALUE of a policy's [monitor], such as tlb=full; as often as needed")
        ->expected(1)
        ->take_all();
    app.add_option("--hot", options.hot, "looks in which hot memory is touched (default: 20%)");
    app.add_option("--sizes", options.sizes, "areas and spots so many times as large")
        ->check(CLI::PositiveNumber);
    app.add_option("--times", options.times,
                   "phases and rounds so many times as long (default: aggregation / 100ms)")
        ->check(CLI::PositiveNumber);
    app.add_option("--program", options.program, "the workload (default: phases, beside this)");
    app.add_option("--truth", options.truth, "keep what the workload told in this file");
    app.add_option("--json", options.json, "write the figures there, too");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    try {
        return run(options);
    } catch (const Failure& error) {
        std::fprintf(stderr, "accuracy: %s\n", error.what());
        return error.status;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "accuracy: %s\n", error.what());
        return 1;
    }
}

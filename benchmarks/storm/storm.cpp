// SPDX-License-Identifier: MIT
// What monitoring does to a program that maps, touches and unmaps all the time: windows without
// monitoring, with it, and with another process monitored instead take turns, and the medians of
// their percentiles are compared.  The third kind tells what a program notices of the work on
// another processor alone: under emulation the processors of a guest get into each other's way.
//
//     storm [--pages N] [--windows N] [--seconds S] [--regions N] [--idle MIB] [--scale N]
//           [--tlb auto|none|page|full] [--json FILE]
//     storm --alone PAGES        only how long a round takes here, without any monitoring
//
// In the lab's guest, as root, the module loaded; --alone anywhere.
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchmarks/device/device_session.h"
#include "benchmarks/storm/idle_process.h"
#include "benchmarks/storm/storming_process.h"

namespace damon_schemes::bench {
namespace {

struct Options {
    std::size_t pages = 16;
    unsigned windows = 7;  // of each kind
    double seconds = 3;
    std::uint32_t regions = 1000;
    std::size_t idle_mib = 128;
    unsigned scale = 1;  // intervals are so many times the defaults
    std::uint32_t tlb = DAMON_SCHEMES_TLB_AUTO;
    std::string json;
};

std::uint32_t percentile(std::vector<std::uint32_t> values, double share) {
    if (values.empty()) throw std::runtime_error("a window without a round: make it longer");
    const auto index = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1));
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(index);
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const auto middle = values.size() / 2;
    return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

struct Window {
    std::size_t rounds = 0;
    // "whole p99" → ns
    std::map<std::string, double> figures;
};

Window window_of(const Rounds& rounds, double seconds) {
    static constexpr std::array<std::pair<const char*, double>, 3> shares = {
        {{"p50", 0.5}, {"p99", 0.99}, {"p99.9", 0.999}}};
    Window window;
    window.rounds = rounds.whole.size();
    for (const auto& [name, values] : {std::pair{"whole", &rounds.whole},
                                       {"map", &rounds.map},
                                       {"touch", &rounds.touch},
                                       {"unmap", &rounds.unmap}})
        for (const auto& [share_name, share] : shares)
            window.figures[std::string(name) + " " + share_name] = percentile(*values, share);
    window.figures["rounds a second"] = static_cast<double>(window.rounds) / seconds;
    return window;
}

// What the sessions say of themselves; sums over the windows, and the greatest of the maxima.
struct Cost {
    std::uint64_t irq_off_max_ns = 0, irq_off_p99_ns = 0, lock_max_ns = 0, memory_bytes = 0;
    std::uint64_t thread_ns = 0, passes = 0, late_passes = 0, updates = 0, updates_missed = 0;
    std::uint32_t least_regions = UINT32_MAX;
    damon_schemes_stats sum{};  // irq_off_log2_ns alone

    void add(const damon_schemes_stats& stats) {
        irq_off_max_ns = std::max<std::uint64_t>(irq_off_max_ns, stats.irq_off_max_ns);
        lock_max_ns = std::max<std::uint64_t>(lock_max_ns, stats.lock_max_ns);
        memory_bytes = std::max<std::uint64_t>(memory_bytes, stats.memory_bytes);
        thread_ns += stats.thread_ns;
        passes += stats.passes;
        late_passes += stats.late_passes;
        updates += stats.updates;
        updates_missed += stats.updates_missed;
        least_regions = std::min<std::uint32_t>(least_regions, stats.nr_regions);
        for (int i = 0; i < DAMON_SCHEMES_IRQ_OFF_BUCKETS; i++)
            sum.irq_off_log2_ns[i] += stats.irq_off_log2_ns[i];
        irq_off_p99_ns = irq_off_percentile_ns(sum, 0.99);
    }
};

void check(const char* what, int error) {
    if (error != 0) throw std::runtime_error(std::string(what) + ": " + std::strerror(error));
}

damon_schemes_attrs attributes(const Options& options) {
    damon_schemes_attrs attrs{};
    attrs.sampling_interval_us = 5'000ULL * options.scale;
    // More often than the defaults have it, so that a window has several.
    attrs.aggregation_interval_us = 5 * attrs.sampling_interval_us;
    attrs.update_interval_us = 10 * attrs.aggregation_interval_us;
    attrs.min_regions = options.regions;
    attrs.max_regions = options.regions;
    attrs.min_region_size = 4096;
    attrs.tlb_policy = options.tlb;
    return attrs;
}

// A window under a session that was opened for it, watches `target` and has its regions.
Window monitored_window(StormingProcess& process, pid_t target, const Options& options,
                        Cost* cost) {
    DeviceSession session;
    check("open " DAMON_SCHEMES_DEVICE, session.open());
    check("SET_ATTRS", session.set(attributes(options)));
    check("ADD_TARGET", session.add(target));
    check("START", session.start());
    // Its first look at the mappings may be given up: the storm has the lock most of the time.
    SeenSnapshot snapshot;
    for (int i = 0; i < 20 && (snapshot.targets.empty() || snapshot.targets[0].regions.empty());
         i++) {
        if (!session.wait(60'000)) throw std::runtime_error("no snapshot comes");
        check("read", session.read(&snapshot));
    }
    const auto window = window_of(process.observe(options.seconds), options.seconds);
    damon_schemes_stats stats{};
    check("GET_STATS", session.stats(&stats));
    cost->add(stats);
    return window;
}

nlohmann::json json_of(const std::vector<Window>& windows) {
    auto array = nlohmann::json::array();
    for (const auto& window : windows) array.push_back(window.figures);
    return array;
}

double median_of(const std::vector<Window>& windows, const std::string& figure) {
    std::vector<double> values;
    for (const auto& window : windows) values.push_back(window.figures.at(figure));
    return median(values);
}

int run_alone(std::size_t pages) {
    StormingProcess process(pages, 1 << 20);
    process.observe(1);
    std::vector<double> medians;
    for (int i = 0; i < 5; i++)
        medians.push_back(window_of(process.observe(0.5), 0.5).figures.at("whole p50"));
    std::printf("%.0f ns a round\n", median(medians));
    return 0;
}

int run(const Options& options) {
    StormingProcess process(options.pages, options.idle_mib << 20);
    const IdleProcess other(options.idle_mib << 20);
    process.observe(1);  // until it has its pace
    std::vector<Window> with, without, elsewhere;
    Cost cost, cost_elsewhere;
    double monitored_seconds = 0;
    for (unsigned i = 0; i < options.windows * 3; i++) {
        // Which comes first takes turns, so that a machine that grows slower harms all.
        switch ((i + i / 3) % 3) {
            case 0:
                without.push_back(window_of(process.observe(options.seconds), options.seconds));
                break;
            case 1:
                with.push_back(monitored_window(process, process.pid(), options, &cost));
                monitored_seconds += options.seconds;
                break;
            default:
                elsewhere.push_back(
                    monitored_window(process, other.pid(), options, &cost_elsewhere));
        }
        std::fputc('.', stdout);
        std::fflush(stdout);
    }
    std::printf("\n%-18s%12s%12s%8s%12s%8s\n", "medians", "without", "with", "ratio", "elsewhere",
                "ratio");
    nlohmann::json medians;
    for (const auto& [name, value] : without.front().figures) {
        const double a = median_of(without, name), b = median_of(with, name),
                     c = median_of(elsewhere, name);
        std::printf("%-18s%12.0f%12.0f%8.3f%12.0f%8.3f\n", name.c_str(), a, b, b / a, c, c / a);
        medians[name] = {{"without", a},
                         {"with", b},
                         {"ratio", b / a},
                         {"elsewhere", c},
                         {"ratio_elsewhere", c / a}};
    }
    std::printf("%u windows of %g s of each kind, %zu pages a round, %u regions, intervals x %u\n",
                options.windows, options.seconds, options.pages, cost.least_regions, options.scale);
    std::printf("interrupts off: at most %llu ns, p99 below %llu ns; lock held: at most %llu ns\n",
                static_cast<unsigned long long>(cost.irq_off_max_ns),
                static_cast<unsigned long long>(cost.irq_off_p99_ns),
                static_cast<unsigned long long>(cost.lock_max_ns));
    if (options.json.empty()) return 0;
    const nlohmann::json all = {{"pages", options.pages},
                                {"windows", options.windows},
                                {"window_seconds", options.seconds},
                                {"scale", options.scale},
                                {"medians", medians},
                                {"with", json_of(with)},
                                {"without", json_of(without)},
                                {"elsewhere", json_of(elsewhere)},
                                {"regions", cost.least_regions},
                                {"memory_bytes", cost.memory_bytes},
                                {"irq_off_max_ns", cost.irq_off_max_ns},
                                {"irq_off_p99_ns", cost.irq_off_p99_ns},
                                {"irq_off_log2_ns", cost.sum.irq_off_log2_ns},
                                {"lock_max_ns", cost.lock_max_ns},
                                {"passes", cost.passes},
                                {"late_passes", cost.late_passes},
                                {"updates", cost.updates},
                                {"updates_missed", cost.updates_missed},
                                {"thread_ns", cost.thread_ns},
                                {"monitored_seconds", monitored_seconds}};
    std::ofstream file(options.json);
    file << all.dump(2) << "\n";
    if (!file.flush()) throw std::runtime_error("cannot write " + options.json);
    return 0;
}

template <typename Number>
bool parse(const char* text, Number* number) {
    const char* end = text + std::strlen(text);
    return std::from_chars(text, end, *number).ptr == end && text != end && *number > 0;
}

bool parse(const std::string& text, std::uint32_t* tlb) {
    static constexpr std::array<std::pair<const char*, std::uint32_t>, 4> names = {
        {{"auto", DAMON_SCHEMES_TLB_AUTO},
         {"none", DAMON_SCHEMES_TLB_NONE},
         {"page", DAMON_SCHEMES_TLB_PAGE},
         {"full", DAMON_SCHEMES_TLB_FULL}}};
    for (const auto& [name, value] : names)
        if (text == name) return *tlb = value, true;
    return false;
}

bool parse(int argc, char** argv, Options* options) {
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc) return false;
        const std::string name = argv[i];
        const char* value = argv[i + 1];
        if (name == "--json") {
            options->json = value;
            continue;
        }
        if (!(name == "--tlb"       ? parse(std::string(value), &options->tlb)
              : name == "--pages"   ? parse(value, &options->pages)
              : name == "--windows" ? parse(value, &options->windows)
              : name == "--seconds" ? parse(value, &options->seconds)
              : name == "--regions" ? parse(value, &options->regions)
              : name == "--idle"    ? parse(value, &options->idle_mib)
              : name == "--scale"   ? parse(value, &options->scale)
                                    : false))
            return false;
    }
    return true;
}

}  // namespace
}  // namespace damon_schemes::bench

int main(int argc, char** argv) {
    using namespace damon_schemes::bench;
    Options options;
    std::size_t alone = 0;
    const bool is_alone =
        argc == 3 && std::strcmp(argv[1], "--alone") == 0 && parse(argv[2], &alone);
    if (!is_alone && !parse(argc, argv, &options)) {
        std::fputs(
            "usage: storm [--pages N] [--windows N] [--seconds S] [--regions N] [--idle MIB] "
            "[--scale N] [--tlb auto|none|page|full] [--json FILE]\n"
            "       storm --alone PAGES\n",
            stderr);
        return 2;
    }
    try {
        return is_alone ? run_alone(alone) : run(options);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "storm: %s\n", error.what());
        return 1;
    }
}

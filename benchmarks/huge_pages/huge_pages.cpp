// SPDX-License-Identifier: MIT
// One sparse heap under several ways to give it huge pages, in turn: none, the kernel's "always",
// the hot blocks named by hand, and each policy.
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/huge_pages/heap_layout.h"
#include "benchmarks/huge_pages/heap_look.h"
#include "benchmarks/huge_pages/sparse_heap.h"
#include "benchmarks/huge_pages/thp_setting.h"
#include "benchmarks/interruption.h"
#include "benchmarks/json_file.h"
#include "benchmarks/named_policy.h"
#include "benchmarks/ways.h"
#include "engine/actions/action_warnings.h"
#include "engine/targets/procfs.h"

namespace {

using namespace damon_schemes;
using namespace damon_schemes::bench;
using namespace std::chrono_literals;
using demo::PolicyCommand;
using demo::PolicyRun;
using Clock = std::chrono::steady_clock;

constexpr int collapse_advice = 25;  // MADV_COLLAPSE, of Linux 6.1
constexpr Duration look_interval = 1s;

struct Options {
    HeapShape shape;
    double seconds = 60;
    double growth = 8;
    WayOptions all;
};

// A way to give a heap huge pages.
struct Configuration {
    std::string name;
    std::string thp;  // the machine's setting
    bool by_hand = false;
    std::optional<PolicyCommand> policy;
};

// The page cache, which is of no run.
void drop_caches() {
    sync();
    std::ofstream("/proc/sys/vm/drop_caches") << "3\n" << std::flush;
}

// The hot blocks as the program itself would name them: what can be reached at best.  Returns how
// many bytes could not be collapsed.
Bytes collapse_by_hand(const SparseHeap& heap, const HeapLayout& layout, std::size_t phase) {
    Bytes refused;
    for (const std::uint32_t block : layout.hot[phase].blocks) {
        iovec range{reinterpret_cast<void*>(heap.base() + block * block_size.count),
                    block_size.count};
        const long done = syscall(SYS_process_madvise, heap.pidfd(), &range, 1, collapse_advice, 0);
        if (done != static_cast<long>(block_size.count)) {
            if (refused.count == 0)
                std::fprintf(stderr, "huge_pages: MADV_COLLAPSE: %s\n", std::strerror(errno));
            refused += block_size;
        }
    }
    return refused;
}

// What the kernel did with huge pages since boot.
nlohmann::json thp_counters() {
    nlohmann::json counters;
    const std::string text = read_file("/proc/vmstat").value_or("");
    for (const char* name : {"thp_fault_alloc", "thp_collapse_alloc", "thp_split_page",
                             "thp_split_pmd", "thp_swpout"}) {
        // "name value", where value_of() wants a colon.
        const auto at = text.find(std::string("\n") + name + " ");
        if (at == std::string::npos) continue;
        counters[name] = std::stoull(text.substr(at + std::strlen(name) + 2));
    }
    return counters;
}

nlohmann::json differences(const nlohmann::json& after, const nlohmann::json& before) {
    nlohmann::json result;
    for (const auto& [name, value] : after.items())
        result[name] = value.get<std::uint64_t>() - before.value(name, std::uint64_t{0});
    return result;
}

double mean_of(const std::vector<HeapLook>& looks, Bytes HeapLook::*figure) {
    double sum = 0;
    for (const HeapLook& look : looks) sum += static_cast<double>((look.*figure).count);
    return sum / static_cast<double>(looks.size());
}

// A phase of one run: looks at it once a second.  The last third is what counts: by then a policy
// has found what it finds.
nlohmann::json phase_of(const SparseHeap& heap, HeapWatch& watch, Duration length,
                        std::optional<PolicyRun>& policy, nlohmann::json& course,
                        Clock::time_point began) {
    const auto from = Clock::now();
    std::vector<HeapLook> measured;
    Clock::time_point measured_from{};
    while (Clock::now() - from < length || measured.size() < 2) {
        const auto at = Clock::now();
        const HeapLook look = watch.look();
        nlohmann::json moment = look.json();
        moment["seconds"] = std::chrono::duration<double>(at - began).count();
        course.push_back(std::move(moment));
        if (at - from >= length * 2 / 3) {
            if (measured.empty()) measured_from = at;
            measured.push_back(look);
        }
        if (policy && !policy->running())
            throw std::runtime_error("damon-schemes apply ended; it says why above");
        sleep_unless_interrupted(std::max<Duration>(10ms, look_interval - (Clock::now() - at)));
    }
    const auto accesses = heap.progress().accesses - measured.front().accesses;
    const std::chrono::duration<double> seconds = Clock::now() - measured_from;
    return {{"used_bytes", mean_of(measured, &HeapLook::used)},
            {"in_lists_bytes", mean_of(measured, &HeapLook::in_lists)},
            {"available_bytes", mean_of(measured, &HeapLook::available)},
            {"zram_bytes", mean_of(measured, &HeapLook::zram)},
            {"rss_bytes", mean_of(measured, &HeapLook::rss)},
            {"swapped_bytes", mean_of(measured, &HeapLook::swapped)},
            {"anonymous_huge_bytes", mean_of(measured, &HeapLook::anonymous_huge)},
            {"huge_block_bytes", mean_of(measured, &HeapLook::huge_blocks)},
            {"hot_bytes", measured.back().hot.count},
            {"hot_on_huge_bytes", mean_of(measured, &HeapLook::hot_on_huge)},
            {"minor_faults", measured.back().minor_faults},
            {"major_faults", measured.back().major_faults},
            {"accesses_per_second", static_cast<double>(accesses) / seconds.count()}};
}

nlohmann::json run_once(const Configuration& configuration, const Options& options,
                        const HeapLayout& layout) {
    drop_caches();
    const ThpSetting setting(configuration.thp);
    const auto counters = thp_counters();
    SparseHeap heap(layout);
    HeapWatch watch(heap, layout);
    const HeapLook nothing = watch.look();
    std::optional<PolicyRun> policy = start_policy(configuration.policy, heap.pid());

    // From here on it is the same for all.
    const auto began = Clock::now();
    nlohmann::json course = nlohmann::json::array();
    nlohmann::json figures;
    heap.begin(seconds_of(options.growth));
    while (!heap.grown()) sleep_unless_interrupted(50ms);
    if (configuration.by_hand)
        figures["by_hand_refused_bytes"] = collapse_by_hand(heap, layout, 0).count;
    figures["first"] = phase_of(heap, watch, seconds_of(options.seconds), policy, course, began);
    heap.enter(1);
    figures["second_from_seconds"] = std::chrono::duration<double>(Clock::now() - began).count();
    if (configuration.by_hand) collapse_by_hand(heap, layout, 1);
    figures["second"] = phase_of(heap, watch, seconds_of(options.seconds), policy, course, began);
    figures["used_before_bytes"] = nothing.used.count;
    figures["course"] = std::move(course);
    figures["kernel"] = differences(thp_counters(), counters);
    if (policy) figures["summary"] = finish_policy(*policy);
    figures["wrong_pages"] = heap.progress().wrong + heap.check();
    return figures;
}

std::string text_of(const char* name) {
    const auto text =
        read_file(std::string("/sys/kernel/mm/transparent_hugepage/") + name).value_or("");
    const std::string word = chosen_setting(text);
    return word.empty() ? text.substr(0, text.find('\n')) : word;
}

std::vector<Configuration> configurations_of(const Options& options, unsigned turn) {
    return ways_of<Configuration>(
        {{"orig", "madvise", false, {}},
         {"thp", "always", false, {}},
         {"by-hand", "madvise", true, {}}},
        options.all, turn, [](NamedPolicy named) {
            return Configuration{named.name, "madvise", false, std::move(named.command)};
        });
}

void run(Options options) {
    if (options.all.quick) {
        options.shape.hot_blocks = 4;
        options.shape.sparse_blocks = 40;
        options.growth = 1;
    }
    const HeapLayout layout = lay_out(options.shape);
    const auto mib = [](double bytes) { return bytes / (1 << 20); };
    std::printf("a heap of %.0f MiB, %.0f MiB of it used, %.1f MiB hot\n",
                mib(static_cast<double>(layout.heap_bytes().count)),
                mib(static_cast<double>(layout.used_bytes().count)),
                mib(static_cast<double>(layout.hot[0].bytes().count)));
    nlohmann::json turns = nlohmann::json::array();
    for (unsigned turn = 0; turn < options.all.turns; ++turn) {
        nlohmann::json figures;
        for (const Configuration& configuration : configurations_of(options, turn)) {
            nlohmann::json one = run_once(configuration, options, layout);
            for (const char* phase : {"first", "second"}) {
                const nlohmann::json& part = one[phase];
                std::printf(
                    "%-14s %-6s used %7.1f MiB, RSS %7.1f, huge %7.1f, hot on huge pages %5.1f "
                    "%%, %5.0f thousand accesses a second\n",
                    configuration.name.c_str(), phase, mib(part["used_bytes"].get<double>()),
                    mib(part["rss_bytes"].get<double>()),
                    mib(part["anonymous_huge_bytes"].get<double>()),
                    100 * part["hot_on_huge_bytes"].get<double>() / part["hot_bytes"].get<double>(),
                    part["accesses_per_second"].get<double>() / 1000);
            }
            std::fflush(stdout);
            figures[configuration.name] = std::move(one);
        }
        turns.push_back(std::move(figures));
    }
    const nlohmann::json all = {
        {"heap_bytes", layout.heap_bytes().count},
        {"used_bytes", layout.used_bytes().count},
        {"hot_bytes", layout.hot[0].bytes().count},
        {"hot_blocks", layout.hot[0].blocks.size()},
        {"blocks", layout.blocks},
        {"seconds", options.seconds},
        {"growth_seconds", options.growth},
        {"settings", settings_of(options.all)},
        {"machine",
         {{"defrag", text_of("defrag")},
          {"khugepaged_pages_to_scan", text_of("khugepaged/pages_to_scan")},
          {"khugepaged_scan_sleep_millisecs", text_of("khugepaged/scan_sleep_millisecs")},
          {"khugepaged_max_ptes_none", text_of("khugepaged/max_ptes_none")}}},
        {"turns", turns}};
    write_json(options.all.json, all.dump(1));
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app{"Gives a sparse heap huge pages in several ways, and measures what each takes.",
                 "huge_pages"};
    add_way_options(app, options.all, "orig, thp, by-hand", "A small heap");
    app.add_option("--seconds", options.seconds, "Of each of the two phases of a run")
        ->capture_default_str()
        ->check(CLI::Range(1.0, 3600.0));
    app.add_option("--growth", options.growth, "Seconds in which the heap grows")
        ->capture_default_str()
        ->check(CLI::Range(0.1, 3600.0));
    app.add_option("--hot-blocks", options.shape.hot_blocks,
                   "Blocks of 2 MiB that are hot at a time; as many are hot later")
        ->capture_default_str()
        ->check(CLI::Range(1U, 10'000U));
    app.add_option("--sparse-blocks", options.shape.sparse_blocks, "Blocks that are sparse")
        ->capture_default_str()
        ->check(CLI::Range(1U, 100'000U));
    app.add_option("--seed", options.shape.seed, "Of the heap's layout")->capture_default_str();
    app.footer(
        "It sets /sys/kernel/mm/transparent_hugepage/enabled, drops the page cache, and puts the "
        "setting\nback. Needs root; with policies the damon_schemes module, and swap.");
    CLI11_PARSE(app, argc, argv);
    return run_experiment("huge_pages", [&] { run(options); });
}

// SPDX-License-Identifier: MIT
// What the demo measured: plain values, a table for people, an object for programs.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/demo/dataset.h"
#include "benchmarks/demo/load.h"
#include "engine/machine/memory.h"
#include "engine/targets/process.h"

namespace damon_schemes::demo {

// Memory at one moment.
struct MemoryFigures {
    ProcessMemory server;
    MachineMemory machine;
    std::optional<double> compression;  // swapped bytes to those zram made of them; none: no zram
};
std::optional<MemoryFigures> memory_figures(std::int32_t server_pid);

// How the client fared in one window, and what was spent meanwhile.
struct WindowFigures {
    Duration length{};
    double requests_per_second = 0;
    Duration p50{};
    Duration p99{};
    std::uint64_t major_faults = 0;           // of the server
    std::optional<Duration> engine_time;      // CPU time; none: no policy runs
    std::optional<Duration> monitoring_time;  // likewise, of the module's thread
};
// Medians over windows; sums where a window is too short to tell (CPU times, faults).
struct WindowSummary {
    double requests_per_second = 0;
    Duration p50{};
    Duration p99{};
    double major_faults_per_second = 0;
    double engine_share = 0;      // of one CPU
    double monitoring_share = 0;  // of one CPU
};
WindowSummary summary_of(const std::vector<WindowFigures>& windows);
// The middle one, or the mean of the two in the middle; 0 of nothing.
double median(std::vector<double> values);

// One run of the demo: one server, one data set.
struct DemoFigures {
    DatasetShape dataset;
    std::vector<WindowFigures> before;   // all in memory, never monitored
    std::vector<WindowFigures> applied;  // the cold memory is out, the policy at work
    std::vector<WindowFigures> paused;   // between those: it is still out, the policy has ended
    MemoryFigures memory_before;
    MemoryFigures memory_applied;
    Duration goal_wait{};               // 60 s, as the promise says
    double goal_drop = 0;               // 0.6, likewise
    std::optional<Duration> goal_time;  // from the start of the policy until RSS was down so far
    double drop_at_goal_wait = 0;       // share of RSS that was gone then
    std::uint32_t cold_reads = 0;       // cold keys read at the end, all of them right
    Duration cold_read_p50{};           // what that cost
    nlohmann::json paging_out;          // apply's own summary of its first run
    std::string heatmap;                // of that run

    double rss_drop() const;  // share of RSS that is gone
    // RSS drop less the growth of zram's own memory; negative: it cost more than it gave.
    std::int64_t net_saved() const;
    // Requests per second with the policy to those without, in the steady state.
    double throughput_kept() const;
};

// At most 80 columns wide; each line ended by a newline.
std::string figures_table(const DemoFigures& figures);
// The scattered run in a few lines below the other's table.
std::string scattered_lines(const DemoFigures& figures);
// bytes and nanoseconds are integers, shares are fractions of 1.
nlohmann::json figures_json(const DemoFigures& figures);

}  // namespace damon_schemes::demo

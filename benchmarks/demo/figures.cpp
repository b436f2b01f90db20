// SPDX-License-Identifier: MIT
#include "benchmarks/demo/figures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>

#include "engine/reports/readable.h"

namespace damon_schemes::demo {
namespace {

constexpr std::size_t name_columns = 22;
constexpr std::size_t figure_columns = 13;

double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

std::string row(const std::string& name, const std::string& before, const std::string& applied,
                const std::string& paused, const std::string& remark) {
    std::string line = name + std::string(name_columns - std::min(name_columns, name.size()), ' ');
    line += right(before, figure_columns) + right(applied, figure_columns) +
            right(paused, figure_columns);
    if (!remark.empty()) line += "  " + remark;
    line.erase(line.find_last_not_of(' ') + 1);
    return line + "\n";
}

std::string decimal(double value, int digits) {
    std::array<char, 64> text;
    std::snprintf(text.data(), text.size(), "%.*f", digits, value);
    return text.data();
}

std::string percent(double share) {
    return decimal(share * 100, 1) + " %";
}

std::string signed_percent(double share) {
    return (share < 0 ? "-" : "+") + decimal(std::abs(share) * 100, 0) + " %";
}

std::string whole(double value) {
    return readable(static_cast<std::uint64_t>(std::llround(std::max(value, 0.0))));
}

Bytes swap_used(const MachineMemory& machine) {
    return machine.swap_total - machine.swap_free;
}

std::int64_t difference(Bytes from, Bytes to) {
    return static_cast<std::int64_t>(to.count) - static_cast<std::int64_t>(from.count);
}

nlohmann::json json_of(const std::optional<Duration>& duration) {
    if (!duration) return nullptr;
    return duration->count();
}

nlohmann::json json_of(const MemoryFigures& memory) {
    return {{"rss_bytes", memory.server.rss.count},
            {"swapped_bytes", memory.server.swapped.count},
            {"major_faults", memory.server.major_faults},
            {"swap_used_bytes", swap_used(memory.machine).count},
            {"system_used_bytes", memory.machine.used().count},
            {"zram_bytes", memory.machine.zram.count},
            {"compression",
             memory.compression ? nlohmann::json(*memory.compression) : nlohmann::json(nullptr)}};
}

nlohmann::json json_of(const std::vector<WindowFigures>& windows) {
    nlohmann::json all = nlohmann::json::array();
    for (const WindowFigures& window : windows) {
        all.push_back({{"length_ns", window.length.count()},
                       {"requests_per_second", window.requests_per_second},
                       {"p50_ns", window.p50.count()},
                       {"p99_ns", window.p99.count()},
                       {"major_faults", window.major_faults},
                       {"engine_cpu_ns", json_of(window.engine_time)},
                       {"monitoring_cpu_ns", json_of(window.monitoring_time)}});
    }
    const WindowSummary summary = summary_of(windows);
    return {{"windows", std::move(all)},
            {"requests_per_second", summary.requests_per_second},
            {"p50_ns", summary.p50.count()},
            {"p99_ns", summary.p99.count()},
            {"major_faults_per_second", summary.major_faults_per_second},
            {"engine_cpu_share", summary.engine_share},
            {"monitoring_cpu_share", summary.monitoring_share}};
}

// What zram took in, and what it made of it (mm_stat of
// Documentation/admin-guide/blockdev/zram.rst).
std::optional<double> compression_of_zram() {
    std::ifstream file("/sys/block/zram0/mm_stat");
    double original = 0;
    double compressed = 0;
    if (!(file >> original >> compressed) || compressed <= 0) return std::nullopt;
    return original / compressed;
}

}  // namespace

std::optional<MemoryFigures> memory_figures(std::int32_t server_pid) {
    const auto server = memory_of(server_pid);
    const auto machine = memory_of_machine();
    if (!server || !machine) return std::nullopt;
    return MemoryFigures{*server, *machine, compression_of_zram()};
}

double median(std::vector<double> values) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    if (values.size() % 2 == 1) return values[middle];
    return (values[middle - 1] + values[middle]) / 2;
}

WindowSummary summary_of(const std::vector<WindowFigures>& windows) {
    std::vector<double> rates;
    std::vector<double> p50s;
    std::vector<double> p99s;
    std::uint64_t faults = 0;
    Duration length{};
    Duration engine{};
    Duration monitoring{};
    for (const WindowFigures& window : windows) {
        rates.push_back(window.requests_per_second);
        p50s.push_back(static_cast<double>(window.p50.count()));
        p99s.push_back(static_cast<double>(window.p99.count()));
        faults += window.major_faults;
        length += window.length;
        engine += window.engine_time.value_or(Duration::zero());
        monitoring += window.monitoring_time.value_or(Duration::zero());
    }
    WindowSummary summary;
    summary.requests_per_second = median(rates);
    summary.p50 = Duration(std::llround(median(p50s)));
    summary.p99 = Duration(std::llround(median(p99s)));
    if (length <= Duration::zero()) return summary;
    summary.major_faults_per_second = static_cast<double>(faults) / seconds(length);
    summary.engine_share = seconds(engine) / seconds(length);
    summary.monitoring_share = seconds(monitoring) / seconds(length);
    return summary;
}

double DemoFigures::rss_drop() const {
    const auto from = static_cast<double>(memory_before.server.rss.count);
    const auto to = static_cast<double>(memory_applied.server.rss.count);
    return from > 0 ? 1 - to / from : 0;
}

std::int64_t DemoFigures::net_saved() const {
    return difference(memory_applied.server.rss, memory_before.server.rss) -
           difference(memory_before.machine.zram, memory_applied.machine.zram);
}

double DemoFigures::throughput_kept() const {
    const double without = summary_of(paused).requests_per_second;
    return without > 0 ? summary_of(applied).requests_per_second / without : 0;
}

std::string figures_table(const DemoFigures& figures) {
    const WindowSummary before = summary_of(figures.before);
    const WindowSummary applied = summary_of(figures.applied);
    const WindowSummary paused = summary_of(figures.paused);
    const MemoryFigures& from = figures.memory_before;
    const MemoryFigures& to = figures.memory_applied;

    std::string text = row("", "before", "with", "policy", "");
    text += row("", "the policy", "the policy", "ended", "");
    text += row("RSS of redis-server", readable(from.server.rss), readable(to.server.rss), "",
                signed_percent(-figures.rss_drop()));
    text += row("swap used", readable(swap_used(from.machine)), readable(swap_used(to.machine)), "",
                "");
    text += row("zram's own memory", readable(from.machine.zram), readable(to.machine.zram), "",
                to.compression ? decimal(*to.compression, 1) + " to 1" : "");
    text += row("system memory used", readable(from.machine.used()), readable(to.machine.used()),
                "", readable_change(difference(from.machine.used(), to.machine.used())));
    text += row("net saved", "", readable_change(figures.net_saved()), "", "RSS less zram");
    text += row("requests per second", whole(before.requests_per_second),
                whole(applied.requests_per_second), whole(paused.requests_per_second),
                percent(figures.throughput_kept()) + " of ended");
    text += row("p99 latency", readable(before.p99), readable(applied.p99), readable(paused.p99),
                paused.p99.count() > 0
                    ? percent(seconds(applied.p99) / seconds(paused.p99)) + " of ended"
                    : "");
    text += row("major faults a second", decimal(before.major_faults_per_second, 1),
                decimal(applied.major_faults_per_second, 1),
                decimal(paused.major_faults_per_second, 1), "");
    text += row("monitoring thread", "", percent(applied.monitoring_share), "", "of one CPU");
    text += row("engine", "", percent(applied.engine_share), "", "of one CPU");
    return text;
}

std::string scattered_lines(const DemoFigures& figures) {
    std::string text =
        row("RSS of redis-server", readable(figures.memory_before.server.rss),
            readable(figures.memory_applied.server.rss), "", signed_percent(-figures.rss_drop()));
    text += row("net saved", "", readable_change(figures.net_saved()), "", "RSS less zram");
    const WindowSummary applied = summary_of(figures.applied);
    const WindowSummary paused = summary_of(figures.paused);
    text += row("requests per second", whole(summary_of(figures.before).requests_per_second),
                whole(applied.requests_per_second), whole(paused.requests_per_second),
                percent(figures.throughput_kept()) + " of ended");
    text +=
        row("major faults a second", decimal(summary_of(figures.before).major_faults_per_second, 1),
            decimal(applied.major_faults_per_second, 1), decimal(paused.major_faults_per_second, 1),
            "");
    return text;
}

nlohmann::json figures_json(const DemoFigures& figures) {
    return {{"dataset",
             {{"keys", figures.dataset.keys},
              {"value_bytes", figures.dataset.value_bytes},
              {"hot_percent", figures.dataset.hot_percent},
              {"scattered", figures.dataset.scattered}}},
            {"before", json_of(figures.before)},
            {"applied", json_of(figures.applied)},
            {"paused", json_of(figures.paused)},
            {"memory_before", json_of(figures.memory_before)},
            {"memory_applied", json_of(figures.memory_applied)},
            {"rss_drop", figures.rss_drop()},
            {"goal_drop", figures.goal_drop},
            {"goal_wait_ns", figures.goal_wait.count()},
            {"goal_time_ns", json_of(figures.goal_time)},
            {"rss_drop_at_goal_wait", figures.drop_at_goal_wait},
            {"net_saved_bytes", figures.net_saved()},
            {"throughput_kept", figures.throughput_kept()},
            {"cold_reads", figures.cold_reads},
            {"cold_read_p50_ns", figures.cold_read_p50.count()},
            {"paging_out", figures.paging_out}};
}

}  // namespace damon_schemes::demo

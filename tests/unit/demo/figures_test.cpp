// SPDX-License-Identifier: MIT
#include "benchmarks/demo/figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace damon_schemes::demo {
namespace {

using namespace std::chrono_literals;

WindowFigures window(double rate, Duration p99, std::uint64_t faults = 0) {
    WindowFigures figures;
    figures.length = 2s;
    figures.requests_per_second = rate;
    figures.p50 = p99 / 2;
    figures.p99 = p99;
    figures.major_faults = faults;
    return figures;
}

MemoryFigures memory(std::uint64_t rss_mib, std::uint64_t zram_mib, std::uint64_t swapped_mib) {
    MemoryFigures figures;
    figures.server.rss = mebibytes(rss_mib);
    figures.server.swapped = mebibytes(swapped_mib);
    figures.machine.total = mebibytes(1000);
    figures.machine.free = mebibytes(1000 - rss_mib - zram_mib);
    figures.machine.swap_total = mebibytes(512);
    figures.machine.swap_free = mebibytes(512 - swapped_mib);
    figures.machine.zram = mebibytes(zram_mib);
    return figures;
}

DemoFigures demo() {
    DemoFigures figures;
    figures.before = {window(1000, 3ms), window(3000, 1ms), window(2000, 2ms)};
    figures.applied = {window(1900, 2ms, 3), window(1800, 4ms, 1), window(2100, 3ms)};
    for (auto& each : figures.applied) {
        each.engine_time = 20ms;
        each.monitoring_time = 60ms;
    }
    figures.paused = {window(2000, 2ms), window(1900, 2ms), window(2100, 2ms)};
    figures.memory_before = memory(250, 0, 0);
    figures.memory_applied = memory(50, 80, 200);
    figures.goal_drop = 0.6;
    figures.goal_wait = 60s;
    return figures;
}

TEST(Median, IsTheMiddleOneOrTheMeanOfTheTwoInTheMiddle) {
    EXPECT_EQ(median({}), 0);
    EXPECT_EQ(median({4}), 4);
    EXPECT_EQ(median({9, 1, 5}), 5);
    EXPECT_EQ(median({10, 1, 4, 2}), 3);
}

TEST(WindowSummary, TakesMediansOfRatesAndSharesOfTheWholeTime) {
    const WindowSummary summary = summary_of(demo().applied);
    EXPECT_EQ(summary.requests_per_second, 1900);
    EXPECT_EQ(summary.p99, 3ms);
    EXPECT_DOUBLE_EQ(summary.major_faults_per_second, 4 / 6.0);
    EXPECT_DOUBLE_EQ(summary.engine_share, 0.01);
    EXPECT_DOUBLE_EQ(summary.monitoring_share, 0.03);
}

TEST(DemoFigures, NetSavedIsTheDropOfRssLessTheGrowthOfZram) {
    DemoFigures figures = demo();
    EXPECT_DOUBLE_EQ(figures.rss_drop(), 0.8);
    EXPECT_EQ(figures.net_saved(), static_cast<std::int64_t>(mebibytes(120).count));
    figures.memory_applied = memory(250, 30, 0);
    EXPECT_EQ(figures.net_saved(), -static_cast<std::int64_t>(mebibytes(30).count));
}

TEST(DemoFigures, ThroughputIsComparedWithThePolicyEndedNotWithTheTimeBefore) {
    DemoFigures figures = demo();
    EXPECT_DOUBLE_EQ(figures.throughput_kept(), 0.95);
    figures.before.clear();
    EXPECT_DOUBLE_EQ(figures.throughput_kept(), 0.95);
    figures.paused.clear();
    EXPECT_EQ(figures.throughput_kept(), 0);
}

TEST(DemoTable, FitsEightyColumnsOfPlainText) {
    std::istringstream lines(figures_table(demo()) + scattered_lines(demo()));
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
        EXPECT_LE(line.size(), 80U) << line;
        for (const char byte : line) EXPECT_TRUE(byte >= ' ' && byte <= '~') << line;
    }
    EXPECT_GT(count, 12);
}

TEST(DemoTable, ShowsEachFigureThatWasPromised) {
    const std::string table = figures_table(demo());
    for (const char* promised :
         {"RSS of redis-server", "swap used", "system memory used", "net saved",
          "requests per second", "p99 latency", "monitoring thread", "engine", "major faults"})
        EXPECT_THAT(table, testing::HasSubstr(promised));
    EXPECT_THAT(table, testing::ContainsRegex("net saved +\\+120.0 MiB"));
    EXPECT_THAT(table, testing::ContainsRegex("requests per second +2,000 +1,900 +2,000 +95.0 %"));
    EXPECT_THAT(table, testing::ContainsRegex("monitoring thread +3.0 %"));
    EXPECT_THAT(table, testing::ContainsRegex("engine +1.0 %"));
    EXPECT_THAT(table, testing::ContainsRegex("RSS of redis-server +250.0 MiB +50.0 MiB +-80 %"));
}

TEST(DemoJson, SaysNullWhereNothingIsKnown) {
    const auto json = figures_json(demo());
    EXPECT_TRUE(json["goal_time_ns"].is_null());
    EXPECT_TRUE(json["memory_applied"]["compression"].is_null());
    EXPECT_TRUE(json["paused"]["windows"][0]["engine_cpu_ns"].is_null());
    EXPECT_EQ(json["applied"]["windows"][0]["engine_cpu_ns"], 20'000'000);
    EXPECT_EQ(json["applied"]["windows"].size(), 3U);
    EXPECT_EQ(json["net_saved_bytes"], std::int64_t{120} << 20);
}

}  // namespace
}  // namespace damon_schemes::demo

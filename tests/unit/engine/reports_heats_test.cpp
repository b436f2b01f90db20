// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/reports/heats.h"
#include "phase_recording.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using namespace phase_recording;
using testing::HasSubstr;

ReportRequest heats(std::size_t times, std::size_t spaces) {
    ReportRequest request;
    request.kind = ReportKind::heatmap;
    request.format = ReportFormat::heats;
    request.time_cells = times;
    request.address_cells = spaces;
    return request;
}

Recorded two_halves() {
    Recorded recorded;
    for (int number = 1; number <= 5; ++number) {
        recorded.events.emplace_back(
            snapshot(number, {seen(1, {region(0x100000, Bytes{8192}, number <= 3 ? 10 : 0),
                                       region(0x102000, Bytes{8192}, 20)})}));
    }
    return recorded;
}

// The first snapshot's end is where time begins, as in DAMON v12's tool: four intervals are left.
TEST(Heats, AreMeansOfTheAccessesOverTimeAndAddresses) {
    EXPECT_EQ(report_of(two_halves(), heats(2, 2)),
              "0\t0\t10.0\n"
              "0\t8192\t20.0\n"
              "200000000\t0\t0.0\n"
              "200000000\t8192\t20.0\n");
    EXPECT_EQ(report_of(two_halves(), heats(1, 1)), "0\t0\t12.5\n");
    // A cell of three quarters of the addresses at a time that begins within an interval.
    ReportRequest request = heats(1, 1);
    request.selection.tmin = TimeBound{250ms, false};
    request.selection.tmax = TimeBound{350ms, false};
    request.selection.addresses = {0x100000, 0x103000};
    EXPECT_EQ(report_of(two_halves(), request),
              "0\t0\t10.0\n");  // (10/2 × 2 + 20 × 1) / 3
}

TEST(Heats, WhereNoTimeOrNoAddressWouldBeInACellItSaysSo) {
    for (const auto& request : {heats(0, 1), heats(1, 0), heats(1, 100'000), heats(5'000, 5'000)})
        EXPECT_THROW(report_of(two_halves(), request), std::runtime_error);
    Recorded one;
    one.events.emplace_back(snapshot(1, {seen(1, {region(0x100000, Bytes{8192}, 1)})}));
    try {
        report_of(one, heats(5, 5));
        FAIL();
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), HasSubstr("one snapshot or none"));
    }
}

TEST(Heats, ByDefaultAreOfTheLargestAreaIn500Parts) {
    ReportRequest request;
    request.kind = ReportKind::heatmap;
    request.format = ReportFormat::heats;
    const auto lines = lines_of(report_of(phases(), request));
    ASSERT_EQ(lines.size(), 250'000U);
    EXPECT_TRUE(lines.front().starts_with("0\t0\t"));
    // 5 GiB and 64 MiB, 7.9 s.
    EXPECT_TRUE(lines.back().starts_with(std::to_string(15'800'000 * 499L) + "\t" +
                                         std::to_string((5UL * 1024 + 64) * 1048576 / 500 * 499)));
}

TEST(Heats, TheGuideSaysWhatThereIsToSelect) {
    ReportRequest request;
    request.kind = ReportKind::heatmap;
    request.guide = true;
    EXPECT_THAT(report_of(two_halves(), request),
                HasSubstr("time: 100000000-500000000 (400000000)\n"
                          "region\t0: 1048576-1064960 (16384)\tmemory\n"));
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/reports/course.h"
#include "phase_recording.h"

namespace damon_schemes {
namespace {

using namespace phase_recording;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Snapshot n has n regions of 1 MiB that were accessed, and one that was not.
Recorded growing(int count) {
    Recorded recorded;
    for (int number = 1; number <= count; ++number) {
        std::vector<Region> regions;
        for (int i = 0; i < number; ++i)
            regions.push_back(
                region(heap + static_cast<std::uint64_t>(i) * mebibytes(1).count, mebibytes(1), 1));
        regions.push_back(region(mapped, mebibytes(512), 0));
        recorded.events.emplace_back(snapshot(number, {seen(1, std::move(regions))}));
    }
    return recorded;
}

std::vector<std::uint64_t> mebibytes_of(const std::vector<std::uint64_t>& values) {
    std::vector<std::uint64_t> result;
    for (const std::uint64_t value : values) result.push_back(value >> 20);
    return result;
}

CourseReport walked(const Recorded& recorded, Figure figure, std::uint64_t skip) {
    CourseReport report(figure, skip);
    EXPECT_TRUE(walk(*recorded.reader(), {}, report).ok());
    return report;
}

TEST(WorkingSet, IsTheBytesOfRegionsThatWereAccessedWithoutTheFirst20Snapshots) {
    const auto report = walked(growing(24), Figure::working_set, 20);
    ASSERT_EQ(report.courses().size(), 1U);
    const Course& course = report.courses()[0];
    EXPECT_EQ(course.skipped, 20U);
    EXPECT_THAT(mebibytes_of(values_of(course, CourseOrder::time)), ElementsAre(21, 22, 23, 24));
    EXPECT_DOUBLE_EQ(mean_of(course), 22.5 * 1048576);
}

TEST(WorkingSet, UnknownRegionsDoNotCount) {
    Recorded recorded;
    recorded.events.emplace_back(
        snapshot(1, {seen(1, {region(heap, mebibytes(1), 2), unknown(mapped, mebibytes(9))})}));
    EXPECT_THAT(mebibytes_of(values_of(walked(recorded, Figure::working_set, 0).courses()[0],
                                       CourseOrder::size)),
                ElementsAre(1));
}

TEST(Course, PercentilesAreTakenAsTheSeedToolTakesThem) {
    const std::vector<std::uint64_t> values = {10, 20, 30, 40};
    // Places 0, 1, 2, 3 of four for 0, 25, 50, 75; the last for 100.
    EXPECT_EQ(percentile_of(values, 0), 10U);
    EXPECT_EQ(percentile_of(values, 24), 10U);
    EXPECT_EQ(percentile_of(values, 25), 20U);
    EXPECT_EQ(percentile_of(values, 50), 30U);
    EXPECT_EQ(percentile_of(values, 75), 40U);
    EXPECT_EQ(percentile_of(values, 100), 40U);
    EXPECT_EQ(percentile_of({7}, 50), 7U);
}

TEST(Course, BySizeIsSortedAndByTimeIsNot) {
    Recorded recorded;
    int number = 0;
    for (const std::uint64_t size : {3U, 1U, 2U})
        recorded.events.emplace_back(
            snapshot(++number, {seen(1, {region(heap, mebibytes(size), 1)})}));
    const auto report = walked(recorded, Figure::working_set, 0);
    EXPECT_THAT(mebibytes_of(values_of(report.courses()[0], CourseOrder::time)),
                ElementsAre(3, 1, 2));
    EXPECT_THAT(mebibytes_of(values_of(report.courses()[0], CourseOrder::size)),
                ElementsAre(1, 2, 3));
}

TEST(Course, TheTableFitsAndHasABar) {
    ReportRequest request;
    request.kind = ReportKind::wss;
    request.percentiles = {0, 50, 100};
    request.style.width = 60;
    EXPECT_EQ(report_of(growing(22), request),
              "# <percentile> <working set size>\n"
              "# target_id\t1\t(pid 42)\n"
              "# snapshots\t2\t(20 skipped before them)\n"
              "# avr:\t21.5 MiB\n"
              "  0       21.0 MiB ***************************************\n"
              " 50       22.0 MiB *****************************************\n"
              "100       22.0 MiB *****************************************\n");
}

TEST(Course, NumbersOfRegionsCountAllOfThem) {
    ReportRequest request;
    request.kind = ReportKind::regions;
    request.skip = 0;
    request.format = ReportFormat::csv;
    EXPECT_EQ(report_of(growing(2), request),
              "target,pid,name,from_ns,to_ns,regions\n"
              "1,42,,0,100000000,2\n"
              "1,42,,100000000,200000000,3\n");
    request.order = CourseOrder::size;
    request.percentiles = {0, 100};
    EXPECT_EQ(report_of(growing(2), request),
              "target,pid,name,percentile,regions\n1,42,,0,2\n1,42,,100,3\n");
}

TEST(Course, JsonHasPercentilesAndCourse) {
    ReportRequest request;
    request.kind = ReportKind::wss;
    request.skip = 1;
    request.format = ReportFormat::json;
    const auto json = nlohmann::json::parse(report_of(growing(3), request));
    EXPECT_EQ(json["unit"], "bytes");
    const auto& target = json["targets"][0];
    EXPECT_EQ(target["skipped"], 1);
    EXPECT_EQ(target["mean"], 2.5 * 1048576);
    EXPECT_EQ(target["percentiles"][0], nlohmann::json({0, 2 << 20}));
    EXPECT_EQ(target["course"][1], nlohmann::json({200'000'000, 300'000'000, 3 << 20}));
}

TEST(Course, WhereAllWasSkippedItSaysHowToTakeItIn) {
    ReportRequest request;
    request.kind = ReportKind::wss;
    EXPECT_THAT(report_of(growing(3), request),
                HasSubstr("# all 3 snapshots were skipped; --skip 0 takes them in"));
    request.format = ReportFormat::json;
    const auto json = nlohmann::json::parse(report_of(growing(3), request));
    EXPECT_TRUE(json["targets"][0]["mean"].is_null());
}

TEST(Course, ThePlotRisesWithTheDataAndShowsWhereThereIsNone) {
    ReportRequest request;
    request.kind = ReportKind::wss;
    request.plot = true;
    request.skip = 0;
    request.style.width = 52;
    Recorded recorded = growing(40);
    recorded.events.erase(recorded.events.begin() + 20, recorded.events.begin() + 30);
    const auto lines = lines_of(report_of(recorded, request));
    const auto top = std::find_if(lines.begin(), lines.end(), [](const std::string& line) {
        return line.starts_with("Working set of pid 42");
    });
    ASSERT_NE(top, lines.end());
    EXPECT_THAT(top[10], HasSubstr("0 |" + std::string(20, '#') + "??????????##########"));
    EXPECT_THAT(top[1], testing::EndsWith(" ###"));
    EXPECT_THAT(top[1], Not(HasSubstr("?")));
    EXPECT_THAT(top[12], HasSubstr("2 s"));
    request.style.unicode = true;
    EXPECT_THAT(report_of(recorded, request), HasSubstr("\u2588"));
}

TEST(Course, TheSvgHasBothCurvesOrTheOneThatIsAskedFor) {
    ReportRequest request;
    request.kind = ReportKind::wss;
    request.format = ReportFormat::svg;
    const std::string both = report_of(growing(40), request);
    EXPECT_THAT(both, HasSubstr("time since the recording began"));
    EXPECT_THAT(both, HasSubstr("percentile of the snapshots"));
    EXPECT_THAT(both, HasSubstr("class=\"line\""));
    request.order = CourseOrder::size;
    EXPECT_THAT(report_of(growing(40), request), Not(HasSubstr("time since")));
}

TEST(Plot, AColumnHasTheMeanByTimeTheLeastAndTheGreatest) {
    Plot plot;
    plot.x_to = 4;
    plot.points = {{0, 1, 10}, {1, 2, 30}, {3, 4, 5}};
    const auto columns = columns_of(plot, 4);
    EXPECT_EQ(columns[0].mean, 10);
    EXPECT_FALSE(columns[2].any);
    const auto halves = columns_of(plot, 2);
    EXPECT_EQ(halves[0].mean, 20);
    EXPECT_EQ(halves[0].least, 10);
    EXPECT_EQ(halves[0].greatest, 30);
    EXPECT_EQ(halves[1].mean, 5);
}

}  // namespace
}  // namespace damon_schemes

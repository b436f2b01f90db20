// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/reports/scheme_course.h"
#include "phase_recording.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using namespace phase_recording;
using testing::HasSubstr;

RecordedAction deed(std::uint32_t scheme, Duration time, std::uint64_t advised,
                    std::uint64_t paged_out) {
    RecordedAction action;
    action.time = Instant(time);
    action.scheme = scheme;
    action.target = {1};
    action.range = {heap, heap + mebibytes(advised).count};
    action.advised = mebibytes(advised);
    action.paged_out = mebibytes(paged_out);
    action.spent = 2ms;
    return action;
}

Recorded with_deeds() {
    Recorded recorded = phases();
    recorded.info.schemes = {{"cold", Action::pageout}, {"hot, soon", Action::willneed}};
    recorded.events.insert(recorded.events.begin() + 10, deed(0, 500ms, 8, 6));
    recorded.events.emplace_back(deed(0, 7500ms, 4, 4));
    recorded.events.emplace_back(deed(1, 7600ms, 1, 0));
    return recorded;
}

ReportRequest schemes(ReportFormat format) {
    ReportRequest request;
    request.kind = ReportKind::schemes;
    request.format = format;
    return request;
}

TEST(SchemeCourse, HasTotalsAndACourseOfEachScheme) {
    const std::string text = report_of(with_deeds(), schemes(ReportFormat::text));
    EXPECT_THAT(text, HasSubstr("cold                  pageout            2    12.0 MiB    10.0 "
                                "MiB        4.0 ms\n"));
    EXPECT_THAT(text, HasSubstr("cold: paged out in each 1.0 s\n"));
    EXPECT_THAT(text, HasSubstr("hot, soon: advised in each 1.0 s\n"));
    for (const std::string& line : lines_of(text)) EXPECT_LE(line.size(), 80U) << line;
}

TEST(SchemeCourse, CsvAndJsonHaveTheParts) {
    EXPECT_EQ(report_of(with_deeds(), schemes(ReportFormat::csv)),
              "scheme,action,from_ns,to_ns,ranges,advised_bytes,paged_out_bytes,spent_ns\n"
              "cold,pageout,0,1000000000,1,8388608,6291456,2000000\n"
              "cold,pageout,7000000000,8000000000,1,4194304,4194304,2000000\n"
              "\"hot, soon\",willneed,7000000000,8000000000,1,1048576,0,2000000\n");
    const auto json = nlohmann::json::parse(report_of(with_deeds(), schemes(ReportFormat::json)));
    EXPECT_EQ(json["schemes"][0]["paged_out_bytes"], 10 << 20);
    EXPECT_EQ(json["schemes"][0]["course"].size(), 8U);
    EXPECT_EQ(json["schemes"][0]["course"][7]["from_ns"], 7'000'000'000);
}

TEST(SchemeCourse, JoinsItsPartsWhenTheTimeGrowsAndLosesNothing) {
    RecordingInfo info;
    info.schemes = {{"cold", Action::pageout}};
    SchemeCourse course(info);
    for (int second = 0; second < 10'000; ++second) course.acted(deed(0, second * 1s, 1, 1));
    EXPECT_EQ(course.part_time(), 128s);
    const auto& scheme = course.schemes()[0];
    EXPECT_LE(scheme.parts.size(), SchemeCourse::most_parts);
    EXPECT_EQ(scheme.total.ranges, 10'000U);
    EXPECT_EQ(scheme.parts[0].ranges, 128U);
    std::uint64_t sum = 0;
    for (const SchemeDeeds& part : scheme.parts) sum += part.ranges;
    EXPECT_EQ(sum, 10'000U);
}

TEST(SchemeCourse, ASchemeThatTheListDoesNotHaveIsStillCounted) {
    SchemeCourse course(RecordingInfo{});
    course.acted(deed(2, 1s, 1, 1));
    course.acted(deed(4'000'000'000, 1s, 1, 1));
    ASSERT_EQ(course.schemes().size(), 3U);
    EXPECT_EQ(course.schemes()[2].total.ranges, 1U);
}

TEST(SchemeCourse, TimesOfADamagedFileAddUpToTheLongest) {
    SchemeCourse course(RecordingInfo{});
    RecordedAction longest = deed(0, 1s, 1, 1);
    longest.spent = Duration::max();
    course.acted(longest);
    course.acted(longest);
    EXPECT_EQ(course.schemes()[0].total.spent, Duration::max());
}

TEST(SchemeCourse, SaysWhyThereAreNone) {
    Recorded recorded = phases();
    EXPECT_THAT(report_of(recorded, schemes(ReportFormat::text)), HasSubstr("without a policy"));
    recorded.info.format = RecordingFormat::damon_2;
    EXPECT_THAT(report_of(recorded, schemes(ReportFormat::text)), HasSubstr("DAMON's formats"));
}

}  // namespace
}  // namespace damon_schemes

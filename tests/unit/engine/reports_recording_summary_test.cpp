// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/reports/readable.h"
#include "engine/reports/recording_summary.h"
#include "phase_recording.h"

namespace damon_schemes {
namespace {

using namespace phase_recording;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

constexpr double mib = 1048576;

RecordingSummary summarized(const Recorded& recorded) {
    RecordingSummarizer summarizer;
    const auto walked = walk(*recorded.reader(), {}, summarizer);
    EXPECT_TRUE(walked.ok());
    return summarizer.finish(recorded.info, *walked);
}

// 10 s: 100 MiB cold from the beginning, 20 MiB always hot, 40 MiB of which half are absent and the
// rest hot now and then, 10 MiB absent, 30 MiB unknown.
Recorded mixed() {
    Recorded recorded;
    recorded.info.attributes_known = true;
    for (int number = 1; number <= 100; ++number) {
        const auto age = static_cast<std::uint32_t>(number);
        Region half = region(mapped, mebibytes(40), 1);
        half.absent = looks / 2;
        recorded.events.emplace_back(
            snapshot(number, {seen(1, {region(heap, mebibytes(100), 0, age),
                                       region(heap + mebibytes(100).count, mebibytes(20), looks),
                                       half, absent(mapped + mebibytes(40).count, mebibytes(10)),
                                       unknown(mapped + mebibytes(50).count, mebibytes(30))})}));
    }
    return recorded;
}

TEST(RecordingSummary, TellsPresentAbsentUnknownAndHowHot) {
    const RecordingSummary summary = summarized(mixed());
    for (const MemoryFigures& figures : {summary.last, summary.mean}) {
        EXPECT_NEAR(figures.watched, 200 * mib, 1);
        EXPECT_NEAR(figures.present, 140 * mib, 1);
        EXPECT_NEAR(figures.absent, 30 * mib, 1);
        EXPECT_NEAR(figures.unknown, 30 * mib, 1);
        EXPECT_NEAR(figures.never, 100 * mib, 1);
        EXPECT_NEAR(figures.seldom, 20 * mib, 1);
        EXPECT_NEAR(figures.at_times, 0, 1);
        EXPECT_NEAR(figures.often, 20 * mib, 1);
    }
}

TEST(RecordingSummary, SaysBetweenWhichIntervalsItWasRecorded) {
    Recorded recorded = mixed();
    EXPECT_THAT(recording_summary_text(summarized(recorded), 80),
                HasSubstr("A look every 5.0 ms, counted over 100.0 ms"));
    auto& last = std::get<Snapshot>(recorded.events.back());
    last.sampling_interval = 40ms;
    last.aggregation_interval = 800ms;
    EXPECT_THAT(recording_summary_text(summarized(recorded), 80),
                HasSubstr("A look every 5.0 ms to 40.0 ms, counted over 100.0 ms to 800.0 ms"));
}

TEST(RecordingSummary, ColdIsByAgeAndNeverWhatIsAbsentOrUnknown) {
    const RecordingSummary summary = summarized(mixed());
    EXPECT_NEAR(*summary.last.cold[0], 100 * mib, 1);
    EXPECT_NEAR(*summary.last.cold[1], 100 * mib, 1);
    // From its age on all of the 100 MiB are as cold.
    EXPECT_NEAR(*summary.mean.cold[0], 100 * mib, 1);
    EXPECT_NEAR(*summary.mean.cold[1], 100 * mib, 1);
    // 10 s are too short to tell.
    EXPECT_FALSE(summary.last.cold[2]);
    EXPECT_FALSE(summary.mean.cold[3]);
}

TEST(RecordingSummary, ColdMeansAreOverTheTimeInWhichItCouldBe) {
    Recorded recorded;
    // Hot for 3 s, then cold for 3 s: cold for a second in 2 of the 5 s after the first one (and in
    // the snapshot at 1 s, when it could have been).
    for (int number = 1; number <= 60; ++number) {
        const bool hot = number <= 30;
        recorded.events.emplace_back(snapshot(
            number, {seen(1, {region(heap, mebibytes(51), hot ? looks : 0,
                                     hot ? 1 : static_cast<std::uint32_t>(number - 30))})}));
    }
    EXPECT_NEAR(*summarized(recorded).mean.cold[0], 51 * mib * 21 / 51, 1);
}

TEST(RecordingSummary, FitsAScreenOf80By24AndSaysWhatAPolicyWouldSave) {
    ReportRequest request;
    for (Recorded recorded : {mixed(), phases(), phases_with_mappings()}) {
        const auto lines = lines_of(report_of(recorded, request));
        EXPECT_LE(lines.size(), 24U);
        for (const std::string& line : lines) EXPECT_LE(columns_of(line), 80U) << line;
    }
    const std::string text = report_of(mixed(), request);
    EXPECT_THAT(text, HasSubstr("In memory                     140.0 MiB     100 %"));
    EXPECT_THAT(text, HasSubstr("Unknown: not looked at         30.0 MiB  "));
    EXPECT_THAT(text, HasSubstr("1 min                               -    the recording is too"));
    EXPECT_THAT(text, HasSubstr("unused for 5 s would have kept up to 100.0 MiB (71 %)"));
    EXPECT_THAT(text, HasSubstr("what is used again"));
    EXPECT_THAT(text, Not(HasSubstr("This format")));
}

TEST(RecordingSummary, SaysWhereAFormatDoesNotKnowWhatIsAbsent) {
    Recorded recorded = mixed();
    recorded.info.format = RecordingFormat::damon_1;
    recorded.info.attributes_known = false;
    const std::string text = report_of(recorded, {});
    EXPECT_THAT(text, HasSubstr("(assumed); recorded in DAMON's format"));
    EXPECT_THAT(text, HasSubstr("This format does not tell"));
    EXPECT_LE(lines_of(text).size(), 24U);
}

TEST(RecordingSummary, AddsTargetsOfOneSnapshot) {
    const RecordingSummary summary = summarized(phases());
    EXPECT_EQ(summary.targets.size(), 2U);
    EXPECT_EQ(summary.selected, 75U);
    EXPECT_NEAR(summary.last.present, (64 + 4096 + 1) * mib + 132 * 1024, 1);
}

TEST(RecordingSummary, NothingColdMeansNothingSaved) {
    Recorded recorded;
    for (int number = 1; number <= 20; ++number)
        recorded.events.emplace_back(
            snapshot(number, {seen(1, {region(heap, mebibytes(1), looks)})}));
    EXPECT_THAT(report_of(recorded, {}), HasSubstr("a policy would save nothing"));
}

TEST(RecordingSummary, JsonAndCsvHaveTheFigures) {
    ReportRequest request;
    request.format = ReportFormat::json;
    const auto json = nlohmann::json::parse(report_of(mixed(), request));
    EXPECT_EQ(json["mean"]["present_bytes"], 140 << 20);
    EXPECT_EQ(json["last"]["cold"][0]["bytes"], 100 << 20);
    EXPECT_TRUE(json["last"]["cold"][3]["bytes"].is_null());
    EXPECT_EQ(json["recording"]["snapshots"], 100);
    request.format = ReportFormat::csv;
    const std::string csv = report_of(mixed(), request);
    EXPECT_THAT(csv, HasSubstr("figure,last_bytes,mean_bytes\n"));
    EXPECT_THAT(csv, HasSubstr("\npresent,146800640,146800640\n"));
    EXPECT_THAT(csv, HasSubstr("\ncold_600_s,,\n"));
}

}  // namespace
}  // namespace damon_schemes

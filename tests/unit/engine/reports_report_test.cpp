// SPDX-License-Identifier: MIT
// All reports on all kinds of recordings.
#include "engine/reports/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "engine/reports/readable.h"
#include "phase_recording.h"
#include "recorded.h"

namespace damon_schemes {
namespace {

using namespace phase_recording;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr ReportKind kinds[] = {ReportKind::summary, ReportKind::heatmap, ReportKind::wss,
                                ReportKind::regions, ReportKind::schemes, ReportKind::raw};

ReportRequest request(ReportKind kind, ReportFormat format = ReportFormat::text) {
    ReportRequest result;
    result.kind = kind;
    result.format = format;
    result.plot = true;
    return result;
}

Recorded one_snapshot() {
    Recorded recorded;
    recorded.events.emplace_back(snapshot(1, {seen(1, {region(heap, mebibytes(1), 3)})}));
    return recorded;
}

Recorded exec_and_exit() {
    Recorded recorded;
    for (int number = 1; number <= 30; ++number) {
        recorded.events.emplace_back(
            snapshot(number, {number <= 15 ? seen(1, {region(heap, mebibytes(1), 20)}, 1)
                                           : seen(1, {region(mapped, mebibytes(2), 0)}, 2)}));
    }
    TargetSnapshot gone = seen(1, {}, 2);
    gone.exited = true;
    recorded.events.emplace_back(snapshot(31, {gone}));
    return recorded;
}

Recorded unseen() {
    Recorded recorded;
    recorded.events.emplace_back(snapshot(1, {seen(1, {unknown(heap, mebibytes(1))})}));
    return recorded;
}

std::vector<Recorded> all_recordings() {
    return {phases(),  phases_with_mappings(), one_snapshot(), exec_and_exit(), unseen(),
            Recorded{}};
}

TEST(Report, EveryOneIsThereAsJsonForEveryRecording) {
    for (const Recorded& recorded : all_recordings()) {
        for (const ReportKind kind : kinds) {
            const auto json =
                nlohmann::json::parse(report_of(recorded, request(kind, ReportFormat::json)));
            EXPECT_TRUE(json["report"].is_string());
            EXPECT_TRUE(json["recording"]["damage"].is_null());
            EXPECT_TRUE(json["recording"]["snapshots"].is_number());
        }
    }
}

TEST(Report, EveryOneIsThereAsCsvWithAsManyFieldsInEachLine) {
    for (const Recorded& recorded : all_recordings()) {
        for (const ReportKind kind : kinds) {
            const auto lines = lines_of(report_of(recorded, request(kind, ReportFormat::csv)));
            ASSERT_FALSE(lines.empty());
            const auto commas = std::count(lines[0].begin(), lines[0].end(), ',');
            EXPECT_GT(commas, 1);
            for (const std::string& line : lines)
                ASSERT_EQ(std::count(line.begin(), line.end(), ','), commas) << line;
        }
    }
}

TEST(Report, TextFitsItsWidthAndIsPlainWhereColourIsNotAskedFor) {
    for (const Recorded& recorded : all_recordings()) {
        for (const ReportKind kind : kinds) {
            if (kind == ReportKind::raw) continue;  // as the seed's tool wrote it
            for (const std::size_t width : {60U, 80U, 133U}) {
                ReportRequest wanted = request(kind);
                wanted.style.width = width;
                const std::string text = report_of(recorded, wanted);
                EXPECT_THAT(text, Not(HasSubstr("\x1b")));
                EXPECT_TRUE(text.ends_with("\n"));
                for (const std::string& line : lines_of(text)) {
                    EXPECT_LE(columns_of(line), std::max<std::size_t>(width, 80)) << line;
                    EXPECT_TRUE(std::all_of(line.begin(), line.end(), [](char c) {
                        return (c & 0x80) == 0;
                    })) << line;
                }
            }
        }
    }
}

TEST(Report, TheTerminalHeatMapGivesEachAreaItsScale) {
    ReportRequest wanted = request(ReportKind::heatmap);
    wanted.selection.target = 1;
    wanted.style.rows = 12;
    const auto lines = lines_of(report_of(phases(), wanted));
    EXPECT_LE(lines.size(), 24U);
    EXPECT_EQ(lines[0], "Heat map of program (pid 42), 8.0 s");
    EXPECT_THAT(lines[1], ::testing::StartsWith("heap: 64.0 MiB, a line is "));
    // The hot band goes down with the time, although the heap is small beside the mapped memory.
    std::vector<std::size_t> hottest;
    for (std::size_t i = 2; lines[i].find(" | ") != std::string::npos; ++i)
        hottest.push_back(lines[i].find('@'));
    ASSERT_GE(hottest.size(), 3U);
    EXPECT_TRUE(std::is_sorted(hottest.begin(), hottest.end()));
    EXPECT_LT(hottest.front() + 20, hottest.back());
    EXPECT_THAT(lines, ::testing::Contains(HasSubstr("41.2 TiB above left out")));
    EXPECT_THAT(lines, ::testing::Contains(HasSubstr("@@@@@@@@@@@@@???@@@@@")));
}

TEST(Report, ColourIsByTheStyleAndEndsInEachLine) {
    ReportRequest wanted = request(ReportKind::heatmap);
    wanted.style.colour = true;
    wanted.style.unicode = true;
    const std::string text = report_of(phases(), wanted);
    EXPECT_THAT(text, AllOf(HasSubstr("\x1b[38;5;196m"), HasSubstr("\u2588")));
    for (const std::string& line : lines_of(text)) {
        if (line.find('\x1b') == std::string::npos) continue;
        EXPECT_TRUE(line.ends_with("\x1b[0m")) << line;
    }
}

TEST(Report, ProgramsThatATargetExecutedAreDrawnApart) {
    const std::string text = report_of(exec_and_exit(), request(ReportKind::heatmap));
    EXPECT_THAT(text, HasSubstr("Heat map of pid 42, program 1 of 2 that it ran, 1.5 s"));
    EXPECT_THAT(text, HasSubstr("Heat map of pid 42, program 2 of 2 that it ran, 1.5 s"));
}

TEST(Report, AnAreaNarrowsEveryReport) {
    ReportRequest wanted = request(ReportKind::wss, ReportFormat::csv);
    wanted.order = CourseOrder::size;
    wanted.percentiles = {50};
    wanted.selection.target = 1;
    wanted.area = "heap";
    EXPECT_EQ(lines_of(report_of(phases(), wanted)).back(),
              "1,42,program,50," + std::to_string(8 << 20));
    wanted.area = "libbig.so";
    EXPECT_EQ(lines_of(report_of(phases_with_mappings(), wanted)).back(),
              "1,42,program,50," + std::to_string(64 << 10));
    ReportRequest raw = request(ReportKind::raw, ReportFormat::csv);
    raw.area = "stack";
    EXPECT_EQ(lines_of(report_of(phases(), raw)).size(), 76U);
    wanted.area = "attic";
    EXPECT_THROW(report_of(phases(), wanted), std::runtime_error);
}

TEST(Report, ADamagedRecordingIsReportedUpToThereWithAWarning) {
    Recorded recorded = phases();
    recorded.damage = "cut in the middle of a record";
    for (const ReportKind kind : kinds) {
        std::string text;
        const auto made = make_report(request(kind), recorded.open(),
                                      [&text](std::string_view part) -> Result<void> {
                                          text += part;
                                          return {};
                                      });
        ASSERT_TRUE(made.ok());
        EXPECT_FALSE(text.empty());
        EXPECT_THAT(made->warnings,
                    ElementsAre(HasSubstr("damaged; this is what lies before that: cut in")));
    }
    const auto json =
        nlohmann::json::parse(report_of(recorded, request(ReportKind::raw, ReportFormat::json)));
    EXPECT_EQ(json["recording"]["damage"], *recorded.damage);
}

TEST(Report, AnEmptyRecordingAndAnEmptySelectionAreWarnedOf) {
    const Recorded empty;
    const auto nowhere = [](std::string_view) -> Result<void> { return {}; };
    const auto of_empty = make_report(request(ReportKind::summary), empty.open(), nowhere);
    ASSERT_TRUE(of_empty.ok());
    EXPECT_THAT(of_empty->warnings, ElementsAre("the recording has no snapshots"));
    const Recorded recorded = phases();
    ReportRequest late = request(ReportKind::heatmap);
    late.selection.tmin = TimeBound{std::chrono::hours(1), false};
    const auto of_late = make_report(late, recorded.open(), nowhere);
    ASSERT_TRUE(of_late.ok());
    EXPECT_THAT(of_late->warnings, ElementsAre(HasSubstr("nothing of the recording")));
}

TEST(Report, AFormatThatAKindDoesNotHaveIsAnErrorThatSaysWhichItHas) {
    const Recorded recorded = phases();
    const auto made = make_report(request(ReportKind::raw, ReportFormat::svg), recorded.open(),
                                  [](std::string_view) -> Result<void> { return {}; });
    ASSERT_FALSE(made.ok());
    EXPECT_EQ(made.error().kind, ErrorKind::usage);
    EXPECT_EQ(made.error().message, "report raw has no format 'svg'; it has text, json, csv");
}

TEST(Report, WhatCannotBeWrittenIsAnError) {
    const Recorded recorded = phases();
    for (const ReportKind kind : kinds) {
        const auto made =
            make_report(request(kind), recorded.open(), [](std::string_view) -> Result<void> {
                return Error{ErrorKind::runtime, "disk full", 28};
            });
        ASSERT_FALSE(made.ok());
        EXPECT_EQ(made.error().message, "disk full");
    }
}

// Numbers up to the ends of what they can be: a file may hold anything that contradicts itself
// nowhere.
TEST(Report, NoRecordingIsTooStrangeForAnyReport) {
    std::mt19937_64 random(20201122);
    for (int round = 0; round < 10; ++round) {
        Recorded strange;
        strange.info = testing::random_info(random);
        strange.events = testing::random_events(random, strange.info.schemes.size());
        for (const ReportKind kind : kinds) {
            for (const ReportFormat format :
                 {ReportFormat::text, ReportFormat::json, ReportFormat::csv, ReportFormat::svg,
                  ReportFormat::html, ReportFormat::heats}) {
                ReportRequest wanted = request(kind, format);
                wanted.time_cells = 9;
                wanted.address_cells = 7;
                std::string text;
                const auto made = make_report(wanted, strange.open(),
                                              [&text](std::string_view part) -> Result<void> {
                                                  text += part;
                                                  return {};
                                              });
                if (!made) {
                    EXPECT_EQ(made.error().kind, ErrorKind::usage) << made.error().message;
                } else if (format == ReportFormat::json) {
                    EXPECT_TRUE(nlohmann::json::accept(text));
                }
            }
        }
    }
}

TEST(RawReport, LooksAsTheSeedToolsDid) {
    ReportRequest wanted = request(ReportKind::raw);
    wanted.selection.tmax = TimeBound{std::chrono::milliseconds(100), false};
    wanted.selection.addresses.start = mapped + (4ULL << 30);
    EXPECT_EQ(report_of(phases(), wanted),
              "# target 1: pid 42, generation 1, program, 0 mappings\n"
              "start_time:  100000000\n"
              "rel time:                0\n"
              "nr_tasks:  1\n"
              "pid:  42\n"
              "nr_regions:  3\n"
              "7f0100000000-7f0104000000(  67108864):\t0\tof 0\tage 1\n"
              "7f0104000000-7f0144000000(1073741824):\t0\tof 20\tage 1\tabsent 20\n"
              "7ffc00000000-7ffc00021000(    135168):\t10\tof 20\tage 1\n"
              "\n"
              "# target 2: pid 43, generation 1, worker, 0 mappings\n");
}

TEST(HeatmapData, TellsTheThreeStatesApart) {
    Recorded recorded;
    recorded.events.emplace_back(snapshot(
        1, {seen(1, {region(heap, mebibytes(1), 5, 7), absent(heap + 0x100000, kibibytes(64)),
                     unknown(heap + 0x110000, kibibytes(64)),
                     region(heap + 0x120000, kibibytes(2944), 0)})}));
    ReportRequest wanted = request(ReportKind::heatmap, ReportFormat::json);
    wanted.time_cells = 1;
    wanted.address_cells = 64;
    const auto json = nlohmann::json::parse(report_of(recorded, wanted));
    const auto& cells = json["maps"][0]["areas"][0]["cells"][0];
    ASSERT_EQ(cells.size(), 64U);
    EXPECT_EQ(cells[0], 0.25);
    EXPECT_EQ(cells[16], -1);
    EXPECT_TRUE(cells[17].is_null());
    EXPECT_EQ(cells[18], 0.0);
    wanted.format = ReportFormat::csv;
    const auto lines = lines_of(report_of(recorded, wanted));
    ASSERT_EQ(lines.size(), 65U);
    EXPECT_EQ(lines[1], "1,42,,1,memory,0,100000000," + std::to_string(heap) + "," +
                            std::to_string(heap + 65536) + ",known,0.25,700000000");
    EXPECT_TRUE(lines[17].ends_with(",absent,,"));
    EXPECT_TRUE(lines[18].ends_with(",unknown,,"));
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/reports/readable.h"
#include "program.h"
#include "tests/unit/engine/laid_out_folder.h"
#include "tests/unit/engine/phase_recording.h"
#include "tests/unit/engine/recorded.h"

namespace damon_schemes {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class ReportCommand : public ::testing::Test {
  protected:
    void SetUp() override {
        const auto recorded = phase_recording::phases_with_mappings();
        testing::write_recording(at("a.dsr"), recorded.info, recorded.events);
    }
    std::string at(const std::string& name) const { return folder.path() + "/" + name; }
    ProgramRun report(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), "report");
        return run_program(arguments);
    }
    std::string text_of(const std::string& name) const {
        const auto octets = testing::octets_of(at(name));
        return {octets.begin(), octets.end()};
    }

    const testing::LaidOutFolder folder{};
};

TEST_F(ReportCommand, AFileAloneGivesItsSummary) {
    const ProgramRun alone = report({at("a.dsr")});
    EXPECT_EQ(alone.status, 0) << alone.err;
    EXPECT_THAT(alone.err, IsEmpty());
    EXPECT_THAT(alone.out, HasSubstr("In memory"));
    EXPECT_EQ(report({"summary", at("a.dsr")}).out, alone.out);
}

TEST_F(ReportCommand, EveryKindIsPlainAndFits80ColumnsThroughAPipe) {
    for (const char* kind : {"summary", "heatmap", "wss", "regions", "schemes"}) {
        const ProgramRun ran = report({kind, at("a.dsr"), "--plot"});
        EXPECT_EQ(ran.status, 0) << ran.err;
        EXPECT_THAT(ran.out, AllOf(Not(IsEmpty()), Not(HasSubstr("\x1b"))));
        std::istringstream lines(ran.out);
        for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
    }
    EXPECT_THAT(report({"heatmap", at("a.dsr"), "--color", "always"}).out, HasSubstr("\x1b[38;5;"));
}

TEST_F(ReportCommand, EveryKindIsThereAsJsonAndCsv) {
    for (const char* kind : {"summary", "heatmap", "wss", "regions", "schemes", "raw"}) {
        const auto json = nlohmann::json::parse(report({kind, at("a.dsr"), "--json"}).out);
        EXPECT_EQ(json["report"], kind);
        const std::string csv = report({kind, at("a.dsr"), "--csv"}).out;
        EXPECT_THAT(csv.substr(0, csv.find('\n')), HasSubstr(","));
        EXPECT_EQ(report({kind, at("a.dsr"), "--format", "csv"}).out, csv);
    }
}

TEST_F(ReportCommand, PicturesGoIntoAFile) {
    const ProgramRun svg = report({"heatmap", at("a.dsr"), "--format", "svg", "-o", at("map.svg")});
    EXPECT_EQ(svg.status, 0) << svg.err;
    EXPECT_THAT(svg.out, IsEmpty());
    EXPECT_THAT(text_of("map.svg"), HasSubstr("</svg>\n"));
    EXPECT_EQ(report({"heatmap", at("a.dsr"), "-f", "html", "-o", at("map.html")}).status, 0);
    EXPECT_THAT(text_of("map.html"), StartsWith("<!DOCTYPE html>"));
}

TEST_F(ReportCommand, AReportThatCannotBeMadeLeavesAnOldFileAlone) {
    testing::put_octets(at("old"), {'o', 'l', 'd'});
    EXPECT_EQ(report({"wss", at("a.dsr"), "--area", "attic", "-o", at("old")}).status, 2);
    EXPECT_EQ(text_of("old"), "old");
}

TEST_F(ReportCommand, StandardInputIsReadAsOftenAsNeeded) {
    const std::string recording = text_of("a.dsr");
    const ProgramRun ran = run_program({"report", "heatmap", "-"}, recording);
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_EQ(ran.out, report({"heatmap", at("a.dsr")}).out);
}

TEST_F(ReportCommand, SelectsByTargetTimeAddressAndArea) {
    EXPECT_THAT(report({"heatmap", at("a.dsr"), "--target", "43"}).out,
                AllOf(HasSubstr("worker (pid 43)"), Not(HasSubstr("program"))));
    const std::vector<std::string> raw = {"raw", at("a.dsr"), "--csv", "-t", "1"};
    auto lines = [&](std::vector<std::string> more) {
        std::vector<std::string> all = raw;
        all.insert(all.end(), more.begin(), more.end());
        const ProgramRun ran = report(all);
        EXPECT_EQ(ran.status, 0) << ran.err;
        return std::count(ran.out.begin(), ran.out.end(), '\n') - 1;
    };
    EXPECT_EQ(lines({"--area", "stack"}), 75);
    EXPECT_EQ(lines({"--area", "stack", "--tmin", "1s", "--tmax", "2s"}), 10);
    EXPECT_EQ(lines({"--area", "stack", "--tmin", "1000000000", "--tmax", "2s"}), 10);
    EXPECT_EQ(lines({"--amin", "0x7ffc00000000"}), 75);
    EXPECT_EQ(lines({"--amin", "139637976727552", "--amax", "0x7f0000001000"}), 75);
}

TEST_F(ReportCommand, TheSeedToolsOptionsWork) {
    const ProgramRun heats = report(
        {"heatmap", at("a.dsr"), "--format", "heats", "--tres", "2", "--ares", "3", "-t", "1"});
    EXPECT_EQ(std::count(heats.out.begin(), heats.out.end(), '\n'), 6);
    const ProgramRun wss =
        report({"wss", at("a.dsr"), "--range", "0", "101", "50", "--sortby", "time", "-t", "1"});
    EXPECT_THAT(wss.out, AllOf(HasSubstr("\n  0 "), HasSubstr("\n 50 "), HasSubstr("\n100 ")));
    EXPECT_THAT(report({"heatmap", at("a.dsr"), "--guide"}).out, HasSubstr("target_id:1"));
}

TEST_F(ReportCommand, DamonsFormatsAreReadWithTheIntervalsToAssume) {
    const auto octets = testing::DamonBytes()
                            .header(1)
                            .snapshot(5, 0, 1)
                            .put(std::int32_t{42})
                            .put(1U)
                            .region(4096, 8192, 7)
                            .octets;
    testing::put_octets(at("damon.data"), octets);
    const ProgramRun ran = report({at("damon.data"), "--sampling", "10ms", "--aggregation", "1s"});
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("A look every 10.0 ms, counted over 1.0 s (assumed)"));
}

TEST_F(ReportCommand, ADamagedFileIsReportedUpToThereWithAWarning) {
    auto octets = testing::octets_of(at("a.dsr"));
    octets.resize(octets.size() * 2 / 3);
    testing::put_octets(at("cut.dsr"), octets);
    const ProgramRun ran = report({"wss", at("cut.dsr"), "--skip", "0"});
    EXPECT_EQ(ran.status, 0);
    EXPECT_THAT(ran.err, StartsWith("damon-schemes: the recording is damaged"));
    EXPECT_THAT(ran.out, HasSubstr("# avr:"));
}

TEST_F(ReportCommand, SaysWhatIsWrongAndWhatToDo) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> wrong = {
        {{"heatmap"}, "of which recording?"},
        {{"heat", at("a.dsr")}, "there is no report 'heat'; there are summary, heatmap"},
        {{at("none.dsr")}, "none.dsr"},
        {{"wss", at("a.dsr"), "--format", "html"}, "it has text, svg, json, csv"},
        {{"wss", at("a.dsr"), "--format", "png"}, "there is no format 'png'"},
        {{"wss", at("a.dsr"), "--json", "--csv"}, "give one of"},
        {{"wss", at("a.dsr"), "--range", "0", "200", "5"}, "--range 0 101 10"},
        {{"wss", at("a.dsr"), "--target", "7"}, "there are: program (pid 42), worker (pid 43)"},
        {{"wss", at("a.dsr"), "--tmin", "soon"}, "--tmin wants a time"},
        {{"wss", at("a.dsr"), "--amin", "7f0000000000"}, "write 0x7f0000000000"},
        {{"wss", at("a.dsr"), "--amin", "9", "--amax", "3"}, "--amax must be greater"},
        {{"wss", at("a.dsr"), "--guide"}, "--guide belongs to"},
        {{"wss", at("a.dsr"), "--sampling", "1s"}, "--aggregation must not be shorter"},
        {{"wss", at("a.dsr"), "-o", at("no/such/folder")}, "cannot write"},
    };
    for (const auto& [arguments, message] : wrong) {
        const ProgramRun ran = report(arguments);
        EXPECT_EQ(ran.status, 2) << ::testing::PrintToString(arguments);
        EXPECT_THAT(ran.err, AllOf(StartsWith("damon-schemes: "), HasSubstr(message)));
        EXPECT_THAT(ran.out, IsEmpty());
    }
}

TEST_F(ReportCommand, AFullDiskIsAFailure) {
    EXPECT_EQ(run_program_into("/dev/full", {"report", "raw", at("a.dsr")}).status, 1);
}

}  // namespace
}  // namespace damon_schemes

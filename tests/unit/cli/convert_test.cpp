// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "program.h"
#include "tests/unit/engine/laid_out_folder.h"
#include "tests/unit/engine/recorded.h"

namespace damon_schemes {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Convert : public ::testing::Test {
  protected:
    std::string at(const std::string& name) const { return folder.path() + "/" + name; }
    // A version 1 of one snapshot.
    static Octets damon_1() {
        return DamonBytes()
            .header(1)
            .snapshot(5, 0, 1)
            .put(std::int32_t{42})
            .put(2U)
            .region(4096, 8192, 7)
            .region(8192, 8193, 0)
            .octets;
    }

    const LaidOutFolder folder{};
};

TEST_F(Convert, ThereAndBackGivesTheSameBytes) {
    put_octets(at("a"), damon_1());
    EXPECT_EQ(run_program({"convert", at("a"), at("b.dsr")}).status, 0);
    const ProgramRun back = run_program({"convert", "--format", "damon-1", at("b.dsr"), at("c")});
    EXPECT_EQ(back.status, 0) << back.err;
    EXPECT_EQ(octets_of(at("c")), damon_1());
    EXPECT_THAT(back.err, HasSubstr("converted 1 snapshot from own to damon-1 (88 B)"));
    EXPECT_THAT(back.err, Not(HasSubstr("left out")));
    EXPECT_THAT(back.out, IsEmpty());
}

TEST_F(Convert, SaysWhatItLeftOut) {
    write_recording(at("a.dsr"), sample_info(), sample_events());
    const ProgramRun ran = run_program({"convert", at("a.dsr"), at("b"), "--format", "damon-2"});
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("left out, as damon-2 has no place for it: "));
    EXPECT_THAT(ran.err, HasSubstr("1 actions"));
    EXPECT_THAT(ran.err, HasSubstr("names and mappings"));
    EXPECT_THAT(ran.err, HasSubstr("5 regions that were not looked at"));
}

TEST_F(Convert, OurOwnToOurOwnIsACopy) {
    write_recording(at("a.dsr"), sample_info(), sample_events());
    EXPECT_EQ(run_program({"convert", at("a.dsr"), at("b.dsr")}).status, 0);
    EXPECT_EQ(octets_of(at("b.dsr")), octets_of(at("a.dsr")));
}

TEST_F(Convert, WorksThroughPipes) {
    const Octets octets = damon_1();
    const ProgramRun ran = run_program({"convert", "-", "-", "--format", "damon-1"},
                                       std::string(octets.begin(), octets.end()));
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_EQ(ran.out, std::string(octets.begin(), octets.end()));
}

TEST_F(Convert, TakesTheIntervalsOfADamonRecordAsTold) {
    put_octets(at("a"), damon_1());
    EXPECT_EQ(run_program({"convert", "-s", "10ms", "-A", "1s", at("a"), at("b.dsr")}).status, 0);
    const auto read = read_recording(at("b.dsr"));
    EXPECT_EQ(read.info.attributes.sampling_interval, std::chrono::milliseconds(10));
    EXPECT_FALSE(read.info.attributes_known);
    EXPECT_EQ(std::get<Snapshot>(read.events.back()).targets[0].regions[0].sampled, 100U);
}

TEST_F(Convert, IntervalsOfARecordingThatSaysThemAreRefused) {
    write_recording(at("a.dsr"), sample_info(), {});
    const ProgramRun ran = run_program({"convert", "-s", "10ms", at("a.dsr"), at("b")});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("leave -s and -A out"));
    EXPECT_FALSE(std::filesystem::exists(at("b")));
}

TEST_F(Convert, WrongIntervalsAreRefused) {
    put_octets(at("a"), damon_1());
    const std::vector<std::vector<std::string>> wrong = {
        {"-s", "0s"}, {"-A", "soon"}, {"-s", "200ms"}, {"-s", "5"}};
    for (const auto& options : wrong) {
        std::vector<std::string> arguments = {"convert", at("a"), at("b")};
        arguments.insert(arguments.end(), options.begin(), options.end());
        const ProgramRun ran = run_program(arguments);
        EXPECT_EQ(ran.status, 2) << options[0] << " " << options[1];
        EXPECT_FALSE(std::filesystem::exists(at("b")));
    }
}

TEST_F(Convert, ACutRecordingIsConvertedAsFarAsItGoesWithAWarning) {
    auto octets = damon_1();
    const auto whole = octets;
    octets.push_back(0);
    put_octets(at("a"), octets);
    const ProgramRun ran = run_program({"convert", at("a"), at("b"), "--format", "damon-1"});
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("warning: " + at("a") + ": damaged at byte 88"));
    EXPECT_EQ(octets_of(at("b")), whole);
}

TEST_F(Convert, AnOldOutputIsRenamedUnlessItIsToBeReplaced) {
    put_octets(at("a"), damon_1());
    folder.lay("b", "precious");
    EXPECT_EQ(run_program({"convert", at("a"), at("b")}).status, 0);
    EXPECT_EQ(octets_of(at("b.old")).size(), 8U);
    EXPECT_EQ(run_program({"convert", at("a"), at("b"), "--force"}).status, 0);
    EXPECT_FALSE(std::filesystem::exists(at("b.old.2")));
}

TEST_F(Convert, ItsOwnInputCanBeItsOutput) {
    put_octets(at("a"), damon_1());
    EXPECT_EQ(run_program({"convert", at("a"), at("a")}).status, 0);
    EXPECT_EQ(octets_of(at("a.old")), damon_1());
    EXPECT_EQ(read_recording(at("a")).events.size(), 2U);
}

TEST_F(Convert, WhatIsNoRecordingIsRefusedAndNothingIsWritten) {
    folder.lay("a", "hello\n");
    const ProgramRun ran = run_program({"convert", at("a"), at("b")});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("is no recording: it is a text"));
    EXPECT_FALSE(std::filesystem::exists(at("b")));
}

}  // namespace
}  // namespace damon_schemes

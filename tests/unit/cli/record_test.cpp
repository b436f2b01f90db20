// SPDX-License-Identifier: MIT
// What record refuses before it opens a monitor, and what apply does with --record.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "program.h"

namespace damon_schemes {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(Record, WithoutATargetItShowsHowToNameOne) {
    const ProgramRun ran = run_program({"record"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("--pid"));
    EXPECT_THAT(ran.err, HasSubstr("-- COMMAND"));
}

TEST(Record, AProcessThatDoesNotExistIsAUsageError) {
    // Over the kernel's greatest pid.
    const ProgramRun ran = run_program({"record", "--pid", "999999999"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("999999999"));
}

TEST(Record, WrongAttributesAreNamedByTheirOptions) {
    struct Wrong {
        const char* option;
        const char* value;
    };
    for (const auto& [option, value] :
         {Wrong{"--sampling", "5"}, Wrong{"--aggregation", "fast"}, Wrong{"--update", "1"},
          Wrong{"--min-regions", "2"}, Wrong{"--max-regions", "many"}, Wrong{"--tlb", "all"}}) {
        const ProgramRun ran = run_program({"record", "--pid", "999999999", option, value});
        EXPECT_EQ(ran.status, 2) << option;
        EXPECT_THAT(ran.err, HasSubstr(std::string(option) + ": "));
        EXPECT_THAT(ran.err, testing::Not(HasSubstr("--set")));
    }
}

TEST(Record, AttributesThatContradictEachOtherAreRefused) {
    const ProgramRun ran =
        run_program({"record", "--pid", "999999999", "-s", "200ms", "-A", "100ms"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("100ms"));
}

TEST(Record, TheMonitorsPartOfAPolicyIsTakenAndItsSchemesAreNot) {
    // It pages out, and would be refused without swap.
    const TextFile policy(
        "version = 1\n[[target]]\npid = 999999999\n[[scheme]]\nname = \"a\"\naction = "
        "\"pageout\"\n");
    const ProgramRun ran = run_program({"record", "--policy", policy.path()});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("999999999"));
}

TEST(Record, ABadPolicyIsAPolicyError) {
    const TextFile policy("version = 1\n[monitor]\nsampling_interval = \"never\"\n");
    const ProgramRun ran = run_program({"record", "--policy", policy.path(), "--pid", "1"});
    EXPECT_EQ(ran.status, 3);
    EXPECT_THAT(ran.err, HasSubstr(policy.path() + ":3:"));
}

TEST(Record, AFormatThatThereIsNotIsNamedWithThoseThereAre) {
    for (const char* format : {"damon-0", "damon-3", "csv", ""}) {
        const ProgramRun ran = run_program({"record", "--pid", "999999999", "--format", format});
        EXPECT_EQ(ran.status, 2) << format;
        EXPECT_THAT(ran.err, HasSubstr("own, damon-1 or damon-2"));
    }
}

TEST(Record, ACommandKeepsItsOwnStandardOutput) {
    const ProgramRun ran = run_program({"record", "-o", "-", "--", "true"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("-o FILE"));
}

TEST(Record, ACommandsOwnOptionsAreNotTakenForOurs) {
    const ProgramRun ran =
        run_program({"record", "--duration", "never", "--", "true", "--help", "--bogus"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("--duration"));
    EXPECT_THAT(ran.out, IsEmpty());
}

TEST(Record, WhatCannotBeWatchedLeavesAnOldRecordingAlone) {
    const TextFile old("old");
    const ProgramRun ran = run_program({"record", "-o", old.path(), "--pid", "999999999"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_FALSE(std::filesystem::exists(old.path() + ".old"));
}

TEST(Record, WithoutTheModuleItExitsWith4AndSaysWhatToDo) {
    if (access("/dev/damon_schemes", F_OK) == 0) GTEST_SKIP() << "this machine has the module";
    const ProgramRun ran = run_program({"record", "--monitor", "module", "--", "true"});
    EXPECT_EQ(ran.status, 4);
    EXPECT_THAT(ran.err, HasSubstr("modprobe damon_schemes"));
}

TEST(Apply, ARecordingOnStandardOutputIsRefused) {
    const TextFile policy("version = 1\n[[scheme]]\nname = \"all\"\naction = \"stat\"\n");
    const ProgramRun ran =
        run_program({"apply", policy.path(), "--pid", "999999999", "--record", "-"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("--record wants a file"));
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// What the command says about itself, and what it makes of a wrong command line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "program.h"

namespace damon_schemes {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

TEST(Usage, HelpNamesEveryCommandAndExitStatus) {
    const ProgramRun ran = run_program({"--help"});
    EXPECT_EQ(ran.status, 0);
    EXPECT_THAT(ran.err, IsEmpty());
    for (const char* command :
         {"apply", "check", "convert", "daemon", "doctor", "explain", "pause", "record", "release",
          "reload", "report", "resume", "set-goal", "simulate", "status", "top"})
        EXPECT_THAT(ran.out, HasSubstr("\n  " + std::string(command) + " "));
    EXPECT_THAT(ran.out, HasSubstr("Exit status: 0 done, 1 "));
    EXPECT_THAT(ran.out, HasSubstr("Examples:\n"));
}

TEST(Usage, EachCommandHasHelpWithExamples) {
    for (const char* command :
         {"apply", "check", "convert", "daemon", "doctor", "explain", "pause", "record", "release",
          "reload", "report", "resume", "set-goal", "simulate", "status", "top"}) {
        const ProgramRun ran = run_program({command, "--help"});
        EXPECT_EQ(ran.status, 0) << command;
        EXPECT_THAT(ran.err, IsEmpty()) << command;
        EXPECT_THAT(ran.out, HasSubstr("Usage: damon-schemes " + std::string(command)));
        EXPECT_THAT(ran.out, HasSubstr("  damon-schemes " + std::string(command) + " "));
    }
}

TEST(Usage, VersionIsThatOfTheProject) {
    const ProgramRun ran = run_program({"--version"});
    EXPECT_EQ(ran.status, 0);
    EXPECT_EQ(ran.out, "damon-schemes " DAMON_SCHEMES_VERSION "\n");
}

TEST(Usage, WithoutArgumentsItShowsTheHelpAsAnError) {
    const ProgramRun ran = run_program({});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.out, IsEmpty());
    EXPECT_THAT(ran.err, HasSubstr("Usage: damon-schemes"));
}

TEST(Usage, AnUnknownCommandIsNamedWithThoseThereAre) {
    for (const char* command : {"bogus", "checks", "", "CHECK"}) {
        const ProgramRun ran = run_program({command});
        EXPECT_EQ(ran.status, 2) << command;
        EXPECT_THAT(ran.out, IsEmpty());
        EXPECT_THAT(ran.err, StartsWith("damon-schemes: there is no command '" +
                                        std::string(command) + "'; there are apply, check, "));
        EXPECT_THAT(ran.err, HasSubstr(" and top. See 'damon-schemes --help'."));
    }
}

TEST(Usage, WrongOptionsExitWith2AndSayWhereTheHelpIs) {
    const std::vector<std::vector<std::string>> wrong = {
        {"check"},
        {"check", "--bogus", "x"},
        {"check", "x", "--set"},
        {"doctor", "more"},
        {"doctor", "--bogus"},
        {"apply"},
        {"apply", "x", "--pid", "abc"},
        {"record", "--pid", "abc"},
        {"record", "--bogus"},
        {"convert", "x"},
        {"report"},
        {"report", "x", "y", "z"},
        {"report", "x", "--sortby", "name"},
    };
    for (const auto& arguments : wrong) {
        const ProgramRun ran = run_program(arguments);
        EXPECT_EQ(ran.status, 2) << testing::PrintToString(arguments);
        EXPECT_THAT(ran.err, StartsWith("damon-schemes: "));
        EXPECT_THAT(ran.err, HasSubstr("See 'damon-schemes " + arguments.front() + " --help'."));
    }
    const ProgramRun ran = run_program({"--bogus"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("See 'damon-schemes --help'."));
}

TEST(Usage, OutputThatCannotBeWrittenIsAFailure) {
    const ProgramRun ran = run_program_into("/dev/full", {"--help"});
    EXPECT_EQ(ran.status, 1);
    EXPECT_THAT(ran.err, HasSubstr("cannot write the output"));
}

TEST(Doctor, ExitStatusAndJsonAndTextAgree) {
    const ProgramRun text = run_program({"doctor"});
    const ProgramRun json = run_program({"doctor", "--json"});
    EXPECT_EQ(text.status, json.status);
    EXPECT_THAT(text.status, testing::AnyOf(0, 4));
    const auto root = nlohmann::json::parse(json.out);
    EXPECT_EQ(root["ready"].get<bool>(), json.status == 0);
    ASSERT_FALSE(root["items"].empty());
    bool blocked = false;
    for (const auto& item : root["items"]) {
        const auto state = item["state"].get<std::string>();
        EXPECT_THAT(state, testing::AnyOf("yes", "partly", "no"));
        EXPECT_THAT(item["name"].get<std::string>(), Not(IsEmpty()));
        EXPECT_THAT(item["found"].get<std::string>(), Not(IsEmpty()));
        if (item["needed"].get<bool>() && state == "no") {
            blocked = true;
            EXPECT_THAT(item["advice"].get<std::string>(), Not(IsEmpty())) << item["name"];
        }
        EXPECT_THAT(text.out, HasSubstr(item["title"].get<std::string>() + ": "));
    }
    EXPECT_EQ(blocked, json.status == 4);
    EXPECT_EQ(text.out.find("This machine can watch") != std::string::npos, text.status == 0);
}

TEST(Doctor, FitsEightyColumns) {
    std::istringstream lines(run_program({"doctor"}).out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// What the commands that ask a daemon make of their command line, and of a daemon that is not
// there; what a daemon makes of them is tests/unit/engine/control_requests_test.cpp's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "program.h"

namespace damon_schemes {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* nobody = "/nowhere/control.sock";

TEST(Orders, WithoutADaemonSayWhatToDo) {
    const std::vector<std::vector<std::string>> all = {
        {"status"},
        {"status", "--json"},
        {"reload"},
        {"top"},
        {"top", "--once", "--sort", "name"},
        {"top", "--json"},
        {"pause", "--for", "10min"},
        {"pause", "--policy", "web"},
        {"resume", "--pid", "7"},
        {"release", "--pid", "7", "--force", "--json"},
        {"set-goal", "--policy", "web", "--scheme", "cold", "12.5"},
        {"set-goal", "--policy", "web", "--scheme", "cold", "--clear"},
        {"explain", "--daemon", "--pid", "7", "--address", "0x7f0000000000"},
    };
    for (auto arguments : all) {
        arguments.insert(arguments.end(), {"--socket", nobody});
        const ProgramRun ran = run_program(arguments);
        EXPECT_EQ(ran.status, 4) << testing::PrintToString(arguments);
        EXPECT_THAT(ran.out, IsEmpty());
        EXPECT_THAT(ran.err, HasSubstr("no daemon answers at /nowhere/control.sock"));
        EXPECT_THAT(ran.err, HasSubstr("damon-schemes daemon"));
    }
}

struct Wrong {
    std::vector<std::string> arguments;
    const char* says;
};

TEST(Orders, ThatMakeNoSenseAreRefusedBeforeAnybodyIsAsked) {
    const std::vector<Wrong> all = {
        {{"pause", "--for", "10"}, "--for: '10'"},
        {{"pause", "--for", "10ms"}, "--for has to be at least 1s"},
        {{"pause", "--pid", "7", "--policy", "web"}, "--policy"},
        {{"pause", "--pid", "0"}, "--pid"},
        {{"release", "--for", "soon"}, "--for: 'soon'"},
        {{"set-goal", "--scheme", "cold", "1"}, "--policy is required"},
        {{"set-goal", "--policy", "web", "--scheme", "cold"}, "say --clear"},
        {{"set-goal", "--policy", "web", "--scheme", "cold", "1", "--clear"}, "say --clear"},
        {{"top", "--sort", "largest"}, "there are paged-out, rss, swapped"},
        {{"top", "--once", "--interval", "0s"}, "--interval has to be at least 1s"},
        {{"top", "--once", "--pid", "7"}, "they go without --pid"},
        {{"explain", "--pid", "7"}, "or say --daemon"},
        {{"explain", "--daemon"}, "--daemon goes with one --pid"},
        {{"explain", "--daemon", "--name", "redis"}, "--daemon goes with one --pid"},
        {{"explain", "x.toml", "--daemon", "--pid", "7"}, "the policy is the daemon's"},
        {{"explain", "--daemon", "--pid", "7", "--address", "here"}, "is no address"},
    };
    for (const Wrong& wrong : all) {
        const ProgramRun ran = run_program(wrong.arguments);
        EXPECT_EQ(ran.status, 2) << testing::PrintToString(wrong.arguments);
        EXPECT_THAT(ran.err, HasSubstr(wrong.says));
    }
}

TEST(Orders, AnAuditFileThatCannotBeOpenedEndsTheDaemonAtOnce) {
    const ProgramRun ran = run_program({"daemon", "--audit", "/nowhere/audit"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("the audit file /nowhere/audit cannot be opened"));
}

}  // namespace
}  // namespace damon_schemes

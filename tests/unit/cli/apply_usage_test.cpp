// SPDX-License-Identifier: MIT
// What apply refuses before it opens a monitor.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "program.h"

namespace damon_schemes {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// Counts only, so that it needs no swap.
const std::string counting = "version = 1\n[[scheme]]\nname = \"all\"\naction = \"stat\"\n";

TEST(Apply, WithoutATargetItShowsBothWaysToNameOne) {
    const TextFile policy(counting);
    const ProgramRun ran = run_program({"apply", policy.path()});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("--pid"));
    EXPECT_THAT(ran.err, HasSubstr("[[target]]"));
}

TEST(Apply, ABadPolicyIsRefusedBeforeAnythingElse) {
    const TextFile policy("version = 1\n[[scheme]]\nname = \"a\"\naction = \"burn\"\n");
    const ProgramRun ran = run_program({"apply", policy.path(), "--pid", "999999999"});
    EXPECT_EQ(ran.status, 3);
    EXPECT_THAT(ran.err, HasSubstr(policy.path() + ":4:"));
    EXPECT_THAT(ran.out, IsEmpty());
}

TEST(Apply, AProcessThatDoesNotExistIsAUsageError) {
    const TextFile policy(counting);
    // Over the kernel's greatest pid.
    const ProgramRun ran = run_program({"apply", policy.path(), "--pid", "999999999"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("999999999"));
}

TEST(Apply, AnAncestorOfItsOwnIsRefused) {
    const TextFile policy(counting);
    const ProgramRun ran = run_program({"apply", policy.path(), "--pid", std::to_string(getpid())});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr(std::to_string(getpid())));
}

TEST(Apply, ANameThatNoProcessHasIsAUsageError) {
    const TextFile policy(counting);
    const ProgramRun ran =
        run_program({"apply", policy.path(), "--name", "no-program-is-called-so"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("no-program-is-called-so"));
}

TEST(Apply, RulesThatNoProcessFitsAreAUsageErrorThatSaysWhatToDo) {
    const TextFile policy(counting + "[[target]]\nname = \"sh\"\ncgroup = \"/no/such/group\"\n" +
                          "[[target]]\nexecutable = \"*/no-such-program\"\n");
    for (const std::string command : {"apply", "explain"}) {
        const ProgramRun ran = run_program({command, policy.path()});
        EXPECT_EQ(ran.status, 2) << command;
        EXPECT_THAT(ran.err, HasSubstr("no process fits")) << command;
        EXPECT_THAT(ran.err, HasSubstr("damon-schemes check")) << command;
        EXPECT_THAT(ran.err, HasSubstr("--pid")) << command;
    }
}

TEST(Apply, ANameWithWildcardsThatNoProcessFitsIsAUsageError) {
    const TextFile policy(counting);
    const ProgramRun ran = run_program({"apply", policy.path(), "--name", "no-such-prog*"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("no process fits"));
}

TEST(Apply, AUserWhomTheMachineDoesNotKnowIsAUsageError) {
    const TextFile policy(counting + "[[target]]\nuser = \"nobody-is-called-so\"\n");
    const ProgramRun ran = run_program({"apply", policy.path()});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("'nobody-is-called-so'"));
    const ProgramRun checked = run_program({"check", policy.path()});
    EXPECT_EQ(checked.status, 0) << "it may be known where the policy will be used";
    EXPECT_THAT(checked.out, HasSubstr("every process of user nobody-is-called-so"));
}

TEST(Apply, TheCommandLineStandsForThePolicysRules) {
    const TextFile policy(counting + "[[target]]\nexecutable = \"*/no-such-program\"\n");
    const ProgramRun ran = run_program({"apply", policy.path(), "--pid", "999999999"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("999999999"));
}

TEST(Apply, ThePolicyMayStandBehindTheOptions) {
    const TextFile policy(counting);
    const ProgramRun ran = run_program({"apply", "--pid", "999999999", policy.path()});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("999999999"));
}

TEST(Apply, ACommandThatIsMissingBehindTheDashesIsAUsageError) {
    const TextFile policy(counting);
    const ProgramRun ran = run_program({"apply", policy.path(), "--"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("no command behind '--'"));
}

TEST(Apply, ACommandAndAPidTogetherAreAUsageError) {
    const TextFile policy(counting);
    const ProgramRun ran = run_program({"apply", policy.path(), "--pid", "1", "--", "true"});
    EXPECT_EQ(ran.status, 2);
}

TEST(Apply, ACommandsOwnOptionsAreNotTakenForOurs) {
    const TextFile policy(counting);
    // Refused for its own sake and not for --help's or --bogus's.
    const ProgramRun ran = run_program(
        {"apply", policy.path(), "--duration", "never", "--", "true", "--help", "--bogus"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("--duration"));
    EXPECT_THAT(ran.out, IsEmpty());
}

TEST(Apply, WithoutTheModuleItExitsWith4AndSaysWhatToDo) {
    if (access("/dev/damon_schemes", F_OK) == 0) GTEST_SKIP() << "this machine has the module";
    const TextFile policy(counting);
    const ProgramRun ran =
        run_program({"apply", policy.path(), "--monitor", "module", "--", "true"});
    EXPECT_EQ(ran.status, 4);
    EXPECT_THAT(ran.err, HasSubstr("modprobe damon_schemes"));
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// What a daemon may do, by the capabilities in its status.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/control/permissions.h"
#include "tests/unit/engine/laid_out_folder.h"

namespace damon_schemes {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::LaidOutFolder;
using ::testing::Not;

std::string why_not(const std::string& status) {
    const LaidOutFolder proc{{"self/status", status}};
    MachinePaths paths;
    paths.proc = proc.path();
    const auto may = may_act_on_others(paths);
    EXPECT_TRUE(may || may.error().kind == ErrorKind::unsupported);
    return may ? "" : may.error().message;
}

TEST(Permissions, two_capabilities_are_enough_to_act_on_others) {
    EXPECT_EQ(why_not("Name:\tx\nCapEff:\t0000000000880000\n"), "");
    EXPECT_EQ(why_not("CapEff:\t000001ffffffffff\n"), "");
}

TEST(Permissions, the_one_that_is_missing_is_named) {
    EXPECT_THAT(why_not("CapEff:\t0000000000080000\n"),
                AllOf(HasSubstr("CAP_SYS_NICE is missing"), Not(HasSubstr("CAP_SYS_PTRACE"))));
    EXPECT_THAT(why_not("CapEff:\t0000000000800000\n"),
                AllOf(HasSubstr("CAP_SYS_PTRACE is missing"), Not(HasSubstr("CAP_SYS_NICE"))));
    EXPECT_THAT(why_not("CapEff:\t0000000000000000\n"),
                HasSubstr("CAP_SYS_NICE and CAP_SYS_PTRACE are missing"));
    EXPECT_THAT(why_not("Name:\tx\n"), HasSubstr("cannot be told"));
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// What a policy can say of huge pages and of remote system calls.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "schemes/policy/reader.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

PolicyReading read(const std::string& action, const std::string& rest,
                   const std::string& top = "") {
    PolicyReadOptions options;
    options.source = "policy.toml";
    return read_policy(
        "version = 1\n" + top + "[[scheme]]\nname = \"a\"\naction = \"" + action + "\"\n" + rest,
        options);
}

std::vector<std::string> errors_of(const PolicyReading& reading) {
    std::vector<std::string> messages;
    for (const PolicyError& error : reading.errors)
        messages.push_back(error.key + ": " + error.message);
    return messages;
}

TEST(PolicyHugePages, TakesWhatACollapseCanHave) {
    const auto reading =
        read("collapse",
             "present = { min = \"80%\" }\ngrowth = { bytes = \"64MiB\", share = \"5%\" }\n");
    ASSERT_THAT(errors_of(reading), IsEmpty());
    const Scheme& scheme = reading.policy.schemes[0];
    EXPECT_EQ(scheme.action, Action::collapse);
    EXPECT_EQ(scheme.present, Share{800'000});
    EXPECT_EQ(scheme.growth, (Growth{mebibytes(64), Share{50'000}}));
}

TEST(PolicyHugePages, ACollapseIsLimitedUnlessThePolicySaysOtherwise) {
    const Scheme scheme = read("collapse", "").policy.schemes[0];
    EXPECT_EQ(scheme.present, Share{500'000});
    EXPECT_FALSE(scheme.growth.any());
    EXPECT_EQ(scheme.quota.bytes, mebibytes(128));
    EXPECT_EQ(scheme.quota.time, Duration(10ms));
    EXPECT_EQ(read("collapse", "quota = \"off\"\n").policy.schemes[0].quota, Quota{});
    for (const std::string action : {"hugepage", "nohugepage", "mlock", "munlock"}) {
        const Quota quota = read(action, "").policy.schemes[0].quota;
        EXPECT_EQ(quota.bytes, std::nullopt) << action;
        EXPECT_EQ(quota.time, Duration(10ms)) << action;
    }
}

TEST(PolicyHugePages, OtherActionsCannotHaveWhatIsACollapses) {
    for (const std::string action : {"pageout", "stat", "hugepage", "mlock"}) {
        EXPECT_THAT(errors_of(read(action, "present = { min = \"80%\" }\n")),
                    ElementsAre(HasSubstr("'" + action + "' makes no huge pages")));
        EXPECT_THAT(errors_of(read(action, "growth = { share = \"1%\" }\n")),
                    ElementsAre(HasSubstr("'" + action + "' makes no huge pages")));
    }
}

TEST(PolicyHugePages, ContradictionsOfACollapseAreErrors) {
    EXPECT_THAT(errors_of(read("collapse", "split_huge_pages = true\n")),
                ElementsAre(HasSubstr("splits nothing")));
    EXPECT_THAT(errors_of(read("collapse", "growth = {}\n")),
                ElementsAre(HasSubstr("neither bytes nor share")));
    EXPECT_THAT(errors_of(read("collapse", "present = {}\n")),
                ElementsAre(HasSubstr("does not say how much")));
    EXPECT_THAT(
        errors_of(read("collapse", "present = { min = \"100%\" }\ngrowth = { share = \"1%\" }\n")),
        ElementsAre(HasSubstr("nothing grows")));
    EXPECT_THAT(errors_of(read("collapse", "quota = { bytes = \"1MiB\" }\n")),
                ElementsAre(HasSubstr("less than a huge page")));
    EXPECT_THAT(errors_of(read("collapse", "filter = [ { allow = \"young\" } ]\n")),
                ElementsAre(HasSubstr("looks at no single pages")));
}

TEST(PolicyHugePages, WhatCannotBeUndoneSaysWhy) {
    for (const std::string action : {"hugepage", "nohugepage"})
        EXPECT_THAT(errors_of(read(action, "on_exit = \"restore\"\n")),
                    ElementsAre(HasSubstr("never be taken off again")));
    EXPECT_THAT(errors_of(read("collapse", "on_exit = \"restore\"\n")),
                ElementsAre(HasSubstr("cannot be undone")));
    EXPECT_THAT(errors_of(read("munlock", "on_exit = \"restore\"\n")),
                ElementsAre(HasSubstr("nothing to put back")));
    EXPECT_THAT(errors_of(read("pageout", "on_exit = \"restore\"\n")),
                ElementsAre(HasSubstr("needs no undoing")));
    for (const std::string action : {"hugepage", "collapse", "munlock", "pageout", "stat"})
        EXPECT_THAT(errors_of(read(action, "on_exit = \"keep\"\n")), IsEmpty()) << action;
}

TEST(PolicyRemoteCalls, AreNotAllowedUnlessThePolicySaysSo) {
    EXPECT_FALSE(read("stat", "").policy.remote_syscall);
    EXPECT_FALSE(read("stat", "", "remote_syscall = \"never\"\n").policy.remote_syscall);
    EXPECT_TRUE(read("stat", "", "remote_syscall = \"allow\"\n").policy.remote_syscall);
    EXPECT_THAT(errors_of(read("stat", "", "remote_syscall = \"yes\"\n")),
                ElementsAre(HasSubstr("remote_syscall")));
    EXPECT_THAT(errors_of(read("stat", "", "remote_syscall = true\n")),
                ElementsAre(HasSubstr("remote_syscall")));
}

TEST(PolicyRemoteCalls, StopsAreBounded) {
    const auto reading =
        read("stat", "", "[remote]\nlongest_stop = \"500us\"\nbetween_stops = \"50ms\"\n");
    ASSERT_THAT(errors_of(reading), IsEmpty());
    EXPECT_EQ(reading.policy.remote, (RemoteBounds{500us, 50ms}));
    EXPECT_EQ(read("stat", "").policy.remote, (RemoteBounds{1ms, 20ms}));
    for (const std::string wrong : {"10us", "1s"})
        EXPECT_THAT(errors_of(read(
                        "stat", "",
                        "[remote]\nbetween_stops = \"10s\"\nlongest_stop = \"" + wrong + "\"\n")),
                    ElementsAre(HasSubstr("out of its range")));
    EXPECT_THAT(errors_of(read("stat", "", "[remote]\nbetween_stops = \"100us\"\n")),
                ElementsAre(HasSubstr("held for most of its time")));
}

TEST(PolicyRemoteCalls, ASchemeThatCannotDoWithoutIsWarnedOf) {
    for (const std::string action : {"hugepage", "nohugepage", "mlock", "munlock"}) {
        const auto never = read(action, "");
        ASSERT_EQ(never.warnings.size(), 1U) << action;
        EXPECT_THAT(never.warnings[0].message, HasSubstr("nothing will be done"));
        EXPECT_THAT(never.warnings[0].suggestion, HasSubstr("remote_syscall = \"allow\""));
        EXPECT_TRUE(read(action, "", "remote_syscall = \"allow\"\n").warnings.empty()) << action;
    }
    EXPECT_TRUE(read("collapse", "").warnings.empty());
}

}  // namespace
}  // namespace damon_schemes

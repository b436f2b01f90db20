// SPDX-License-Identifier: MIT
#include "cli/description.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

Scheme reclaim() {
    Scheme scheme;
    scheme.name = "cold";
    scheme.action = Action::pageout;
    scheme.size.min = kibibytes(4);
    scheme.frequency.max = Share{0};
    scheme.age.min = 10s;
    scheme.quota = default_pageout_quota();
    return scheme;
}

Policy policy_of(Scheme scheme) {
    Policy policy;
    policy.schemes.push_back(std::move(scheme));
    return policy;
}

TEST(Description, TheMainJobInPlainWords) {
    EXPECT_EQ(describe(policy_of(reclaim())),
              "  cold: page out memory that no look found accessed, for at least 10s, in\n"
              "      regions of at least 4KiB; at most 128MiB and 10ms of work per 1s.\n"
              "  target: none in the policy; give --pid, --name or -- COMMAND to apply.\n"
              "  limits: stop paging out while less than 10% of swap is free; leave a\n"
              "      target alone for 1min when its major faults rise over 100 a second and 10\n"
              "      times its earlier rate.\n"
              "  monitor: look every 5ms, decide every 100ms, follow mappings every 1s, 10\n"
              "      to 1,000 regions of at least 4KiB.\n");
}

TEST(Description, WhatIsTurnedOffIsSaid) {
    Scheme scheme = reclaim();
    scheme.quota = {};
    Policy policy = policy_of(scheme);
    policy.limits = {std::nullopt, std::nullopt};
    const std::string text = describe(policy, 200);
    EXPECT_THAT(text, HasSubstr("; as much as there is."));
    EXPECT_THAT(text, HasSubstr("swap may be filled to the last page"));
    EXPECT_THAT(text, HasSubstr("no brake on a target's major faults"));
}

TEST(Description, WhatIsAllowedByNameIsSaid) {
    Scheme scheme = reclaim();
    scheme.split_huge_pages = true;
    scheme.allow_unseen_accesses = true;
    const std::string text = describe(policy_of(scheme), 300);
    EXPECT_THAT(text, HasSubstr("huge pages may be split"));
    EXPECT_THAT(text, HasSubstr("others map the memory"));
}

TEST(Description, APolicyThatOnlyCountsHasNoLimits) {
    Scheme scheme = reclaim();
    scheme.action = Action::stat;
    const std::string text = describe(policy_of(scheme));
    EXPECT_THAT(text, HasSubstr("cold: only count memory"));
    EXPECT_THAT(text, Not(HasSubstr("limits:")));
    EXPECT_THAT(text, Not(HasSubstr("per 1s")));
}

TEST(Description, RangesAreSaidAsTheyAre) {
    Scheme scheme;
    scheme.name = "s";
    EXPECT_THAT(describe(policy_of(scheme)), HasSubstr("  s: only count memory.\n"));
    scheme.frequency = {Share{50'000}, Share{500'000}};
    EXPECT_THAT(describe(policy_of(scheme), 200),
                HasSubstr("found accessed in 5% to 50% of the looks."));
    scheme.frequency = {Share{1'000'000}, Share{1'000'000}};
    EXPECT_THAT(describe(policy_of(scheme), 200), HasSubstr("accessed in 100% of the looks."));
    scheme.frequency = {};
    scheme.age.max = 5s;
    EXPECT_THAT(describe(policy_of(scheme), 200),
                HasSubstr("memory that has been used alike for at most 5s."));
}

TEST(Description, TargetsOfThePolicyAreNamed) {
    Policy policy = policy_of(reclaim());
    TargetSelector by_pid;
    by_pid.pid = 42;
    TargetSelector by_name;
    by_name.name = "redis-server";
    by_name.all = true;
    policy.targets = {by_pid, by_name};
    EXPECT_THAT(describe(policy),
                HasSubstr("targets: process 42, every process named redis-server."));
}

TEST(Description, FitsTheWidth) {
    for (std::size_t width = 40; width <= 120; width += 5) {
        std::istringstream lines(describe(policy_of(reclaim()), width));
        for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), width) << line;
    }
}

}  // namespace
}  // namespace damon_schemes

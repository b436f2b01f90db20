// SPDX-License-Identifier: MIT
#include "cli/description.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <sstream>
#include <string>
#include <utility>

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
              "      times its earlier rate; leave a target alone for 10s and, again, up to\n"
              "      10min when 16MiB a second of what a scheme paged out come back; rest while\n"
              "      less than 2% of memory and swap can still be had; stop paging out while\n"
              "      zram saves less than 10% of what it holds.\n"
              "  monitor: look every 5ms, decide every 100ms, follow mappings every 1s, 10\n"
              "      to 1,000 regions of at least 4KiB.\n");
}

TEST(Description, HugePagesAndTheirBudget) {
    Scheme scheme;
    scheme.name = "hot";
    scheme.action = Action::collapse;
    scheme.frequency.min = Share{500'000};
    scheme.growth = {mebibytes(64), Share{50'000}};
    const std::string text = describe(policy_of(scheme), 200);
    EXPECT_THAT(
        text, HasSubstr("hot: make huge pages of memory that was found accessed in at least 50%"));
    EXPECT_THAT(text, HasSubstr("at least 50% of 2 MiB is in memory; each target may grow by the "
                                "lesser of 64MiB and 5% of its memory"));
    EXPECT_THAT(text, Not(HasSubstr("remote system calls")));
}

TEST(Description, LocksTheirBudgetAndTheirEnd) {
    Scheme scheme;
    scheme.name = "hot";
    scheme.action = Action::mlock;
    scheme.on_exit = OnExit::restore;
    Policy policy = policy_of(scheme);
    std::string text = describe(policy, 200);
    EXPECT_THAT(text, HasSubstr("hot: lock memory"));
    EXPECT_THAT(text, HasSubstr("at most 64MiB of a target and 10% of the machine's memory"));
    EXPECT_THAT(text,
                HasSubstr("unlocked when it has not been used like that for 10s, and at the end"));
    EXPECT_THAT(text, HasSubstr("remote system calls: none; what would need one is skipped."));
    policy.remote_syscall = true;
    policy.schemes[0].on_exit = OnExit::keep;
    policy.schemes[0].unlock_age.reset();
    policy.schemes[0].populate = true;
    policy.schemes[0].raise_memlock = RaiseMemlock::soft;
    text = describe(policy, 200);
    EXPECT_THAT(
        text, HasSubstr("a target may be stopped for 1ms at a time, and runs for 20ms in between"));
    EXPECT_THAT(text, HasSubstr("unlocked only by hand: it is left locked at the end"));
    EXPECT_THAT(text, HasSubstr("is brought in; RLIMIT_MEMLOCK is raised up to its hard limit"));
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

TEST(Description, RulesForTargetsAreToldInWords) {
    Policy policy = policy_of(reclaim());
    TargetSelector rule;
    rule.name = "postgres";
    rule.executable = "/usr/lib/*";
    rule.user = "postgres";
    rule.unit = "postgresql@*.service";
    rule.cgroup = "/system.slice/*";
    rule.min_rss = mebibytes(64);
    TargetSelector by_uid;
    by_uid.user = "1000";
    policy.targets = {rule, by_uid};
    EXPECT_THAT(describe(policy, 300),
                HasSubstr("targets: every process named postgres running /usr/lib/* of user "
                          "postgres in unit postgresql@*.service in cgroup /system.slice/* with "
                          "at least 64MiB in memory, every process of uid 1000."));
}

std::string described(const Scheme& scheme) {
    return describe(policy_of(scheme), 2000);
}

Scheme guarded() {
    Scheme scheme = reclaim();
    scheme.apply_interval = 5s;
    scheme.cool_down = 30s;
    scheme.min_rss = mebibytes(32);
    scheme.floor = {mebibytes(64), Share{200'000}};
    scheme.verify = Verify{2s};
    scheme.tune = Tune{Share{10'000}, 1s, 10min};
    scheme.watermarks = Watermarks{};
    scheme.watermarks->free_memory = Watermark{Share{500'000}, Share{400'000}, Share{200'000}};
    QuotaGoal pressure;
    pressure.share = Share{5000};
    scheme.quota.goals = {pressure};
    Filter stack;
    stack.pattern = "[stack]";
    scheme.filters = {stack};
    return scheme;
}

TEST(Description, EveryControlInPlainWords) {
    EXPECT_EQ(describe(policy_of(guarded())),
              "  cold: page out memory that no look found accessed, for at least 10s, in\n"
              "      regions of at least 4KiB; at most 128MiB and 10ms of work per 1s; so much\n"
              "      per 1s that it keeps the time that tasks wait for memory at 0.5%.\n"
              "    - tuning: that age is moved between 1s and 10min so that 1% comes back\n"
              "    - only targets with at least 32MiB in memory\n"
              "    - filters: no to mappings named [stack], else yes\n"
              "    - verification: each page has to stay idle for another 2s\n"
              "    - floor: each target keeps at least 64MiB and 20% of its memory\n"
              "    - watermarks: rests while more than 50% or less than 20% of the memory is\n"
              "      free, until 40% is; looked at every 5s\n"
              "    - applied every 5s\n"
              "    - the same memory again only after 30s\n"
              "  target: none in the policy; give --pid, --name or -- COMMAND to apply.\n"
              "  limits: stop paging out while less than 10% of swap is free; leave a\n"
              "      target alone for 1min when its major faults rise over 100 a second and 10\n"
              "      times its earlier rate; leave a target alone for 10s and, again, up to\n"
              "      10min when 16MiB a second of what a scheme paged out come back; rest while\n"
              "      less than 2% of memory and swap can still be had; stop paging out while\n"
              "      zram saves less than 10% of what it holds.\n"
              "  refaults: what was paged out comes back where it is in memory again within\n"
              "      1min; at most 256MiB of it is looked at in a second.\n"
              "  monitor: look every 5ms, decide every 100ms, follow mappings every 1s, 10\n"
              "      to 1,000 regions of at least 4KiB.\n");
}

TEST(Description, IntervalsWithAGoalAreSaid) {
    Policy policy;
    policy.schemes = {reclaim()};
    EXPECT_THAT(describe(policy, 80), Not(HasSubstr("intervals:")));
    policy.monitor.interval_goal = IntervalGoal{};
    EXPECT_THAT(
        describe(policy, 80),
        HasSubstr("  intervals: begin with these, and are moved so that 4% of the looks of 3\n"
                  "      snapshots together find an access; a look every 5ms to 10s, a decision\n"
                  "      every 100ms to 200s.\n"));
}

TEST(Description, EachGoalIsSaid) {
    Scheme scheme = reclaim();
    scheme.quota.bytes.reset();
    scheme.quota.time.reset();
    const auto said = [&](GoalMetric metric) {
        QuotaGoal goal;
        goal.metric = metric;
        goal.share = Share{10'000};
        goal.figure = 12.5;
        goal.file = "/run/latency_ms";
        scheme.quota.goals = {goal};
        return described(scheme);
    };
    EXPECT_THAT(said(GoalMetric::cgroup_pressure),
                HasSubstr("the time that the targets' cgroups wait for memory at 1%."));
    EXPECT_THAT(said(GoalMetric::refaults), HasSubstr("the share that comes back at 1%."));
    EXPECT_THAT(said(GoalMetric::free_memory), HasSubstr("it keeps free memory at 1%."));
    EXPECT_THAT(said(GoalMetric::figure),
                HasSubstr("it keeps the figure in /run/latency_ms at 12.5."));
    EXPECT_THAT(said(GoalMetric::figure), Not(HasSubstr("as much as there is")));
    EXPECT_THAT(said(GoalMetric::refaults), HasSubstr("refaults: "));
    EXPECT_THAT(said(GoalMetric::pressure), Not(HasSubstr("refaults: ")));
    scheme.quota.tuner = GoalTuner::temporal;
    EXPECT_THAT(said(GoalMetric::free_memory),
                HasSubstr("until free memory at 1% is reached, then nothing"));
}

TEST(Description, FiltersAreSaidInTheirOrder) {
    Scheme scheme = reclaim();
    Filter files;
    files.kind = FilterKind::file;
    Filter range;
    range.allow = true;
    range.kind = FilterKind::address;
    range.range = {0x1000, 0x7f0000000000};
    scheme.filters = {files, range};
    EXPECT_THAT(described(scheme),
                HasSubstr("- filters: no to memory of files, else yes to addresses "
                          "from 0x1000 to 0x7f0000000000, else no\n"));
    for (const auto& [kind, words] : std::initializer_list<std::pair<FilterKind, std::string>>{
             {FilterKind::anonymous, "no to anonymous memory"},
             {FilterKind::huge_page, "no to huge pages"},
             {FilterKind::young, "no to pages accessed just before"},
             {FilterKind::target, "no to targets named x*"},
             {FilterKind::cgroup, "no to targets of cgroup x*"}}) {
        Filter filter;
        filter.kind = kind;
        filter.pattern = "x*";
        scheme.filters = {filter};
        EXPECT_THAT(described(scheme), HasSubstr("- filters: " + words + ", else yes\n"));
    }
}

TEST(Description, WhatGoesFirstIsSaidWhereItIsUnusual) {
    Scheme scheme = reclaim();
    EXPECT_THAT(described(scheme), Not(HasSubstr("too little")));
    scheme.quota.priority = {0, 0, 1};
    EXPECT_THAT(described(scheme),
                HasSubstr("where that is too little, the coldest first, by age"));
    scheme.quota.priority = {1, 2, 3};
    EXPECT_THAT(described(scheme), HasSubstr("by age (3 times), frequency (2 times) and size"));
    scheme.quota.priority = {0, 0, 0};
    EXPECT_THAT(described(scheme), HasSubstr("where that is too little, by turns"));
    scheme.action = Action::willneed;
    scheme.quota.priority = {1, 0, 0};
    EXPECT_THAT(described(scheme), HasSubstr("the hottest first, by size"));
}

TEST(Description, WatermarksAreSaidAsFarAsTheyAreSet) {
    Scheme scheme = reclaim();
    scheme.watermarks = Watermarks{};
    scheme.watermarks->free_swap = Watermark{Share{1'000'000}, Share{1'000'000}, Share{200'000}};
    EXPECT_THAT(
        described(scheme),
        HasSubstr(
            "- watermarks: rests while less than 20% of the swap is free; looked at every 5s\n"));
    scheme.watermarks->free_swap = Watermark{Share{500'000}, Share{500'000}, Share{0}};
    EXPECT_THAT(
        described(scheme),
        HasSubstr("- watermarks: rests while more than 50% of the swap is free; looked at"));
}

TEST(Description, FitsTheWidth) {
    for (std::size_t width = 40; width <= 120; width += 5) {
        std::istringstream lines(describe(policy_of(guarded()), width));
        for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), width) << line;
    }
}

}  // namespace
}  // namespace damon_schemes

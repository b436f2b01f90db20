// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "engine/targets/target_rules.h"
#include "tests/unit/engine/laid_out_folder.h"

namespace damon_schemes {
namespace {

using ::testing::HasSubstr;
using testing::LaidOutFolder;
using testing::StatLine;

ProcessFacts postgres() {
    ProcessFacts facts;
    facts.pid = 42;
    facts.name = "postgres";
    facts.executable = "/usr/lib/postgresql/15/bin/postgres";
    facts.uid = 105;
    facts.cgroup = "/system.slice/system-postgresql.slice/postgresql@15-main.service";
    facts.rss = mebibytes(64);
    return facts;
}

bool fits(const TargetSelector& selector, const ProcessFacts& facts) {
    const auto rules = TargetRules::make({selector});
    EXPECT_TRUE(rules.ok());
    return rules.ok() && rules->rule_of(facts).has_value();
}

TEST(TargetRulesTest, ask_for_what_their_condition_says) {
    const auto by = [](auto member, const auto& value) {
        TargetSelector selector;
        selector.*member = value;
        return fits(selector, postgres());
    };
    EXPECT_TRUE(by(&TargetSelector::pid, 42));
    EXPECT_FALSE(by(&TargetSelector::pid, 43));
    EXPECT_TRUE(by(&TargetSelector::name, "postgres"));
    EXPECT_TRUE(by(&TargetSelector::name, "p?st*"));
    EXPECT_FALSE(by(&TargetSelector::name, "postgre"));
    EXPECT_TRUE(by(&TargetSelector::executable, "/usr/lib/*/postgres"));
    EXPECT_FALSE(by(&TargetSelector::executable, "postgres"));
    EXPECT_TRUE(by(&TargetSelector::user, "105"));
    EXPECT_FALSE(by(&TargetSelector::user, "0"));
    EXPECT_TRUE(by(&TargetSelector::unit, "postgresql@*.service"));
    EXPECT_FALSE(by(&TargetSelector::unit, "system.slice")) << "the innermost unit counts";
    EXPECT_TRUE(by(&TargetSelector::cgroup, "/system.slice/*"));
    EXPECT_FALSE(by(&TargetSelector::cgroup, "/system.slice"));
    EXPECT_TRUE(by(&TargetSelector::min_rss, mebibytes(64)));
    EXPECT_FALSE(by(&TargetSelector::min_rss, mebibytes(65)));
}

TEST(TargetRulesTest, all_conditions_of_one_have_to_hold) {
    TargetSelector selector;
    selector.name = "postgres";
    selector.user = "105";
    selector.unit = "postgresql@15-main.service";
    selector.min_rss = mebibytes(1);
    EXPECT_TRUE(fits(selector, postgres()));
    ProcessFacts other = postgres();
    other.uid = 0;
    EXPECT_FALSE(fits(selector, other));
    other = postgres();
    other.cgroup = "/system.slice/cron.service";
    EXPECT_FALSE(fits(selector, other));
    other = postgres();
    other.rss = kibibytes(4);
    EXPECT_FALSE(fits(selector, other));
}

TEST(TargetRulesTest, a_name_is_also_the_executables_base_name) {
    ProcessFacts renamed = postgres();
    renamed.name = "walwriter";
    TargetSelector selector;
    selector.name = "postgres";
    EXPECT_TRUE(fits(selector, renamed));
    renamed.executable.clear();
    EXPECT_FALSE(fits(selector, renamed));
}

TEST(TargetRulesTest, what_is_not_known_fits_no_wildcard) {
    ProcessFacts facts;
    facts.name = "a";
    TargetSelector selector;
    selector.executable = "*";
    EXPECT_FALSE(fits(selector, facts));
    selector = {};
    selector.cgroup = "*";
    EXPECT_FALSE(fits(selector, facts));
    selector = {};
    selector.unit = "*";
    EXPECT_FALSE(fits(selector, facts));
}

TEST(TargetRulesTest, the_first_that_fits_is_the_rule) {
    TargetSelector large;
    large.name = "postgres";
    large.min_rss = mebibytes(128);
    TargetSelector other;
    other.name = "cron";
    TargetSelector any;
    any.name = "*";
    const auto rules = TargetRules::make({large, other, any});
    ASSERT_TRUE(rules.ok());
    EXPECT_EQ(rules->rule_of(postgres()), 2U);
    EXPECT_TRUE(rules->fits_but_for_size(0, postgres()));
    ProcessFacts grown = postgres();
    grown.rss = mebibytes(128);
    EXPECT_EQ(rules->rule_of(grown), 0U);
}

TEST(TargetRulesTest, know_users_by_their_login_names) {
    TargetSelector selector;
    selector.user = "root";
    ProcessFacts facts = postgres();
    EXPECT_FALSE(fits(selector, facts));
    facts.uid = 0;
    EXPECT_TRUE(fits(selector, facts));
}

TEST(TargetRulesTest, an_unknown_user_is_an_error_that_names_him) {
    TargetSelector selector;
    selector.user = "nobody-is-called-so";
    const auto rules = TargetRules::make({selector});
    ASSERT_FALSE(rules.ok());
    EXPECT_EQ(rules.error().kind, ErrorKind::usage);
    EXPECT_THAT(rules.error().message, HasSubstr("'nobody-is-called-so'"));
    EXPECT_THAT(rules.error().message, HasSubstr("getent passwd"));
}

TEST(TargetRulesTest, ask_to_read_no_more_than_they_need) {
    const auto asked = [](auto member, const auto& value) {
        TargetSelector selector;
        selector.*member = value;
        const auto rules = TargetRules::make({selector});
        const AskedFacts asks = rules.ok() ? rules->asks() : AskedFacts{};
        return std::string(asks.executable ? "executable " : "") + (asks.user ? "user " : "") +
               (asks.cgroup ? "cgroup " : "");
    };
    EXPECT_EQ(asked(&TargetSelector::pid, 1), "");
    EXPECT_EQ(asked(&TargetSelector::min_rss, Bytes{}), "");
    EXPECT_EQ(asked(&TargetSelector::name, "a"), "executable ");
    EXPECT_EQ(asked(&TargetSelector::executable, "/a"), "executable ");
    EXPECT_EQ(asked(&TargetSelector::user, "0"), "user ");
    EXPECT_EQ(asked(&TargetSelector::unit, "a.service"), "cgroup ");
    EXPECT_EQ(asked(&TargetSelector::cgroup, "/a"), "cgroup ");
}

TEST(UnitTest, is_the_innermost_of_a_cgroups_path) {
    EXPECT_EQ(unit_of("/system.slice/nginx.service"), "nginx.service");
    EXPECT_EQ(unit_of("/system.slice/nginx.service/workers/1"), "nginx.service");
    EXPECT_EQ(unit_of("/user.slice/user-1000.slice/user@1000.service/app.slice/a-1.scope"),
              "a-1.scope");
    EXPECT_EQ(unit_of("/system.slice"), "system.slice");
    EXPECT_EQ(unit_of("/system.slice/_memory.service"), "memory.service") << "systemd's escape";
    EXPECT_EQ(unit_of("/machine/qemu.d"), "");
    EXPECT_EQ(unit_of("/.service"), "");
    EXPECT_EQ(unit_of("/"), "");
    EXPECT_EQ(unit_of(""), "");
}

std::string stat_of(int pid, const std::string& comm, char state = 'S', unsigned flags = 0x400000) {
    StatLine line;
    line.pid = pid;
    line.comm = comm;
    line.state = state;
    line.flags = flags;
    line.rss_pages = 512;
    return line.text();
}

TEST(FactsTest, are_read_as_far_as_they_are_asked_for) {
    const LaidOutFolder proc({
        {"5/stat", stat_of(5, "a b")},
        {"5/exe", "-> /opt/a b (deleted)"},
        {"5/cgroup", "4:memory:/v1\n0::/system.slice/a.service\n"},
    });
    auto reader = FactsReader::open(proc.path());
    ASSERT_TRUE(reader.ok());
    ProcessFacts facts;
    ASSERT_TRUE(reader->read(5, {}, facts));
    EXPECT_EQ(facts.pid, 5);
    EXPECT_EQ(facts.start_ticks, 4242U);
    EXPECT_EQ(facts.name, "a b");
    EXPECT_EQ(facts.rss, mebibytes(2));
    EXPECT_EQ(facts.executable + facts.cgroup, "");
    ASSERT_TRUE(reader->read(5, {true, true, true}, facts));
    EXPECT_EQ(facts.executable, "/opt/a b");
    EXPECT_EQ(facts.uid, ::getuid());
    EXPECT_EQ(facts.cgroup, "/system.slice/a.service");
}

TEST(FactsTest, that_cannot_be_read_are_empty) {
    const LaidOutFolder proc({
        {"5/stat", stat_of(5, "a")},
        {"6/stat", stat_of(6, "b")},
        {"6/exe", "-> /b"},
        {"6/cgroup", "0::/../outside.service\n"},
    });
    auto reader = FactsReader::open(proc.path());
    ASSERT_TRUE(reader.ok());
    ProcessFacts facts;
    ASSERT_TRUE(reader->read(6, {true, true, true}, facts));
    EXPECT_EQ(facts.executable, "/b");
    EXPECT_EQ(facts.cgroup, "") << "outside of our namespace";
    ASSERT_TRUE(reader->read(5, {true, true, true}, facts));
    EXPECT_EQ(facts.executable + facts.cgroup, "") << "nothing of the process before";
}

TEST(FactsTest, are_of_no_zombie_no_kernel_thread_and_nothing_that_has_gone) {
    const LaidOutFolder proc({
        {"5/stat", stat_of(5, "zombie", 'Z')},
        {"6/stat", stat_of(6, "kworker", 'I', 0x200000)},
        {"7/stat", "7 (half"},
    });
    auto reader = FactsReader::open(proc.path());
    ASSERT_TRUE(reader.ok());
    ProcessFacts facts;
    for (const int pid : {5, 6, 7, 8}) EXPECT_FALSE(reader->read(pid, {}, facts)) << pid;
}

TEST(FactsTest, of_this_process_are_what_the_system_says) {
    auto reader = FactsReader::open("/proc");
    ASSERT_TRUE(reader.ok());
    ProcessFacts facts;
    ASSERT_TRUE(reader->read(::getpid(), {true, true, true}, facts));
    EXPECT_EQ(facts.uid, ::geteuid());
    EXPECT_THAT(facts.executable, HasSubstr("/"));
    EXPECT_GT(facts.rss, mebibytes(1));
    EXPECT_FALSE(FactsReader::open("/proc/no-such-folder").ok());
}

}  // namespace
}  // namespace damon_schemes

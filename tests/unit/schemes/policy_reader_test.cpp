// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <ostream>
#include <string>
#include <vector>

#include "schemes/policy/reader.h"

namespace damon_schemes {

static std::ostream& operator<<(std::ostream& out, const PolicyError& error) {
    return out << to_string(error) << " [" << error.key << "]";
}

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

PolicyReading read_text(std::string_view text, std::vector<std::string> overrides = {}) {
    PolicyReadOptions options;
    options.source = "policy.toml";
    options.overrides = std::move(overrides);
    return read_policy(text, options);
}

Quota limits_of(std::optional<Bytes> bytes, std::optional<Duration> time, Duration per) {
    Quota quota;
    quota.bytes = bytes;
    quota.time = time;
    quota.per = per;
    return quota;
}

// Lines 1 to 4 of a sound policy; what a test adds begins at line 5, in the scheme.
const std::string sound = "version = 1\n[[scheme]]\nname = \"cold\"\naction = \"pageout\"\n";

TEST(PolicyReader, TakesRulesForTargets) {
    const PolicyReading reading = read_text(sound + R"(
[[target]]
name = "postgre?"
executable = "/usr/lib/postgresql/*/bin/postgres"
user = "postgres"
unit = "postgresql@*.service"
cgroup = "/system.slice/*"
min_rss = "64MiB"

[[target]]
name = "cron"
min_rss = 0
all = true

[[target]]
name = "cron"
)");
    ASSERT_TRUE(reading.ok()) << reading.errors.front().message;
    TargetSelector all_conditions;
    all_conditions.name = "postgre?";
    all_conditions.executable = "/usr/lib/postgresql/*/bin/postgres";
    all_conditions.user = "postgres";
    all_conditions.unit = "postgresql@*.service";
    all_conditions.cgroup = "/system.slice/*";
    all_conditions.min_rss = mebibytes(64);
    all_conditions.all = true;
    TargetSelector two_conditions;
    two_conditions.name = "cron";
    two_conditions.min_rss = Bytes{};
    two_conditions.all = true;
    TargetSelector plain;
    plain.name = "cron";
    EXPECT_THAT(reading.policy.targets, ElementsAre(all_conditions, two_conditions, plain));
    EXPECT_FALSE(plain.is_rule()) << "it means one process, and several are an error";
}

TEST(PolicyReader, TakesTheWholeFormat) {
    const PolicyReading reading = read_text(R"(
version = 1

[monitor]
sampling_interval = "10ms"
aggregation_interval = "200 ms"
update_interval = "2s"
regions = { min = 20, max = 500, layout = "mappings" }
min_region_size = "64KiB"
tlb = "full"
search = false
children = true

[[target]]
pid = 4242

[[target]]
name = "redis-server"
all = true

[[scheme]]
name = "cold"
action = "pageout"
size = { min = 4096, max = "1.5GiB" }
frequency = { min = "0%", max = "0.5%" }
age = { min = "10s", max = "1h" }
quota = { bytes = "64MiB", time = "5ms", per = "500ms" }
allow_unseen_accesses = true
split_huge_pages = true

[[scheme]]
name = "count"
action = "stat"

[limits]
min_free_swap = "25%"
brake = { faults_per_second = 500, times = 20, pause = "2min" }
)");
    ASSERT_THAT(reading.errors, IsEmpty());
    const Policy& policy = reading.policy;
    EXPECT_EQ(policy.monitor,
              (MonitorAttributes{10ms, 200ms, 2s, 20, 500, kibibytes(64), TlbPolicy::full, false,
                                 RegionLayout::mappings, true, WatchedMemory::of_targets}));
    ASSERT_EQ(policy.targets.size(), 2U);
    EXPECT_EQ(policy.targets[0].pid, 4242);
    EXPECT_FALSE(policy.targets[0].name);
    EXPECT_FALSE(policy.targets[0].all);
    EXPECT_EQ(policy.targets[1].name, "redis-server");
    EXPECT_TRUE(policy.targets[1].all);
    ASSERT_EQ(policy.schemes.size(), 2U);
    Scheme cold;
    cold.name = "cold";
    cold.action = Action::pageout;
    cold.size = {Bytes{4096}, mebibytes(1536)};
    cold.frequency = {Share{0}, Share{5000}};
    cold.age = {Duration(10s), Duration(1h)};
    cold.quota = limits_of(mebibytes(64), 5ms, 500ms);
    cold.allow_unseen_accesses = true;
    cold.split_huge_pages = true;
    EXPECT_EQ(policy.schemes[0], cold);
    Scheme count;
    count.name = "count";
    EXPECT_EQ(policy.schemes[1], count);
    EXPECT_EQ(policy.limits.min_free_swap, Share{250'000});
    EXPECT_EQ(policy.limits.brake, (Limits::Brake{500, 20, 2min}));
}

TEST(PolicyReader, TakesTablesWrittenInOtherWays) {
    const PolicyReading reading = read_text(
        "version = 1\r\nmonitor.regions.min = 20 # a comment\r\nscheme = [ { name = 'a', action = "
        "\"stat\" "
        "}, { \"name\" = \"b\", action = \"stat\", age.min = \"1s\" } ]\r\n[monitor.regions]\r\n");
    // TOML itself refuses to reopen a table; without that line it is fine.
    EXPECT_EQ(reading.errors.size(), 1U);
    const PolicyReading fine = read_text(
        "version = 1\r\nmonitor.regions.min = 20 # a comment\r\nscheme = [ { name = 'a', action = "
        "\"stat\" "
        "}, { \"name\" = \"b\", action = \"stat\", age.min = \"1s\" } ]\r\n");
    ASSERT_THAT(fine.errors, IsEmpty());
    EXPECT_EQ(fine.policy.monitor.min_regions, 20U);
    ASSERT_EQ(fine.policy.schemes.size(), 2U);
    EXPECT_EQ(fine.policy.schemes[1].age.min, Duration(1s));
}

TEST(PolicyReader, LimitsPageoutUnlessToldOtherwiseByName) {
    const auto quota_of = [](const std::string& action, const std::string& quota) {
        const PolicyReading reading =
            read_text("version = 1\n[[scheme]]\nname = \"a\"\naction = \"" + action + "\"\n" +
                      (quota.empty() ? "" : "quota = " + quota + "\n"));
        EXPECT_THAT(reading.errors, IsEmpty());
        return reading.policy.schemes[0].quota;
    };
    const Quota limits = default_pageout_quota();
    EXPECT_EQ(quota_of("pageout", ""), limits);
    EXPECT_EQ(quota_of("pageout", "{}"), limits);
    EXPECT_EQ(quota_of("pageout", "{ bytes = \"1GiB\" }"),
              limits_of(mebibytes(1024), limits.time, 1s));
    EXPECT_EQ(quota_of("pageout", "{ time = \"off\" }"), limits_of(limits.bytes, std::nullopt, 1s));
    EXPECT_EQ(quota_of("pageout", "{ bytes = \"off\" }"), limits_of(std::nullopt, limits.time, 1s));
    EXPECT_EQ(quota_of("pageout", "{ per = \"2s\" }"), limits_of(limits.bytes, limits.time, 2s));
    EXPECT_EQ(quota_of("pageout", "\"off\""), limits_of(std::nullopt, std::nullopt, 1s));
    for (const std::string other : {"cold", "willneed"}) {
        EXPECT_EQ(quota_of(other, ""), Quota{});
        EXPECT_EQ(quota_of(other, "{ bytes = \"1GiB\" }"),
                  limits_of(mebibytes(1024), std::nullopt, 1s));
    }
    EXPECT_EQ(quota_of("stat", "\"off\""), Quota{});
}

TEST(PolicyReader, KeepsTheLimitsUnlessTurnedOffByName) {
    EXPECT_EQ(read_text(sound).policy.limits, Limits{});
    EXPECT_EQ(read_text(sound + "[limits]\n").policy.limits, Limits{});
    const PolicyReading off =
        read_text(sound + "[limits]\nmin_free_swap = \"off\"\nbrake = \"off\"\n");
    ASSERT_THAT(off.errors, IsEmpty());
    EXPECT_FALSE(off.policy.limits.min_free_swap);
    EXPECT_FALSE(off.policy.limits.brake);
    const PolicyReading partial = read_text(sound + "[limits]\nbrake = { times = 3 }\n");
    ASSERT_THAT(partial.errors, IsEmpty());
    EXPECT_EQ(partial.policy.limits.brake, (Limits::Brake{100, 3, 60s}));
    EXPECT_EQ(partial.policy.limits.min_free_swap, Share{100'000});
}

TEST(PolicyReader, ReadsTheGuardAndTheLimitsOfTheMachine) {
    const PolicyReading off = read_text(
        sound + "[limits]\nguard = \"off\"\nmin_headroom = \"off\"\nmin_zram_saving = \"off\"\n");
    ASSERT_THAT(off.errors, IsEmpty());
    EXPECT_FALSE(off.policy.limits.guard || off.policy.limits.min_headroom ||
                 off.policy.limits.min_zram_saving);
    const PolicyReading set = read_text(
        sound +
        "[limits]\nmin_headroom = \"5%\"\nmin_zram_saving = \"30%\"\nguard = { refaults = \"off\", "
        "pressure = \"10%\", figure = { file = \"/run/p99\", max = 2.5 }, pause = \"30s\" }\n");
    ASSERT_THAT(set.errors, IsEmpty());
    EXPECT_EQ(set.policy.limits.min_headroom, Share{50'000});
    EXPECT_EQ(set.policy.limits.min_zram_saving, Share{300'000});
    Limits::Guard guard;
    guard.refaults.reset();
    guard.pressure = Share{100'000};
    guard.figure = {"/run/p99", 2.5};
    guard.pause = 30s;
    EXPECT_EQ(set.policy.limits.guard, guard);
}

// Every kind of error: where, what, and what to do.
struct Case {
    std::string text;
    std::uint32_t line, column;
    std::string key, offending, message, suggestion;
};

void expect_error(const Case& expected) {
    SCOPED_TRACE(expected.text);
    const PolicyReading reading = read_text(expected.text);
    ASSERT_EQ(reading.errors.size(), 1U) << testing::PrintToString(reading.errors);
    const PolicyError& error = reading.errors[0];
    EXPECT_EQ(error.source, "policy.toml");
    EXPECT_EQ(error.line, expected.line) << error;
    EXPECT_EQ(error.column, expected.column) << error;
    EXPECT_EQ(error.key, expected.key) << error;
    EXPECT_EQ(error.text, expected.offending) << error;
    EXPECT_THAT(error.message, HasSubstr(expected.message));
    EXPECT_THAT(error.suggestion, HasSubstr(expected.suggestion));
    EXPECT_FALSE(error.suggestion.empty());
}

TEST(PolicyErrors, OfTextsThatAreNoPolicy) {
    using namespace std::string_literals;
    expect_error({"", 0, 0, "", "", "the policy is empty", "observe.toml"});
    expect_error({" \n\t\n# nothing\n", 0, 0, "", "", "the policy is empty", "observe.toml"});
    expect_error({std::string((1 << 20) + 1, '#') + "\nversion = 1\n"s, 0, 0, "", "", "too large",
                  "few KiB"});
    expect_error(
        {"version = 1\n\x7f"
         "ELF\0"s,
         2, 1, "", "\x7f", "control character", "remove it"});
    expect_error({"ver\0sion"s, 1, 4, "", "\0"s, "not a text file", "give the path of a policy"});
    expect_error(
        {"version = 1\n# caf\xe9\n", 2, 6, "", "\xe9", "not UTF-8", "save the policy as UTF-8"});
    expect_error({"# \xc0\x80\n", 0, 0, "", "", "the policy is empty", ""});  // only a comment
    expect_error(
        {"a = \"\xed\xa0\x80\"", 1, 6, "", "\xed\xa0\x80", "not UTF-8", ""});  // a surrogate
    expect_error({"a = \"\xf4\x90\x80\x80\"", 1, 6, "", "\xf4\x90\x80\x80", "not UTF-8", ""});
    expect_error({"a = \"\xe4\xb8", 1, 6, "", "\xe4\xb8", "not UTF-8", ""});  // cut off
    expect_error({"version = 1\n[[scheme]\n", 2, 10, "", "", "this is not TOML", "docs/policy.md"});
    expect_error({"version = 1\nversion = 1\n", 2, 11, "", "1", "this is not TOML", ""});
    expect_error(
        {sound + "age = { min = 10s }\n", 5, 17, "", "s", "this is not TOML", "need quotes"});
}

TEST(PolicyErrors, OfCharactersThatOnlyLookRight) {
    expect_error({"version = 1\n[[scheme]]\nname = “cold”\n", 3, 8, "", "“",
                  "in quotes or in a comment", "a straight quotation mark"});
    expect_error(
        {"version =\u00a01\n", 1, 10, "", "\u00a0", "not an ordinary space", "write a space"});
    expect_error(
        {"größe = 1\n", 1, 3, "", "ö", "in quotes or in a comment", "put the text in quotes"});
    expect_error({"[größe]\n", 1, 4, "", "ö", "in quotes or in a comment", ""});
    expect_error({"x = [ 1, é ]\n", 1, 10, "", "é", "in quotes or in a comment", ""});
    expect_error({"x = { é = 1 }\n", 1, 7, "", "é", "in quotes or in a comment", ""});
    expect_error({"[x] é\n", 1, 5, "", "é", "in quotes or in a comment", ""});
}

// What toml++ 3.3 itself gets wrong (undefined behaviour, which the sanitizers find here).
TEST(PolicyReader, TakesAnyCharacterAfterAContinuedLine) {
    const PolicyReading reading =
        read_text(sound + "[[target]]\nname = \"\"\"\\\n  élan\\\n\tü\"\"\"\n");
    ASSERT_THAT(reading.errors, IsEmpty());
    EXPECT_EQ(reading.policy.targets[0].name, "élanü");
}

TEST(PolicyReader, TakesAByteOrderMarkAtTheStart) {
    EXPECT_THAT(read_text("\xef\xbb\xbf" + sound).errors, IsEmpty());
    expect_error(
        {"\xef\xbb\xbfversion = 2\n" + sound.substr(12), 1, 11, "version", "2", "version 2", ""});
}

TEST(PolicyErrors, OfTheVersion) {
    const std::string scheme = "[[scheme]]\nname = \"a\"\naction = \"stat\"\n";
    expect_error({scheme, 1, 1, "version", "", "does not say which version", "add version = 1"});
    expect_error({"version = 2\n" + scheme, 1, 11, "version", "2",
                  "version 2 of the format is not known", "version = 1"});
    expect_error({"version = \"1\"\n" + scheme, 1, 11, "version", "\"1\"", "'version' is text",
                  "version = 1"});
}

TEST(PolicyErrors, OfUnknownKeys) {
    const auto unknown = [](const std::string& text, std::uint32_t line, std::uint32_t column,
                            const std::string& key, const std::string& written,
                            const std::string& table, const std::string& suggestion) {
        expect_error({text, line, column, key, written, "unknown key '" + written + "' " + table,
                      suggestion});
    };
    unknown(sound + "min_szie = \"4KiB\"\n", 5, 1, "scheme.cold.min_szie", "min_szie",
            "in [[scheme]]", "did you mean size = { min = … }?");
    unknown(sound + "frequncy = {}\n", 5, 1, "scheme.cold.frequncy", "frequncy", "in [[scheme]]",
            "did you mean 'frequency'?");
    unknown(sound + "age = { mim = \"1s\" }\n", 5, 9, "scheme.cold.age.mim", "mim",
            "in 'scheme.age'", "did you mean 'min'?");
    unknown(sound + "quota = { byte = \"4KiB\" }\n", 5, 11, "scheme.cold.quota.byte", "byte",
            "in 'scheme.quota'", "did you mean 'bytes'?");
    unknown(sound + "sampling_interval = \"5ms\"\n", 5, 1, "scheme.cold.sampling_interval",
            "sampling_interval", "in [[scheme]]", "it belongs in [monitor]");
    unknown("nothing_like_it = 1\n" + sound, 1, 1, "nothing_like_it", "nothing_like_it",
            "at the top level",
            "the keys here are version, remote_syscall, monitor, target, scheme, limits");
    unknown("pid = 3\n" + sound, 1, 1, "pid", "pid", "at the top level", "[[target]]");
    unknown(sound + "[monitr]\n", 5, 2, "monitr", "monitr", "at the top level",
            "did you mean 'monitor'?");
    unknown(sound + "[monitor]\nmin_nr_regions = 3\n", 6, 1, "monitor.min_nr_regions",
            "min_nr_regions", "in [monitor]", "regions = { min = … }");
    unknown(sound + "[monitor]\nregions = { mn = 3 }\n", 6, 13, "monitor.regions.mn", "mn",
            "in 'monitor.regions'", "'min'");
    unknown(sound + "[[target]]\nname = \"a\"\nuid = 3\n", 7, 1, "target.0.uid", "uid",
            "in [[target]]", "user");
    unknown(sound + "[limits]\nbreak = \"off\"\n", 6, 1, "limits.break", "break", "in [limits]",
            "did you mean 'brake'?");
    unknown(sound + "[limits]\nbrake = { factor = 3 }\n", 6, 11, "limits.brake.factor", "factor",
            "in 'limits.brake'", "the keys here are faults_per_second, times, pause");
}

TEST(PolicyErrors, OfTypes) {
    const auto wrong = [](const std::string& addition, std::uint32_t line, std::uint32_t column,
                          const std::string& key, const std::string& written,
                          const std::string& message, const std::string& suggestion) {
        expect_error({sound + addition, line, column, key, written, message, suggestion});
    };
    wrong("age = { min = 10 }\n", 5, 15, "scheme.cold.age.min", "10",
          "'min' is a whole number, but a duration such as \"100ms\" is expected",
          "put it in quotes, with its unit: min = \"10s\"");
    wrong("frequency = { max = 0.05 }\n", 5, 21, "scheme.cold.frequency.max", "0.05",
          "'max' is a number, but a share such as \"5%\" is expected", "put it in quotes");
    wrong("size = { min = 4.5 }\n", 5, 16, "scheme.cold.size.min", "4.5",
          "'min' is a number, but a size such as \"4KiB\" is expected", "put it in quotes");
    wrong("size = { min = true }\n", 5, 16, "scheme.cold.size.min", "true",
          "'min' is true or false", "min = ");
    wrong("size = \"4KiB\"\n", 5, 8, "scheme.cold.size", "\"4KiB\"",
          "a range such as { min = …, max = … }", "size = { min = \"4KiB\" }");
    wrong("age = [ \"1s\", \"2s\" ]\n", 5, 7, "scheme.cold.age", "[ \"1s\", \"2s\" ]",
          "'age' is an array", "age = { min = \"10s\" }");
    wrong("quota = \"on\"\n", 5, 9, "scheme.cold.quota", "\"on\"", "\"off\" or a table such as",
          "quota = \"off\"");
    wrong("quota = false\n", 5, 9, "scheme.cold.quota", "false", "'quota' is true or false",
          "quota = \"off\"");
    wrong("split_huge_pages = \"yes\"\n", 5, 20, "scheme.cold.split_huge_pages", "\"yes\"",
          "'split_huge_pages' is text, but true or false is expected", "split_huge_pages = ");
    wrong("[monitor]\nregions = { min = \"10\" }\n", 6, 19, "monitor.regions.min", "\"10\"",
          "a whole number such as 10", "min = 10");
    wrong("[monitor]\ntlb = 1\n", 6, 7, "monitor.tlb", "1",
          "\"auto\", \"none\", \"page\" or \"full\"", "tlb = \"auto\"");
    wrong("[monitor]\nupdate_interval = 1979-05-27\n", 6, 19, "monitor.update_interval",
          "1979-05-27", "'update_interval' is a date or time", "update_interval = \"1s\"");
    wrong("[limits]\nmin_free_swap = 10\n", 6, 17, "limits.min_free_swap", "10",
          "\"off\" or a share", "\"10%\"");
    wrong("[limits]\nbrake = true\n", 6, 9, "limits.brake", "true", "\"off\" or a table",
          "brake = \"off\"");
    wrong("[[target]]\nname = 7\n", 6, 8, "target.0.name", "7", "text in quotes", "name = ");
    wrong("[[monitor]]\n", 5, 3, "monitor", "monitor", "there can be only one [monitor]",
          "single brackets");
    wrong("[target]\nname = \"a\"\n", 5, 2, "target", "target", "its brackets are double",
          "[[target]]");
    expect_error(
        {"version = 1\nscheme = 3\n", 2, 10, "scheme", "3", "tables are expected", "[[scheme]]"});
    expect_error({"version = 1\nscheme = [3]\n", 2, 11, "scheme.0", "3", "a table is expected",
                  "[[scheme]]"});
    expect_error({"version = 1\nmonitor = 3\n[[scheme]]\nname=\"a\"\naction=\"stat\"", 2, 11,
                  "monitor", "3", "'monitor' is a whole number, but a table is expected",
                  "[monitor]"});
}

TEST(PolicyErrors, OfQuantities) {
    const auto wrong = [](const std::string& addition, std::uint32_t column, const std::string& key,
                          const std::string& written, const std::string& message,
                          const std::string& suggestion) {
        expect_error({sound + addition + "\n", 5, column, "scheme.cold." + key, written, message,
                      suggestion});
    };
    wrong("size = { min = -1 }", 16, "size.min", "-1", "cannot be negative", "4KiB");
    wrong("size = { min = \"-4KiB\" }", 16, "size.min", "\"-4KiB\"", "cannot be negative", "4KiB");
    wrong("size = { min = \"99999999999TiB\" }", 16, "size.min", "\"99999999999TiB\"", "too large",
          "8EiB");
    wrong("size = { min = \"4MB\" }", 16, "size.min", "\"4MB\"", "powers of 1000", "'MiB'");
    wrong("age = { min = \"-1s\" }", 15, "age.min", "\"-1s\"", "cannot be negative", "100ms");
    wrong("age = { min = \"10\" }", 15, "age.min", "\"10\"", "needs a unit", "\"10s\"");
    wrong("age = { min = \"99999999h\" }", 15, "age.min", "\"99999999h\"", "too long", "365 days");
    wrong("frequency = { max = \"101%\" }", 21, "frequency.max", "\"101%\"", "more than 100%",
          "100%");
    wrong("frequency = { max = \"5\" }", 21, "frequency.max", "\"5\"", "percent sign", "5%");
}

TEST(PolicyReader, TakesALayoutOfRegionsByItsNameAlone) {
    const auto monitor = [](const std::string& lines) {
        const PolicyReading reading = read_text(sound + "[monitor]\n" + lines);
        EXPECT_THAT(reading.errors, IsEmpty()) << lines;
        return reading.policy.monitor;
    };
    MonitorAttributes mappings;
    mappings.layout = RegionLayout::mappings;
    EXPECT_EQ(monitor("regions = \"mappings\"\n"), mappings);
    EXPECT_EQ(monitor("regions = { layout = \"mappings\" }\n"), mappings);
    EXPECT_EQ(monitor("regions = \"gaps\"\n"), MonitorAttributes{});
    EXPECT_FALSE(monitor("children = false\n").children);

    const PolicyReading set =
        read_policy(sound, {"p.toml", {"monitor.regions=mappings", "monitor.children=true"}});
    ASSERT_THAT(set.errors, IsEmpty());
    EXPECT_EQ(set.policy.monitor.layout, RegionLayout::mappings);
    EXPECT_TRUE(set.policy.monitor.children);
}

TEST(PolicyReader, TakesAGoalForTheIntervals) {
    const auto monitor = [](const std::string& lines) {
        const PolicyReading reading = read_text(sound + "[monitor]\n" + lines);
        EXPECT_THAT(reading.errors, IsEmpty()) << lines;
        return reading.policy.monitor;
    };
    EXPECT_EQ(monitor("").interval_goal, std::nullopt);
    EXPECT_EQ(monitor("interval_goal = {}\n").interval_goal, (IntervalGoal{{40'000}, 3, 5ms, 10s}));
    EXPECT_EQ(monitor("sampling_interval = \"2ms\"\n[monitor.interval_goal]\naccesses = \"0.5%\"\n"
                      "aggregations = 1\nsampling = { min = \"1ms\", max = \"1min\" }\n")
                  .interval_goal,
              (IntervalGoal{{5'000}, 1, 1ms, 1min}));
    // It begins at a bound just as well.
    EXPECT_EQ(monitor("interval_goal.sampling = { min = \"5ms\", max = \"5ms\" }\n").interval_goal,
              (IntervalGoal{{40'000}, 3, 5ms, 5ms}));

    const PolicyReading set =
        read_policy(sound, {"p.toml", {"monitor.interval_goal.sampling.max=\"1s\""}});
    ASSERT_THAT(set.errors, IsEmpty());
    EXPECT_EQ(set.policy.monitor.interval_goal, (IntervalGoal{{40'000}, 3, 5ms, 1s}));
}

TEST(PolicyErrors, OfAGoalForTheIntervals) {
    const auto wrong = [](const std::string& lines, std::uint32_t line, std::uint32_t column,
                          const std::string& key, const std::string& written,
                          const std::string& message, const std::string& suggestion) {
        expect_error({sound + "[monitor]\n" + lines, line, column, "monitor." + key, written,
                      message, suggestion});
    };
    wrong("interval_goal = \"4%\"\n", 6, 17, "interval_goal", "\"4%\"", "accesses", "");
    wrong("interval_goal.accesses = \"0%\"\n", 6, 26, "interval_goal.accesses", "\"0%\"",
          "can never be fallen below", "\"4%\"");
    wrong("interval_goal.accesses = \"100%\"\n", 6, 26, "interval_goal.accesses", "\"100%\"",
          "can never be exceeded", "\"4%\"");
    wrong("interval_goal.accesses = 4\n", 6, 26, "interval_goal.accesses", "4", "a share", "4%");
    wrong("interval_goal.aggregations = 0\n", 6, 30, "interval_goal.aggregations", "0",
          "out of its range", "from 1 to 1000");
    wrong("interval_goal.sampling = { min = \"20ms\", max = \"10ms\" }\n", 6, 34,
          "interval_goal.sampling.min", "\"20ms\"", "'min' (20ms) is above 'max' (10ms)",
          "min <= max");
    wrong("interval_goal.sampling.max = \"1ms\"\n", 6, 30, "interval_goal.sampling.max", "\"1ms\"",
          "'min' (5ms, the default) is above 'max' (1ms)", "set both");
    wrong("interval_goal.sampling.min = \"1500ns\"\n", 6, 30, "interval_goal.sampling.min",
          "\"1500ns\"", "whole microseconds", "\"5ms\"");
    wrong("interval_goal.sampling.min = \"20ms\"\n", 6, 30, "interval_goal.sampling.min",
          "\"20ms\"",
          "'sampling_interval' (5ms, the default), which the goal begins at, is below 'min' (20ms)",
          "set 'sampling_interval' too");
    wrong("sampling_interval = \"1ms\"\ninterval_goal = {}\n", 6, 21, "sampling_interval",
          "\"1ms\"", "is below 'min' (5ms, the default)", "set the bound");
    wrong("sampling_interval = \"20ms\"\ninterval_goal.sampling.max = \"10ms\"\n", 6, 21,
          "sampling_interval", "\"20ms\"", "is above 'max' (10ms)", "set the bound");
    wrong("interval_goal.sampling.max = \"8760h\"\n", 6, 30, "interval_goal.sampling.max",
          "\"8760h\"", "the aggregation interval, which grows with it, would be too long",
          "lower 'max'");
    wrong("goal = {}\n", 6, 1, "goal", "goal", "unknown key", "'interval_goal'");
    wrong("interval_goal.access_bp = 400\n", 6, 15, "interval_goal.access_bp", "access_bp",
          "unknown key", "'accesses'");
}

TEST(PolicyErrors, OfTheMonitor) {
    const auto wrong = [](const std::string& lines, std::uint32_t line, std::uint32_t column,
                          const std::string& key, const std::string& written,
                          const std::string& message, const std::string& suggestion) {
        expect_error(
            {sound + "[monitor]\n" + lines, line, column, key, written, message, suggestion});
    };
    wrong("sampling_interval = \"200ms\"\n", 6, 21, "monitor.sampling_interval", "\"200ms\"",
          "'sampling_interval' (200ms) is longer than 'aggregation_interval' (100ms, the default)",
          "set 'aggregation_interval' too");
    wrong("aggregation_interval = \"3ms\"\n", 6, 24, "monitor.aggregation_interval", "\"3ms\"",
          "'sampling_interval' (5ms, the default) is longer than 'aggregation_interval' (3ms)",
          "set 'sampling_interval' too");
    wrong("aggregation_interval = \"2s\"\nupdate_interval = \"1s\"\n", 6, 24,
          "monitor.aggregation_interval", "\"2s\"",
          "'aggregation_interval' (2s) is longer than 'update_interval' (1s)", "accordingly");
    wrong("sampling_interval = \"0s\"\n", 6, 21, "monitor.sampling_interval", "\"0s\"",
          "whole microseconds, at least 1us", "\"5ms\"");
    wrong("sampling_interval = \"1500ns\"\n", 6, 21, "monitor.sampling_interval", "\"1500ns\"",
          "whole microseconds", "\"5ms\"");
    wrong("regions = { min = 2 }\n", 6, 19, "monitor.regions.min", "2", "out of its range",
          "from 3 to");
    wrong("regions = { max = 4294967296 }\n", 6, 19, "monitor.regions.max", "4294967296",
          "out of its range", "to 4294967295");
    wrong("regions = { min = -5 }\n", 6, 19, "monitor.regions.min", "-5", "out of its range",
          "from 3 to");
    wrong("regions = { min = 50, max = 40 }\n", 6, 1, "monitor.regions", "regions",
          "the least number of regions, 50, is above the most, 40", "min <= max");
    wrong("regions = { max = 5 }\n", 6, 1, "monitor.regions", "regions", "10, is above the most, 5",
          "set both");
    wrong("regions = \"mapping\"\n", 6, 11, "monitor.regions", "\"mapping\"",
          "unknown layout of regions 'mapping'", "did you mean 'mappings'?");
    wrong("regions = { layout = \"vmas\" }\n", 6, 22, "monitor.regions.layout", "\"vmas\"",
          "unknown layout of regions 'vmas'", "'gaps' or 'mappings'");
    wrong("regions = 100\n", 6, 11, "monitor.regions", "100", "\"mappings\" or a range", "regions");
    wrong("layout = \"mappings\"\n", 6, 1, "monitor.layout", "layout", "unknown key",
          "regions = { layout");
    wrong("follow_children = true\n", 6, 1, "monitor.follow_children", "follow_children",
          "unknown key", "'children'");
    wrong("children = \"yes\"\n", 6, 12, "monitor.children", "\"yes\"", "true or false",
          "children = false");
    wrong("min_region_size = \"5000\"\n", 6, 19, "monitor.min_region_size", "\"5000\"",
          "a power of two", "\"2MiB\"");
    wrong("min_region_size = 2048\n", 6, 19, "monitor.min_region_size", "2048", "at least a page",
          "\"4KiB\"");
    wrong("min_region_size = 0\n", 6, 19, "monitor.min_region_size", "0", "a power of two",
          "\"4KiB\"");
    wrong("tlb = \"pages\"\n", 6, 7, "monitor.tlb", "\"pages\"", "unknown TLB policy 'pages'",
          "did you mean 'page'?");
    wrong("tlb = \"off\"\n", 6, 7, "monitor.tlb", "\"off\"", "unknown TLB policy 'off'",
          "'auto', 'none', 'page' or 'full'");
}

TEST(PolicyErrors, OfTargets) {
    const auto wrong = [](const std::string& lines, std::uint32_t line, std::uint32_t column,
                          const std::string& key, const std::string& written,
                          const std::string& message, const std::string& suggestion) {
        expect_error(
            {sound + "[[target]]\n" + lines, line, column, key, written, message, suggestion});
    };
    wrong("", 5, 1, "target.0", "[[target]]", "neither pid nor name", "name = \"redis-server\"");
    wrong("pid = 1\nname = \"a\"\n", 6, 1, "target.0.pid", "pid", "both pid and name",
          "several [[target]]");
    wrong("pid = 0\n", 6, 7, "target.0.pid", "0", "out of its range", "from 1 to 2147483647");
    wrong("pid = -3\n", 6, 7, "target.0.pid", "-3", "out of its range", "");
    wrong("pid = 2147483648\n", 6, 7, "target.0.pid", "2147483648", "out of its range", "");
    wrong("pid = 7\nall = true\n", 7, 1, "target.0.all", "all", "'all' goes with a name",
          "remove it");
    wrong("name = \"\"\n", 6, 8, "target.0.name", "\"\"", "'name' is empty", "ps -o comm");
    wrong("name = \"/usr/bin/redis-server\"\n", 6, 8, "target.0.name", "\"/usr/bin/redis-server\"",
          "is a path", "\"redis-server\"");
    wrong("name = \"gnome-session-binary\"\n", 6, 8, "target.0.name", "\"gnome-session-binary\"",
          "longer than the 15 bytes", "\"gnome-session-b\"");
}

TEST(PolicyErrors, OfRulesForTargets) {
    const auto wrong = [](const std::string& lines, std::uint32_t line, std::uint32_t column,
                          const std::string& key, const std::string& written,
                          const std::string& message, const std::string& suggestion) {
        expect_error({sound + "[[target]]\n" + lines, line, column, "target.0." + key, written,
                      message, suggestion});
    };
    for (const std::string condition :
         {"executable = \"/a\"", "user = \"a\"", "unit = \"a*\"", "cgroup = \"/a\"", "min_rss = 1"})
        wrong("pid = 7\n" + condition + "\n", 6, 1, "pid", "pid",
              "both pid and " + condition.substr(0, condition.find(' ')), "keep one of them");
    wrong("name = \"gnome-session-bi*\"\n", 6, 8, "name", "\"gnome-session-bi*\"",
          "longer than the 15 bytes", "'executable' goes by the path");
    wrong("name = \"a*\"\nall = false\n", 7, 7, "all", "false", "every process that fits",
          "remove it");
    wrong("name = \"a\"\nuser = \"b\"\nall = false\n", 8, 7, "all", "false",
          "every process that fits", "plain name");
    wrong("executable = \"\"\n", 6, 14, "executable", "\"\"", "is empty", "a path");
    wrong("executable = \"nginx\"\n", 6, 14, "executable", "\"nginx\"", "begins with a slash",
          "\"*/nginx\"");
    wrong("executable = \"/opt/\"\n", 6, 14, "executable", "\"/opt/\"", "does not end with a slash",
          "\"/opt/*\"");
    wrong("cgroup = \"system.slice/*\"\n", 6, 10, "cgroup", "\"system.slice/*\"",
          "begins with a slash", "\"/system.slice/*\"");
    wrong("unit = \"\"\n", 6, 8, "unit", "\"\"", "is empty", "systemctl");
    wrong("unit = \"nginx\"\n", 6, 8, "unit", "\"nginx\"", "ends in .service", "\"nginx.service\"");
    wrong("unit = \".service\"\n", 6, 8, "unit", "\".service\"", "ends in .service", "");
    wrong("unit = \"system.slice/nginx.service\"\n", 6, 8, "unit", "\"system.slice/nginx.service\"",
          "is a path", "'cgroup'");
    wrong("user = \"\"\n", 6, 8, "user", "\"\"", "is empty", "login name");
    wrong("user = \"4294967295\"\n", 6, 8, "user", "\"4294967295\"", "no uid", "id -u");
    wrong("user = \"99999999999999999999999\"\n", 6, 8, "user", "\"99999999999999999999999\"",
          "no uid", "");
    wrong("user = 1000\n", 6, 8, "user", "1000", "in quotes", "");
    wrong("min_rss = \"64\"\nrss = 3\n", 7, 1, "rss", "rss", "", "min_rss");
    wrong("min_rss = \"lots\"\n", 6, 11, "min_rss", "\"lots\"", "", "");
}

TEST(PolicyErrors, OfSchemes) {
    expect_error(
        {"version = 1\n", 1, 1, "scheme", "", "the policy has no scheme", "add a [[scheme]]"});
    expect_error(
        {"version = 1\nscheme = []\n", 1, 1, "scheme", "", "the policy has no scheme", ""});
    expect_error({"version = 1\n[[scheme]]\naction = \"stat\"\n", 2, 1, "scheme.0.name",
                  "[[scheme]]", "has no name", "add name ="});
    expect_error({"version = 1\n[[scheme]]\nname = \"a\"\n", 2, 1, "scheme.a.action", "[[scheme]]",
                  "has no action", "add action ="});
    expect_error({"version = 1\n[[scheme]]\nname = \"a b\"\naction = \"stat\"\n", 3, 8,
                  "scheme.a b.name", "\"a b\"", "cannot have this name", "use a letter"});
    expect_error({"version = 1\n[[scheme]]\nname = \"\"\naction = \"stat\"\n", 3, 8, "scheme..name",
                  "\"\"", "cannot have this name", "use a letter"});
    expect_error({sound + "[[scheme]]\nname = \"cold\"\naction = \"stat\"\n", 6, 8,
                  "scheme.cold.name", "\"cold\"",
                  "the name 'cold' is taken by the scheme at line 3", "a name of its own"});
    expect_error({"version = 1\n[[scheme]]\nname = \"a\"\naction = \"page_out\"\n", 4, 10,
                  "scheme.a.action", "\"page_out\"", "unknown action 'page_out'",
                  "did you mean 'pageout'?"});
    expect_error({"version = 1\n[[scheme]]\nname = \"a\"\naction = \"destroy\"\n", 4, 10,
                  "scheme.a.action", "\"destroy\"", "unknown action 'destroy'",
                  "'pageout', 'cold', 'willneed', 'stat', 'collapse'"});
    expect_error({"version = 1\n[[scheme]]\nname = \"a\"\naction = \"lru_prio\"\n", 4, 10,
                  "scheme.a.action", "\"lru_prio\"",
                  "this version does not have the action 'lru_prio'", "'pageout'"});
    expect_error({"version = 1\n[[scheme]]\nname = \"a\"\naction = 7\n", 4, 10, "scheme.a.action",
                  "7", "'action' is a whole number", "action = \"pageout\""});
}

TEST(PolicyErrors, OfPatternsThatCannotMatch) {
    const auto wrong = [](const std::string& addition, std::uint32_t column, const std::string& key,
                          const std::string& written, const std::string& message,
                          const std::string& suggestion) {
        expect_error({sound + addition + "\n", 5, column, "scheme.cold." + key, written, message,
                      suggestion});
    };
    wrong("size = { min = \"2MiB\", max = \"1MiB\" }", 16, "size.min", "\"2MiB\"",
          "'min' (2MiB) is above 'max' (1MiB)", "swap them");
    wrong("frequency = { min = \"6%\", max = \"5%\" }", 21, "frequency.min", "\"6%\"",
          "'min' (6%) is above 'max' (5%)", "swap them");
    wrong("age = { min = \"10s\", max = \"5s\" }", 15, "age.min", "\"10s\"",
          "'min' (10s) is above 'max' (5s)", "swap them");
    wrong("size = { max = \"4095\" }", 16, "size.max", "\"4095\"",
          "below monitor.min_region_size (4KiB)", "raise it");
    wrong("age = { min = \"110ms\", max = \"190ms\" }", 30, "age.max", "\"190ms\"",
          "none lies between 'min' (110ms) and 'max' (190ms)", "at least \"200ms\"");
    EXPECT_THAT(read_text(sound + "age = { min = \"110ms\", max = \"200ms\" }\n").errors,
                IsEmpty());
    EXPECT_THAT(read_text(sound + "age = { max = \"50ms\" }\n").errors, IsEmpty());
    EXPECT_THAT(read_text(sound + "size = { max = \"4KiB\" }\n").errors, IsEmpty());
}

TEST(PolicyErrors, OfQuotasThatCannotWork) {
    const auto wrong = [](const std::string& addition, std::uint32_t column, const std::string& key,
                          const std::string& written, const std::string& message,
                          const std::string& suggestion) {
        expect_error({sound + addition + "\n", 5, column, "scheme.cold." + key, written, message,
                      suggestion});
    };
    wrong("quota = { bytes = 0 }", 19, "quota.bytes", "0", "less than a page", "\"off\"");
    wrong("quota = { bytes = \"4095\" }", 19, "quota.bytes", "\"4095\"", "less than a page",
          "\"off\"");
    wrong("quota = { time = \"0s\" }", 18, "quota.time", "\"0s\"", "could never act", "\"off\"");
    wrong("quota = { time = \"2s\" }", 18, "quota.time", "\"2s\"",
          "more than the whole window, 'per' (1s)", "write less");
    wrong("quota = { per = \"5ms\" }", 17, "quota.per", "\"5ms\"",
          "'time' (10ms) is more than the whole window, 'per' (5ms)", "");
    wrong("quota = { per = \"0s\" }", 17, "quota.per", "\"0s\"", "too short for a window",
          "\"1ms\"");
    wrong("quota = { bytes = \"off\", time = \"off\", per = \"1s\" }", 40, "quota.per", "per",
          "limits nothing", "remove 'per'");
    wrong("quota = { bytes = \"of\" }", 19, "quota.bytes", "\"of\"", "a number with a unit", "");
    expect_error(
        {"version = 1\n[[scheme]]\nname = \"a\"\naction = \"stat\"\nquota = { bytes = \"4KiB\" }\n",
         5, 1, "scheme.a.quota", "quota", "only counts cannot have a quota", "remove it"});
}

TEST(PolicyErrors, OfLimits) {
    const auto wrong = [](const std::string& line, std::uint32_t column, const std::string& key,
                          const std::string& written, const std::string& message,
                          const std::string& suggestion) {
        expect_error({sound + "[limits]\n" + line + "\n", 6, column, "limits." + key, written,
                      message, suggestion});
    };
    wrong("min_free_swap = \"110%\"", 17, "min_free_swap", "\"110%\"", "more than 100%", "100%");
    wrong("brake = { faults_per_second = 0 }", 31, "brake.faults_per_second", "0",
          "out of its range", "from 1 to");
    wrong("brake = { times = -1 }", 19, "brake.times", "-1", "out of its range", "from 1 to");
    wrong("brake = { pause = \"10ms\" }", 19, "brake.pause", "\"10ms\"", "too short",
          "brake = \"off\"");
    wrong("guard = { refaults = \"0\" }", 22, "guard.refaults", "\"0\"", "would begin a pause",
          "\"off\"");
    wrong("guard = { pressure = \"0%\" }", 22, "guard.pressure", "\"0%\"", "would begin a pause",
          "\"off\"");
    wrong("guard = { pause = \"10ms\" }", 19, "guard.pause", "\"10ms\"", "too short",
          "guard = \"off\"");
    wrong("guard = { pause = \"10s\", longest_pause = \"5s\" }", 42, "guard.longest_pause",
          "\"5s\"", "less than 'pause'", "longer");
    wrong("guard = { figure = { file = \"p99\", max = 1 } }", 29, "guard.figure.file", "\"p99\"",
          "not an absolute path", "/run/latency_ms");
}

// Nesting: the parser would crash.

std::string repeated(std::string_view text, std::size_t times) {
    std::string result;
    for (std::size_t i = 0; i < times; ++i) result += text;
    return result;
}

TEST(PolicyErrors, OfNestingThatWouldCrashTheParser) {
    const std::string deep = "are nested more than 32 deep";
    const std::string dots = repeated("a.", 60'000) + "a";
    expect_error({dots + " = 1\n", 1, 64, "", ".", deep, ""});
    expect_error({"[" + dots + "]\n", 1, 65, "", ".", deep, ""});
    expect_error({"[[" + dots + "]]\n", 1, 66, "", ".", deep, ""});
    expect_error({"x = " + repeated("[", 60'000), 1, 36, "", "[", deep, ""});
    expect_error({"x = " + repeated("{a=", 60'000), 1, 98, "", "{", deep, ""});
    expect_error({"x = { " + dots + " = 1 }", 1, 68, "", ".", deep, ""});
    expect_error({"x = [ 1,\n# ]\n\"]\",\n{ " + dots + " = 1 } ]", 4, 62, "", ".", deep, ""});
    // Header and key add up.
    expect_error({"[" + repeated("a.", 20) + "a]\n" + repeated("b.", 20) + "b = 1", 2, 22, "", ".",
                  deep, ""});
    // Also on the line of a string that ends later than it seems to.
    for (const std::string string : {R"("\"")", R"("\\\"")", "'\"'", R"("""a"""")", "'''a''''"})
        EXPECT_THAT(read_text("x = [ " + string + ", " + repeated("[", 40)).errors,
                    ElementsAre(testing::Field(&PolicyError::message, HasSubstr(deep))))
            << string;
    // After strings of all kinds, closed in all ways.
    for (const std::string string :
         {R"("\\")", R"("\"")", R"('\')", R"("""a"b""\""""")", "'''a\n'b'''''",
          "\"\"\"\n\\\"\"\"\"", "'#'", R"("")", R"("""""")"})
        EXPECT_THAT(read_text("s = " + string + "\n" + dots + " = 1\n").errors,
                    ElementsAre(testing::Field(&PolicyError::message, HasSubstr(deep))))
            << string;
}

TEST(PolicyErrors, DoNotComeOfNestingThatIsNone) {
    const std::string dots = repeated("a.", 100) + "a";
    for (const std::string& harmless :
         {"# " + dots + "\n", "x = \"" + dots + "\"\n", "x = '" + dots + "'\n",
          "x = '''\n" + dots + "\n'''\n", "x = \"\"\"\n" + dots + " \\\" \n\"\"\"\n",
          "\"" + dots + "\" = 1\n", "['" + dots + "']\n", "x = [ " + repeated("1.5, ", 100) + "]\n",
          "x = [ " + repeated("{ a = 1 }, ", 100) + "]\n",
          "x = { a.b = { c.d = 1 }, e.f = 2 }\n" + repeated("[[y.z]]\na.b = 1\n", 100)}) {
        for (const PolicyError& error : read_text("version = 1\n" + harmless).errors)
            EXPECT_THAT(error.message, testing::Not(HasSubstr("nested"))) << harmless;
    }
    std::string exact;
    for (int i = 0; i < 31; ++i) exact += "a.";
    for (const PolicyError& error : read_text(exact + "a = 1\n").errors)
        EXPECT_THAT(error.message, testing::Not(HasSubstr("nested")));
}

// All of them, in order.

TEST(PolicyErrors, AreAllReportedInTheOrderOfTheirPlaces) {
    const PolicyReading reading = read_text(R"(version = 7
[[scheme]]
name = "a"
action = "stat"
sise = { min = "1KB" }
size = { min = "1KB", max = 3.5 }
[monitor]
tlb = "x"
[limits]
swap = 3
)",
                                            {"monitor.regions.min=1", "nope"});
    std::vector<std::string> places;
    for (const PolicyError& error : reading.errors)
        places.push_back(error.source.substr(0, 6) + ":" + std::to_string(error.line) + ":" +
                         std::to_string(error.column));
    EXPECT_THAT(places, ElementsAre("policy:1:11", "policy:5:1", "policy:6:16", "policy:6:29",
                                    "policy:8:7", "policy:10:1", "--set :0:0", "--set :0:0"));
}

TEST(PolicyErrors, OfAHostilePolicyAreCountedButNotAllKept) {
    const PolicyReading reading = read_text(sound + repeated("[[target]]\n", 50'000));
    ASSERT_EQ(reading.errors.size(), max_policy_errors + 1);
    EXPECT_EQ(reading.errors.back().message, "there are 49800 more errors");
}

TEST(PolicyErrors, OfALineOfAMegabyteAreShort) {
    const PolicyReading reading = read_text("version = 1\n" + std::string(500'000, 'x') + " = [" +
                                            repeated("1,", 200'000) + "]\n");
    for (const PolicyError& error : reading.errors) EXPECT_LT(to_string(error).size(), 2000U);
}

TEST(PolicyErrors, ShowTheLineAndPointAtThePlace) {
    EXPECT_EQ(to_string(read_text(sound + "\tage = { mim = \"1s\" }\n").errors.at(0)),
              "policy.toml:5:10: unknown key 'mim' in 'scheme.age'; did you mean 'min'?\n"
              "  5 | \tage = { mim = \"1s\" }\n"
              "    | \t        ^~~");
    EXPECT_EQ(to_string(read_text("# größer\nversion = 1 # ü\nmonitor = { tlb = \"ü\" }\n" +
                                  sound.substr(12))
                            .errors.at(0)),
              "policy.toml:3:19: unknown TLB policy 'ü'; write 'auto', 'none', 'page' or 'full'\n"
              "  3 | monitor = { tlb = \"ü\" }\n"
              "    |                   ^~~");
    EXPECT_EQ(
        to_string(read_text("").errors.at(0)),
        "policy.toml: the policy is empty; policies/observe.toml is a small one to start from");
}

// Overrides.

TEST(PolicyOverrides, SetAnyKeyAndWinOverTheFile) {
    const PolicyReading reading =
        read_text(sound +
                      "age = { min = \"10s\" }\n[monitor]\nsampling_interval = "
                      "\"5ms\"\n[[target]]\nname = \"a\"\n",
                  {"monitor.sampling_interval=50ms", "monitor.regions={ min = 5, max = 50 }",
                   "monitor.regions.min=7", "scheme.cold.age.min=30s", "scheme.0.frequency.max=5%",
                   "scheme.cold.size.min=8192", "scheme.cold.quota.bytes=off", "limits.brake=off",
                   "target.0.name=\"1234\"", "target.0.all=true", " monitor.tlb= page "});
    EXPECT_EQ(reading.errors.size(), 1U);  // a key cannot begin with a space
    const Policy& policy = reading.policy;
    EXPECT_EQ(policy.monitor.sampling_interval, 50ms);
    EXPECT_EQ(policy.monitor.min_regions, 7U);
    EXPECT_EQ(policy.monitor.max_regions, 50U);
    EXPECT_EQ(policy.schemes[0].age.min, Duration(30s));
    EXPECT_EQ(policy.schemes[0].frequency.max, Share{50'000});
    EXPECT_EQ(policy.schemes[0].size.min, Bytes{8192});
    EXPECT_FALSE(policy.schemes[0].quota.bytes);
    EXPECT_EQ(policy.schemes[0].quota.time, Duration(10ms));
    EXPECT_FALSE(policy.limits.brake);
    EXPECT_EQ(policy.targets[0].name, "1234");
    EXPECT_TRUE(policy.targets[0].all);
}

TEST(PolicyOverrides, CanReplaceASchemeAndAnOlderOverride) {
    const PolicyReading reading =
        read_text(sound, {"scheme.cold={ name = \"count\", action = \"stat\" }",
                          "scheme.count.age.min=1s", "scheme.count.age.min=2s"});
    ASSERT_THAT(reading.errors, IsEmpty());
    EXPECT_EQ(reading.policy.schemes[0].name, "count");
    EXPECT_EQ(reading.policy.schemes[0].age.min, Duration(2s));
}

TEST(PolicyOverrides, CorrectWhatIsWrongInTheFile) {
    EXPECT_THAT(
        read_text(sound + "age = { min = \"10 parsecs\" }\n", {"scheme.cold.age.min=10s"}).errors,
        IsEmpty());
}

TEST(PolicyOverrides, GetTheSameChecksAndAreNamedInTheMessage) {
    struct Override {
        std::string text, key, message, suggestion;
    };
    for (const Override& expected : std::initializer_list<Override>{
             {"monitor.sampling_interval=5", "monitor.sampling_interval", "is a whole number",
              "\"5ms\""},
             {"monitor.sampling_interval=2s", "monitor.sampling_interval", "is longer than", "set"},
             {"monitor.smapling_interval=5ms", "monitor.smapling_interval", "unknown key",
              "did you mean 'sampling_interval'?"},
             {"mointor.sampling_interval=5ms", "mointor", "unknown key", "did you mean 'monitor'?"},
             {"scheme.cold.action=page_out", "scheme.cold.action", "unknown action",
              "did you mean 'pageout'?"},
             {"scheme.clod.age.min=1s", "scheme.clod.age.min", "there is no scheme 'clod'",
              "did you mean 'cold'?"},
             {"scheme.7.age.min=1s", "scheme.7.age.min", "there is no scheme '7'",
              "number from 0 to 0"},
             {"target.0.pid=7", "target.0.pid", "there is no target '0'",
              "add one to the file first"},
             {"scheme.cold.age.min.x=1s", "scheme.cold.age.min", "is a table", "min = "},
             {"scheme.cold.name.x=1s", "scheme.cold.name.x", "'scheme.cold.name' is not a table",
              "set it as a whole"},
             {"version=9", "version", "version 9", "version = 1"},
             {"limits.brake={ times = 0 }", "limits.brake.times", "out of its range", "from 1"},
             {"limits.brake={ times = 0", "limits.brake", "the value is not TOML", "brackets"},
             {"scheme.cold.name=\"x", "scheme.cold.name", "the value is not TOML", "quotes"},
             {"scheme.cold.age.min=", "scheme.cold.age.min", "a number with a unit", "100ms"},
             {"scheme.cold.age.min=1s # no comment", "scheme.cold.age.min", "not a unit of time",
              "us, ms"},
             {"monitor.regions.min=10 # ten", "monitor.regions.min", "is text", "min = 10"},
             {"scheme.cold.age.min=1\ny = 2", "scheme.cold.age.min", "not a unit of time", ""},
             {"no_value", "", "--set takes KEY=VALUE", "write for example"},
             {"=5", "", "--set takes KEY=VALUE", "write for example"},
             {"monitor..tlb=page", "monitor..tlb", "a part of the key is empty",
              "write for example"},
             {".=1", ".", "a part of the key is empty", "write for example"},
             {repeated("a.", 60'000) + "a=1", "", "nested more than 32 deep", ""},
             {"a=" + repeated("[", 60'000), "", "nested more than 32 deep", ""},
             {"a=" + repeated("{b=", 60'000), "", "nested more than 32 deep", ""},
             {std::string("scheme.cold.name=\0", 18), "", "NUL", ""},
             {"scheme.cold.name=\xff", "", "not UTF-8", ""},
         }) {
        SCOPED_TRACE(expected.text.substr(0, 80));
        const PolicyReading reading = read_text(sound, {expected.text});
        ASSERT_EQ(reading.errors.size(), 1U) << testing::PrintToString(reading.errors);
        const PolicyError& error = reading.errors[0];
        EXPECT_TRUE(error.source.starts_with("--set " + expected.text.substr(0, 60)))
            << error.source;
        EXPECT_EQ(error.line, 0U);
        EXPECT_EQ(error.key, expected.key);
        EXPECT_THAT(error.message, HasSubstr(expected.message));
        EXPECT_THAT(error.suggestion, HasSubstr(expected.suggestion));
    }
}

// The controls.

TEST(PolicyReader, TakesEveryControl) {
    const PolicyReading reading = read_text(R"(
version = 1

[[scheme]]
name = "cold"
action = "pageout"
age = { min = "10s" }
apply_interval = "5s"
cool_down = "30s"
min_rss = "32MiB"
floor = { rss = "64MiB", share = "20%" }
verify = { idle = "2s" }
tune = { refaults = "1%", age = { min = "2s", max = "10min" } }

[scheme.watermarks]
free_memory = { high = "50%", mid = "40%", low = "20%" }
free_swap = { low = "10%" }
interval = "3s"

[scheme.quota]
bytes = "64MiB"
time = "5ms"
per = "500ms"
priority = { size = 3, frequency = 0, age = 2 }
tuner = "temporal"

[[scheme.quota.goal]]
metric = "pressure"
target = "0.5%"

[[scheme.quota.goal]]
metric = "figure"
file = "/run/latency_ms"
target = 20.5

[[scheme.filter]]
reject = "mapping"
name = "[stack]"

[[scheme.filter]]
allow = "address"
start = 0x7f0000000000
end = 0x7ffffffff000

[refaults]
window = "2min"
rate = "64MiB"
)");
    ASSERT_THAT(reading.errors, IsEmpty());
    ASSERT_EQ(reading.policy.schemes.size(), 1U);
    const Scheme& scheme = reading.policy.schemes[0];
    EXPECT_EQ(scheme.apply_interval, Duration(5s));
    EXPECT_EQ(scheme.cool_down, Duration(30s));
    EXPECT_EQ(scheme.min_rss, mebibytes(32));
    EXPECT_EQ(scheme.floor, (Floor{mebibytes(64), Share{200'000}}));
    EXPECT_EQ(scheme.verify, Verify{2s});
    EXPECT_EQ(scheme.tune, (Tune{Share{10'000}, 2s, 10min}));
    Watermarks marks;
    marks.free_memory = Watermark{Share{500'000}, Share{400'000}, Share{200'000}};
    marks.free_swap = Watermark{Share{1'000'000}, Share{1'000'000}, Share{100'000}};
    marks.interval = 3s;
    EXPECT_EQ(scheme.watermarks, marks);
    Quota quota = limits_of(mebibytes(64), 5ms, 500ms);
    quota.priority = {3, 0, 2};
    quota.tuner = GoalTuner::temporal;
    QuotaGoal pressure;
    pressure.share = Share{5000};
    QuotaGoal figure;
    figure.metric = GoalMetric::figure;
    figure.figure = 20.5;
    figure.file = "/run/latency_ms";
    quota.goals = {pressure, figure};
    EXPECT_EQ(scheme.quota, quota);
    Filter stack;
    stack.pattern = "[stack]";
    Filter addresses;
    addresses.allow = true;
    addresses.kind = FilterKind::address;
    addresses.range = {0x7f0000000000, 0x7ffffffff000};
    EXPECT_THAT(scheme.filters, ElementsAre(stack, addresses));
    EXPECT_EQ(reading.policy.refaults, (RefaultWatch{2min, mebibytes(64)}));
}

Scheme scheme_of(const std::string& text) {
    const PolicyReading reading = read_text(text);
    EXPECT_THAT(reading.errors, IsEmpty()) << text;
    return reading.policy.schemes.empty() ? Scheme{} : reading.policy.schemes[0];
}

TEST(PolicyReader, TakesEachWordOfFiltersAndGoals) {
    for (const auto kind :
         {FilterKind::anonymous, FilterKind::file, FilterKind::mapping, FilterKind::address,
          FilterKind::huge_page, FilterKind::young, FilterKind::target, FilterKind::cgroup}) {
        std::string text =
            sound + "[[scheme.filter]]\nallow = \"" + std::string(name_of(kind)) + "\"\n";
        if (kind == FilterKind::address) text += "start = 4096\nend = 8192\n";
        if (kind == FilterKind::mapping || kind == FilterKind::target || kind == FilterKind::cgroup)
            text += "name = \"*x\"\n";
        const Scheme scheme = scheme_of(text);
        ASSERT_EQ(scheme.filters.size(), 1U);
        EXPECT_EQ(scheme.filters[0].kind, kind);
        EXPECT_TRUE(scheme.filters[0].allow);
    }
    for (const auto metric : {GoalMetric::pressure, GoalMetric::cgroup_pressure,
                              GoalMetric::refaults, GoalMetric::free_memory, GoalMetric::figure}) {
        std::string text =
            sound + "[[scheme.quota.goal]]\nmetric = \"" + std::string(name_of(metric)) + "\"\n";
        text += metric == GoalMetric::figure ? "file = \"/f\"\ntarget = 7\n" : "target = \"7%\"\n";
        const Scheme scheme = scheme_of(text);
        ASSERT_EQ(scheme.quota.goals.size(), 1U);
        EXPECT_EQ(scheme.quota.goals[0].metric, metric);
    }
}

TEST(PolicyReader, AQuotaOfGoalsAloneKeepsTheDefaultLimitsOfPageout) {
    const std::string goal = "quota = { goal = [ { metric = \"pressure\", target = \"1%\" } ] }\n";
    Quota expected = default_pageout_quota();
    QuotaGoal pressure;
    pressure.share = Share{10'000};
    expected.goals = {pressure};
    EXPECT_EQ(scheme_of(sound + goal).quota, expected);
    expected.bytes.reset();
    expected.time.reset();
    EXPECT_EQ(
        scheme_of("version = 1\n[[scheme]]\nname = \"a\"\naction = \"willneed\"\n" + goal).quota,
        expected);
    // The window of a goal needs no other limit.
    EXPECT_EQ(
        scheme_of(sound + "quota = { bytes = \"off\", time = \"off\", per = \"2s\", goal = [ { "
                          "metric = \"pressure\", target = \"1%\" } ] }\n")
            .quota.per,
        Duration(2s));
}

TEST(PolicyReader, WatermarksThatAreLeftOutRestNever) {
    const auto marks_of = [](const std::string& marks) {
        return *scheme_of(sound + "watermarks = { free_memory = " + marks + " }\n")
                    .watermarks->free_memory;
    };
    EXPECT_EQ(marks_of("{ low = \"20%\" }"),
              (Watermark{Share{1'000'000}, Share{1'000'000}, Share{200'000}}));
    EXPECT_EQ(marks_of("{ high = \"50%\" }"),
              (Watermark{Share{500'000}, Share{500'000}, Share{0}}));
    EXPECT_EQ(marks_of("{ mid = \"50%\" }"),
              (Watermark{Share{1'000'000}, Share{500'000}, Share{0}}));
    EXPECT_EQ(
        scheme_of(sound + "watermarks = { free_swap = { low = \"1%\" } }\n").watermarks->interval,
        Duration(5s));
}

TEST(PolicyReader, TuningGoesATenthAndTenTimesFarUnlessToldOtherwise) {
    const auto tuned = [](const std::string& age, const std::string& tune,
                          const std::string& monitor = "") {
        return *scheme_of(sound + "age = " + age + "\ntune = { refaults = \"1%\"" + tune + " }\n" +
                          monitor)
                    .tune;
    };
    EXPECT_EQ(tuned("{ min = \"10s\" }", ""), (Tune{Share{10'000}, 1s, 100s}));
    EXPECT_EQ(tuned("{ min = \"500ms\" }", ""), (Tune{Share{10'000}, 100ms, 5s}));
    EXPECT_EQ(tuned("{ min = \"10s\", max = \"1min\" }", ""), (Tune{Share{10'000}, 1s, 60s}));
    EXPECT_EQ(tuned("{ min = \"8760h\" }", ""), (Tune{Share{10'000}, 876h, 8760h}));
    EXPECT_EQ(tuned("{ min = \"10s\" }", ", age = { min = \"3s\" }"),
              (Tune{Share{10'000}, 3s, 100s}));
    EXPECT_EQ(tuned("{ min = \"10s\" }", ", age = { max = \"10s\" }"),
              (Tune{Share{10'000}, 1s, 10s}));
    EXPECT_EQ(tuned("{ min = \"10s\" }", "",
                    "[monitor]\naggregation_interval = \"4s\"\nupdate_interval = \"4s\"\n"),
              (Tune{Share{10'000}, 4s, 100s}));
}

// While it rests nothing need be monitored for it.
TEST(PolicyReader, ASchemeThatCountsMayHaveWatermarks) {
    const Scheme scheme = scheme_of(
        "version = 1\n[[scheme]]\nname = \"a\"\naction = \"stat\"\n"
        "watermarks = { free_memory = { high = \"50%\" } }\n");
    EXPECT_TRUE(scheme.watermarks);
}

// `line` is the only line of the scheme besides its name and its action.
void expect_scheme_error(const std::string& line, std::uint32_t column, const std::string& key,
                         const std::string& written, const std::string& message,
                         const std::string& suggestion) {
    expect_error(
        {sound + line + "\n", 5, column, "scheme.cold." + key, written, message, suggestion});
}

TEST(PolicyErrors, OfControlsThatDoNotGoWithTheAction) {
    const auto wrong = [](const std::string& action, const std::string& control,
                          const std::string& message) {
        const std::string key = control.substr(0, control.find(' '));
        expect_error({"version = 1\n[[scheme]]\nname = \"a\"\naction = \"" + action + "\"\n" +
                          control + "\n",
                      5, 1, "scheme.a." + key, key, message, "remove it"});
    };
    for (const std::string action : {"stat", "cold", "willneed"}) {
        wrong(action, "floor = { rss = \"1MiB\" }", "takes nothing out of memory");
        wrong(action, "verify = { idle = \"1s\" }", "only 'pageout' verifies");
        wrong(action, "tune = { refaults = \"1%\" }", "no refaults to tune by");
    }
    wrong("stat", "apply_interval = \"1s\"", "only counts cannot have this");
    wrong("stat", "min_rss = \"1MiB\"", "only counts cannot have this");
    wrong("stat", "filter = [ { allow = \"anonymous\" } ]", "only counts cannot have this");
    wrong("stat", "cool_down = \"1s\"", "nothing to cool down from");
    wrong("stat", "quota = { goal = [ { metric = \"pressure\", target = \"1%\" } ] }",
          "only counts cannot have a quota");
    for (const std::string kind : {"young", "huge_page"})
        expect_error(
            {"version = 1\n[[scheme]]\nname = \"a\"\naction = \"willneed\"\n"
             "filter = [ { reject = \"" +
                 kind + "\" } ]\n",
             5, 23, "scheme.a.filter.0.reject", "\"" + kind + "\"",
             "'willneed' looks at no single pages", "remove the filter"});
    for (const std::string action : {"cold", "willneed"})
        expect_error({"version = 1\n[[scheme]]\nname = \"a\"\naction = \"" + action +
                          "\"\nquota = { goal = [ { metric = \"refaults\", target = \"1%\" } ] }\n",
                      5, 31, "scheme.a.quota.goal.0.metric", "\"refaults\"",
                      "'" + action + "' pages nothing out", "remove the goal"});
    // All of what is wrong with an action that is not known is that.
    expect_error(
        {"version = 1\n[[scheme]]\nname = \"a\"\naction = \"x\"\nfloor = { rss = 1 }\n"
         "verify = { idle = \"1s\" }\nfilter = [ { reject = \"young\" } ]\n",
         4, 10, "scheme.a.action", "\"x\"", "unknown action", ""});
}

TEST(PolicyErrors, OfIntervals) {
    expect_scheme_error("apply_interval = \"99ms\"", 18, "apply_interval", "\"99ms\"",
                        "shorter than monitor.aggregation_interval (100ms)", "\"100ms\"");
    expect_scheme_error("apply_interval = 5", 18, "apply_interval", "5", "is a whole number",
                        "in quotes, with its unit: apply_interval = \"5s\"");
    expect_scheme_error("cool_down = \"30\"", 13, "cool_down", "\"30\"", "needs a unit", "\"30s\"");
    expect_scheme_error("min_rss = \"-1MiB\"", 11, "min_rss", "\"-1MiB\"", "cannot be negative",
                        "");
}

TEST(PolicyErrors, OfFloorsAndVerification) {
    expect_scheme_error("floor = {}", 1, "floor", "floor", "neither rss nor share", "rss = ");
    expect_scheme_error("floor = \"64MiB\"", 9, "floor", "\"64MiB\"", "'floor' is text",
                        "floor = { rss = ");
    expect_scheme_error("floor = { share = \"100%\" }", 19, "floor.share", "\"100%\"",
                        "all memory stays", "less than \"100%\"");
    expect_scheme_error("floor = { share = 20 }", 19, "floor.share", "20", "a whole number",
                        "share = \"20%\"");
    expect_scheme_error("verify = {}", 1, "verify.idle", "verify", "does not say for how long",
                        "idle = \"2s\"");
    expect_scheme_error("verify = true", 10, "verify", "true", "'verify' is true or false",
                        "verify = { idle = \"2s\" }");
    expect_scheme_error("verify = { idle = \"999us\" }", 19, "verify.idle", "\"999us\"",
                        "out of its range", "from \"1ms\" to \"30s\"");
    expect_scheme_error("verify = { idle = \"31s\" }", 19, "verify.idle", "\"31s\"",
                        "out of its range", "from \"1ms\" to \"30s\"");
    for (const std::string idle : {"1ms", "30s"})
        EXPECT_THAT(read_text(sound + "verify = { idle = \"" + idle + "\" }\n").errors, IsEmpty());
}

TEST(PolicyErrors, OfPagesThatStayIdleForTheAge) {
    const std::string of_age = "verify = { idle = \"age\" }\n";
    const auto reading = read_text(sound + "age = { min = \"30s\" }\n" + of_age);
    ASSERT_THAT(reading.errors, IsEmpty());
    const Scheme& scheme = reading.policy.schemes[0];
    EXPECT_EQ(scheme.verify, (Verify{{}, true}));
    EXPECT_EQ(scheme.verify->idle_at(scheme.age.min), Duration(30s));
    EXPECT_EQ(Verify{2s}.idle_at(scheme.age.min), Duration(2s));
    const auto first_error = [&](const std::string& more) {
        const auto found = read_text(sound + more + of_age).errors;
        return found.size() == 1 ? found[0].message + "; " + found[0].suggestion : "";
    };
    EXPECT_THAT(first_error(""), HasSubstr("add age = { min"));
    EXPECT_THAT(first_error("age = { min = \"31s\" }\n"), HasSubstr("age.min = \"30s\" or less"));
    EXPECT_THAT(first_error("age = { min = \"5s\" }\ntune = { refaults = \"1%\" }\n"),
                HasSubstr("may become 50s here"));
    EXPECT_THAT(first_error("age = { min = \"5s\", max = \"1min\" }\n"),
                HasSubstr("remove age.max"));
}

TEST(PolicyErrors, OfTuning) {
    expect_scheme_error("tune = { refaults = \"1%\" }", 1, "tune", "tune",
                        "moves age.min, and the scheme has none", "add age = ");
    const auto wrong = [](const std::string& tune, std::uint32_t column, const std::string& key,
                          const std::string& written, const std::string& message,
                          const std::string& suggestion) {
        expect_error({sound + "age = { min = \"10s\", max = \"1h\" }\ntune = " + tune + "\n", 6,
                      column, "scheme.cold." + key, written, message, suggestion});
    };
    wrong("{}", 1, "tune.refaults", "tune", "does not say how much may come back", "\"1%\"");
    wrong("{ refaults = \"0%\" }", 21, "tune.refaults", "\"0%\"", "can never be kept", "\"1%\"");
    wrong("{ refaults = \"100%\" }", 21, "tune.refaults", "\"100%\"", "can never be missed",
          "\"1%\"");
    wrong("{ refaults = 0.01 }", 21, "tune.refaults", "0.01", "is a number", "in quotes");
    wrong("{ refaults = \"1%\", age = { min = \"50ms\" } }", 41, "tune.age.min", "\"50ms\"",
          "shorter than monitor.aggregation_interval (100ms)", "\"100ms\"");
    wrong("{ refaults = \"1%\", age = { min = \"11s\" } }", 41, "tune.age.min", "\"11s\"",
          "above the scheme's age.min (10s)", "at most \"10s\"");
    wrong("{ refaults = \"1%\", age = { max = \"9s\" } }", 41, "tune.age.max", "\"9s\"",
          "below the scheme's age.min (10s)", "at least \"10s\"");
    wrong("{ refaults = \"1%\", age = { max = \"2h\" } }", 41, "tune.age.max", "\"2h\"",
          "above the scheme's age.max (1h)", "at most \"1h\"");
    wrong("{ refaults = \"1%\", age = { min = \"5s\", max = \"1s\" } }", 41, "tune.age.min",
          "\"5s\"", "'min' (5s) is above 'max' (1s)", "swap them");
    wrong("{ refaults = \"1%\", age = { mn = \"5s\" } }", 35, "tune.age.mn", "mn",
          "unknown key 'mn' in 'scheme.tune.age'", "'min'");
    expect_error({sound + "age = { min = \"50ms\" }\ntune = { refaults = \"1%\" }\n", 6, 1,
                  "scheme.cold.tune", "tune", "(50ms) is shorter than", "at least \"100ms\""});
}

TEST(PolicyErrors, OfWatermarks) {
    expect_scheme_error("watermarks = {}", 1, "watermarks", "watermarks",
                        "neither free_memory nor free_swap", "add free_memory = ");
    expect_scheme_error("watermarks = { free_memory = {} }", 16, "watermarks.free_memory",
                        "free_memory", "neither high, mid nor low", "{ high = ");
    const auto wrong = [](const std::string& marks, std::uint32_t column, const std::string& key,
                          const std::string& written, const std::string& message,
                          const std::string& suggestion) {
        for (const std::string metric : {"free_memory", "free_swap"})
            expect_scheme_error("watermarks." + metric + " = " + marks,
                                column + static_cast<std::uint32_t>(metric.size()),
                                "watermarks." + metric + "." + key, written, message, suggestion);
    };
    wrong("{ high = \"20%\", low = \"50%\" }", 37, "low", "\"50%\"",
          "rests above 'high' (20%) and below 'low' (50%), so it would always rest",
          "a 'high' above 'low'");
    wrong("{ high = \"50%\", low = \"50%\" }", 37, "low", "\"50%\"", "always rest", "");
    wrong("{ high = \"0%\" }", 24, "high", "\"0%\"", "always rest", "a 'high' above");
    wrong("{ low = \"100%\" }", 23, "low", "\"100%\"", "always rest", "");
    wrong("{ high = \"50%\", mid = \"60%\" }", 37, "mid", "\"60%\"",
          "'mid' (60%) is above 'high' (50%)", "high >= mid >= low");
    wrong("{ mid = \"10%\", low = \"20%\" }", 23, "mid", "\"10%\"",
          "'mid' (10%) is below 'low' (20%)", "high >= mid >= low");
    wrong("{ high = 50 }", 24, "high", "50", "is a whole number", "in quotes");
    wrong("{ hihg = \"50%\" }", 17, "hihg", "hihg", "unknown key", "'high'");
    expect_scheme_error("watermarks = { free_memory = { low = \"1%\" }, interval = \"0s\" }", 57,
                        "watermarks.interval", "\"0s\"", "too short", "\"1ms\"");
}

TEST(PolicyErrors, OfPriorities) {
    expect_scheme_error("quota = { priority = { age = 1001 } }", 30, "quota.priority.age", "1001",
                        "out of its range", "from 0 to 1000");
    expect_scheme_error("quota = { priority = { size = -1 } }", 31, "quota.priority.size", "-1",
                        "out of its range", "from 0 to 1000");
    expect_scheme_error("quota = { priority = { frequency = \"1\" } }", 36,
                        "quota.priority.frequency", "\"1\"", "is text", "frequency = 1");
    expect_scheme_error("quota = { priority = \"age\" }", 22, "quota.priority", "\"age\"",
                        "is text", "priority = { ");
    expect_scheme_error("quota = { bytes = \"off\", time = \"off\", priority = { age = 1 } }", 40,
                        "quota.priority", "priority", "nothing goes first", "or remove 'priority'");
}

TEST(PolicyErrors, OfGoals) {
    const auto wrong = [](const std::string& goal, std::uint32_t column, const std::string& key,
                          const std::string& written, const std::string& message,
                          const std::string& suggestion) {
        expect_scheme_error("quota = { goal = [ { " + goal + " } ] }", column,
                            "quota.goal.0" + (key.empty() ? "" : "." + key), written, message,
                            suggestion);
    };
    wrong("target = \"1%\"", 20, "metric", "{ target = \"1%\" }", "this goal has no metric",
          "metric = \"pressure\"");
    wrong("metric = \"pressure\"", 20, "target", "{ metric = \"pressure\" }",
          "this goal has no target", "target = ");
    wrong("metric = \"presure\", target = \"1%\"", 31, "metric", "\"presure\"",
          "unknown metric 'presure'", "did you mean 'pressure'?");
    wrong("metric = \"some_mem_psi_us\", target = \"1%\"", 31, "metric", "\"some_mem_psi_us\"",
          "unknown metric", "'pressure', 'cgroup_pressure', 'refaults', 'free_memory' or 'figure'");
    wrong("metric = \"pressure\", target = \"0%\"", 52, "target", "\"0%\"", "never be met",
          "above 0%");
    wrong("metric = \"pressure\", target = 1", 52, "target", "1", "is a whole number", "in quotes");
    wrong("metric = \"pressure\", target = \"1%\", file = \"/x\"", 58, "file", "file",
          "'pressure' is measured without", "remove it");
    wrong("metric = \"figure\", target = 20", 20, "file", "{ metric = \"figure\", target = 20 }",
          "needs the file", "add file = ");
    wrong("metric = \"figure\", target = 20, file = \"latency\"", 61, "file", "\"latency\"",
          "not an absolute path", "\"/run/latency_ms\"");
    wrong("metric = \"figure\", target = 0, file = \"/x\"", 50, "target", "0", "a number above 0",
          "target = 20");
    wrong("metric = \"figure\", target = -1.5, file = \"/x\"", 50, "target", "-1.5",
          "a number above 0", "target = 20");
    wrong("metric = \"figure\", target = nan, file = \"/x\"", 50, "target", "nan",
          "a number above 0", "target = 20");
    wrong("metric = \"figure\", target = inf, file = \"/x\"", 50, "target", "inf",
          "a number above 0", "target = 20");
    wrong("metric = \"figure\", target = \"5%\", file = \"/x\"", 50, "target", "\"5%\"", "is text",
          "target = ");
    expect_scheme_error(
        "quota = { goal = [ { metric = \"pressure\", target = \"1%\" }, { metric = \"pressure\", "
        "target = \"2%\" } ] }",
        71, "quota.goal.1.metric", "\"pressure\"", "another goal of this quota", "keep one");
    expect_scheme_error("quota = { goal = { metric = \"pressure\" } }", 11, "quota.goal", "goal",
                        "its brackets are double", "[[scheme.quota.goal]]");
    expect_scheme_error("quota = { goal = \"pressure\" }", 18, "quota.goal", "\"pressure\"",
                        "tables are expected", "[[scheme.quota.goal]]");
    expect_scheme_error("quota = { tuner = \"temporal\" }", 11, "quota.tuner", "tuner",
                        "no goal that a tuner could follow", "add a goal");
    expect_scheme_error(
        "quota = { tuner = \"constant\", goal = [ { metric = \"pressure\", target = \"1%\" } ] }",
        19, "quota.tuner", "\"constant\"", "unknown tuner", "'consistent'");
    // Figures in different files are different goals.
    EXPECT_THAT(
        read_text(sound + "quota.goal = [ { metric = \"figure\", file = \"/a\", target = 1 }, "
                          "{ metric = \"figure\", file = \"/b\", target = 1 } ]\n")
            .errors,
        IsEmpty());
    std::string many;
    for (int i = 0; i < 20; ++i)
        many += "{ metric = \"figure\", target = 1, file = \"/" + std::to_string(i) + "\" }, ";
    const PolicyReading reading = read_text(sound + "quota.goal = [ " + many + " ]\n");
    ASSERT_EQ(reading.errors.size(), 1U);
    EXPECT_THAT(reading.errors[0].message, HasSubstr("more than the 16 goals"));
    EXPECT_EQ(reading.errors[0].key, "scheme.cold.quota.goal.16");
}

TEST(PolicyErrors, OfFilters) {
    const auto wrong = [](const std::string& filter, std::uint32_t column, const std::string& key,
                          const std::string& written, const std::string& message,
                          const std::string& suggestion) {
        expect_scheme_error("filter = [ { " + filter + " } ]", column,
                            "filter.0" + (key.empty() ? "" : "." + key), written, message,
                            suggestion);
    };
    wrong("name = \"x\"", 12, "", "{ name = \"x\" }", "neither allow nor reject", "add reject = ");
    wrong("allow = \"anonymous\", reject = \"file\"", 14, "allow", "allow", "both allow and reject",
          "keep one");
    wrong("reject = \"anonimous\"", 23, "reject", "\"anonimous\"", "unknown filter 'anonimous'",
          "did you mean 'anonymous'?");
    wrong("reject = 7", 23, "reject", "7", "is a whole number", "reject = ");
    wrong("reject = \"mapping\"", 12, "name", "{ reject = \"mapping\" }",
          "a filter on 'mapping' needs a name", "add name = ");
    wrong("reject = \"mapping\", name = \"\"", 41, "name", "\"\"", "'name' is empty",
          "* for any text");
    wrong("reject = \"mapping\", name = 7", 41, "name", "7", "is a whole number", "name = ");
    wrong("reject = \"anonymous\", name = \"x\"", 36, "name", "name",
          "a filter on 'anonymous' has no name", "remove it");
    wrong("reject = \"target\", name = \"gnome-session-binary\"", 40, "name",
          "\"gnome-session-binary\"", "longer than the 15 bytes", "\"gnome-session-b\"");
    wrong("reject = \"cgroup\", name = \"user.slice\"", 40, "name", "\"user.slice\"",
          "begins with a slash", "\"/user.slice\"");
    wrong("reject = \"address\", start = 4096", 12, "end", "{ reject = \"address\", start = 4096 }",
          "needs 'start' and 'end'", "add end = 0x");
    wrong("reject = \"address\", start = 4095, end = 8192", 42, "start", "4095", "within a page",
          "a multiple of 4096");
    wrong("reject = \"address\", start = 4096, end = 0x2001", 54, "end", "0x2001", "within a page",
          "a multiple of 4096");
    wrong("reject = \"address\", start = 4096, end = 4096", 54, "end", "4096",
          "'end' is not above 'start'", "swap them");
    wrong("reject = \"address\", start = -4096, end = 4096", 42, "start", "-4096",
          "out of its range", "from 0 to");
    wrong("reject = \"address\", start = \"0x1000\", end = 8192", 42, "start", "\"0x1000\"",
          "an address such as", "start = 0x7f0000000000");
    wrong("reject = \"file\", start = 4096", 31, "start", "start", "has no addresses", "remove it");
    wrong("reject = \"file\", matching = true", 31, "matching", "matching",
          "unknown key 'matching' in [[scheme.filter]]", "allow = … or reject = …");
    expect_scheme_error("filter = { reject = \"file\" }", 1, "filter", "filter",
                        "its brackets are double", "[[scheme.filter]]");
    expect_scheme_error("filter = [ \"file\" ]", 12, "filter.0", "\"file\"", "a table is expected",
                        "[[scheme.filter]]");
    // A long pattern may fit a short name, and a path may be left open at its front.
    EXPECT_THAT(
        read_text(sound + "filter = [ { reject = \"target\", name = \"*gnome-session-b*\" }, { "
                          "reject = \"cgroup\", name = \"*.slice\" } ]\n")
            .errors,
        IsEmpty());
}

// A filter without one of its addresses is told both of them.
TEST(PolicyErrors, OfAFilterSayEachThingThatIsMissing) {
    const PolicyReading reading = read_text(sound + "filter = [ { reject = \"address\" } ]\n");
    std::vector<std::string> keys;
    for (const PolicyError& error : reading.errors) keys.push_back(error.key);
    EXPECT_THAT(keys, ElementsAre("scheme.cold.filter.0.start", "scheme.cold.filter.0.end"));
}

TEST(PolicyErrors, OfRefaults) {
    const auto wrong = [](const std::string& line, std::uint32_t column, const std::string& key,
                          const std::string& written, const std::string& message,
                          const std::string& suggestion) {
        expect_error({sound + "[refaults]\n" + line + "\n", 6, column, "refaults." + key, written,
                      message, suggestion});
    };
    wrong("window = \"999ms\"", 10, "window", "\"999ms\"", "out of its range",
          "from \"1s\" to \"1h\"");
    wrong("window = \"61min\"", 10, "window", "\"61min\"", "out of its range",
          "from \"1s\" to \"1h\"");
    wrong("rate = \"1023KiB\"", 8, "rate", "\"1023KiB\"", "too little", "at least \"1MiB\"");
    wrong("rte = \"1MiB\"", 1, "rte", "rte", "unknown key 'rte' in [refaults]", "'rate'");
    EXPECT_THAT(read_text(sound + "[refaults]\nwindow = \"1s\"\nrate = \"1MiB\"\n").errors,
                IsEmpty());
}

// Who knows DAMON's words is led to ours.
TEST(PolicyErrors, OfWordsOfOtherToolsSayWhatIsMeant) {
    struct Word {
        std::string text, suggestion;
    };
    for (const Word& word : std::initializer_list<Word>{
             {"filters = []", "[[scheme.filter]]"},
             {"goals = []", "[[scheme.quota.goal]]"},
             {"weights = {}", "quota = { priority = … }"},
             {"wmarks = {}", "'watermarks'"},
             {"apply_interval_us = 5000000", "'apply_interval'"},
             {"floors = {}", "'floor'"},
             {"access_pattern = {}", "size, frequency and age"},
             {"quota = { weight_sz = 1 }", "priority = { size = … }"},
             {"quota = { weight_nr_accesses = 1 }", "priority = { frequency = … }"},
             {"quota = { sz_bytes = 4096 }", "'bytes'"},
             {"quota = { reset_interval_ms = 1000 }", "'per'"},
             {"quota = { goals = [] }", "'goal'"},
             {"quota = { priority = { nr_accesses = 1 } }", "'frequency'"},
             {"quota.goal = [ { target_metric = 1, metric = \"pressure\", target = \"1%\" } ]",
              "'metric'"},
             {"watermarks = { metric = 1, free_swap = { low = \"1%\" } }",
              "free_memory or free_swap"},
             {"filter = [ { type = 1, reject = \"file\" } ]", "allow = … or reject = …"},
             {"window = \"1s\"", "it belongs in [refaults]"},
         }) {
        const PolicyReading reading = read_text(sound + word.text + "\n");
        ASSERT_FALSE(reading.errors.empty()) << word.text;
        EXPECT_THAT(reading.errors[0].suggestion, HasSubstr(word.suggestion)) << word.text;
    }
}

TEST(PolicyOverrides, ReachEveryControl) {
    const PolicyReading reading = read_text(
        sound +
            "age = { min = \"10s\" }\nfilter = [ { reject = \"mapping\", name = \"[stack]\" } ]\n"
            "quota.goal = [ { metric = \"pressure\", target = \"1%\" } ]\n",
        {"scheme.cold.filter.0.name=[heap]", "scheme.cold.quota.goal.0.target=2%",
         "scheme.cold.watermarks.free_swap.low=5%", "scheme.cold.tune.refaults=3%",
         "scheme.cold.verify.idle=1s", "scheme.cold.floor.share=7%", "refaults.window=90s",
         "scheme.cold.quota.priority.age=9"});
    // A value that begins with a bracket is TOML.
    ASSERT_EQ(reading.errors.size(), 1U);
    EXPECT_EQ(reading.errors[0].key, "scheme.cold.filter.0.name");
    const Scheme& scheme = reading.policy.schemes[0];
    EXPECT_EQ(scheme.quota.goals[0].share, Share{20'000});
    EXPECT_EQ(scheme.watermarks->free_swap->low, Share{50'000});
    EXPECT_EQ(scheme.tune->refaults, Share{30'000});
    EXPECT_EQ(scheme.verify, Verify{1s});
    EXPECT_EQ(scheme.floor.share, Share{70'000});
    EXPECT_EQ(scheme.quota.priority.age, 9U);
    EXPECT_EQ(reading.policy.refaults.window, Duration(90s));
}

}  // namespace
}  // namespace damon_schemes

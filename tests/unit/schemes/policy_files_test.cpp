// SPDX-License-Identifier: MIT
// The policies that people start from, and the reference that they read, agree with the reader.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "schemes/policy/keys.h"
#include "schemes/policy/reader.h"

namespace damon_schemes {
namespace {

using testing::IsEmpty;

std::string content_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    EXPECT_TRUE(file) << path;
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

std::vector<std::string> messages_of(const PolicyReading& reading) {
    std::vector<std::string> messages;
    for (const PolicyError& error : reading.errors) messages.push_back(to_string(error));
    return messages;
}

std::size_t expect_sound_in(const std::filesystem::path& folder) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() != ".toml") continue;
        ++count;
        PolicyReadOptions options;
        options.source = entry.path().filename().string();
        const PolicyReading reading = read_policy(content_of(entry.path()), options);
        EXPECT_THAT(messages_of(reading), IsEmpty());
        EXPECT_THAT(reading.warnings, IsEmpty()) << options.source;
    }
    return count;
}

TEST(PolicyFiles, EveryOneOfThemIsSound) {
    EXPECT_GE(expect_sound_in(DAMON_SCHEMES_POLICIES), 8U);
}

// A measurement of an hour is not to end at its first daemon.
TEST(PolicyFiles, ThoseOfTheDaemonsMeasurementsAreSoundToo) {
    EXPECT_GE(expect_sound_in(DAMON_SCHEMES_DAEMON_MEASUREMENTS), 4U);
}

Policy policy_named(const std::string& name) {
    PolicyReadOptions options;
    options.source = name;
    const PolicyReading reading =
        read_policy(content_of(std::filesystem::path(DAMON_SCHEMES_POLICIES) / name), options);
    EXPECT_THAT(messages_of(reading), IsEmpty());
    return reading.policy;
}

TEST(PolicyFiles, ProactiveReclaimIsWhatItsNameSays) {
    const PolicyReading reading = read_policy(
        content_of(std::filesystem::path(DAMON_SCHEMES_POLICIES) / "proactive-reclaim.toml"), {});
    ASSERT_THAT(messages_of(reading), IsEmpty());
    const Policy& policy = reading.policy;
    MonitorAttributes unhurried;
    unhurried.sampling_interval = std::chrono::milliseconds(100);
    unhurried.aggregation_interval = std::chrono::seconds(1);
    EXPECT_EQ(policy.monitor, unhurried);
    EXPECT_EQ(policy.limits, Limits{});
    ASSERT_EQ(policy.schemes.size(), 1U);
    Scheme cold;
    cold.name = "cold";
    cold.action = Action::pageout;
    cold.size.min = kibibytes(4);
    cold.frequency.max = Share{0};
    cold.age.min = std::chrono::seconds(10);
    cold.quota = default_pageout_quota();
    EXPECT_EQ(policy.schemes[0], cold);
}

TEST(PolicyFiles, ObserveActsOnNothing) {
    const PolicyReading reading =
        read_policy(content_of(std::filesystem::path(DAMON_SCHEMES_POLICIES) / "observe.toml"), {});
    ASSERT_THAT(messages_of(reading), IsEmpty());
    for (const Scheme& scheme : reading.policy.schemes) EXPECT_FALSE(acts(scheme.action));
}

// Documentation/admin-guide/mm/damon/reclaim.rst: min_age, quota_ms, quota_sz,
// quota_reset_interval_ms, wmarks_*.
TEST(PolicyFiles, GentleReclaimHasTheDefaultsOfDamonReclaim) {
    const Policy policy = policy_named("gentle-reclaim.toml");
    EXPECT_EQ(policy.limits, Limits{});
    EXPECT_EQ(policy.monitor.min_regions, 10U);
    EXPECT_EQ(policy.monitor.max_regions, 1000U);
    ASSERT_EQ(policy.schemes.size(), 1U);
    Scheme cold;
    cold.name = "cold";
    cold.action = Action::pageout;
    cold.size.min = kibibytes(4);
    cold.frequency.max = Share{0};
    cold.age.min = std::chrono::seconds(120);
    cold.quota.bytes = mebibytes(128);
    cold.quota.time = std::chrono::milliseconds(10);
    cold.quota.per = std::chrono::seconds(1);
    cold.quota.priority = {0, 0, 1};
    cold.watermarks = Watermarks{};
    cold.watermarks->free_memory = Watermark{Share{500'000}, Share{400'000}, Share{200'000}};
    cold.watermarks->interval = std::chrono::seconds(5);
    EXPECT_EQ(policy.schemes[0], cold);
}

// With which version 12 of the patchset was measured.
MonitorAttributes published_attributes() {
    MonitorAttributes published;
    published.sampling_interval = std::chrono::milliseconds(5);
    published.aggregation_interval = std::chrono::milliseconds(100);
    published.update_interval = std::chrono::seconds(1);
    published.min_regions = 10;
    published.max_regions = 1000;
    return published;
}

Limits no_limits() {
    Limits limits;
    limits.min_free_swap.reset();
    limits.brake.reset();
    limits.guard.reset();
    limits.min_headroom.reset();
    limits.min_zram_saving.reset();
    return limits;
}

TEST(PolicyFiles, PrclIsThePublishedSchemeWithoutOurLimits) {
    const Policy policy = policy_named("prcl-v12.toml");
    EXPECT_EQ(policy.monitor, published_attributes());
    ASSERT_EQ(policy.schemes.size(), 1U);
    Scheme prcl;
    prcl.name = "prcl";
    prcl.action = Action::pageout;
    prcl.size.min = kibibytes(4);
    prcl.frequency.max = Share{50'000};
    prcl.age.min = std::chrono::milliseconds(500);
    EXPECT_EQ(policy.schemes[0], prcl);
    EXPECT_EQ(policy.limits, no_limits());
}

// Huge pages, as version 12 of the patchset was measured with them.
TEST(PolicyFiles, EthpIsThePublishedSchemeWithoutOurLimits) {
    const Policy policy = policy_named("ethp-v12.toml");
    EXPECT_EQ(policy.monitor, published_attributes());
    ASSERT_EQ(policy.schemes.size(), 2U);
    Scheme promote;
    promote.name = "promote";
    promote.action = Action::hugepage;
    promote.size.min = mebibytes(2);
    promote.frequency.min = Share{50'000};
    EXPECT_EQ(policy.schemes[0], promote);
    Scheme demote;
    demote.name = "demote";
    demote.action = Action::nohugepage;
    demote.size.min = mebibytes(2);
    demote.frequency.max = Share{50'000};
    demote.age.min = std::chrono::seconds(1);
    EXPECT_EQ(policy.schemes[1], demote);
    EXPECT_TRUE(policy.remote_syscall) << "nobody else can set these flags";
    EXPECT_EQ(policy.limits, no_limits());
}

// Version 24 is gentler in what its comments name, and the same in everything else.
TEST(PolicyFiles, TheLaterPublishedSchemesDifferFromTheFirstInFrequencyAndAgeAlone) {
    Policy prcl = policy_named("prcl-v12.toml");
    prcl.schemes[0].frequency.max = Share{0};
    prcl.schemes[0].age.min = std::chrono::seconds(5);
    EXPECT_EQ(policy_named("prcl-v24.toml").schemes, prcl.schemes);
    Policy ethp = policy_named("ethp-v12.toml");
    ethp.schemes[0].size.min.reset();
    ethp.schemes[1].frequency.max = Share{0};
    ethp.schemes[1].age.min = std::chrono::seconds(7);
    EXPECT_EQ(policy_named("ethp-v24.toml").schemes, ethp.schemes);
    for (const char* name : {"prcl-v24.toml", "ethp-v24.toml"}) {
        const Policy later = policy_named(name);
        EXPECT_EQ(later.monitor, published_attributes()) << name;
        EXPECT_EQ(later.limits, no_limits()) << name;
    }
    EXPECT_TRUE(policy_named("ethp-v24.toml").remote_syscall) << "nobody else can set these flags";
}

TEST(PolicyFiles, TunedReclaimVerifiesEachPageAndIsBoundedByWhatComesBack) {
    const Policy policy = policy_named("tuned-reclaim.toml");
    EXPECT_FALSE(policy.remote_syscall) << "nothing here needs it";
    ASSERT_EQ(policy.schemes.size(), 1U);
    const Scheme& reclaim = policy.schemes[0];
    EXPECT_EQ(reclaim.action, Action::pageout);
    ASSERT_TRUE(reclaim.verify) << "without a quota nothing else keeps hot pages in";
    EXPECT_TRUE(reclaim.verify->of_age) << "its frequency says nothing of single pages";
    EXPECT_TRUE(reclaim.tune);
    EXPECT_EQ(policy.limits.min_free_swap, Limits{}.min_free_swap);
    ASSERT_TRUE(policy.limits.brake) << "it pauses, if for less long";
    EXPECT_LT(policy.limits.brake->pause, Limits{}.brake->pause);
}

// What their comments promise, whatever the figures are.
TEST(PolicyFiles, EfficientThpPromotesWithinBoundsAndTakesBack) {
    const Policy policy = policy_named("efficient-thp.toml");
    EXPECT_FALSE(policy.remote_syscall) << "nothing here needs it";
    EXPECT_EQ(policy.monitor.min_region_size, mebibytes(2)) << "regions end where huge pages could";
    EXPECT_EQ(policy.limits, Limits{});
    ASSERT_EQ(policy.schemes.size(), 2U);
    const Scheme& promote = policy.schemes[0];
    EXPECT_EQ(promote.action, Action::collapse);
    EXPECT_TRUE(promote.frequency.min);
    EXPECT_GE(promote.present.ppm, 500'000U) << "what is more empty than full costs too much";
    EXPECT_TRUE(promote.growth.any());
    EXPECT_TRUE(promote.quota.time);
    const Scheme& demote = policy.schemes[1];
    EXPECT_EQ(demote.action, Action::pageout);
    EXPECT_EQ(demote.frequency.max, Share{0});
    EXPECT_TRUE(demote.age.min);
    EXPECT_TRUE(demote.quota.bytes);
    ASSERT_EQ(demote.filters.size(), 1U);
    EXPECT_EQ(demote.filters[0].kind, FilterKind::huge_page);
    EXPECT_TRUE(demote.filters[0].allow);
}

TEST(PolicyFiles, LockHotIsBoundedAndUndone) {
    const Policy policy = policy_named("lock-hot.toml");
    EXPECT_TRUE(policy.remote_syscall);
    ASSERT_EQ(policy.schemes.size(), 1U);
    const Scheme& hot = policy.schemes[0];
    EXPECT_EQ(hot.action, Action::mlock);
    EXPECT_TRUE(hot.frequency.min);
    EXPECT_FALSE(hot.populate);
    EXPECT_TRUE(hot.lock.target && hot.lock.host);
    EXPECT_TRUE(hot.unlock_age);
    EXPECT_EQ(hot.raise_memlock, RaiseMemlock::never);
    EXPECT_EQ(hot.on_exit, OnExit::restore);
    EXPECT_FALSE(policy.limits.brake) << "when memory is short is when to lock";
}

// What its comments promise, whatever the figures are.
TEST(PolicyFiles, HostGuardHasEveryControlThatKeepsServicesUnharmed) {
    const Policy policy = policy_named("host-guard.toml");
    ASSERT_EQ(policy.schemes.size(), 1U);
    const Scheme& scheme = policy.schemes[0];
    EXPECT_EQ(scheme.action, Action::pageout);
    EXPECT_TRUE(scheme.apply_interval && scheme.cool_down && scheme.min_rss && scheme.verify);
    EXPECT_TRUE(scheme.floor.rss && scheme.floor.share);
    ASSERT_TRUE(scheme.watermarks);
    ASSERT_TRUE(scheme.watermarks->free_memory && scheme.watermarks->free_swap);
    EXPECT_EQ(scheme.watermarks->free_swap->high, Share{1'000'000})
        << "free swap is no reason to rest";
    ASSERT_EQ(scheme.quota.goals.size(), 1U);
    EXPECT_EQ(scheme.quota.goals[0].metric, GoalMetric::pressure);
    EXPECT_TRUE(scheme.quota.bytes && scheme.quota.time);
    EXPECT_EQ(scheme.quota.per, *scheme.apply_interval) << "a window for each application";
    ASSERT_TRUE(policy.limits.min_free_swap && policy.limits.brake);
    EXPECT_LT(*policy.limits.min_free_swap, scheme.watermarks->free_swap->low)
        << "the guard is the last resort";
}

// The rows "| `monitor.tlb` | word | `"auto"` | … |" of the reference.
struct Row {
    std::string type, default_value;
};
std::map<std::string, Row> documented_keys() {
    std::map<std::string, Row> rows;
    std::stringstream text(content_of(DAMON_SCHEMES_POLICY_REFERENCE));
    bool among_keys = false;
    for (std::string line; std::getline(text, line);) {
        if (line.starts_with("## ")) among_keys = line == "## Keys";
        if (!among_keys || !line.starts_with("| `")) continue;
        std::vector<std::string> cells;
        std::stringstream row(line.substr(1));
        for (std::string cell; std::getline(row, cell, '|');) {
            const auto first = cell.find_first_not_of(' ');
            cells.push_back(first == std::string::npos
                                ? ""
                                : cell.substr(first, cell.find_last_not_of(' ') - first + 1));
        }
        EXPECT_GE(cells.size(), 4U) << line;
        const auto unquoted = [](std::string cell) {
            std::erase(cell, '`');
            return cell;
        };
        EXPECT_TRUE(rows.emplace(unquoted(cells[0]), Row{cells[1], unquoted(cells[2])}).second)
            << line;
    }
    return rows;
}

TEST(PolicyReference, HasEveryKeyOfTheReaderAndNoOther) {
    std::vector<std::string> documented;
    for (const auto& [key, row] : documented_keys()) documented.push_back(key);
    std::vector<std::string> known;
    for (const PolicyKey& key : policy_keys()) known.emplace_back(key.path);
    EXPECT_THAT(documented, testing::UnorderedElementsAreArray(known));
}

TEST(PolicyReference, StatesTheReadersDefaultsAndTypes) {
    const auto documented = documented_keys();
    for (const PolicyKey& key : policy_keys()) {
        const auto found = documented.find(std::string(key.path));
        if (found == documented.end()) continue;
        const Row& row = found->second;
        if (key.default_value.empty()) {
            EXPECT_TRUE(row.default_value.empty() || row.default_value == "–") << key.path;
        } else {
            EXPECT_EQ(row.default_value, key.default_value) << key.path;
        }
        static const std::map<KeyType, std::string> names{
            {KeyType::integer, "number"}, {KeyType::text, "text"},
            {KeyType::word, "word"},      {KeyType::boolean, "`true`"},
            {KeyType::size, "size"},      {KeyType::duration, "duration"},
            {KeyType::share, "share"},    {KeyType::tables, "tables"}};
        if (key.type == KeyType::table) {
            EXPECT_TRUE(row.type.starts_with("table") || row.type.starts_with("range"))
                << key.path << " is " << row.type;
        }
        if (const auto name = names.find(key.type); name != names.end()) {
            EXPECT_TRUE(row.type.starts_with(name->second)) << key.path << " is " << row.type;
        }
    }
}

// What the reference shows can be used: whole policies as they are, parts of one in their place.
TEST(PolicyReference, ShowsOnlyWhatIsSound) {
    std::stringstream text(content_of(DAMON_SCHEMES_POLICY_REFERENCE));
    std::size_t count = 0;
    for (std::string line; std::getline(text, line);) {
        if (line != "```toml") continue;
        std::string block;
        while (std::getline(text, line) && line != "```") block += line + "\n";
        std::string before;
        if (block.find("version = 1") == std::string::npos) before = "version = 1\n";
        if (block.find("[[scheme]]") == std::string::npos)
            before += "[[scheme]]\nname = \"a\"\naction = \"pageout\"\n";
        SCOPED_TRACE(block);
        const PolicyReading reading = read_policy(before + block, {});
        EXPECT_THAT(messages_of(reading), IsEmpty());
        EXPECT_EQ(reading.warnings.size(), 0U);
        ++count;
    }
    EXPECT_GE(count, 8U);
}

// A policy in which the key can be set to its example and to its default.
std::string around(const PolicyKey& key) {
    const auto within = [&](std::string_view table) { return key.path.starts_with(table); };
    std::string text = "version = 1\n";
    if (within("monitor.interval_goal.")) text += "monitor = { interval_goal = {} }\n";
    text += "[[target]]\n";
    if (!within("target.pid")) text += "name = \"x\"\n";
    // These go with one action alone.
    const bool collapsing = within("scheme.present") || within("scheme.growth");
    const bool locking = within("scheme.lock") || within("scheme.unlock") ||
                         within("scheme.populate") || within("scheme.raise_memlock") ||
                         within("scheme.on_exit");
    text += "[[scheme]]\nname = \"a\"\naction = \"" +
            std::string(collapsing ? "collapse"
                        : locking  ? "mlock"
                                   : "pageout") +
            "\"\n";
    if (within("scheme.tune")) text += "age = { min = \"10s\" }\n";
    if (within("scheme.tune.")) text += "tune = { refaults = \"2%\" }\n";
    if (within("scheme.watermarks."))
        text += "watermarks = { free_memory = { mid = \"50%\" }, free_swap = { mid = \"50%\" } }\n";
    if (key.path == "scheme.quota.goal.file")
        text += "quota.goal = [ { metric = \"figure\", target = 1, file = \"/f\" } ]\n";
    else if (within("scheme.quota.goal.") || key.path == "scheme.quota.tuner")
        text += "quota.goal = [ { metric = \"pressure\", target = \"1%\" } ]\n";
    if (key.path == "scheme.filter.allow")
        text += "filter = [ { allow = \"file\" } ]\n";
    else if (key.path == "scheme.filter.start" || key.path == "scheme.filter.end")
        text += "filter = [ { reject = \"address\", start = 4096, end = 0x7ffffffff000 } ]\n";
    else if (key.path == "scheme.filter.reject")
        text += "filter = [ { reject = \"cgroup\", name = \"/x\" } ]\n";
    else if (key.path == "scheme.filter.name")
        text += "filter = [ { reject = \"mapping\", name = \"/x\" } ]\n";
    if (within("limits.guard.figure."))
        text += "[limits]\nguard = { figure = { file = \"/f\", max = 1 } }\n";
    return text;
}

std::string override_key(const PolicyKey& key) {
    std::string path(key.path);
    for (const std::string list : {"scheme.", "target."})
        if (path.starts_with(list)) path.insert(list.size(), "0.");
    for (const std::string list : {".filter.", ".goal."})
        if (const auto at = path.find(list); at != std::string::npos)
            path.insert(at + list.size(), "0.");
    return path;
}

TEST(PolicyKeys, EveryExampleIsValid) {
    for (const PolicyKey& key : policy_keys()) {
        if (key.example.empty()) continue;
        PolicyReadOptions options;
        options.overrides = {override_key(key) + "=" + std::string(key.example)};
        EXPECT_THAT(messages_of(read_policy(around(key), options)), IsEmpty());
    }
}

TEST(PolicyKeys, SettingADefaultChangesNothing) {
    for (const PolicyKey& key : policy_keys()) {
        if (key.default_value.empty()) continue;
        PolicyReadOptions options;
        options.overrides = {override_key(key) + "=" + std::string(key.default_value)};
        const PolicyReading without = read_policy(around(key), {});
        const PolicyReading with = read_policy(around(key), options);
        ASSERT_THAT(messages_of(with), IsEmpty());
        EXPECT_EQ(with.policy.monitor, without.policy.monitor) << key.path;
        EXPECT_EQ(with.policy.limits, without.policy.limits) << key.path;
        EXPECT_EQ(with.policy.refaults, without.policy.refaults) << key.path;
        EXPECT_EQ(with.policy.schemes, without.policy.schemes) << key.path;
        EXPECT_EQ(with.policy.remote, without.policy.remote) << key.path;
        EXPECT_EQ(with.policy.remote_syscall, without.policy.remote_syscall) << key.path;
        EXPECT_EQ(with.policy.targets, without.policy.targets) << key.path;
    }
}

// A key in the list that the reader does not look at would be taken and have no effect.
TEST(PolicyKeys, SettingAnExampleChangesThePolicy) {
    for (const PolicyKey& key : policy_keys()) {
        if (key.example.empty() || key.path == "version") continue;
        std::string text = around(key);
        // Where the example happens to be what is there already, start from something else.
        if (key.path == "scheme.action") text.replace(text.find("pageout"), 7, "stat");
        PolicyReadOptions options;
        options.overrides = {override_key(key) + "=" + std::string(key.example)};
        const Policy before = read_policy(text, {}).policy;
        const Policy after = read_policy(text, options).policy;
        const bool same = before.monitor == after.monitor && before.limits == after.limits &&
                          before.refaults == after.refaults && before.schemes == after.schemes &&
                          before.remote == after.remote &&
                          before.remote_syscall == after.remote_syscall &&
                          before.targets == after.targets;
        EXPECT_FALSE(same) << key.path;
    }
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// A daemon's answers, as programs and as people read them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "engine/reports/daemon_status.h"
#include "engine/reports/daemon_top.h"
#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

DaemonStatus some_status() {
    DaemonStatus status;
    status.elapsed = 3h;
    status.releasing = 2;
    DaemonStatus::OfPolicy web;
    web.name = "/etc/damon-schemes/policy.d/50-web.toml";
    const auto target = [&](std::int32_t pid, const char* name, std::optional<Bytes> rss,
                            std::optional<Bytes> swapped) -> DaemonStatus::Target& {
        DaemonStatus::Target added;
        added.pid = pid;
        added.name = name;
        added.rss = rss;
        added.swapped = swapped;
        return web.targets.emplace_back(std::move(added));
    };
    web.snapshots = 31;
    web.regions = 400;
    web.monitor.emplace().lost_snapshots = 2;
    target(100, "nginx", mebibytes(300), mebibytes(50)).paged_out = mebibytes(48);
    web.targets.back().paused = DaemonStatus::Paused{57s, 543s, 4711, 0, true};
    target(101, "nginx\x1b[2J\xff", mebibytes(12), mebibytes(1)).braked = true;
    target(102, "newcomer", std::nullopt, std::nullopt);
    web.targets.back().guarded.push_back({"cold", Harm::refaults, 5.5e6, 8s});
    DaemonStatus::OfScheme cold;
    cold.name = "cold";
    cold.action = Action::pageout;
    cold.totals.paged_out = mebibytes(51);
    cold.totals.refaulted = mebibytes(2);
    cold.totals.held_back[static_cast<std::size_t>(Reason::age)] = mebibytes(20);
    cold.totals.held_back[static_cast<std::size_t>(Reason::frequency)] = mebibytes(200);
    cold.tuned_age = 12s;
    cold.guard_pauses = 4;
    web.schemes.push_back(cold);
    status.policies.push_back(web);
    DaemonStatus::OfPolicy rest;
    rest.name = "/etc/damon-schemes/policy.toml";
    rest.observing = "the canary did not run";
    rest.resting = "enough memory is free";
    rest.paused = DaemonStatus::Paused{2s, std::nullopt, 12, 1000, false};
    DaemonStatus::OfScheme watch;
    watch.name = "watch";
    watch.totals.matched = mebibytes(7);
    rest.schemes.push_back(watch);
    status.policies.push_back(rest);
    return status;
}

TEST(DaemonStatus, IsALineThatSaysWhatItIs) {
    const std::string answer = answer_of(some_status());
    EXPECT_EQ(answer.find('\n'), std::string::npos);
    const json parsed = json::parse(answer);
    EXPECT_EQ(parsed["version"], answer_version);
    EXPECT_EQ(parsed["ok"], true);
    const json& web = parsed["status"]["policies"][0];
    EXPECT_EQ(web["targets"].size(), 3U);
    EXPECT_EQ(web["targets"][0]["rss_bytes"], 300U << 20);
    EXPECT_EQ(web["targets"][1]["braked"], true);
    EXPECT_TRUE(web["targets"][2]["rss_bytes"].is_null());
    EXPECT_TRUE(web["targets"][0]["guarded"].empty());
    EXPECT_EQ(web["targets"][2]["guarded"], json::array({{{"scheme", "cold"},
                                                          {"harm", "refaults"},
                                                          {"measured", 5.5e6},
                                                          {"left_ns", 8'000'000'000}}}));
    EXPECT_EQ(web["schemes"][0]["guard_pauses"], 4);
    EXPECT_EQ(web["snapshots"], 31);
    EXPECT_EQ(web["lost_snapshots"], 2);
    EXPECT_EQ(web["regions"], 400);
    EXPECT_TRUE(parsed["status"]["policies"][1]["lost_snapshots"].is_null());
    EXPECT_TRUE(web["observing"].is_null());
    EXPECT_TRUE(web["paused"].is_null());
    EXPECT_TRUE(parsed["status"]["paused"].is_null());
    EXPECT_EQ(parsed["status"]["releasing"], 2);
    EXPECT_EQ(web["targets"][0]["paged_out_bytes"], 48U << 20);
    EXPECT_EQ(web["targets"][0]["paused"], json({{"ago_ns", 57'000'000'000},
                                                 {"left_ns", 543'000'000'000},
                                                 {"by_pid", 4711},
                                                 {"by_uid", 0},
                                                 {"released", true}}));
    EXPECT_TRUE(web["targets"][1]["paused"].is_null());
    EXPECT_TRUE(parsed["status"]["policies"][1]["paused"]["left_ns"].is_null());
    EXPECT_EQ(web["schemes"][0]["paged_out_bytes"], 51U << 20);
    EXPECT_EQ(web["schemes"][0]["tuned_age_ns"], 12'000'000'000);
    EXPECT_EQ(web["schemes"][0]["held_back_bytes"],
              json({{"age", 20U << 20}, {"frequency", 200U << 20}}));
    EXPECT_EQ(parsed["status"]["policies"][1]["resting"], "enough memory is free");
}

// Without the line breaks and indents that the width asks for.
std::string unwrapped(const std::string& table) {
    std::string words;
    for (const char c : table)
        if (c != '\n' && (c != ' ' || (!words.empty() && words.back() != ' ')))
            words += c;
        else if (c == '\n' && !words.empty() && words.back() != ' ')
            words += ' ';
    return words;
}

TEST(DaemonStatus, ReadsInEightyColumns) {
    const auto table = status_table(answer_of(some_status()), 80);
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_THAT(*table, HasSubstr("At work for 3 h 0 min."));
    EXPECT_THAT(*table,
                HasSubstr("releasing         the memory of 2 processes is on its way back"));
    EXPECT_THAT(*table, HasSubstr("50-web.toml"));
    EXPECT_THAT(*table, HasSubstr("312.0 MiB  3 processes in memory; 51.0 MiB in swap"));
    EXPECT_THAT(*table, HasSubstr("alone by the brake"));
    EXPECT_THAT(unwrapped(*table), HasSubstr("by the guard: newcomer (102, refaults, for 8.0 s)"));
    EXPECT_THAT(*table, HasSubstr("cold, pageout"));
    EXPECT_THAT(*table, HasSubstr("2.0 MiB of it came back"));
    EXPECT_THAT(*table, HasSubstr("the canary did not run"));
    EXPECT_THAT(unwrapped(*table),
                HasSubstr("nginx (100) for another 9 min 3 s, told 57.0 s ago by process 4711 of "
                          "user 0, with its memory brought back"));
    EXPECT_THAT(unwrapped(*table), HasSubstr("paused until it is resumed, told 2.0 s ago"));
    EXPECT_THAT(*table, Not(HasSubstr("\x1b")));
    std::istringstream lines(*table);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(columns_of(line), 80U) << line;
}

TEST(DaemonTop, HasALineForEachTargetInTheOrderAskedFor) {
    const std::string answer = answer_of(some_status());
    const auto table = top_table(answer, TopOrder::paged_out, 80);
    ASSERT_TRUE(table) << table.error().message;
    std::istringstream lines(*table);
    std::vector<std::string> all;
    for (std::string line; std::getline(lines, line);) {
        EXPECT_LE(columns_of(line), 80U) << line;
        all.push_back(line);
    }
    ASSERT_EQ(all.size(), 4U) << *table;
    EXPECT_THAT(all[0], HasSubstr("SWAPPED      OUT     BACK STATE"));
    EXPECT_THAT(all[1], HasSubstr("nginx"));
    EXPECT_THAT(all[1], HasSubstr(" 100 50-web"));
    EXPECT_THAT(all[1], HasSubstr("  300.0M    50.0M    48.0M       0B paused"));
    EXPECT_THAT(all[2], HasSubstr("braked"));
    EXPECT_THAT(all[3], HasSubstr("-"));
    EXPECT_THAT(all[3], HasSubstr("guarded"));
    EXPECT_THAT(*table, Not(HasSubstr("\x1b")));

    const json by_name = json::parse(*top_json(answer, TopOrder::name));
    EXPECT_EQ(by_name["targets"][0]["name"], "newcomer");
    EXPECT_TRUE(by_name["targets"][0]["rss_bytes"].is_null());
    EXPECT_EQ(by_name["targets"][1]["state"], "paused");
    EXPECT_EQ(by_name["targets"][1]["policy"], "/etc/damon-schemes/policy.d/50-web.toml");
}

TEST(DaemonTop, FitsTheScreenAndSaysWhatDoesNot) {
    DaemonStatus status;
    status.policies.resize(1);
    for (std::int32_t pid = 1; pid <= 50; ++pid) {
        DaemonStatus::Target target;
        target.pid = pid;
        target.name = "a";
        status.policies[0].targets.push_back(std::move(target));
    }
    const std::string answer = answer_of(status);
    const auto lines = [&](std::optional<std::size_t> most) {
        const auto table = top_table(answer, TopOrder::rss, 80, most);
        return std::count(table->begin(), table->end(), '\n');
    };
    EXPECT_EQ(lines(std::nullopt), 51);
    EXPECT_EQ(lines(51), 51);
    EXPECT_EQ(lines(24), 24);
    EXPECT_THAT(*top_table(answer, TopOrder::rss, 80, 24), HasSubstr("and 28 more"));
    EXPECT_FALSE(top_table(answer_refused("no"), TopOrder::rss, 80));
    EXPECT_FALSE(top_json("{}", TopOrder::rss));
    EXPECT_FALSE(top_order("largest"));
    EXPECT_EQ(top_order("paged-out"), TopOrder::paged_out);
}

TEST(DaemonStatus, WhatIsRefusedIsAnErrorThatSaysWhy) {
    EXPECT_TRUE(read_answer(answer_done()));
    const auto refused = read_answer(answer_refused("policy.toml:3:1: unknown key"));
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("policy.toml:3:1: unknown key"));
    for (const char* answer : {"", "{", "[]", "{}", R"({"ok": true})", R"({"version":2,"ok":true})",
                               R"({"version":1,"ok":1})"}) {
        EXPECT_FALSE(read_answer(answer)) << answer;
        EXPECT_FALSE(status_table(answer, 80)) << answer;
    }
    EXPECT_FALSE(status_table(answer_done(), 80));
    EXPECT_FALSE(status_table(R"({"version":1,"ok":true,"status":{"policies":[1]}})", 80));
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// A daemon's answers, as programs and as people read them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "engine/reports/daemon_status.h"
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
    DaemonStatus::OfPolicy web;
    web.name = "/etc/damon-schemes/policy.d/50-web.toml";
    web.targets.push_back({100, "nginx", mebibytes(300), mebibytes(50), false, {}});
    web.targets.push_back({101, "nginx\x1b[2J\xff", mebibytes(12), mebibytes(1), true, {}});
    web.targets.push_back({102, "newcomer", std::nullopt, std::nullopt, false, {}});
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
    EXPECT_TRUE(web["observing"].is_null());
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
    EXPECT_THAT(*table, HasSubstr("50-web.toml"));
    EXPECT_THAT(*table, HasSubstr("312.0 MiB  3 processes in memory; 51.0 MiB in swap"));
    EXPECT_THAT(*table, HasSubstr("alone by the brake"));
    EXPECT_THAT(unwrapped(*table), HasSubstr("by the guard: newcomer (102, refaults, for 8.0 s)"));
    EXPECT_THAT(*table, HasSubstr("cold, pageout"));
    EXPECT_THAT(*table, HasSubstr("2.0 MiB of it came back"));
    EXPECT_THAT(*table, HasSubstr("the canary did not run"));
    EXPECT_THAT(*table, Not(HasSubstr("\x1b")));
    std::istringstream lines(*table);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(columns_of(line), 80U) << line;
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

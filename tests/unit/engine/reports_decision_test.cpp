// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "engine/reports/decision.h"
#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

Region region(std::uint64_t start, std::uint64_t end, std::uint32_t accessed, std::uint32_t age) {
    Region region;
    region.range = {start, end};
    region.sampled = 10;
    region.accessed = accessed;
    region.age = age;
    return region;
}

// In one line, as wrapping is another matter.
std::string unwrapped(const std::string& table) {
    std::istringstream words(table);
    std::string text;
    for (std::string word; words >> word;) text += (text.empty() ? "" : " ") + word;
    return text;
}

// Three regions: cold for long enough, cold for too short, hot.
Decision decision() {
    Decision decision;
    Scheme cold;
    cold.name = "cold";
    cold.action = Action::pageout;
    cold.frequency.max = Share{0};
    cold.age.min = 10s;
    cold.quota = default_pageout_quota();
    Scheme seen;
    seen.name = "seen";
    decision.policy.schemes = {cold, seen};
    decision.snapshot.aggregation_interval = 1s;
    decision.snapshot.time = Instant(100s);
    TargetSnapshot target;
    target.id = {7};
    target.pid = 4242;
    target.regions = {region(0x10000, 0x30000, 0, 12), region(0x30000, 0x40000, 0, 3),
                      region(0x40000, 0x50000, 10, 12)};
    decision.snapshot.targets = {target};
    Conditions::Target known;
    known.id = {7};
    known.name = "redis-server";
    decision.conditions.targets = {known};
    decision.conditions.free_swap = Share{950'000};
    decision.watched = 13s;
    for (std::uint32_t i = 0; i < 3; ++i) {
        Verdict verdict;
        verdict.region = i;
        verdict.range = target.regions[i].range;
        if (i == 1) verdict.held_back = Reason::age;
        if (i == 2) verdict.held_back = Reason::frequency;
        decision.explanation.verdicts.push_back(verdict);
        verdict.scheme = 1;
        verdict.held_back.reset();
        decision.explanation.verdicts.push_back(verdict);
    }
    decision.plan.schemes.resize(2);
    SchemeTally& tally = decision.plan.schemes[0];
    tally.matched = tally.planned = Bytes{0x20000};
    tally.held_back[static_cast<std::size_t>(Reason::age)] = Bytes{0x10000};
    tally.held_back[static_cast<std::size_t>(Reason::frequency)] = Bytes{0x10000};
    decision.plan.schemes[1].matched = Bytes{0x40000};
    decision.controls.resize(2);
    decision.controls[0].quota_bytes = mebibytes(128);
    decision.controls[0].bytes_left = mebibytes(100);
    return decision;
}

TEST(DecisionTable, SaysWhatWouldBeActedOnAndWhatHoldsTheRestBack) {
    const std::string table = unwrapped(decision_table(decision(), 80));
    EXPECT_THAT(table, HasSubstr("redis-server (4242): 256.0 KiB in 3 regions, watched for 13"));
    EXPECT_THAT(table, HasSubstr("Scheme cold (pageout)"));
    EXPECT_THAT(table, HasSubstr("would act on"));
    EXPECT_THAT(table, HasSubstr("128.0 KiB"));
    EXPECT_THAT(table, HasSubstr("age 64.0 KiB it has not been so"));
    EXPECT_THAT(table, HasSubstr("100.0 MiB of 128.0 MiB are left in this window of 1s"));
    EXPECT_THAT(table, HasSubstr("95% is free; the guard is at 10%"));
    EXPECT_THAT(table, HasSubstr("Scheme seen (stat)"));
}

TEST(DecisionTable, FitsTheWidthThatItIsGiven) {
    Decision given = decision();
    given.policy.schemes[0].watermarks.emplace();
    given.policy.schemes[0].watermarks->free_memory = Watermark{};
    given.controls[0].free_memory = SchemeControls::Rest::too_little_free;
    given.controls[0].braked = {{TargetId{7}, Instant(150s)}};
    for (const std::size_t width : {60U, 80U, 200U}) {
        std::istringstream lines(decision_table(given, width) +
                                 decision_table(given, 0x30000, width));
        for (std::string line; std::getline(lines, line);)
            EXPECT_LE(columns_of(line), width) << line;
    }
}

TEST(DecisionTable, SaysTheFirstConditionThatAnAddressFails) {
    const std::string young = unwrapped(decision_table(decision(), 0x3f000, 80));
    EXPECT_THAT(young, HasSubstr("0x3f000 of redis-server (4242)"));
    EXPECT_THAT(young, HasSubstr("so for 3.0 s"));
    EXPECT_THAT(young, HasSubstr("at least 10s"));
    EXPECT_THAT(young, Not(HasSubstr("would be acted on")));
    EXPECT_THAT(decision_table(decision(), 0x10000, 80), HasSubstr("would be acted on now"));
    const std::string hot = unwrapped(decision_table(decision(), 0x40000, 80));
    EXPECT_THAT(hot, HasSubstr("asked for: at most 0%"));
    EXPECT_THAT(hot, HasSubstr("100%"));
}

TEST(DecisionTable, TellsATunedAgeInPlaceOfThePolicys) {
    Decision given = decision();
    given.policy.schemes[0].tune = Tune{Share{10'000}, 1s, 60s};
    given.controls[0].tuned_age = 25s;
    EXPECT_THAT(unwrapped(decision_table(given, 0x3f000, 80)), HasSubstr("at least 25s"));
    EXPECT_THAT(unwrapped(decision_table(given, 80)), HasSubstr("tuned between 1s and 1min"));
    EXPECT_THAT(unwrapped(decision_table(given, 80)), Not(HasSubstr("half of that age")));
    given.controls[0].half_age_share = 0.031;
    EXPECT_THAT(unwrapped(decision_table(given, 80)), HasSubstr("at half of that age 3.10% would"));
}

TEST(DecisionTable, TellsOfAWatermarkWhatCanBeCrossed) {
    Decision given = decision();
    given.policy.schemes[0].watermarks.emplace().free_swap =
        Watermark{Share{1'000'000}, Share{1'000'000}, Share{250'000}};
    given.controls[0].free_swap = SchemeControls::Rest::no;
    const std::string table = unwrapped(decision_table(given, 80));
    EXPECT_THAT(table, HasSubstr("at work: 95% of the swap is free; rests below 25%"));
    EXPECT_THAT(table, Not(HasSubstr("above")));
}

TEST(DecisionTable, NamesTheSchemeThatComesFirst) {
    Decision given = decision();
    given.explanation.verdicts[0].held_back = Reason::other_scheme;
    given.explanation.verdicts[0].other = 1;
    EXPECT_THAT(decision_table(given, 0x10000, 80), HasSubstr("'seen'"));
}

TEST(DecisionTable, KnowsWhatNoRegionHolds) {
    EXPECT_TRUE(is_seen(decision(), 0x4ffff));
    EXPECT_FALSE(is_seen(decision(), 0x50000));
    EXPECT_FALSE(is_seen(decision(), 0));
}

TEST(DecisionTable, TakesControlCharactersOutOfNames) {
    Decision given = decision();
    given.conditions.targets[0].name = "evil\033[2J";
    EXPECT_THAT(decision_table(given, 80), Not(HasSubstr("\033")));
}

TEST(DecisionJson, HasEveryVerdictWithItsReason) {
    const auto json = nlohmann::json::parse(decision_json(decision(), {}));
    ASSERT_EQ(json["verdicts"].size(), 6U);
    EXPECT_EQ(json["verdicts"][2]["held_back"], "age");
    EXPECT_TRUE(json["verdicts"][0]["held_back"].is_null());
    EXPECT_EQ(json["schemes"][0]["would_act_on_bytes"], 0x20000);
    EXPECT_EQ(json["schemes"][0]["held_back_bytes"]["age"], 0x10000);
    EXPECT_EQ(json["schemes"][0]["held_back_bytes"].size(), reason_count);
    EXPECT_EQ(json["schemes"][1]["matched_bytes"], 0x40000);
    EXPECT_EQ(json["schemes"][0]["controls"]["quota_bytes_left"], mebibytes(100).count);
    EXPECT_EQ(nlohmann::json::parse(decision_json(decision(), 0x30000))["verdicts"].size(), 2U);
}

// Two targets, of which the first stands for most.
Decision of_two() {
    Decision both = decision();
    TargetSnapshot second = both.snapshot.targets[0];
    second.id = {8};
    second.pid = 4343;
    second.regions = {region(0x10000, 0x20000, 0, 12), region(0x20000, 0x28000, 10, 12)};
    both.snapshot.targets.push_back(second);
    both.explanation.verdicts.push_back({0, 1, 0, {0x10000, 0x18000}, std::nullopt, {}});
    both.explanation.verdicts.push_back({0, 1, 0, {0x18000, 0x20000}, Reason::quota_bytes, {}});
    both.explanation.verdicts.push_back({0, 1, 1, {0x20000, 0x28000}, Reason::frequency, {}});
    both.explanation.verdicts.push_back({1, 1, 0, {0x10000, 0x20000}, std::nullopt, {}});
    both.plan.ranges.push_back({0, 1, {0x10000, 0x18000}, false});
    both.controls[0].braked = {{{7}, Instant(101s)}, {{8}, Instant(102s)}};
    both.controls[0].paused = {{std::nullopt, std::nullopt}, {TargetId{7}, std::nullopt}};
    return both;
}

TEST(DecisionOnOneTarget, HasItsOwnFiguresAlone) {
    const Decision one = decision_on({8}, of_two());
    ASSERT_EQ(one.snapshot.targets.size(), 1U);
    EXPECT_EQ(one.snapshot.targets[0].pid, 4343);
    ASSERT_EQ(one.conditions.targets.size(), 1U);
    EXPECT_EQ(one.conditions.targets[0].id, TargetId{8});
    EXPECT_EQ(one.plan.schemes[0].matched, Bytes{0x10000});
    EXPECT_EQ(one.plan.schemes[0].matched_regions, 1U);
    EXPECT_EQ(one.plan.schemes[0].planned, Bytes{0x8000});
    const auto held = [&](Reason reason) {
        return one.plan.schemes[0].held_back[static_cast<std::size_t>(reason)];
    };
    EXPECT_EQ(held(Reason::quota_bytes), Bytes{0x8000});
    EXPECT_EQ(held(Reason::frequency), Bytes{0x8000});
    EXPECT_EQ(one.plan.schemes[1].matched, Bytes{0x10000});
    EXPECT_EQ(one.plan.schemes[1].planned, Bytes{}) << "it only counts";
    ASSERT_EQ(one.plan.ranges.size(), 1U);
    EXPECT_EQ(one.plan.ranges[0].target, 0U);
    ASSERT_EQ(one.controls[0].braked.size(), 1U);
    EXPECT_EQ(one.controls[0].braked[0].target, TargetId{8});
    EXPECT_EQ(one.controls[0].paused.size(), 1U) << "the pause of all";
    EXPECT_THAT(decision_table(one, 80), HasSubstr("paused"));
    EXPECT_TRUE(is_seen(one, 0x24000));
    EXPECT_FALSE(is_seen(one, 0x48000)) << "that is the other's";
}

TEST(DecisionOnOneTarget, WhatIsNotThereIsToldByNoTarget) {
    EXPECT_TRUE(decision_on({9}, of_two()).snapshot.targets.empty());
    Decision gone = of_two();
    gone.snapshot.targets[1].exited = true;
    EXPECT_TRUE(decision_on({8}, std::move(gone)).snapshot.targets.empty());
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include "schemes/decide/watermark_rest.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using Rest = SchemeControls::Rest;

Instant at(Duration since) {
    return Instant(700s + since);
}

// DAMON_RECLAIM's: 500, 400, 200 ‰.
Watermarks reclaim() {
    Watermarks watermarks;
    watermarks.free_memory = Watermark{Share{500'000}, Share{400'000}, Share{200'000}};
    return watermarks;
}

Conditions free_memory(std::uint32_t ppm) {
    Conditions conditions;
    conditions.free_memory = Share{ppm};
    return conditions;
}

TEST(WatermarkRest, RestsNeverWithoutWatermarks) {
    WatermarkRest rest({});
    rest.look(Conditions{}, at(0s));
    EXPECT_FALSE(rest.held_back());
    EXPECT_FALSE(rest.free_memory());
    EXPECT_FALSE(rest.free_swap());
}

TEST(WatermarkRest, RestsAboveHighAndBelowLowAndBeginsAgainAtMid) {
    WatermarkRest rest(reclaim());
    Duration time{};
    const auto after = [&](std::uint32_t ppm) {
        rest.look(free_memory(ppm), at(time += 5s));
        return *rest.free_memory();
    };
    EXPECT_EQ(after(450'000), Rest::no) << "between mid and high it does not begin to rest";
    EXPECT_EQ(after(500'000), Rest::no);
    EXPECT_EQ(after(500'001), Rest::too_much_free);
    EXPECT_EQ(rest.held_back(), Reason::watermark);
    EXPECT_EQ(after(450'000), Rest::too_much_free);
    EXPECT_EQ(after(400'001), Rest::too_much_free);
    EXPECT_EQ(after(400'000), Rest::no);
    EXPECT_FALSE(rest.held_back());
    EXPECT_EQ(after(200'000), Rest::no);
    EXPECT_EQ(after(199'999), Rest::too_little_free);
    EXPECT_EQ(after(200'000), Rest::no);
    EXPECT_EQ(after(0), Rest::too_little_free);
    EXPECT_EQ(after(450'000), Rest::too_much_free) << "it rested, and this is above mid";
    EXPECT_EQ(after(300'000), Rest::no);
}

TEST(WatermarkRest, LooksOnceInAnInterval) {
    WatermarkRest rest(reclaim());
    rest.look(free_memory(300'000), at(0s));
    for (Duration time = 0s; time < 5s; time += 100ms) {
        rest.look(free_memory(900'000), at(time));
        ASSERT_FALSE(rest.held_back());
    }
    rest.look(free_memory(900'000), at(5s));
    EXPECT_EQ(rest.held_back(), Reason::watermark);
    // From the last look on, however late that was.
    rest.look(free_memory(900'000), at(13s));
    rest.look(free_memory(300'000), at(17s));
    EXPECT_EQ(rest.held_back(), Reason::watermark);
    rest.look(free_memory(300'000), at(18s));
    EXPECT_FALSE(rest.held_back());
}

TEST(WatermarkRest, IsUnmeasuredWithoutTheMetricAndLooksAgainAtOnce) {
    WatermarkRest rest(reclaim());
    rest.look(Conditions{}, at(0s));
    EXPECT_EQ(rest.held_back(), Reason::unmeasured);
    EXPECT_EQ(rest.free_memory(), Rest::not_measured);
    rest.look(free_memory(300'000), at(100ms));
    EXPECT_FALSE(rest.held_back());
}

TEST(WatermarkRest, EveryMetricHasToSayThatItIsAtWork) {
    Watermarks both = reclaim();
    both.free_swap = Watermark{Share{1'000'000}, Share{1'000'000}, Share{200'000}};
    const auto held_back = [&](std::uint32_t memory, std::optional<Share> swap) {
        WatermarkRest rest(both);
        Conditions conditions = free_memory(memory);
        conditions.free_swap = swap;
        rest.look(conditions, at(0s));
        return rest.held_back();
    };
    EXPECT_FALSE(held_back(300'000, Share{500'000}));
    EXPECT_EQ(held_back(900'000, Share{500'000}), Reason::watermark);
    EXPECT_EQ(held_back(300'000, Share{100'000}), Reason::watermark);
    EXPECT_EQ(held_back(300'000, std::nullopt), Reason::unmeasured);
    EXPECT_EQ(held_back(900'000, std::nullopt), Reason::unmeasured) << "it comes before watermark";
}

TEST(WatermarkRest, LooksWhenTheClockWasSetBack) {
    WatermarkRest rest(reclaim());
    rest.look(free_memory(900'000), at(100s));
    rest.look(free_memory(300'000), at(0s));
    EXPECT_FALSE(rest.held_back());
}

// Against damon.md's rule in words, for any course of the metric.
TEST(WatermarkRest, FollowsTheRuleForAnyCourse) {
    EXPECT_TRUE(rc::check([] {
        std::array<std::uint32_t, 3> marks{};
        for (std::uint32_t& mark : marks) mark = *rc::gen::inRange(0U, 12U);
        std::sort(marks.begin(), marks.end());
        Watermarks watermarks;
        watermarks.free_swap = Watermark{Share{marks[2]}, Share{marks[1]}, Share{marks[0]}};
        WatermarkRest rest(watermarks);
        bool at_work = true;
        for (int step = 0; step < 40; ++step) {
            const auto free = *rc::gen::inRange(0U, 12U);
            if (free > marks[2] || free < marks[0])
                at_work = false;
            else if (free <= marks[1])
                at_work = true;
            Conditions conditions;
            conditions.free_swap = Share{free};
            rest.look(conditions, at(step * 5s));
            RC_ASSERT(rest.held_back() ==
                      (at_work ? std::nullopt : std::optional(Reason::watermark)));
        }
    }));
}

}  // namespace
}  // namespace damon_schemes

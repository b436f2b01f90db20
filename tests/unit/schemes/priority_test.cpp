// SPDX-License-Identifier: MIT
#include "schemes/decide/priority.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <limits>

namespace damon_schemes {
namespace {

constexpr std::uint64_t page = 4096;

Region region(std::uint32_t accessed, std::uint32_t age, std::uint64_t pages = 256) {
    return {{0, pages * page}, 20, accessed, 0, age};
}

constexpr Priority by_age{0, 0, 1};
constexpr Priority by_frequency{0, 1, 0};
constexpr Priority by_size{1, 0, 0};

TEST(Priority, ColdIsFirstForWhatSendsMemoryAwayAndHotForWhatBringsItIn) {
    for (const Priority& priority : {Priority{}, by_age, by_frequency}) {
        for (const Action away : {Action::pageout, Action::cold})
            EXPECT_GT(score_of(priority, away, region(0, 100)),
                      score_of(priority, away, region(20, 100)));
        EXPECT_LT(score_of(priority, Action::willneed, region(0, 100)),
                  score_of(priority, Action::willneed, region(20, 100)));
    }
}

TEST(Priority, AnAgeMakesColdMemoryColderAndHotMemoryHotter) {
    EXPECT_GT(score_of(by_age, Action::pageout, region(0, 200)),
              score_of(by_age, Action::pageout, region(0, 100)));
    EXPECT_LT(score_of(by_age, Action::pageout, region(5, 200)),
              score_of(by_age, Action::pageout, region(5, 100)));
    EXPECT_GT(score_of(by_age, Action::willneed, region(5, 200)),
              score_of(by_age, Action::willneed, region(5, 100)));
}

TEST(Priority, TellsTwelveSecondsFromFifteen) {
    EXPECT_GT(score_of({}, Action::pageout, region(0, 150)),
              score_of({}, Action::pageout, region(0, 120)));
}

TEST(Priority, LargerIsFirstForAllActions) {
    for (const Action action : {Action::pageout, Action::cold, Action::willneed})
        EXPECT_GT(score_of(by_size, action, region(3, 7, 1024)),
                  score_of(by_size, action, region(3, 7, 256)));
}

TEST(Priority, WeightsAreAMean) {
    const Region old_and_small = region(0, 5000, 1);
    const Region young_and_large = region(0, 2, 1 << 20);
    EXPECT_GT(score_of({1, 0, 20}, Action::pageout, old_and_small),
              score_of({1, 0, 20}, Action::pageout, young_and_large));
    EXPECT_LT(score_of({20, 0, 1}, Action::pageout, old_and_small),
              score_of({20, 0, 1}, Action::pageout, young_and_large));
    // Only their ratio counts.
    EXPECT_EQ(score_of({1, 2, 3}, Action::pageout, old_and_small),
              score_of({100, 200, 300}, Action::pageout, old_and_small));
}

TEST(Priority, WithoutWeightsNoneIsFirst) {
    EXPECT_EQ(score_of({0, 0, 0}, Action::pageout, region(0, 9)),
              score_of({0, 0, 0}, Action::pageout, region(9, 0)));
}

TEST(Priority, IsWithinItsBoundsAndNeverFallsWithTheAgeOfColdMemory) {
    EXPECT_TRUE(rc::check([] {
        const auto weight = [] {
            return *rc::gen::element(0U, 1U, 7U, std::numeric_limits<std::uint32_t>::max());
        };
        const Priority priority{weight(), weight(), weight()};
        Region one;
        one.range = {0, *rc::gen::arbitrary<std::uint64_t>()};
        one.sampled = *rc::gen::arbitrary<std::uint32_t>();
        one.accessed = *rc::gen::element(0U, one.sampled / 2, one.sampled);
        one.age = *rc::gen::arbitrary<std::uint32_t>();
        for (const Action action : {Action::pageout, Action::willneed})
            RC_ASSERT(score_of(priority, action, one) <= greatest_score);
        Region older = one;
        older.age = std::max(one.age, *rc::gen::arbitrary<std::uint32_t>());
        one.accessed = older.accessed = 0;
        RC_ASSERT(score_of(priority, Action::cold, older) >= score_of(priority, Action::cold, one));
        Region larger = one;
        larger.range.end = std::max(one.range.end, *rc::gen::arbitrary<std::uint64_t>());
        RC_ASSERT(score_of(priority, Action::cold, larger) >=
                  score_of(priority, Action::cold, one));
    }));
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "engine/actions/growth_budget.h"

namespace damon_schemes {
namespace {

constexpr TargetId target{1};
constexpr std::uint64_t block = 2 << 20;
const Bytes all{std::numeric_limits<std::uint64_t>::max()};

bool always(std::uint64_t) {
    return true;
}

TEST(GrowthBudget, IsTheLesserOfBytesAndShare) {
    GrowthBudget budget;
    EXPECT_EQ(budget.room(target, 1, {}, mebibytes(100), all, always), std::nullopt);
    EXPECT_EQ(budget.room(target, 1, {mebibytes(8), {}}, {}, all, always), mebibytes(8));
    EXPECT_EQ(budget.room(target, 1, {mebibytes(8), Share{50'000}}, mebibytes(100), all, always),
              mebibytes(5));
    EXPECT_EQ(budget.room(target, 1, {mebibytes(8), Share{500'000}}, mebibytes(100), all, always),
              mebibytes(8));
    EXPECT_EQ(budget.room(target, 1, {{}, Share{50'000}}, {}, all, always), Bytes{})
        << "how much the target has is not known";
}

TEST(GrowthBudget, WhatWasAddedCountsForTheProgramThatItWasAddedTo) {
    GrowthBudget budget;
    const Growth growth{mebibytes(3), {}};
    budget.add(target, 1, 0, mebibytes(1));
    budget.add(target, 1, block, mebibytes(2));
    EXPECT_EQ(budget.added(target), mebibytes(3));
    EXPECT_EQ(budget.room(target, 1, growth, {}, Bytes{1}, always), Bytes{});
    // The same block anew counts once.
    budget.add(target, 1, block, mebibytes(1));
    EXPECT_EQ(budget.added(target), mebibytes(2));
    EXPECT_EQ(budget.room({2}, 1, growth, {}, all, always), mebibytes(3)) << "another target";
    EXPECT_EQ(budget.room(target, 2, growth, {}, all, always), mebibytes(3)) << "another program";
}

TEST(GrowthBudget, WhatIsHugeNoLongerHasGivenItBack) {
    GrowthBudget budget;
    const Growth growth{mebibytes(2), {}};
    budget.add(target, 1, 0, mebibytes(1));
    budget.add(target, 1, block, mebibytes(1));
    int asked = 0;
    const auto second_alone = [&](std::uint64_t at) {
        ++asked;
        return at == block;
    };
    EXPECT_EQ(budget.room(target, 1, growth, {}, Bytes{}, second_alone), Bytes{});
    EXPECT_EQ(asked, 0) << "there is enough for what is wanted";
    EXPECT_EQ(budget.room(target, 1, growth, {}, mebibytes(1), second_alone), mebibytes(1));
    EXPECT_EQ(asked, 2);
    EXPECT_EQ(budget.added(target), mebibytes(1));
    EXPECT_EQ(budget.room(target, 1, growth, {}, mebibytes(2), second_alone), mebibytes(1));
    EXPECT_EQ(asked, 2) << "not again within a second";
}

}  // namespace
}  // namespace damon_schemes

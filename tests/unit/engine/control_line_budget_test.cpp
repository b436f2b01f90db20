// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "engine/control/line_budget.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;

TEST(LineBudget, LetsABurstThroughAndThenSoManyASecond) {
    LineBudget budget;
    const Instant start{};
    int written = 0;
    for (int i = 0; i < 1000; ++i) written += budget.take(start) ? 1 : 0;
    EXPECT_EQ(written, LineBudget::most_at_once);
    written = 0;
    for (int i = 0; i < 1000; ++i) written += budget.take(later(start, 1s)) ? 1 : 0;
    EXPECT_EQ(written, LineBudget::lines_a_second);
}

TEST(LineBudget, TellsOnceHowManyWereLeftOut) {
    LineBudget budget;
    const Instant start{};
    for (int i = 0; i < LineBudget::most_at_once + 7; ++i) (void)budget.take(start);
    EXPECT_EQ(budget.left_out(start), 0U) << "that would be a line more";
    EXPECT_EQ(budget.left_out(later(start, 1s)), 7U);
    EXPECT_EQ(budget.left_out(later(start, 1s)), 0U);
}

TEST(LineBudget, ARestFillsNoMoreThanABurst) {
    LineBudget budget;
    const Instant start{};
    (void)budget.take(start);
    int written = 0;
    for (int i = 0; i < 1000; ++i) written += budget.take(later(start, 24h)) ? 1 : 0;
    EXPECT_EQ(written, LineBudget::most_at_once);
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// Counters that grow, whatever becomes of what they count.
#include <gtest/gtest.h>

#include "engine/control/counter_ledger.h"

namespace damon_schemes {
namespace {

TEST(CounterLedger, ASeriesAddsUpItsSources) {
    CounterLedger ledger;
    ledger.begin();
    EXPECT_EQ(ledger.add("all", "a", 5), 5);
    EXPECT_EQ(ledger.add("all", "b", 3), 8);
    ledger.end();
    ledger.begin();
    EXPECT_EQ(ledger.add("all", "a", 6), 9);
    EXPECT_EQ(ledger.add("all", "b", 3), 9);
    ledger.end();
}

TEST(CounterLedger, WhatBeginsAnewOrGoesTakesNothingAway) {
    CounterLedger ledger;
    ledger.begin();
    (void)ledger.add("all", "a", 5);
    (void)ledger.add("all", "b", 100);
    ledger.end();
    ledger.begin();
    EXPECT_EQ(ledger.add("all", "a", 2), 107) << "two more since it began anew";
    ledger.end();
    ledger.begin();
    (void)ledger.add("all", "a", 2);
    EXPECT_EQ(ledger.add("all", "b", 1), 108) << "another of that name, which has counted one";
    ledger.end();
}

TEST(CounterLedger, WhatMovesToAnotherSeriesIsNotCountedTwice) {
    CounterLedger ledger;
    ledger.begin();
    (void)ledger.add("own", "a", 50);
    (void)ledger.add("other", "b", 7);
    ledger.end();
    ledger.begin();
    EXPECT_EQ(ledger.add("other", "a", 51), 8);
    EXPECT_EQ(ledger.add("other", "b", 7), 8);
    ledger.end();
    EXPECT_FALSE(ledger.knows("own"));
    EXPECT_TRUE(ledger.knows("other"));
}

TEST(CounterLedger, AZeroIsASeriesToo) {
    CounterLedger ledger;
    ledger.begin();
    EXPECT_FALSE(ledger.knows("new"));
    EXPECT_EQ(ledger.add("new", "a", 0), 0);
    ledger.end();
    EXPECT_TRUE(ledger.knows("new"));
}

}  // namespace
}  // namespace damon_schemes

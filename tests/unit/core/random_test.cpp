// SPDX-License-Identifier: MIT
// Randomness: where it is uneven, some pages of a region are never looked at.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <set>

#include "core.h"

namespace damon_schemes::core {
namespace {

// Pearson's statistic of `counts` against an even distribution.
template <typename Counts>
double chi_square(const Counts& counts, double expected) {
    double sum = 0;
    for (const auto count : counts) {
        const double difference = static_cast<double>(count) - expected;
        sum += difference * difference / expected;
    }
    return sum;
}

// Five standard deviations above the mean of chi square with `freedom` degrees (its variance is
// twice that): one false alarm in millions, and the seeds are fixed anyway.
double chi_square_limit(double freedom) {
    return freedom + 5 * std::sqrt(2 * freedom);
}

TEST(Random, IsEvenBelowABoundThatIsNoPowerOfTwo) {
    for (const std::uint64_t seed : {0ULL, 1ULL, 42ULL, ~0ULL}) {
        std::array<unsigned, 1000> counts{};
        ds_random random{};
        ds_random_seed(&random, seed);
        for (int i = 0; i < 1'000'000; i++) {
            const auto value = ds_random_below(&random, counts.size());
            ASSERT_LT(value, counts.size());
            counts[value]++;
        }
        EXPECT_LT(chi_square(counts, 1000.0), chi_square_limit(999)) << "seed " << seed;
    }
}

TEST(Random, StaysBelowTheSmallestAndTheLargestBound) {
    ds_random random{};
    ds_random_seed(&random, 7);
    for (int i = 0; i < 1000; i++) {
        EXPECT_EQ(ds_random_below(&random, 1), 0U);
        EXPECT_LT(ds_random_below(&random, ~0ULL), ~0ULL);
    }
}

TEST(Random, ASeedRepeatsItsSequenceAndAnotherDoesNot) {
    ds_random a{}, b{}, c{};
    ds_random_seed(&a, 5);
    ds_random_seed(&b, 5);
    ds_random_seed(&c, 6);
    int same = 0;
    for (int i = 0; i < 100; i++) {
        const auto value = ds_random_next(&a);
        EXPECT_EQ(value, ds_random_next(&b));
        same += value == ds_random_next(&c);
    }
    EXPECT_LT(same, 2);
}

TEST(Random, SeedZeroDoesNotGetStuck) {
    ds_random random{};
    ds_random_seed(&random, 0);
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 100; i++) seen.insert(ds_random_next(&random));
    EXPECT_EQ(seen.size(), 100U);
}

TEST(Random, EveryPageOfARegionIsPickedEquallyOften) {
    constexpr std::uint64_t page = 4096;
    const auto region = ds_region_new(0x7f0000000000, 0x7f0000000000 + 300 * page);
    std::array<unsigned, 300> counts{};
    ds_random random{};
    ds_random_seed(&random, 11);
    for (int i = 0; i < 300'000; i++) {
        const auto address = ds_region_pick(&region, &random, page);
        ASSERT_GE(address, region.start);
        ASSERT_LT(address, region.end);
        ASSERT_EQ(address % page, 0U);
        counts[(address - region.start) / page]++;
    }
    EXPECT_LT(chi_square(counts, 1000.0), chi_square_limit(299));
}

TEST(Random, PagesOfTheWholeAddressSpaceCanBePicked) {
    constexpr std::uint64_t page = 4096, top = 1ULL << 47;
    const auto region = ds_region_new(0, top);
    ds_random random{};
    ds_random_seed(&random, 13);
    bool low = false, high = false;
    for (int i = 0; i < 1000; i++) {
        const auto address = ds_region_pick(&region, &random, page);
        ASSERT_LT(address, top);
        low |= address < top / 10;
        high |= address > top / 10 * 9;
    }
    EXPECT_TRUE(low);
    EXPECT_TRUE(high);
}

}  // namespace
}  // namespace damon_schemes::core

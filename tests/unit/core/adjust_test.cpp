// SPDX-License-Identifier: MIT
// Merging, splitting, aging and retuning, each by known answers.
#include <gtest/gtest.h>

#include <array>

#include "core.h"

namespace damon_schemes::core {
namespace {

// One target's regions with room for some more, all 20 of 20 samples taken unless a test says
// otherwise.
class Adjust : public testing::Test {
  protected:
    void set(const Borders& which) {
        memory.fill(ds_region{});
        regions.nr = 0;
        for (const auto& region : regions_of(which)) memory[regions.nr++] = region;
        for (std::uint32_t i = 0; i < regions.nr; i++) memory[i].sampled = 20;
        slices[0] = {0, regions.nr};
        regions.regions = memory.data();
        regions.slices = slices.data();
        regions.capacity = capacity;
        regions.nr_slices = 1;
    }
    Borders now() const { return borders(memory.data(), regions.nr); }

    static constexpr std::uint32_t capacity = 64;
    std::array<ds_region, capacity> memory{};
    std::array<ds_slice, 4> slices{};
    ds_regions regions{};
    ds_limits limits{.min_regions = 1,
                     .max_regions = 64,
                     .max_nr_accesses = 20,
                     .min_region_size = 1,
                     .search = 0};
};

using Aggregate = Adjust;

TEST_F(Aggregate, CountsAreBroughtToTheSamplesThatWereMeant) {
    set({{0, 1}, {1, 2}, {2, 3}, {3, 4}});
    memory[0].sampled = 10;
    memory[0].accessed = 5;
    memory[1].sampled = 40;
    memory[1].accessed = 40;
    memory[2].sampled = 1;
    memory[2].accessed = 1;
    memory[3].sampled = 3;
    ds_regions_aggregate(&regions, &limits);
    EXPECT_EQ(memory[0].nr_accesses, 10U);
    EXPECT_EQ(memory[1].nr_accesses, 20U);
    EXPECT_EQ(memory[2].nr_accesses, 20U);
    EXPECT_EQ(memory[3].nr_accesses, 0U);
}

TEST_F(Aggregate, OneAccessInManySamplesIsNeverNone) {
    set({{0, 1}});
    memory[0].sampled = 100'000;
    memory[0].accessed = 1;
    ds_regions_aggregate(&regions, &limits);
    EXPECT_EQ(memory[0].nr_accesses, 1U);
}

TEST_F(Aggregate, AgeGrowsWhileTheCountStaysAndStartsAgainWhenItMoves) {
    set({{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}});
    const std::array<std::uint32_t, 5> last{10, 10, 10, 0, 2}, accessed{12, 8, 13, 1, 0},
        age{6, 6, 0, 0, 0};
    for (std::size_t i = 0; i < 5; i++) {
        memory[i].last_nr_accesses = last[i];
        memory[i].accessed = accessed[i];
        memory[i].age = 5;
    }
    ds_regions_aggregate(&regions, &limits);
    for (std::size_t i = 0; i < 5; i++) EXPECT_EQ(memory[i].age, age[i]) << i;
}

TEST_F(Aggregate, WhatWasNotLookedAtNeitherAgesNorCools) {
    set({{0, 1}});
    memory[0].sampled = 0;
    memory[0].last_nr_accesses = 15;
    memory[0].age = 7;
    for (int i = 0; i < 5; i++) {
        ds_regions_aggregate(&regions, &limits);
        ds_regions_reset(&regions);
    }
    EXPECT_EQ(memory[0].age, 7U);
    EXPECT_EQ(memory[0].nr_accesses, 15U);
}

TEST_F(Aggregate, AgeDoesNotWrapToZero) {
    set({{0, 1}});
    memory[0].age = ~0U;
    ds_regions_aggregate(&regions, &limits);
    EXPECT_EQ(memory[0].age, ~0U);
}

TEST_F(Aggregate, ResetRemembersTheCountAndForgetsTheLooks) {
    set({{0, 1}});
    memory[0].accessed = 12;
    memory[0].absent = 2;
    ds_regions_aggregate(&regions, &limits);
    ds_regions_reset(&regions);
    EXPECT_EQ(memory[0].last_nr_accesses, 12U);
    EXPECT_EQ(memory[0].sampled + memory[0].accessed + memory[0].absent, 0U);
}

using Merge = Adjust;

TEST_F(Merge, CountAndAgeAreMeansWeightedBySize) {
    set({{0, 100}, {100, 300}});
    memory[0].nr_accesses = 10;
    memory[0].age = 9;
    memory[1].nr_accesses = 20;
    memory[1].age = 21;
    ds_region_merge(&memory[0], &memory[1]);
    EXPECT_EQ(memory[0].start, 0U);
    EXPECT_EQ(memory[0].end, 300U);
    EXPECT_EQ(memory[0].nr_accesses, 16U);
    EXPECT_EQ(memory[0].age, 17U);
}

TEST_F(Merge, SizesBeyond32BitsAreWeighedToo) {
    set({{0, 100ULL << 32}, {100ULL << 32, 300ULL << 32}});
    memory[0].nr_accesses = 10;
    memory[0].age = 0xfffffff0;
    memory[1].nr_accesses = 20;
    memory[1].age = 0xfffffff0;
    ds_region_merge(&memory[0], &memory[1]);
    EXPECT_EQ(memory[0].nr_accesses, 16U);
    EXPECT_EQ(memory[0].age, 0xfffffff0U);
}

TEST_F(Merge, OnlyNeighboursThatAreUsedAlike) {
    set({{0, 100},
         {100, 112},
         {114, 122},
         {122, 130},
         {130, 156},
         {156, 170},
         {170, 184},
         {184, 230}});
    const std::array<std::uint32_t, 8> nr{0, 0, 10, 10, 20, 30, 1, 2};
    for (std::size_t i = 0; i < 8; i++) memory[i].nr_accesses = nr[i];
    limits.max_nr_accesses = 90;  // a threshold of 9
    ds_regions_merge(&regions, &limits);
    EXPECT_EQ(now(), (Borders{{0, 112}, {114, 130}, {130, 156}, {156, 170}, {170, 230}}));
}

TEST_F(Merge, UpToTheTotalOverTheMinimumNumberOfRegions) {
    Borders pieces;
    for (std::uint64_t i = 0; i < 40; i++) pieces.emplace_back(i * 10, i * 10 + 10);
    set(pieces);
    limits.min_regions = 4;
    ds_regions_merge(&regions, &limits);
    EXPECT_EQ(now(), (Borders{{0, 100}, {100, 200}, {200, 300}, {300, 400}}));
}

TEST_F(Merge, TheThresholdRisesUntilTheMaximumFits) {
    Borders pieces;
    for (std::uint64_t i = 0; i < 40; i++) pieces.emplace_back(i * 10, i * 10 + 10);
    set(pieces);
    for (std::uint32_t i = 0; i < 40; i++) memory[i].nr_accesses = i % 2 ? 0 : 20;
    limits.min_regions = 3;
    limits.max_regions = 10;
    ds_regions_merge(&regions, &limits);
    EXPECT_LE(regions.nr, 10U);
    EXPECT_EQ(ds_regions_bytes(&regions), 400U);
}

TEST_F(Merge, TheMaximumHoldsEvenWhereTheSizeLimitForbidsIt) {
    set({{0, 100}, {100, 200}, {200, 300}, {300, 400}, {400, 500}, {500, 600}});
    limits.min_regions = 6;
    limits.max_regions = 4;
    ds_regions_merge(&regions, &limits);
    EXPECT_EQ(regions.nr, 4U);
    EXPECT_EQ(ds_regions_bytes(&regions), 600U);
}

TEST_F(Merge, RegionsOfDifferentTargetsStayApart) {
    set({{0, 10}, {10, 20}, {20, 30}, {30, 40}});
    slices[0] = {0, 2};
    slices[1] = {2, 2};
    regions.nr_slices = 2;
    ds_regions_merge(&regions, &limits);
    EXPECT_EQ(now(), (Borders{{0, 20}, {20, 40}}));
    EXPECT_EQ(slices[0].first, 0U);
    EXPECT_EQ(slices[0].nr, 1U);
    EXPECT_EQ(slices[1].first, 1U);
    EXPECT_EQ(slices[1].nr, 1U);
}

TEST_F(Merge, TheUnknownDoesNotMergeWithTheKnown) {
    set({{0, 10}, {10, 20}, {20, 30}});
    memory[0].sampled = 0;
    ds_regions_merge(&regions, &limits);
    EXPECT_EQ(now(), (Borders{{0, 10}, {10, 30}}));
    EXPECT_FALSE(ds_region_known(&memory[0]));
    EXPECT_TRUE(ds_region_known(&memory[1]));
}

TEST_F(Merge, IdleMemoryStaysApartFromMemoryThatIsUsedALittle) {
    set({{0, 10}, {10, 20}, {20, 30}, {30, 40}});
    memory[2].nr_accesses = memory[2].accessed = 1;
    memory[3].nr_accesses = memory[3].accessed = 2;
    ds_regions_merge(&regions, &limits);
    EXPECT_EQ(now(), (Borders{{0, 20}, {20, 40}}));
    EXPECT_EQ(memory[0].accessed, 0U);
    limits.max_regions = 1;
    ds_regions_merge(&regions, &limits);
    EXPECT_EQ(now(), (Borders{{0, 40}}));
    EXPECT_NE(memory[0].accessed, 0U);
}

TEST_F(Merge, WhatIsNowhereStaysApartFromWhatIsIdle) {
    set({{0, 10}, {10, 20}, {20, 30}, {30, 40}});
    memory[0].absent = memory[1].absent = memory[0].sampled;
    memory[2].absent = 1;  // there, if not everywhere
    ds_regions_merge(&regions, &limits);
    EXPECT_EQ(now(), (Borders{{0, 20}, {20, 40}}));
    EXPECT_TRUE(ds_region_nowhere(&memory[0]));
    EXPECT_FALSE(ds_region_nowhere(&memory[1]));
    limits.max_regions = 1;
    ds_regions_merge(&regions, &limits);
    EXPECT_EQ(now(), (Borders{{0, 40}}));
    EXPECT_FALSE(ds_region_nowhere(&memory[0]));
}

TEST_F(Merge, KnownAndUnknownForcedTogetherAreUnknown) {
    set({{0, 10}, {10, 20}});
    memory[0].sampled = 0;
    limits.max_regions = 1;
    ds_regions_merge(&regions, &limits);
    ASSERT_EQ(regions.nr, 1U);
    EXPECT_FALSE(ds_region_known(&memory[0]));
}

TEST_F(Merge, LooksAreAddedUpAndTheShareIsWeighted) {
    set({{0, 100}, {100, 400}});
    memory[0].accessed = 20;
    memory[1].absent = 20;
    ds_region_merge(&memory[0], &memory[1]);
    EXPECT_EQ(memory[0].sampled, 40U);
    EXPECT_EQ(memory[0].accessed, 10U);
    EXPECT_EQ(memory[0].absent, 20U);
}

TEST_F(Merge, ASmallHotPieceKeepsTheWholeFromLookingCold) {
    set({{0, 1}, {1, 1'000'000}});
    memory[0].accessed = 1;
    memory[1].absent = 20;
    ds_region_merge(&memory[0], &memory[1]);
    EXPECT_EQ(memory[0].accessed, 1U);
    EXPECT_LE(memory[0].accessed + memory[0].absent, memory[0].sampled);
}

class Split : public Adjust {
  protected:
    int split(std::uint32_t last_nr, std::uint64_t seed = 1) {
        ds_random random{};
        ds_random_seed(&random, seed);
        to.regions = to_memory.data();
        to.slices = to_slices.data();
        to.capacity = capacity;
        return ds_regions_split(&regions, &to, &limits, last_nr, &random);
    }
    std::array<ds_region, capacity> to_memory{};
    std::array<ds_slice, 4> to_slices{};
    ds_regions to{};
};

TEST_F(Split, InTwo) {
    set({{0, 22}});
    ASSERT_TRUE(split(0));
    ASSERT_EQ(to.nr, 2U);
    EXPECT_EQ(to_memory[0].start, 0U);
    EXPECT_EQ(to_memory[0].end, to_memory[1].start);
    EXPECT_EQ(to_memory[1].end, 22U);
}

TEST_F(Split, InThreeWhereTheNumberDidNotChange) {
    set({{0, 220}});
    ASSERT_TRUE(split(1));
    EXPECT_EQ(to.nr, 3U);
}

TEST_F(Split, NotInThreeFromAThirdOfTheMaximumOn) {
    Borders pieces;
    for (std::uint64_t i = 0; i < 22; i++) pieces.emplace_back(i * 100, i * 100 + 100);
    set(pieces);
    ASSERT_TRUE(split(22));
    EXPECT_EQ(to.nr, 44U);
}

TEST_F(Split, NotAtAllBeyondHalfOfTheMaximum) {
    Borders pieces;
    for (std::uint64_t i = 0; i < 33; i++) pieces.emplace_back(i * 100, i * 100 + 100);
    set(pieces);
    to.nr = 5;
    EXPECT_FALSE(split(0));
    EXPECT_EQ(to.nr, 5U);
}

TEST_F(Split, EveryTenthIsTriedAndAlignedToTheMinimumSize) {
    set({{0x10000, 0x10000 + 0x1000 * 10}});
    limits.min_region_size = 0x1000;
    std::array<int, 10> seen{};
    for (std::uint64_t seed = 1; seed < 1000; seed++) {
        ASSERT_TRUE(split(0, seed));
        ASSERT_EQ(to.nr, 2U);
        const auto cut = to_memory[0].end - 0x10000;
        ASSERT_EQ(cut % 0x1000, 0U);
        ASSERT_GE(cut, 0x1000U);
        ASSERT_LE(cut, 0x9000U);
        seen[cut / 0x1000]++;
    }
    for (std::size_t i = 1; i < 10; i++) EXPECT_GT(seen[i], 50) << i << " tenths";
}

TEST_F(Split, ARegionOfTheMinimumSizeStaysWhole) {
    set({{0x1000, 0x2000}, {0x2000, 0x3000}});
    limits.min_region_size = 0x1000;
    ASSERT_TRUE(split(0));
    EXPECT_EQ(borders(to_memory.data(), to.nr), (Borders{{0x1000, 0x2000}, {0x2000, 0x3000}}));
}

TEST_F(Split, PiecesInheritCountAndAge) {
    set({{0, 1000}});
    memory[0].nr_accesses = 13;
    memory[0].last_nr_accesses = 12;
    memory[0].age = 44;
    memory[0].pending = DS_PENDING_OLD;
    ASSERT_TRUE(split(1));
    for (std::uint32_t i = 0; i < to.nr; i++) {
        EXPECT_EQ(to_memory[i].nr_accesses, 13U);
        EXPECT_EQ(to_memory[i].last_nr_accesses, 12U);
        EXPECT_EQ(to_memory[i].age, 44U);
        EXPECT_EQ(to_memory[i].pending, static_cast<__u32>(DS_PENDING_NONE));
    }
}

class Retune : public Adjust {
  protected:
    void retune(ds_intervals to) { ds_regions_retune(&regions, &from, &to); }
    const ds_intervals from{.sampling = 10, .aggregation = 1'000};
};

// Each step starts from 10 and 1,000 microseconds, as mainline's own test has it.
TEST_F(Retune, CountsAndAgesFollowTheIntervals) {
    set({{3, 7}});
    memory[0].nr_accesses = memory[0].last_nr_accesses = 15;
    memory[0].age = 20;
    retune({.sampling = 100, .aggregation = 10'000});
    EXPECT_EQ(memory[0].nr_accesses, 15U);
    EXPECT_EQ(memory[0].age, 2U);
    retune({.sampling = 1, .aggregation = 1'000});
    EXPECT_EQ(memory[0].nr_accesses, 150U);
    EXPECT_EQ(memory[0].last_nr_accesses, 150U);
    EXPECT_EQ(memory[0].age, 2U);
    retune({.sampling = 1, .aggregation = 100});
    EXPECT_EQ(memory[0].nr_accesses, 150U);
    EXPECT_EQ(memory[0].age, 20U);
}

TEST_F(Retune, ALooksShareStaysWhatItWas) {
    set({{0, 10}});
    memory[0].accessed = 7;
    memory[0].absent = 1;
    retune({.sampling = 1, .aggregation = 100});
    EXPECT_EQ(memory[0].sampled, 20U);
    EXPECT_EQ(memory[0].accessed, 7U);
    EXPECT_EQ(memory[0].absent, 1U);
}

TEST_F(Retune, ExtremesSaturateInsteadOfWrapping) {
    set({{0, 10}});
    memory[0].nr_accesses = memory[0].last_nr_accesses = 100;
    memory[0].age = 0xf0000000;
    retune({.sampling = 1, .aggregation = 1});
    EXPECT_EQ(memory[0].age, ~0U);
    EXPECT_EQ(memory[0].nr_accesses, 1U);
    memory[0].age = 5;
    retune({.sampling = 1, .aggregation = 1ULL << 40});
    EXPECT_EQ(memory[0].age, 0U);
}

TEST_F(Retune, TheMaximumCountIsAtLeastOne) {
    const ds_intervals equal{.sampling = 7, .aggregation = 7};
    EXPECT_EQ(ds_max_nr_accesses(&equal), 1U);
    const ds_intervals defaults{.sampling = 5'000, .aggregation = 100'000};
    EXPECT_EQ(ds_max_nr_accesses(&defaults), 20U);
}

}  // namespace
}  // namespace damon_schemes::core

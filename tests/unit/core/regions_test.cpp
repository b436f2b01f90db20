// SPDX-License-Identifier: MIT
// The array of regions that all targets of a session share.
#include <gtest/gtest.h>

#include <array>
#include <initializer_list>
#include <vector>

#include "core.h"

namespace damon_schemes::core {
namespace {

// Three targets with 2, 1 and 3 regions in an array for 8, and a canary behind it.
class Regions : public testing::Test {
  protected:
    Regions() {
        for (std::uint64_t i = 0; i < 6; i++) memory[i] = ds_region_new(i * 10, i * 10 + 10);
        memory[8].start = canary;
        regions.regions = memory.data();
        regions.slices = slices.data();
        regions.nr = 6;
        regions.capacity = 8;
        regions.nr_slices = 3;
    }
    ~Regions() override { EXPECT_EQ(memory[8].start, canary); }

    Borders of(std::uint32_t which) const {
        return borders(&memory[slices[which].first], slices[which].nr);
    }

    static constexpr std::uint64_t canary = 0xdeadbeefcafef00d;
    std::array<ds_region, 9> memory{};
    std::array<ds_slice, 3> slices{{{0, 2}, {2, 1}, {3, 3}}};
    ds_regions regions{};
};

TEST_F(Regions, BytesAreSummedOverAllTargets) {
    EXPECT_EQ(ds_regions_bytes(&regions), 60U);
}

TEST_F(Regions, ReplacingByMoreMovesTheOthersUp) {
    const auto with = regions_of({{20, 22}, {22, 25}, {25, 30}});
    ASSERT_EQ(ds_regions_replace(&regions, 1, with.data(), 3), 0);
    EXPECT_EQ(regions.nr, 8U);
    EXPECT_EQ(of(0), (Borders{{0, 10}, {10, 20}}));
    EXPECT_EQ(of(1), (Borders{{20, 22}, {22, 25}, {25, 30}}));
    EXPECT_EQ(of(2), (Borders{{30, 40}, {40, 50}, {50, 60}}));
}

TEST_F(Regions, ReplacingByFewerMovesTheOthersDown) {
    const auto with = regions_of({{0, 20}});
    ASSERT_EQ(ds_regions_replace(&regions, 0, with.data(), 1), 0);
    EXPECT_EQ(regions.nr, 5U);
    EXPECT_EQ(of(0), (Borders{{0, 20}}));
    EXPECT_EQ(of(1), (Borders{{20, 30}}));
    EXPECT_EQ(of(2), (Borders{{30, 40}, {40, 50}, {50, 60}}));
}

TEST_F(Regions, ReplacingBeyondTheCapacityChangesNothing) {
    const auto with = regions_of({{20, 21}, {21, 22}, {22, 23}, {23, 30}});
    EXPECT_EQ(ds_regions_replace(&regions, 1, with.data(), 4), -1);
    EXPECT_EQ(regions.nr, 6U);
    EXPECT_EQ(of(0), (Borders{{0, 10}, {10, 20}}));
    EXPECT_EQ(of(1), (Borders{{20, 30}}));
    EXPECT_EQ(of(2), (Borders{{30, 40}, {40, 50}, {50, 60}}));
}

TEST_F(Regions, RemovingATargetLeavesTheOthersAsTheyAre) {
    memory[4].age = 17;
    ds_regions_remove(&regions, 0);
    EXPECT_EQ(regions.nr, 4U);
    EXPECT_EQ(regions.nr_slices, 2U);
    EXPECT_EQ(of(0), (Borders{{20, 30}}));
    EXPECT_EQ(of(1), (Borders{{30, 40}, {40, 50}, {50, 60}}));
    EXPECT_EQ(memory[2].age, 17U);
}

TEST_F(Regions, RemovingTheLastTargetLeavesNothing) {
    ds_regions_remove(&regions, 2);
    ds_regions_remove(&regions, 1);
    ds_regions_remove(&regions, 0);
    EXPECT_EQ(regions.nr, 0U);
    EXPECT_EQ(regions.nr_slices, 0U);
    EXPECT_EQ(ds_regions_bytes(&regions), 0U);
}

TEST(Region, AMissedLookIsNoSample) {
    auto region = ds_region_new(0, 4096);
    ds_region_count(&region, DS_LOOK_MISSED);
    EXPECT_FALSE(ds_region_known(&region));
    ds_region_count(&region, DS_LOOK_IDLE);
    ds_region_count(&region, DS_LOOK_ACCESSED);
    ds_region_count(&region, DS_LOOK_ABSENT);
    EXPECT_TRUE(ds_region_known(&region));
    EXPECT_EQ(region.sampled, 3U);
    EXPECT_EQ(region.accessed, 1U);
    EXPECT_EQ(region.absent, 1U);
}

std::vector<ds_region> prepared(std::initializer_list<ds_pending> samples) {
    std::vector<ds_region> regions;
    for (const ds_pending pending : samples) {
        regions.push_back(ds_region_new(regions.size() * 4096, (regions.size() + 1) * 4096));
        regions.back().pending = pending;
    }
    return regions;
}

TEST(Region, WhatNobodyHasUsedIsCountedWithoutALookAndStaysPrepared) {
    auto regions = prepared({DS_PENDING_OLD, DS_PENDING_YOUNG, DS_PENDING_ABSENT});
    for (int look = 0; look < 2; ++look) ASSERT_TRUE(ds_regions_count_unused(regions.data(), 3));
    for (const ds_region& region : regions) {
        EXPECT_EQ(region.sampled, 2U);
        EXPECT_EQ(region.accessed, 0U);
    }
    EXPECT_EQ(regions[0].absent, 0U);
    EXPECT_EQ(regions[2].absent, 2U);
    EXPECT_EQ(regions[0].pending, DS_PENDING_OLD);
    EXPECT_EQ(regions[1].pending, DS_PENDING_YOUNG);
    EXPECT_EQ(regions[2].pending, DS_PENDING_ABSENT);
}

TEST(Region, WhatAScanSawBeforeNobodyUsedItAnyMoreIsCountedOnce) {
    auto regions = prepared({DS_PENDING_SEEN});
    for (int look = 0; look < 3; ++look) ASSERT_TRUE(ds_regions_count_unused(regions.data(), 1));
    EXPECT_EQ(regions[0].sampled, 3U);
    EXPECT_EQ(regions[0].accessed, 1U);
}

TEST(Region, NothingIsCountedWhereARegionHasNoSample) {
    auto regions = prepared({DS_PENDING_OLD, DS_PENDING_NONE});
    EXPECT_FALSE(ds_regions_count_unused(regions.data(), 2));
    for (const ds_region& region : regions) EXPECT_FALSE(ds_region_known(&region));
}

}  // namespace
}  // namespace damon_schemes::core

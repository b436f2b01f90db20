// SPDX-License-Identifier: MIT
// The maximum of regions is one for all targets: who comes later gets a fair share, kinds and holes
// stay apart as long as they can.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "session.h"

namespace damon_schemes::core {
namespace {

constexpr std::uint64_t page = 4096;

// Targets whose memory is used differently every `grain` pages: no two neighbours merge by nature.
class Shares : public testing::Test {
  protected:
    Shares() : memory(2000, 64), other(2000, 64) { ds_random_seed(&random, 1); }

    void add(std::uint32_t nr, std::uint64_t pages_each) {
        auto& slice = memory->slices[memory->nr_slices++];
        slice = {memory->nr, nr};
        for (std::uint32_t i = 0; i < nr; i++)
            memory->regions[memory->nr++] =
                ds_region_new(i * pages_each * page, (i + 1) * pages_each * page);
    }
    // Each page of even number is hot.
    void interval() {
        auto& all = **now;
        for (std::uint32_t i = 0; i < all.nr; i++) {
            auto& region = all.regions[i];
            for (int look = 0; look < 20; look++)
                ds_region_count(&region, ds_region_pick(&region, &random, page) / page % 2
                                             ? DS_LOOK_IDLE
                                             : DS_LOOK_ACCESSED);
        }
        ds_regions_aggregate(&all, &limits);
        ds_regions_merge(&all, &limits);
        EXPECT_LE(all.nr, limits.max_regions);
        ds_regions_reset(&all);
        const auto nr = all.nr;
        if (ds_regions_split(&all, &**spare, &limits, last_nr, &random)) std::swap(now, spare);
        last_nr = nr;
        EXPECT_LE((**now).nr, limits.max_regions);
        EXPECT_TRUE(memory.canaries_alive() && other.canaries_alive());
    }
    std::vector<std::uint32_t> counts() const {
        std::vector<std::uint32_t> result;
        for (std::uint32_t s = 0; s < (*now)->nr_slices; s++)
            result.push_back((*now)->slices[s].nr);
        return result;
    }

    ds_limits limits{.min_regions = 10,
                     .max_regions = 1000,
                     .max_nr_accesses = 20,
                     .min_region_size = page,
                     .search = 0};
    RegionMemory memory, other;
    RegionMemory* now = &memory;
    RegionMemory* spare = &other;
    ds_random random{};
    std::uint32_t last_nr = 0;
};

TEST_F(Shares, TargetsThatComeLaterGetAFairShareWithinAFewIntervals) {
    limits.min_regions = 1000;  // pinned: as many as there may be
    add(1000, 1);
    for (int i = 0; i < 9; i++) add(3, 300);
    for (int i = 0; i < 8; i++) interval();
    for (const auto nr : counts()) EXPECT_GE(nr, 50U);
}

TEST_F(Shares, WhoNeedsLittleLeavesTheRestToOthers) {
    limits.min_regions = 1000;
    add(1000, 1);
    for (int i = 0; i < 9; i++) add(3, 1);  // three pages: nothing to split
    for (int i = 0; i < 8; i++) interval();
    EXPECT_GE(counts().front(), 900U);
    for (std::size_t i = 1; i < 10; i++) EXPECT_EQ(counts()[i], 3U);
}

// Used alike but for a little: with a wider threshold all of it would be one.
TEST_F(Shares, MakingRoomForOthersCostsNoMoreThanTheyNeed) {
    limits.max_nr_accesses = 40;
    add(900, 1);
    for (int i = 0; i < 10; i++) add(9, 1);
    auto& all = **now;
    for (std::uint32_t i = 0; i < all.nr; i++) {
        auto& region = all.regions[i];
        region.sampled = 40;
        region.accessed = region.nr_accesses = i % 2 ? 10 : 16;
    }
    ds_regions_merge(&all, &limits);
    // The ten have 9 each and may come to have 18.
    EXPECT_EQ(counts().front(), 820U);
    for (std::size_t i = 1; i < 11; i++) EXPECT_EQ(counts()[i], 9U);
}

TEST_F(Shares, OneTargetHasAll) {
    limits.min_regions = 1000;
    add(1000, 2);
    interval();
    EXPECT_EQ(counts().front(), 1000U);
}

TEST_F(Shares, TheMaximumIsKeptWhateverThereIs) {
    for (std::uint32_t i = 0; i < 60; i++) add(3 + i % 30, 1 + i % 7);
    limits.max_regions = 181;
    for (int i = 0; i < 6; i++) {
        interval();
        for (const auto nr : counts()) EXPECT_GE(nr, 1U);
    }
}

class Kinds : public testing::Test {
  protected:
    // All used alike: only kinds and holes keep them apart.
    void merge(std::vector<ds_region> regions, std::uint32_t max_regions) {
        ds_slice slice{0, static_cast<std::uint32_t>(regions.size())};
        ds_regions all{regions.data(), &slice, slice.nr, slice.nr, 1};
        const ds_limits limits{.min_regions = 1,
                               .max_regions = max_regions,
                               .max_nr_accesses = 20,
                               .min_region_size = 1,
                               .search = 0};
        ds_regions_merge(&all, &limits);
        regions.resize(all.nr);
        merged = std::move(regions);
    }
    static ds_region region(std::uint64_t start, std::uint64_t end, std::uint8_t kind) {
        auto made = ds_region_new(start, end);
        made.kind = kind;
        made.sampled = 20;
        return made;
    }
    std::vector<ds_region> merged;
};

TEST_F(Kinds, StayApartHoweverAlikeTheyAreUsed) {
    merge({region(0, 10, 1), region(10, 20, 1), region(20, 30, 4), region(30, 40, 1)}, 100);
    EXPECT_EQ(borders(merged), (Borders{{0, 20}, {20, 30}, {30, 40}}));
    EXPECT_EQ(merged[1].kind, 4);
}

TEST_F(Kinds, StayApartWhereTheMaximumForcesMerging) {
    auto hot = region(10, 20, 1);
    hot.accessed = hot.nr_accesses = 20;
    merge({region(0, 10, 1), hot, region(20, 30, 4)}, 2);
    EXPECT_EQ(borders(merged), (Borders{{0, 20}, {20, 30}}));
    EXPECT_EQ(merged[0].kind, 1);
}

TEST_F(Kinds, MergeOnlyWhereTheMaximumCannotBeKeptOtherwise) {
    merge({region(0, 1000, 1), region(1000, 1010, 4), region(1010, 1020, 1), region(5000, 6000, 1)},
          3);
    EXPECT_EQ(borders(merged), (Borders{{0, 1000}, {1000, 1020}, {5000, 6000}}));
    EXPECT_EQ(merged[0].kind, 1);
    EXPECT_EQ(merged[1].kind, DS_KIND_ANY);
    merge(merged, 1);
    EXPECT_EQ(borders(merged), (Borders{{0, 6000}}));
}

TEST_F(Kinds, PiecesInheritTheirs) {
    std::vector<ds_region> from{region(0, 1000 * page, 4)}, to(10);
    ds_slice from_slice{0, 1}, to_slice{};
    const ds_regions all{from.data(), &from_slice, 1, 1, 1};
    ds_regions split{to.data(), &to_slice, 0, 10, 0};
    const ds_limits limits{.min_regions = 3,
                           .max_regions = 10,
                           .max_nr_accesses = 20,
                           .min_region_size = page,
                           .search = 0};
    ds_random random{};
    ds_random_seed(&random, 1);
    ASSERT_TRUE(ds_regions_split(&all, &split, &limits, 0, &random));
    ASSERT_EQ(split.nr, 2U);
    EXPECT_EQ(to[0].kind, 4);
    EXPECT_EQ(to[1].kind, 4);
}

}  // namespace
}  // namespace damon_schemes::core

// SPDX-License-Identifier: MIT
// What a search looks at, and how it cuts regions by what it found, by known answers.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "core.h"

namespace damon_schemes::core {
namespace {

constexpr std::uint64_t page = 4096, mib = 1 << 20, gib = 1 << 30;
constexpr std::uint64_t base = 0x7f0000000000;

class Search : public testing::Test {
  protected:
    Search() {
        from.regions = memory.data();
        from.slices = slices.data();
        from.capacity = to.capacity = capacity;
        to.regions = other.data();
        to.slices = other_slices.data();
        search.probes = probes.data();
        search.capacity = static_cast<__u32>(probes.size());
        search.cleared = cleared.data();
        search.hits = hits.data();
        search.max_entries = entries;
        ds_random_seed(&random, 1);
    }

    void set(const Borders& borders) {
        const auto regions = regions_of(borders);
        std::copy(regions.begin(), regions.end(), memory.begin());
        from.nr = static_cast<__u32>(regions.size());
        from.slices[0] = {0, from.nr};
        from.nr_slices = 1;
    }
    void plan() { ds_search_plan(&search, &from, &limits, &random); }
    // Whatever is looked at is a hit where `accessed` has anything of it.
    void hit(std::uint64_t start, std::uint64_t end) {
        for (__u32 i = 0; i < search.nr; i++)
            for (__u32 entry = 0; entry < probes[i].nr; entry++) {
                const auto size = ds_level_size(probes[i].level);
                const auto at = probes[i].start + entry * size;
                if (at < end && start < at + size)
                    ds_search_set(search.hits, probes[i].first + entry);
            }
    }
    bool conclude() { return ds_search_conclude(&search, &from, &to, &limits) != 0; }
    // A whole search of memory of which [start, end) is accessed; the result is searched next.
    void search_once(std::uint64_t start, std::uint64_t end) {
        plan();
        hit(start, end);
        ASSERT_TRUE(conclude());
        std::copy(other.begin(), other.begin() + to.nr, memory.begin());
        from.nr = to.nr;
        from.slices[0] = to.slices[0];
    }
    Borders now() const { return borders(memory.data(), from.nr); }

    static constexpr std::uint32_t capacity = 64, entries = 8192;
    std::array<ds_region, capacity> memory{}, other{};
    std::array<ds_slice, 4> slices{}, other_slices{};
    std::array<ds_probe, 128> probes{};
    std::array<__u64, entries / 64> cleared{}, hits{};
    ds_regions from{}, to{};
    ds_search search{};
    ds_random random{};
    ds_limits limits{.min_regions = 3,
                     .max_regions = 64,
                     .max_nr_accesses = 20,
                     .min_region_size = page,
                     .search = 1};
};

TEST_F(Search, LooksAtTheLargestEntriesThatLieInARegion) {
    set({{base, base + 3 * gib}, {base + 3 * gib, base + 3 * gib + 4 * mib}});
    plan();
    ASSERT_EQ(search.nr, 2U);
    EXPECT_EQ(probes[0].level, DS_LEVEL_DIRECTORY);
    EXPECT_EQ(probes[0].nr, 3U);
    EXPECT_EQ(probes[1].level, DS_LEVEL_TABLE);
    EXPECT_EQ(probes[1].nr, 2U);
    EXPECT_EQ(search.nr_entries, 5U);
}

TEST_F(Search, LooksAtSinglePagesWhereNoLargerEntryLies) {
    set({{base + 5 * page, base + 9 * page}});
    plan();
    ASSERT_EQ(search.nr, 1U);
    EXPECT_EQ(probes[0].level, DS_LEVEL_PAGE);
    EXPECT_EQ(probes[0].start, base + 5 * page);
    EXPECT_EQ(probes[0].nr, 4U);
}

TEST_F(Search, DoesNotLookAtWhatIsAlwaysAccessed) {
    set({{base, base + 4 * mib}, {base + 4 * mib, base + 8 * mib}});
    memory[0].last_nr_accesses = 19;
    memory[1].last_nr_accesses = 10;
    plan();
    ASSERT_EQ(search.nr, 1U);
    EXPECT_EQ(probes[0].region, 1U);
}

TEST_F(Search, ForgetsTheHitsOfWhatIsAlwaysAccessed) {
    set({{base, base + 4 * mib}, {base + 4 * mib, base + 8 * mib}});
    for (__u32 i = 0; i < 2; i++) memory[i].search = DS_SEARCH_HIT;
    memory[0].last_nr_accesses = 20;
    plan();
    EXPECT_EQ(memory[0].search, 0U);
    EXPECT_TRUE(memory[1].search & DS_SEARCH_HIT);
}

// Else a region that is too large for a small budget would keep its hits for good.
TEST_F(Search, WhatDoesNotFitTheBudgetALevelDownIsLookedAtFromTheTopAgain) {
    search.max_entries = 64;
    set({{base, base + 2 * mib}});
    search_once(base, base + page);
    ASSERT_TRUE(memory[0].search & DS_SEARCH_HIT);
    search_once(0, 0);
    ASSERT_EQ(from.nr, 1U);
    EXPECT_FALSE(memory[0].search & DS_SEARCH_HIT);
    EXPECT_TRUE(memory[0].search & DS_SEARCH_IDLE);
}

TEST_F(Search, WhereThereIsNoneAnyMoreRegionsSayNothingOfIt) {
    set({{base, base + 64 * mib}});
    search_once(base, base + page);
    ASSERT_GT(from.nr, 1U);
    ds_search_erase(&from);
    for (__u32 i = 0; i < from.nr; i++) EXPECT_EQ(memory[i].search, 0U);
}

TEST_F(Search, FindsAHotPageInThreeLooks) {
    const auto hot = base + 5 * gib + 37 * 2 * mib + 100 * page;
    set({{base, base + 10 * gib}});
    search_once(hot, hot + page);
    EXPECT_EQ(now(), (Borders{{base, base + 5 * gib},
                              {base + 5 * gib, base + 6 * gib},
                              {base + 6 * gib, base + 10 * gib}}));
    EXPECT_TRUE(memory[1].search & DS_SEARCH_HIT);
    EXPECT_TRUE(memory[0].search & DS_SEARCH_IDLE);
    EXPECT_TRUE(memory[0].search & DS_SEARCH_LOOKED);
    search_once(hot, hot + page);
    const auto table = hot / (2 * mib) * (2 * mib);
    EXPECT_EQ(now(), (Borders{{base, base + 5 * gib},
                              {base + 5 * gib, table},
                              {table, table + 2 * mib},
                              {table + 2 * mib, base + 6 * gib},
                              {base + 6 * gib, base + 10 * gib}}));
    search_once(hot, hot + page);
    EXPECT_EQ(now(), (Borders{{base, base + 5 * gib},
                              {base + 5 * gib, table},
                              {table, hot},
                              {hot, hot + page},
                              {hot + page, table + 2 * mib},
                              {table + 2 * mib, base + 6 * gib},
                              {base + 6 * gib, base + 10 * gib}}));
}

TEST_F(Search, WhatSamplesFoundAccessedIsTheHotPiecesAlone) {
    set({{base, base + 64 * mib}});
    memory[0].sampled = 20;
    memory[0].accessed = 3;
    search_once(base + 10 * mib, base + 12 * mib);
    ASSERT_EQ(from.nr, 3U);
    EXPECT_EQ(memory[0].accessed, 0U);
    EXPECT_EQ(memory[1].accessed, 3U);
    EXPECT_EQ(memory[2].accessed, 0U);
    EXPECT_EQ(memory[2].sampled, 20U);
}

TEST_F(Search, ASampleThatFoundAnAccessIsRightWhereNoEntryWas) {
    set({{base, base + 64 * mib}});
    memory[0].sampled = 20;
    memory[0].accessed = 3;
    search_once(0, 0);
    ASSERT_EQ(from.nr, 1U);
    EXPECT_EQ(memory[0].accessed, 3U);
    EXPECT_FALSE(memory[0].search & DS_SEARCH_IDLE);
}

TEST_F(Search, PagesThatWereAllAccessedAreAccessedThoughNoSampleSaysSo) {
    set({{base, base + 8 * page}});
    memory[0].sampled = 20;
    search_once(base + 4 * page, base + 8 * page);
    ASSERT_EQ(from.nr, 2U);
    EXPECT_EQ(memory[0].accessed, 0U);
    EXPECT_EQ(memory[1].accessed, 1U);
}

TEST_F(Search, WhatNoSampleKnowsStaysUnknown) {
    set({{base, base + 8 * page}});
    search_once(base + 4 * page, base + 8 * page);
    for (__u32 i = 0; i < from.nr; i++) EXPECT_EQ(memory[i].sampled, 0U);
}

TEST_F(Search, CutsTheLongestIdleRunsWhereTheMaximumDoesNotAllowAll) {
    limits.max_regions = 8;  // 7 of them for cuts
    set({{base, base + 64 * mib}});
    plan();
    for (std::uint64_t at = 0; at < 32 * mib; at += 4 * mib) hit(base + at, base + at + 2 * mib);
    hit(base + 62 * mib, base + 64 * mib);
    ASSERT_TRUE(conclude());
    EXPECT_EQ(borders(other.data(), to.nr), (Borders{{base, base + 30 * mib},
                                                     {base + 30 * mib, base + 62 * mib},
                                                     {base + 62 * mib, base + 64 * mib}}));
}

TEST_F(Search, CutsNowhereButAtMultiplesOfTheMinimumSize) {
    limits.min_region_size = 16 * page;
    set({{base, base + 2 * mib}});
    memory[0].search = DS_SEARCH_HIT | 2 << DS_SEARCH_LEVEL_SHIFT;
    search_once(base + 100 * page, base + 101 * page);
    EXPECT_EQ(now(), (Borders{{base, base + 96 * page},
                              {base + 96 * page, base + 112 * page},
                              {base + 112 * page, base + 2 * mib}}));
}

TEST_F(Search, EveryRegionGetsItsTurnThoughTheBudgetDoesNotReach) {
    Borders pieces;
    for (std::uint64_t i = 0; i < 32; i++)
        pieces.emplace_back(base + i * gib, base + i * gib + gib - 2 * mib);
    set(pieces);
    std::vector<bool> seen(32);
    for (int i = 0; i < 8; i++) {
        plan();
        EXPECT_LE(search.nr_entries, entries);
        for (__u32 p = 0; p < search.nr; p++) seen[probes[p].region] = true;
        ds_search_forget(&search);
    }
    EXPECT_EQ(std::count(seen.begin(), seen.end(), true), 32);
}

TEST_F(Search, NothingIsPlannedOfNothing) {
    set({});
    plan();
    EXPECT_EQ(search.nr, 0U);
    EXPECT_FALSE(conclude());
}

TEST_F(Search, WhatIsIdleThroughoutIsNotSplit) {
    set({{base, base + 64 * mib}, {base + 64 * mib, base + 128 * mib}});
    memory[0].search = DS_SEARCH_IDLE;
    memory[1].search = DS_SEARCH_HIT;
    ASSERT_TRUE(ds_regions_split(&from, &to, &limits, 0, &random));
    EXPECT_EQ(to.nr, 3U);
    EXPECT_EQ(to.regions[0].end, base + 64 * mib);
}

TEST_F(Search, IdleRegionsOfDifferentAgesStayApart) {
    limits.max_nr_accesses = 20;
    set({{base, base + mib}, {base + mib, base + 2 * mib}, {base + 2 * mib, base + 3 * mib}});
    memory[0].age = 100;
    memory[1].age = 90;
    memory[2].age = 10;
    for (__u32 i = 0; i < 3; i++) memory[i].sampled = 20;
    limits.min_regions = 1;
    ds_regions_merge(&from, &limits);
    EXPECT_EQ(now(), (Borders{{base, base + 2 * mib}, {base + 2 * mib, base + 3 * mib}}));
    EXPECT_EQ(memory[0].age, 95U);
}

TEST_F(Search, WhatHadHitsStaysApartFromWhatIsIdle) {
    set({{base, base + mib}, {base + mib, base + 2 * mib}});
    memory[1].search = DS_SEARCH_HIT;
    for (__u32 i = 0; i < 2; i++) memory[i].sampled = 20;
    limits.min_regions = 1;
    ds_regions_merge(&from, &limits);
    EXPECT_EQ(from.nr, 2U);
    limits.max_regions = 1;
    ds_regions_merge(&from, &limits);
    EXPECT_EQ(from.nr, 1U);
    EXPECT_TRUE(memory[0].search & DS_SEARCH_HIT);
}

}  // namespace
}  // namespace damon_schemes::core

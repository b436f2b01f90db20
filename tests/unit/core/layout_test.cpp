// SPDX-License-Identifier: MIT
// What is watched of an address space, and how regions follow when mappings change.
#include <gtest/gtest.h>

#include <array>

#include "core.h"

namespace damon_schemes::core {
namespace {

Borders layout_borders(const Borders& mappings, std::uint64_t min_region_size = 1) {
    ds_layout_walk walk{};
    for (const auto& [start, end] : mappings) ds_layout_add(&walk, start, end);
    ds_layout layout{};
    ds_layout_finish(&walk, min_region_size, &layout);
    Borders result;
    for (std::uint32_t i = 0; i < layout.nr; i++)
        result.emplace_back(layout.ranges[i].start, layout.ranges[i].end);
    return result;
}

TEST(Layout, LeavesOutTheTwoLargestGaps) {
    EXPECT_EQ(layout_borders({{10, 20}, {20, 25}, {200, 210}, {210, 220}, {300, 305}, {307, 330}}),
              (Borders{{10, 25}, {200, 220}, {300, 330}}));
}

TEST(Layout, TheLargerGapMayComeSecond) {
    EXPECT_EQ(layout_borders({{0, 10}, {20, 30}, {1000, 1010}}),
              (Borders{{0, 10}, {20, 30}, {1000, 1010}}));
    EXPECT_EQ(layout_borders({{0, 10}, {20, 30}, {50, 60}, {64, 70}}),
              (Borders{{0, 10}, {20, 30}, {50, 70}}));
}

TEST(Layout, GapsOfTheSameSizeAreBothLeftOut) {
    EXPECT_EQ(layout_borders({{0, 10}, {110, 120}, {220, 230}}),
              (Borders{{0, 10}, {110, 120}, {220, 230}}));
}

TEST(Layout, HasFewerRangesWhereThereAreFewerGaps) {
    EXPECT_EQ(layout_borders({}), (Borders{}));
    EXPECT_EQ(layout_borders({{5, 9}}), (Borders{{5, 9}}));
    EXPECT_EQ(layout_borders({{5, 9}, {9, 20}}), (Borders{{5, 20}}));
    EXPECT_EQ(layout_borders({{5, 9}, {12, 20}}), (Borders{{5, 9}, {12, 20}}));
}

TEST(Layout, EmptyMappingsDoNotCount) {
    EXPECT_EQ(layout_borders({{0, 0}, {5, 9}, {100, 100}, {200, 190}}), (Borders{{5, 9}}));
}

TEST(Layout, BordersMoveOutwardsToTheMinimumRegionSize) {
    EXPECT_EQ(
        layout_borders({{0x1234, 0x2345}, {0x100001, 0x100002}, {0x900000, 0x901000}}, 0x1000),
        (Borders{{0x1000, 0x3000}, {0x100000, 0x101000}, {0x900000, 0x901000}}));
}

TEST(Layout, RangesThatTouchOnceAlignedAreOne) {
    EXPECT_EQ(layout_borders({{0x1000, 0x2000}, {0x3000, 0x4000}, {0x90000, 0x91000}}, 0x4000),
              (Borders{{0x0, 0x4000}, {0x90000, 0x94000}}));
}

TEST(Layout, BytesAreThoseOfItsRanges) {
    const auto layout = layout_of({{10, 25}, {200, 220}, {300, 330}});
    EXPECT_EQ(ds_layout_bytes(&layout), 65U);
}

class Cut : public testing::Test {
  protected:
    int cut(std::uint64_t start, std::uint64_t end, std::uint32_t pieces,
            std::uint64_t min_region_size = 1, std::uint32_t capacity = 16) {
        const ds_range range{start, end};
        return ds_layout_cut(&range, pieces, min_region_size, out.data(), capacity);
    }
    std::array<ds_region, 16> out{};
};

TEST_F(Cut, EvenPieces) {
    ASSERT_EQ(cut(0, 100, 10), 10);
    for (std::uint64_t i = 0; i < 10; i++) {
        EXPECT_EQ(out[i].start, i * 10);
        EXPECT_EQ(out[i].end, i * 10 + 10);
    }
}

TEST_F(Cut, TheLastPieceTakesTheRest) {
    ASSERT_EQ(cut(5, 59, 5), 5);
    EXPECT_EQ(borders(out.data(), 5), (Borders{{5, 15}, {15, 25}, {25, 35}, {35, 45}, {45, 59}}));
}

TEST_F(Cut, PiecesSmallerThanTheMinimumAreRefused) {
    EXPECT_EQ(cut(5, 6, 2), -1);
    EXPECT_EQ(cut(0, 0x4000, 5, 0x1000), -1);
    EXPECT_EQ(cut(0, 0x4000, 4, 0x1000), 4);
}

TEST_F(Cut, NoPiecesAreRefused) {
    EXPECT_EQ(cut(0, 100, 0), -1);
}

TEST_F(Cut, MorePiecesThanThereIsRoomForAreRefused) {
    out[3].start = 77;
    EXPECT_EQ(cut(0, 100, 4, 1, 3), -1);
    EXPECT_EQ(out[3].start, 77U);
}

TEST(FirstRegions, EachRangeIsCutIntoPiecesOfAboutTheSize) {
    const auto layout = layout_of({{0, 0x10000}, {0x100000, 0x102000}, {0x200000, 0x201000}});
    std::array<ds_region, 32> out{};
    const auto nr = ds_layout_regions(&layout, 0x2000, 0x1000, out.data(), 32);
    ASSERT_EQ(nr, 10U);
    EXPECT_EQ(borders(out.data() + 7, 3),
              (Borders{{0xe000, 0x10000}, {0x100000, 0x102000}, {0x200000, 0x201000}}));
}

TEST(FirstRegions, LittleRoomMakesLargerPiecesAndForgetsNoRange) {
    const auto layout = layout_of({{0, 0x10000}, {0x100000, 0x110000}, {0x200000, 0x210000}});
    for (std::uint32_t capacity = 3; capacity < 40; capacity++) {
        std::vector<ds_region> out(capacity + 1);
        out[capacity].start = 77;
        const auto nr = ds_layout_regions(&layout, 1, 0x1000, out.data(), capacity);
        ASSERT_LE(nr, capacity);
        EXPECT_EQ(out[capacity].start, 77U);
        std::uint64_t bytes = 0;
        for (std::uint32_t i = 0; i < nr; i++) bytes += ds_region_size(&out[i]);
        EXPECT_EQ(bytes, ds_layout_bytes(&layout));
        EXPECT_EQ(out[nr - 1].end, 0x210000U);
    }
}

class Adopt : public testing::Test {
  protected:
    Borders adopt(const Borders& ranges) {
        const auto layout = layout_of(ranges);
        out.assign(old.size() + DS_LAYOUT_ADDED + 1, ds_region{});
        out.back().start = 77;
        const auto nr = ds_layout_adopt(&layout, old.data(), static_cast<std::uint32_t>(old.size()),
                                        out.data());
        EXPECT_LE(nr, old.size() + DS_LAYOUT_ADDED);
        EXPECT_EQ(out.back().start, 77U);
        return borders(out.data(), nr);
    }
    std::vector<ds_region> old = regions_of(
        {{10, 20}, {20, 30}, {50, 55}, {55, 57}, {57, 59}, {70, 80}, {80, 90}, {90, 100}});
    std::vector<ds_region> out;
};

TEST_F(Adopt, RangesGrowAndShrink) {
    EXPECT_EQ(adopt({{5, 27}, {45, 55}, {73, 104}}),
              (Borders{{5, 20}, {20, 27}, {45, 55}, {73, 80}, {80, 90}, {90, 104}}));
}

TEST_F(Adopt, TheMiddleRangeShrinksIntoOneRegion) {
    EXPECT_EQ(adopt({{5, 27}, {56, 57}, {65, 104}}),
              (Borders{{5, 20}, {20, 27}, {56, 57}, {65, 80}, {80, 90}, {90, 104}}));
}

TEST_F(Adopt, TheMiddleRangeMovesAway) {
    EXPECT_EQ(adopt({{5, 27}, {61, 63}, {65, 104}}),
              (Borders{{5, 20}, {20, 27}, {61, 63}, {65, 80}, {80, 90}, {90, 104}}));
}

TEST_F(Adopt, AllThreeRangesMoveAway) {
    EXPECT_EQ(adopt({{5, 7}, {30, 32}, {65, 68}}), (Borders{{5, 7}, {30, 32}, {65, 68}}));
}

TEST_F(Adopt, TheSameLayoutChangesNothing) {
    for (auto& region : old) {
        region.age = 9;
        region.nr_accesses = 4;
        region.sampled = 20;
        region.accessed = 4;
    }
    EXPECT_EQ(adopt({{10, 30}, {50, 59}, {70, 100}}), borders(old));
    for (std::size_t i = 0; i < old.size(); i++) {
        EXPECT_EQ(out[i].age, 9U);
        EXPECT_EQ(out[i].nr_accesses, 4U);
        EXPECT_EQ(out[i].sampled, 20U);
    }
}

TEST_F(Adopt, AFormerGapInsideARangeGetsARegionOfItsOwn) {
    EXPECT_EQ(adopt({{10, 59}, {70, 100}, {200, 210}}), (Borders{{10, 20},
                                                                 {20, 30},
                                                                 {30, 50},
                                                                 {50, 55},
                                                                 {55, 57},
                                                                 {57, 59},
                                                                 {70, 80},
                                                                 {80, 90},
                                                                 {90, 100},
                                                                 {200, 210}}));
}

TEST_F(Adopt, ARegionThatReachesIntoTwoRangesIsInBoth) {
    old = regions_of({{0, 100}});
    old[0].age = 3;
    EXPECT_EQ(adopt({{0, 10}, {40, 50}, {90, 100}}), (Borders{{0, 10}, {40, 50}, {90, 100}}));
    for (int i = 0; i < 3; i++) EXPECT_EQ(out[static_cast<std::size_t>(i)].age, 3U);
}

TEST_F(Adopt, NothingMappedLeavesNoRegion) {
    EXPECT_EQ(adopt({}), (Borders{}));
}

TEST_F(Adopt, WithoutOldRegionsEachRangeIsOneRegion) {
    old.clear();
    EXPECT_EQ(adopt({{1, 2}, {5, 9}}), (Borders{{1, 2}, {5, 9}}));
}

TEST_F(Adopt, AStretchedRegionIsNoLongerKnownAndYounger) {
    old = regions_of({{100, 200}});
    old[0].age = 40;
    old[0].nr_accesses = old[0].last_nr_accesses = 20;
    old[0].sampled = 20;
    old[0].accessed = 20;
    old[0].pending = DS_PENDING_OLD;
    EXPECT_EQ(adopt({{100, 400}}), (Borders{{100, 400}}));
    EXPECT_FALSE(ds_region_known(&out[0]));
    EXPECT_EQ(out[0].age, 13U);
    EXPECT_EQ(out[0].last_nr_accesses, 6U);
    EXPECT_EQ(out[0].pending, static_cast<__u32>(DS_PENDING_NONE));
}

TEST_F(Adopt, ARegionCutShorterForgetsTheSampleThatMayLieOutside) {
    old = regions_of({{100, 200}});
    old[0].age = 40;
    old[0].sampled = 20;
    old[0].pending = DS_PENDING_OLD;
    old[0].sample = 190;
    EXPECT_EQ(adopt({{100, 150}}), (Borders{{100, 150}}));
    EXPECT_EQ(out[0].age, 40U);
    EXPECT_EQ(out[0].sampled, 20U);
    EXPECT_EQ(out[0].pending, static_cast<__u32>(DS_PENDING_NONE));
}

}  // namespace
}  // namespace damon_schemes::core

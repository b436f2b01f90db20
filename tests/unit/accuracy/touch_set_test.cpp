// SPDX-License-Identifier: MIT
#include "benchmarks/accuracy/touch_set.h"

#include <gtest/gtest.h>

#include <set>

namespace damon_schemes::accuracy {
namespace {

Access spots(std::uint64_t number, Bytes size, std::uint64_t seed) {
    Access access;
    access.spots = Spots{number, size, seed};
    return access;
}

TEST(TouchSet, GoesOverEachPageOfThePartOnce) {
    Access access;
    access.from = {250'000};
    access.to = {500'000};
    const TouchSet set(access, mebibytes(1), 1);
    ASSERT_EQ(set.touches(), 64U);
    for (std::uint64_t i = 0; i < 64; ++i) EXPECT_EQ(set.offset(i), (64 + i) * page_bytes);
    EXPECT_EQ(set.ranges(), (std::vector<AddressRange>{{256 << 10, 512 << 10}}));
}

TEST(TouchSet, AStrideLeavesPagesOutOrTouchesThemOften) {
    Access access;
    access.stride = kibibytes(64);
    const TouchSet wide(access, mebibytes(1), 1);
    ASSERT_EQ(wide.touches(), 16U);
    EXPECT_EQ(wide.offset(15), 15U * 64 << 10);
    access.stride = Bytes{512};
    const TouchSet narrow(access, mebibytes(1), 1);
    ASSERT_EQ(narrow.touches(), 2048U);
    EXPECT_EQ(narrow.offset(9), 9 * 512U);
}

TEST(TouchSet, SpotsAreDisjointWithinThePartAndWhereTheSeedsSay) {
    Access access = spots(40, kibibytes(64), 11);
    access.from = {500'000};
    const auto ranges = TouchSet(access, mebibytes(64), 1).ranges();
    std::uint64_t bytes = 0, behind = 32 << 20;
    for (const AddressRange& range : ranges) {
        EXPECT_GE(range.start, behind);
        EXPECT_EQ(range.start % page_bytes, 0U);
        bytes += range.size().count;
        behind = range.end;
    }
    EXPECT_LE(behind, 64U << 20);
    EXPECT_EQ(bytes, 40U * 64 << 10);
    EXPECT_EQ(TouchSet(access, mebibytes(64), 1).ranges(), ranges);
    EXPECT_NE(TouchSet(access, mebibytes(64), 2).ranges(), ranges) << "the run's seed";
    access.spots->seed = 12;
    EXPECT_NE(TouchSet(access, mebibytes(64), 1).ranges(), ranges) << "the file's seed";
}

TEST(TouchSet, EveryTouchOfSpotsLiesInOne) {
    const TouchSet set(spots(7, kibibytes(12), 3), mebibytes(1), 5);
    const auto ranges = set.ranges();
    std::set<std::uint64_t> offsets;
    for (std::uint64_t i = 0; i < set.touches(); ++i) {
        const std::uint64_t offset = set.offset(i);
        offsets.insert(offset);
        bool within = false;
        for (const AddressRange& range : ranges)
            within = within || (offset >= range.start && offset < range.end);
        EXPECT_TRUE(within) << offset;
    }
    EXPECT_EQ(offsets.size(), 21U);
}

TEST(TouchSet, SpotsFillAnAreaThatHasNoRoomBetweenThem) {
    const TouchSet set(spots(4, kibibytes(256), 3), mebibytes(1), 5);
    EXPECT_EQ(set.ranges(), (std::vector<AddressRange>{{0, 1 << 20}}));
}

}  // namespace
}  // namespace damon_schemes::accuracy

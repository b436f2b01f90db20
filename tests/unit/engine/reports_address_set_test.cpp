// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <bitset>

#include "engine/reports/address_set.h"

namespace damon_schemes {
namespace {

using testing::ElementsAre;

AddressSet set_of(std::initializer_list<AddressRange> ranges) {
    AddressSet set;
    for (const AddressRange& range : ranges) set.add(range);
    return set;
}

TEST(AddressSet, JoinsWhatTouchesAndOverlaps) {
    EXPECT_THAT(set_of({{10, 20}, {30, 40}, {20, 25}, {5, 6}, {24, 31}}).ranges(),
                ElementsAre(AddressRange{5, 6}, AddressRange{10, 40}));
    EXPECT_EQ(set_of({{10, 20}, {15, 18}}).size(), Bytes{10});
    EXPECT_TRUE(set_of({{10, 10}}).empty());
}

TEST(AddressSet, CutsAndRemoves) {
    AddressSet set = set_of({{0, 10}, {20, 30}, {40, 50}});
    EXPECT_THAT(set.cut_to(set_of({{5, 25}, {45, 60}})).ranges(),
                ElementsAre(AddressRange{5, 10}, AddressRange{20, 25}, AddressRange{45, 50}));
    set.remove({5, 45});
    EXPECT_THAT(set.ranges(), ElementsAre(AddressRange{0, 5}, AddressRange{45, 50}));
}

TEST(AddressSet, AgreesWithASetOfSingleAddresses) {
    rc::check([] {
        AddressSet set;
        std::bitset<64> plain;
        const int steps = *rc::gen::inRange(1, 40);
        for (int i = 0; i < steps; ++i) {
            const auto start = *rc::gen::inRange<std::uint64_t>(0, 60);
            const auto end = start + *rc::gen::inRange<std::uint64_t>(0, 64 - start);
            const bool add = *rc::gen::inRange(0, 4) != 0;
            if (add)
                set.add({start, end});
            else
                set.remove({start, end});
            for (std::uint64_t at = start; at < end; ++at) plain[at] = add;
        }
        std::bitset<64> found;
        for (std::size_t i = 0; i < set.ranges().size(); ++i) {
            const AddressRange range = set.ranges()[i];
            RC_ASSERT(!range.empty());
            if (i != 0) RC_ASSERT(set.ranges()[i - 1].end < range.start);
            for (std::uint64_t at = range.start; at < range.end; ++at) found[at] = true;
        }
        RC_ASSERT(found == plain);
    });
}

TEST(AddressSet, ClosesItsSmallestHolesWhenThereAreTooMany) {
    AddressSet set(8);
    for (std::uint64_t i = 0; i < 1000; ++i) set.add({i * 100, i * 100 + 90});
    set.add({1'000'000, 1'000'010});
    EXPECT_LE(set.ranges().size(), 17U);
    EXPECT_EQ(set.ranges().front().start, 0U);
    EXPECT_EQ(set.ranges().back(), (AddressRange{1'000'000, 1'000'010}));
}

}  // namespace
}  // namespace damon_schemes

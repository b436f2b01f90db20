// SPDX-License-Identifier: MIT
#include "schemes/range_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bitset>
#include <random>

namespace damon_schemes {
namespace {

using ::testing::ElementsAre;

TEST(RangeSet, JoinsWhatTouches) {
    RangeSet set;
    set.add({4, 8});
    set.add({0, 2});
    EXPECT_THAT(set.ranges(), ElementsAre(AddressRange{0, 2}, AddressRange{4, 8}));
    set.add({2, 4});
    EXPECT_THAT(set.ranges(), ElementsAre(AddressRange{0, 8}));
    set.remove({3, 5});
    EXPECT_THAT(set.ranges(), ElementsAre(AddressRange{0, 3}, AddressRange{5, 8}));
}

TEST(RangeSet, AgreesWithASetOfSingleAddresses) {
    constexpr std::size_t space = 64;
    using Bits = std::bitset<space>;
    std::mt19937_64 random(1);
    const auto bits_of = [](const RangeSet& set) {
        Bits bits;
        for (const AddressRange range : set.ranges())
            for (std::uint64_t i = range.start; i < range.end; ++i) bits.set(i);
        return bits;
    };
    const auto any_range = [&] {
        const std::uint64_t start = random() % space;
        return AddressRange{start, start + random() % (space - start + 1)};
    };
    for (int round = 0; round < 500; ++round) {
        RangeSet a, b;
        Bits in_a, in_b;
        for (int step = 0; step < 12; ++step) {
            const AddressRange range = any_range();
            RangeSet& set = step % 2 == 0 ? a : b;
            Bits& bits = step % 2 == 0 ? in_a : in_b;
            const bool add = random() % 3 != 0;
            add ? set.add(range) : set.remove(range);
            for (std::uint64_t i = range.start; i < range.end; ++i) bits.set(i, add);
        }
        ASSERT_EQ(bits_of(a), in_a);
        ASSERT_EQ(a.size().count, in_a.count());
        ASSERT_EQ(bits_of(a.within(b)), in_a & in_b);
        ASSERT_EQ(bits_of(a.without(b)), in_a & ~in_b);
        for (std::size_t i = 1; i < a.ranges().size(); ++i)
            ASSERT_LT(a.ranges()[i - 1].end, a.ranges()[i].start);
    }
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include "schemes/decide/returned_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tests/unit/schemes/observed.h"

namespace damon_schemes {
namespace {

using namespace observed;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<AddressRange> look(ReturnedMemory& memory, const std::vector<Region>& regions) {
    std::vector<AddressRange> returned;
    memory.begin();
    for (const Region& region : regions)
        memory.look(region, [&](AddressRange range) { returned.push_back(range); });
    memory.finish();
    return returned;
}

Region sparse(std::uint64_t first_mib, std::uint64_t end_mib, std::uint32_t absent) {
    Region region = cold(first_mib, end_mib);
    region.absent = absent;
    return region;
}

TEST(ReturnedMemory, IsWhatWasGoneAndIsThere) {
    ReturnedMemory memory;
    EXPECT_THAT(look(memory, {cold(0, 4), absent(4, 8), absent(8, 12)}), IsEmpty());
    EXPECT_THAT(look(memory, {cold(0, 4), absent(4, 8), cold(8, 12)}), ElementsAre(mibs(8, 12)));
    EXPECT_THAT(look(memory, {cold(0, 4), hot(4, 8), cold(8, 12)}), ElementsAre(mibs(4, 8)));
    EXPECT_THAT(look(memory, {cold(0, 4), hot(4, 8), cold(8, 12)}), IsEmpty()) << "said once";
}

TEST(ReturnedMemory, IsTheMemorysNotTheRegions) {
    ReturnedMemory memory;
    look(memory, {cold(0, 4), absent(4, 8), absent(8, 12), cold(12, 16)});
    EXPECT_THAT(look(memory, {cold(0, 6), absent(6, 7), hot(7, 9), absent(9, 10), cold(10, 16)}),
                ElementsAre(mibs(4, 6), mibs(7, 8), mibs(8, 9), mibs(10, 12)));
}

TEST(ReturnedMemory, IsToldAsSoonAsItIsMoreThanWhatLooksMayHaveMissed) {
    // A page in four of 20 looks: 7 would hardly have missed it, 20 not by any means.
    ReturnedMemory memory;
    Region few = absent(0, 8);
    few.sampled = few.absent = 7;
    look(memory, {few});
    EXPECT_THAT(look(memory, {sparse(0, 8, 15)}), IsEmpty());
    EXPECT_THAT(look(memory, {sparse(0, 8, 15)}), IsEmpty()) << "it is there already";
    look(memory, {absent(0, 8)});
    look(memory, {absent(0, 8)});
    EXPECT_THAT(look(memory, {sparse(0, 8, 15)}), ElementsAre(mibs(0, 8)));
}

TEST(ReturnedMemory, IsNotWhatIsSparseForLong) {
    // One page in four, at random; it happens that ten looks find none.
    std::mt19937 random(42);
    ReturnedMemory memory;
    int returns = 0;
    int gone = 0;
    for (int i = 0; i < 10'000; ++i) {
        Region region = absent(0, 8);
        region.sampled = 10;
        region.absent = std::binomial_distribution<std::uint32_t>(10, 0.75)(random);
        gone += region.nothing_present() ? 1 : 0;
        returns += look(memory, {region}).empty() ? 0 : 1;
    }
    EXPECT_GT(gone, 400);
    EXPECT_LT(returns, 50);
}

TEST(ReturnedMemory, StaysGoneWhileNothingIsTold) {
    ReturnedMemory memory;
    look(memory, {absent(0, 8)});
    EXPECT_THAT(look(memory, {unknown(0, 4), unknown(4, 8)}), IsEmpty());
    EXPECT_THAT(look(memory, {cold(0, 8)}), ElementsAre(mibs(0, 4), mibs(4, 8)));
}

TEST(ReturnedMemory, IsNotWhatWasNeverGone) {
    ReturnedMemory memory;
    EXPECT_THAT(look(memory, {sparse(0, 8, 19), unknown(8, 16)}), IsEmpty());
    EXPECT_THAT(look(memory, {cold(0, 8), cold(8, 16)}), IsEmpty());
    look(memory, {absent(0, 8)});
    memory.clear();
    EXPECT_THAT(look(memory, {cold(0, 8)}), IsEmpty());
}

TEST(ReturnedMemory, IsForgottenWhereNothingIsMappedAnyMore) {
    ReturnedMemory memory;
    look(memory, {absent(0, 8)});
    EXPECT_THAT(look(memory, {cold(0, 4)}), ElementsAre(mibs(0, 4)));
    EXPECT_THAT(look(memory, {cold(0, 8)}), IsEmpty());
}

}  // namespace
}  // namespace damon_schemes

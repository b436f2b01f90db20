// SPDX-License-Identifier: MIT
// Searches over a simulated machine: what its processor's caches hide, and that hot spots are found
// however large the address space.
#include <gtest/gtest.h>

#include <algorithm>

#include "benchmarks/accuracy/scale/simulated_monitor.h"

namespace damon_schemes::scale {
namespace {

constexpr std::uint64_t page = 4096, mib = 1 << 20, gib = 1 << 30;
constexpr std::uint64_t base = 0x100000000000;

TEST(AddressSpace, AnAccessSetsTheBitsOfAllLevels) {
    AddressSpace space(base, base + 4 * gib);
    space.access(base + 3 * gib + 5 * page);
    for (unsigned level = 0; level < levels; ++level) {
        EXPECT_TRUE(space.accessed(level, base + 3 * gib + 5 * page));
        EXPECT_FALSE(space.accessed(level, base));
    }
}

TEST(AddressSpace, ATranslationThatIsRememberedHidesAccesses) {
    AddressSpace space(base, base + gib);
    space.access(base);
    space.set_accessed(0, base, false);
    space.access(base);
    EXPECT_FALSE(space.accessed(0, base));
    space.flush_page(base);
    space.access(base);
    EXPECT_TRUE(space.accessed(0, base));
}

TEST(AddressSpace, AnUpperEntryThatIsRememberedHidesWalks) {
    AddressSpace space(base, base + gib);
    space.access(base);
    space.set_accessed(1, base, false);
    space.access(base + page);
    EXPECT_TRUE(space.accessed(0, base + page));
    EXPECT_FALSE(space.accessed(1, base)) << "the walk began below the entry";
    space.flush_all();
    space.access(base + page);
    EXPECT_TRUE(space.accessed(1, base));
}

TEST(AddressSpace, FlushingAPageForgetsUpperEntriesButNoOtherPage) {
    AddressSpace space(base, base + gib);
    space.access(base);
    space.access(base + page);
    space.set_accessed(1, base, false);
    space.flush_page(base);
    space.access(base + page);
    EXPECT_FALSE(space.accessed(1, base)) << "its translation was remembered: no walk";
    space.access(base);
    EXPECT_TRUE(space.accessed(1, base));
}

TEST(AddressSpace, CachesHoldNoMoreThanTheyDo) {
    AddressSpace space(base, base + gib);
    for (std::uint64_t i = 0; i < 100'000; ++i) space.access(base + i * page);
    space.set_accessed(0, base, false);
    space.access(base);
    EXPECT_TRUE(space.accessed(0, base)) << "100,000 pages later it is still remembered";
}

// 16 spots of 2 MiB, each used all the time, somewhere in the space.
class HotSpots : public testing::TestWithParam<std::uint64_t> {
  protected:
    static constexpr std::uint64_t spot = 2 * mib, spots = 16;
    static constexpr unsigned passes = 40;

    explicit HotSpots(std::uint64_t size = GetParam() * gib) : size_(size) {
        ds_random_seed(&random_, 7);
        for (std::uint64_t i = 0; i < spots; ++i)
            starts_.push_back(base + size / spots * i +
                              ds_random_below(&random_, (size / spots - spot) / page) * page);
    }

    std::uint64_t found(std::span<const ds_region> regions) const {
        std::uint64_t bytes = 0;
        for (const ds_region& region : regions)
            for (const std::uint64_t start : starts_) {
                const auto from = std::max<std::uint64_t>(region.start, start);
                const auto to = std::min<std::uint64_t>(region.end, start + spot);
                if (region.accessed != 0 && from < to) bytes += to - from;
            }
        return bytes;
    }

    // The share of what is hot in regions that samples found accessed, after so many intervals.
    double found_after(bool search, unsigned intervals) {
        AddressSpace space(base, base + size_);
        SimulatedMonitor monitor(space,
                                 {.min_regions = 10,
                                  .max_regions = 1000,
                                  .max_nr_accesses = passes,
                                  .min_region_size = page,
                                  .search = search},
                                 1);
        for (unsigned interval = 0; interval < intervals;) {
            if (monitor.pass()) {
                ++interval;
                continue;
            }
            for (int i = 0; i < 20'000; ++i)
                space.access(starts_[ds_random_below(&random_, spots)] +
                             ds_random_below(&random_, spot));
        }
        return static_cast<double>(found(monitor.regions())) / static_cast<double>(spots * spot);
    }

    std::uint64_t size_;
    ds_random random_{};
    std::vector<std::uint64_t> starts_;
};

TEST_P(HotSpots, AreFoundHoweverLargeTheAddressSpace) {
    EXPECT_GE(found_after(true, 20), 0.9);
}

INSTANTIATE_TEST_SUITE_P(Sizes, HotSpots, testing::Values(1, 10, 100, 1024),
                         [](const auto& size) { return std::to_string(size.param) + "GiB"; });

// Why there are searches: else the test above would show nothing.
class HotSpotsWithoutSearch : public HotSpots {};

TEST_P(HotSpotsWithoutSearch, AreLostInALargeAddressSpace) {
    EXPECT_LE(found_after(false, 20), 0.5);
}

INSTANTIATE_TEST_SUITE_P(Sizes, HotSpotsWithoutSearch, testing::Values(100, 1024),
                         [](const auto& size) { return std::to_string(size.param) + "GiB"; });

}  // namespace
}  // namespace damon_schemes::scale

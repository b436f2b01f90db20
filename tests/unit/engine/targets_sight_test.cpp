// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "engine/targets/sight.h"

namespace damon_schemes {
namespace {

constexpr AddressRange area{0x400000, 0x800000};
constexpr TargetId canary{7};

Region region(std::uint64_t start, std::uint64_t end, std::uint32_t sampled,
              std::uint32_t accessed) {
    Region made;
    made.range = {start, end};
    made.sampled = sampled;
    made.accessed = accessed;
    return made;
}

Snapshot snapshot_of(TargetId target, std::vector<Region> regions) {
    Snapshot snapshot;
    TargetSnapshot seen;
    seen.id = target;
    seen.regions = std::move(regions);
    snapshot.targets.push_back(std::move(seen));
    return snapshot;
}

TEST(SightTest, counts_the_regions_within_the_area_only) {
    const Snapshot snapshot = snapshot_of(canary, {
                                                      region(0x100000, 0x400000, 20, 1),
                                                      region(0x400000, 0x500000, 20, 19),
                                                      region(0x500000, 0x800000, 20, 20),
                                                      region(0x800000, 0x900000, 20, 2),
                                                  });
    EXPECT_EQ(sight_of(snapshot, canary, area), (Sight{40, 39}));
}

TEST(SightTest, leaves_out_regions_that_reach_beyond_the_area) {
    const Snapshot snapshot =
        snapshot_of(canary, {region(0x3ff000, 0x500000, 20, 3), region(0x500000, 0x801000, 20, 3)});
    EXPECT_EQ(sight_of(snapshot, canary, area), (Sight{0, 0}));
}

TEST(SightTest, leaves_out_other_targets_and_exited_ones) {
    Snapshot snapshot = snapshot_of(TargetId{8}, {region(0x400000, 0x800000, 20, 20)});
    EXPECT_EQ(sight_of(snapshot, canary, area), Sight{});
    snapshot = snapshot_of(canary, {region(0x400000, 0x800000, 20, 20)});
    snapshot.targets[0].exited = true;
    EXPECT_EQ(sight_of(snapshot, canary, area), Sight{});
}

TEST(SightTest, is_seen_from_nine_tenths_of_the_samples_on) {
    EXPECT_EQ((Sight{1000, 900}).verdict(), SightVerdict::seen);
    EXPECT_EQ((Sight{1000, 899}).verdict(), SightVerdict::not_seen);
    EXPECT_EQ((Sight{100'000'001, 90'000'000}).verdict(), SightVerdict::not_seen);
    EXPECT_EQ((Sight{1000, 0}).verdict(), SightVerdict::not_seen);
}

TEST(SightTest, says_nothing_from_few_samples_however_they_are) {
    EXPECT_EQ((Sight{0, 0}).verdict(), SightVerdict::too_few_samples);
    EXPECT_EQ((Sight{required_samples - 1, required_samples - 1}).verdict(),
              SightVerdict::too_few_samples);
    EXPECT_EQ((Sight{required_samples - 1, 0}).verdict(), SightVerdict::too_few_samples);
    EXPECT_EQ((Sight{required_samples, required_samples}).verdict(), SightVerdict::seen);
}

TEST(SightTest, takes_absent_pages_for_not_seen) {
    Region absent = region(0x400000, 0x800000, 100, 0);
    absent.absent = 100;
    EXPECT_EQ(sight_of(snapshot_of(canary, {absent}), canary, area).verdict(),
              SightVerdict::not_seen);
}

}  // namespace
}  // namespace damon_schemes

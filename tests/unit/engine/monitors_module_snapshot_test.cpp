// SPDX-License-Identifier: MIT
// Snapshots of the module as bytes, also of one that is older or newer than the command.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

#include "engine/monitors/module_monitor.h"
#include "kmod/uapi/damon_schemes.h"

namespace damon_schemes {
namespace {

constexpr std::size_t first_version = offsetof(damon_schemes_snapshot_region, kind);

// One target with a region of each kind, in records of `region_size` bytes.
std::vector<std::byte> snapshot_of(
    const std::vector<std::uint16_t>& kinds,
    std::size_t region_size = sizeof(damon_schemes_snapshot_region)) {
    damon_schemes_snapshot header{};
    damon_schemes_snapshot_target target{};
    header.sequence = 7;
    header.nr_targets = 1;
    header.nr_regions = static_cast<std::uint32_t>(kinds.size());
    header.target_size = sizeof(target);
    header.region_size = static_cast<std::uint16_t>(region_size);
    header.targets_offset = sizeof(header);
    header.regions_offset = sizeof(header) + sizeof(target);
    header.total_bytes = header.regions_offset + kinds.size() * region_size;
    target.id = 3;
    target.nr_regions = header.nr_regions;
    std::vector<std::byte> bytes(header.total_bytes, std::byte{0xff});
    std::memcpy(bytes.data(), &header, sizeof(header));
    std::memcpy(bytes.data() + header.targets_offset, &target, sizeof(target));
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        damon_schemes_snapshot_region region{};
        region.start = i << 20;
        region.end = (i + 1) << 20;
        region.sampled = 20;
        region.accessed = 5;
        region.age = static_cast<std::uint32_t>(i);
        region.kind = kinds[i];
        std::memcpy(bytes.data() + header.regions_offset + i * region_size, &region,
                    std::min(region_size, sizeof(region)));
    }
    return bytes;
}

std::vector<RegionKind> kinds_of(const std::optional<Snapshot>& snapshot) {
    std::vector<RegionKind> kinds;
    if (snapshot)
        for (const Region& region : snapshot->targets.at(0).regions) kinds.push_back(region.kind);
    return kinds;
}

TEST(ModuleSnapshot, SaysOfWhatKindEachRegionIs) {
    const auto snapshot = parse_module_snapshot(snapshot_of(
        {DAMON_SCHEMES_KIND_ANY, DAMON_SCHEMES_KIND_ANONYMOUS, DAMON_SCHEMES_KIND_HEAP,
         DAMON_SCHEMES_KIND_STACK, DAMON_SCHEMES_KIND_FILE, DAMON_SCHEMES_KIND_SHARED}));
    EXPECT_EQ(kinds_of(snapshot),
              (std::vector{RegionKind::any, RegionKind::anonymous, RegionKind::heap,
                           RegionKind::stack, RegionKind::file, RegionKind::shared}));
}

TEST(ModuleSnapshot, AKindOfALaterModuleIsNotToldApart) {
    EXPECT_EQ(kinds_of(parse_module_snapshot(snapshot_of({60}))), (std::vector{RegionKind::any}));
}

TEST(ModuleSnapshot, RecordsOfAnEarlierModuleHaveNoKind) {
    const auto snapshot =
        parse_module_snapshot(snapshot_of({DAMON_SCHEMES_KIND_FILE, 0}, first_version));
    ASSERT_TRUE(snapshot);
    EXPECT_EQ(kinds_of(snapshot), (std::vector{RegionKind::any, RegionKind::any}));
    EXPECT_EQ(snapshot->targets[0].regions[1],
              (Region{{1 << 20, 2 << 20}, 20, 5, 0, 1, false, RegionKind::any}));
}

TEST(ModuleSnapshot, RecordsOfALaterModuleAreTakenAsFarAsTheyAreKnown) {
    EXPECT_EQ(kinds_of(parse_module_snapshot(snapshot_of({DAMON_SCHEMES_KIND_FILE}, 64))),
              (std::vector{RegionKind::file}));
}

TEST(ModuleSnapshot, ShorterRecordsThanTheFirstContradictThemselves) {
    EXPECT_FALSE(parse_module_snapshot(snapshot_of({0}, first_version - 1)));
}

TEST(ModuleSnapshot, ACutOneContradictsItself) {
    auto bytes = snapshot_of({0, 0});
    bytes.pop_back();
    EXPECT_FALSE(parse_module_snapshot(bytes));
}

}  // namespace
}  // namespace damon_schemes

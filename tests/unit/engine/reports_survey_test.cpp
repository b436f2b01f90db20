// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/reports/survey.h"
#include "phase_recording.h"

namespace damon_schemes {
namespace {

using namespace phase_recording;
using testing::ElementsAre;
using testing::HasSubstr;

Survey surveyed(const Recorded& recorded, const ReportSelection& selection = {}) {
    auto result = survey(*recorded.reader(), selection);
    EXPECT_TRUE(result.ok());
    return std::move(*result);
}

std::vector<std::string> names_of(const std::vector<Area>& areas) {
    std::vector<std::string> names;
    for (const Area& area : areas) names.push_back(area.name);
    return names;
}

constexpr std::uint64_t gib = 1ULL << 30;

TEST(Survey, ZonesAreWhatTheTwoLargestGapsLeave) {
    const Survey found = surveyed(phases());
    ASSERT_EQ(found.lives.size(), 2U);
    EXPECT_THAT(names_of(zones_of(found.lives[0])), ElementsAre("heap", "mmap", "stack"));
    EXPECT_THAT(names_of(zones_of(found.lives[1])), ElementsAre("memory"));
    EXPECT_EQ(found.lives[0].unknown.size(), mebibytes(64));
}

TEST(Survey, AreasLeaveOutWhatWasNeverInMemory) {
    const auto areas = areas_of(surveyed(phases()).lives[0]);
    EXPECT_THAT(names_of(areas), ElementsAre("heap", "mmap", "stack"));
    // The unknown end of it is shown, the absent one behind that is not.
    EXPECT_EQ(areas[1].range, (AddressRange{mapped, mapped + 4 * gib + mebibytes(64).count}));
    EXPECT_EQ(areas[1].present, Bytes{4 * gib});
}

TEST(Survey, LargeGapsWithinAZoneCutItAndSmallOnesDoNot) {
    Recorded recorded;
    const std::uint64_t size = mebibytes(16).count;
    recorded.events.emplace_back(snapshot(
        1,
        {seen(1, {region(heap, Bytes{size}, 1), absent(heap + size, Bytes{64 * size}),
                  region(heap + 65 * size, Bytes{size}, 1), absent(heap + 66 * size, kibibytes(8)),
                  region(heap + 66 * size + 8192, kibibytes(8), 1)})}));
    const auto areas = areas_of(surveyed(recorded).lives[0]);
    EXPECT_THAT(names_of(areas), ElementsAre("memory part 1", "memory part 2"));
    EXPECT_EQ(areas[1].range.size(), Bytes{size} + kibibytes(16));
}

TEST(Survey, MappingsNameZonesWhereTheRecordingHasThem) {
    Recorded recorded = phases_with_mappings();
    // Without the heap's regions the order alone would say otherwise.
    ReportSelection selection;
    selection.addresses.start = mapped;
    EXPECT_THAT(names_of(zones_of(surveyed(recorded, selection).lives[0])),
                ElementsAre("mmap", "stack"));
}

TEST(Survey, AnAreaIsAZoneOrAMappingByItsPathItsNameOrAPartOfIt) {
    const Survey found = surveyed(phases_with_mappings());
    const AddressRange library = {mapped + gib, mapped + gib + mebibytes(2).count};
    for (const char* name : {"/usr/lib/libbig.so", "libbig.so", "big"}) {
        const auto area = area_named(found, name);
        ASSERT_TRUE(area.ok()) << name;
        ASSERT_EQ(area->size(), 1U);
        EXPECT_THAT(area->begin()->second.ranges(), ElementsAre(library)) << name;
    }
    const auto zone = area_named(found, "heap");
    ASSERT_TRUE(zone.ok());
    EXPECT_EQ(zone->begin()->second.size(), mebibytes(64));
    const auto none = area_named(found, "nothing");
    ASSERT_FALSE(none.ok());
    EXPECT_THAT(none.error().message, HasSubstr("heap, memory, mmap, stack"));
    EXPECT_THAT(none.error().message, HasSubstr("libbig.so"));
}

TEST(Survey, NewMappingsLieOverOldOnes) {
    Recorded recorded = phases_with_mappings();
    RecordedTarget later = std::get<RecordedTarget>(recorded.events.front());
    later.mappings = {{{mapped + gib, mapped + gib + 4096}, MappingKind::file, "/new.so"}};
    recorded.events.emplace_back(later);
    const Survey found = surveyed(recorded);
    const auto& mappings = found.lives[0].mappings;
    ASSERT_EQ(mappings.size(), 6U);
    EXPECT_EQ(mappings[2].name, "/new.so");
    EXPECT_EQ(mappings[3].name, "/usr/lib/libbig.so");
    EXPECT_EQ(mappings[3].range.start, mapped + gib + 4096);
}

TEST(Survey, AnExecBeginsALifeOfItsOwn) {
    Recorded recorded;
    recorded.events.emplace_back(snapshot(1, {seen(1, {region(heap, mebibytes(1), 1)}, 1)}));
    recorded.events.emplace_back(snapshot(2, {seen(1, {region(mapped, mebibytes(2), 1)}, 2)}));
    const Survey found = surveyed(recorded);
    ASSERT_EQ(found.lives.size(), 2U);
    EXPECT_EQ(found.lives[0].present.size(), mebibytes(1));
    EXPECT_EQ(found.lives[1].present.size(), mebibytes(2));
}

}  // namespace
}  // namespace damon_schemes

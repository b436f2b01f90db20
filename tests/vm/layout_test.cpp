// SPDX-License-Identifier: MIT
// Where regions are: by mappings, soon after these change, and no target without its share.
#include <gtest/gtest.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "session.h"

namespace damon_schemes::vm {
namespace {

constexpr int convergence = 100;

struct Mapped {
    Area area;
    std::uint32_t kind = DAMON_SCHEMES_KIND_ANY;
    bool sampled = true;  // not the kernel's own
};

std::uint32_t kind_of(const std::string& name, bool shared) {
    if (name == "[heap]") return DAMON_SCHEMES_KIND_HEAP;
    if (name == "[stack]") return DAMON_SCHEMES_KIND_STACK;
    if (name.empty() || name.starts_with("[")) return DAMON_SCHEMES_KIND_ANONYMOUS;
    return shared ? DAMON_SCHEMES_KIND_SHARED : DAMON_SCHEMES_KIND_FILE;
}

// As the kernel says it.  Shared files of these tests are all on tmpfs.
std::vector<Mapped> mappings_of(pid_t pid) {
    std::vector<Mapped> result;
    std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
    for (std::string line; std::getline(maps, line);) {
        const auto dash = line.find('-'), space = line.find(' ');
        const auto slash = line.find_first_of("/[");
        const std::string name = slash == std::string::npos ? "" : line.substr(slash);
        Mapped mapped;
        mapped.area.start = std::stoull(line.substr(0, dash), nullptr, 16);
        mapped.area.end = std::stoull(line.substr(dash + 1, space - dash - 1), nullptr, 16);
        mapped.kind = kind_of(name, line[space + 4] == 's');
        mapped.sampled = !name.starts_with("[v");  // vdso, vvar, vsyscall
        result.push_back(mapped);
    }
    return result;
}

// What of the regions does not fit the mappings; empty: they do, to the byte.
std::string misfit(const TargetSnapshot& target, const std::vector<Mapped>& mappings) {
    std::uint64_t mapped_bytes = 0, region_bytes = 0;
    for (const auto& mapped : mappings) {
        const auto bytes = bytes_in(target, mapped.area,
                                    [&](const auto& region) { return region.kind == mapped.kind; });
        const auto expected = mapped.sampled ? mapped.area.bytes() : 0;
        if (bytes != expected)
            return std::to_string(bytes) + " of " + std::to_string(expected) + " bytes of kind " +
                   std::to_string(mapped.kind) + " at " + std::to_string(mapped.area.start);
        mapped_bytes += expected;
    }
    for (const auto& region : target.regions) region_bytes += region.end - region.start;
    if (mapped_bytes != region_bytes)
        return std::to_string(region_bytes) + " bytes in regions, mapped are " +
               std::to_string(mapped_bytes);
    return "";
}

std::uint64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(now.tv_nsec);
}

class Layout : public testing::Test {
  protected:
    void SetUp() override { NEEDS_MODULE(); }
    static damon_schemes_attrs by_mappings() {
        auto attrs = scaled_attrs();
        attrs.flags = DAMON_SCHEMES_ATTR_MAPPINGS;
        return attrs;
    }
    std::uint64_t watch(const Target& target, const damon_schemes_attrs& attrs) {
        std::uint64_t id = 0;
        EXPECT_EQ(session.set(attrs), 0);
        EXPECT_EQ(session.add(target.pid(), &id), 0);
        EXPECT_EQ(session.start(), 0);
        return id;
    }
    testing::AssertionResult comes_to_fit(const Target& target, std::uint64_t id) {
        std::string last;
        if (session.wait_for(convergence, [&](const Snapshot& snapshot) {
                last = misfit(snapshot.of(id), mappings_of(target.pid()));
                return last.empty();
            }))
            return testing::AssertionSuccess();
        return testing::AssertionFailure() << last;
    }
    Session session;
};

TEST_F(Layout, RegionsByMappingsAreWhatIsMappedEachOfItsKind) {
    Target target;
    const auto shared = target.map("shared", 4 * mib, "file:/dev/shm/vm_layout");
    unlink("/dev/shm/vm_layout");
    const auto area = target.map("area", 16 * mib);
    const auto id = watch(target, by_mappings());
    EXPECT_TRUE(comes_to_fit(target, id));
    const auto snapshot = session.next();
    EXPECT_EQ(
        percent_in(snapshot.of(id), shared,
                   [](const auto& region) { return region.kind == DAMON_SCHEMES_KIND_SHARED; }),
        100.0);
    EXPECT_EQ(
        percent_in(snapshot.of(id), area,
                   [](const auto& region) { return region.kind == DAMON_SCHEMES_KIND_ANONYMOUS; }),
        100.0);
}

TEST_F(Layout, RegionsByMappingsFollowWhatChanges) {
    Target target;
    const auto area = target.map("area", 32 * mib);
    const auto id = watch(target, by_mappings());
    ASSERT_TRUE(comes_to_fit(target, id));
    target.ask("unmap area " + std::to_string(8 * mib) + " " + std::to_string(8 * mib));
    target.map("more", 16 * mib, "file:/dev/shm/vm_layout");
    unlink("/dev/shm/vm_layout");
    EXPECT_TRUE(comes_to_fit(target, id));
    target.ask("unmap area 0 " + std::to_string(area.bytes()));
    EXPECT_TRUE(comes_to_fit(target, id));
    target.exec();
    EXPECT_TRUE(comes_to_fit(target, id));
}

TEST_F(Layout, AHoleInTheMiddleLeavesTheAgesOfTheRest) {
    Target target;
    const auto area = target.map("area", 64 * mib);
    const auto id = watch(target, by_mappings());
    const auto old = [](const auto& region) { return idle(region) && region.age >= 8; };
    ASSERT_TRUE(session.wait_for(convergence, [&](const Snapshot& snapshot) {
        return percent_in(snapshot.of(id), area, old) >= 90;
    }));
    target.ask("unmap area " + std::to_string(24 * mib) + " " + std::to_string(16 * mib));
    const Area hole{area.start + 24 * mib, area.start + 40 * mib};
    Snapshot last;
    // Begun anew, the rest would not be as old yet.
    ASSERT_TRUE(session.wait_for(6, [&](const Snapshot& snapshot) {
        last = snapshot;
        return bytes_in(snapshot.of(id), hole, [](const auto&) { return true; }) == 0;
    }));
    EXPECT_GE(percent_in(last.of(id), {area.start, hole.start}, old), 85);
    EXPECT_GE(percent_in(last.of(id), {hole.end, area.end}, old), 85);
}

TEST_F(Layout, GapsAndMappingsTakeTurnsAndNoAgeIsLost) {
    Target target;
    const auto area = target.map("area", 64 * mib);
    auto attrs = by_mappings();
    const auto id = watch(target, attrs);
    std::uint32_t age = 6;
    for (int turn = 0; turn < 4; turn++, age++) {
        const bool by_kind = (attrs.flags & DAMON_SCHEMES_ATTR_MAPPINGS) != 0;
        ASSERT_TRUE(session.wait_for(convergence, [&](const Snapshot& snapshot) {
            const auto fits = [&](const auto& region) {
                return idle(region) && region.age >= age &&
                       (region.kind == DAMON_SCHEMES_KIND_ANONYMOUS) == by_kind;
            };
            return percent_in(snapshot.of(id), area, fits) >= 80;
        })) << turn;
        attrs.flags ^= DAMON_SCHEMES_ATTR_MAPPINGS;
        ASSERT_EQ(session.set(attrs), 0);
    }
}

TEST_F(Layout, FewRegionsLeaveNoMappingOut) {
    Target target;
    for (int i = 0; i < 12; i++) {
        const auto name = std::to_string(i);
        target.map(name, mib, i % 2 ? "base" : "file:/dev/shm/vm_layout" + name);
        unlink(("/dev/shm/vm_layout" + name).c_str());
    }
    auto attrs = by_mappings();
    attrs.min_regions = 3;
    attrs.max_regions = 24;  // six runs
    const auto id = watch(target, attrs);
    const auto mappings = mappings_of(target.pid());
    EXPECT_TRUE(session.wait_for(10, [&](const Snapshot& snapshot) {
        return std::all_of(mappings.begin(), mappings.end(), [&](const Mapped& mapped) {
            return !mapped.sampled ||
                   bytes_in(snapshot.of(id), mapped.area, [&](const auto& region) {
                       return region.kind == mapped.kind || region.kind == DAMON_SCHEMES_KIND_ANY;
                   }) == mapped.area.bytes();
        });
    }));
    EXPECT_TRUE(session.wait_for(10, [&](const Snapshot& snapshot) {
        return snapshot.of(id).regions.size() > 6;  // split all the same
    }));
}

// However long the update interval is, in the snapshot of the first whole interval after it.
TEST_F(Layout, ANewMappingIsSeenWithinTwoIntervals) {
    for (const std::uint32_t flags :
         {0U, static_cast<std::uint32_t>(DAMON_SCHEMES_ATTR_MAPPINGS)}) {
        Target target;
        Session own;
        auto attrs = scaled_attrs();
        attrs.update_interval_us = 3600ULL * 1'000'000;
        attrs.flags = flags;
        std::uint64_t id = 0;
        ASSERT_EQ(own.set(attrs), 0);
        ASSERT_EQ(own.add(target.pid(), &id), 0);
        ASSERT_EQ(own.start(), 0);
        for (int i = 0; i < 3; i++) own.next();
        // Above or below all that is there, whatever the gaps are.
        const auto before = own.stats().updates;
        const auto late = target.map("late", 64 * mib);
        const auto mapped_at = now_ns();
        ASSERT_TRUE(own.wait_for(10, [&](const Snapshot& snapshot) {
            if (snapshot.header.time_ns < mapped_at + snapshot.header.duration_ns) return false;
            EXPECT_EQ(bytes_in(snapshot.of(id), late, [](const auto&) { return true; }),
                      late.bytes());
            return true;
        }));
        EXPECT_LE(own.stats().updates, before + 3) << "looked at all the time";
        const auto quiet = own.stats().updates;
        for (int i = 0; i < 10; i++) own.next();
        EXPECT_EQ(own.stats().updates, quiet) << "looked although nothing had changed";
    }
}

// The look is dear for a program that maps all the time, so it is taken ever more seldom.
TEST_F(Layout, AStormIsLookedAtEverMoreSeldom) {
    Target target;
    target.map("area", 8 * mib);
    auto attrs = scaled_attrs();
    attrs.sampling_interval_us = 2'000;
    attrs.aggregation_interval_us = 20'000;
    attrs.update_interval_us = 3600ULL * 1'000'000;
    target.ask("storm 16");
    const auto id = watch(target, attrs);
    ASSERT_TRUE(session.wait_for(convergence,
                                 [&](const Snapshot& s) { return !s.of(id).regions.empty(); }));
    const auto before = session.stats();
    ASSERT_TRUE(session.wait_for(10 * convergence, [&](const Snapshot& snapshot) {
        return snapshot.header.sequence >= before.snapshots + 200;
    }));
    const auto after = session.stats();
    const auto looks =
        after.updates + after.updates_missed - before.updates - before.updates_missed;
    EXPECT_GE(looks, 1U);
    EXPECT_LE(looks, (after.snapshots - before.snapshots) / 8);
}

TEST_F(Layout, TargetsThatComeLaterGetTheirShareOfTheRegions) {
    Target first;
    const auto area = first.map("area", 64 * mib);
    auto attrs = scaled_attrs();
    attrs.min_regions = 1000;
    attrs.max_regions = 1000;
    const auto id = watch(first, attrs);
    ASSERT_TRUE(session.wait_for(10, [&](const Snapshot& snapshot) {
        return snapshot.of(id).regions.size() >= 900;
    })) << describe(session.next().of(id), area);
    std::vector<std::unique_ptr<Target>> others;
    std::vector<std::uint64_t> ids{id};
    for (int i = 0; i < 9; i++) {
        others.push_back(std::make_unique<Target>());
        others.back()->map("area", 16 * mib);
        ASSERT_EQ(session.add(others.back()->pid(), &ids.emplace_back()), 0);
    }
    // An equal share is 100, and three is what there was room for before.  What each has goes by
    // its size, which has holes in it here, and up and down as regions are split and merged.
    std::string counts;
    EXPECT_TRUE(session.wait_for(convergence, [&](const Snapshot& snapshot) {
        counts.clear();
        for (const auto each : ids)
            counts += std::to_string(snapshot.of(each).regions.size()) + " ";
        return std::all_of(ids.begin(), ids.end(), [&](std::uint64_t each) {
            return snapshot.of(each).regions.size() >= 12;
        });
    })) << counts;
}

}  // namespace
}  // namespace damon_schemes::vm

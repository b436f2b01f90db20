// SPDX-License-Identifier: MIT
// Whether the module tells hot memory from cold memory.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <string>
#include <vector>

#include "session.h"

namespace damon_schemes::vm {
namespace {

// Snapshots to wait for at most until regions have found what is hot.
constexpr int convergence = 120;

std::uint64_t median(const std::deque<std::uint64_t>& values) {
    auto sorted = values;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
}

// A target with 64 MiB of hot and 256 MiB of cold memory, watched.
class Sight : public testing::Test {
  protected:
    static constexpr std::uint64_t hot_bytes = 64 * mib, cold_bytes = 256 * mib;

    void SetUp() override { NEEDS_MODULE(); }

    void watch(const std::string& kind, std::uint32_t tlb_policy,
               std::uint64_t cold_size = cold_bytes, std::uint32_t min_regions = 10) {
        cold = target.map("cold", cold_size, kind);
        hot = target.map("hot", hot_bytes, kind);
        target.hot("hot");
        auto attrs = scaled_attrs();
        attrs.tlb_policy = tlb_policy;
        attrs.min_regions = min_regions;
        ASSERT_EQ(session.set(attrs), 0);
        ASSERT_EQ(session.add(target.pid(), &id), 0);
        ASSERT_EQ(session.start(), 0);
    }

    // Whether 95 % of each are told right; the medians of five snapshots, because splitting at
    // random puts the border between the two into a large region now and then.
    void expect_told_right() {
        std::deque<std::uint64_t> seen_hot, seen_cold;
        const bool right = session.wait_for(convergence, [&](const Snapshot& snapshot) {
            const auto& watched = snapshot.of(id);
            seen_hot.push_back(bytes_in(watched, hot, accessed));
            seen_cold.push_back(bytes_in(watched, cold, idle));
            if (seen_hot.size() > 5) {
                seen_hot.pop_front();
                seen_cold.pop_front();
            }
            return seen_hot.size() == 5 && median(seen_hot) >= hot_bytes * 95 / 100 &&
                   median(seen_cold) >= cold_bytes * 95 / 100;
        });
        EXPECT_TRUE(right) << "hot bytes reported accessed: " << median(seen_hot) * 100 / hot_bytes
                           << " %, cold bytes reported idle: "
                           << median(seen_cold) * 100 / cold_bytes << " %";
    }

    Target target;
    Session session;
    Area hot, cold;
    std::uint64_t id = 0;
};

// The session's default.
TEST_F(Sight, BasePagesAreToldRight) {
    watch("base", DAMON_SCHEMES_TLB_AUTO);
    expect_told_right();
}

std::uint64_t huge_kib(pid_t pid) {
    std::ifstream rollup("/proc/" + std::to_string(pid) + "/smaps_rollup");
    for (std::string word; rollup >> word;)
        if (word == "AnonHugePages:") {
            std::uint64_t kib = 0;
            rollup >> kib;
            return kib;
        }
    return 0;
}

TEST_F(Sight, HugePagesAreToldRight) {
    watch("huge", DAMON_SCHEMES_TLB_AUTO);
    if (huge_kib(target.pid()) < (hot_bytes + cold_bytes) / 1024 * 9 / 10)
        GTEST_SKIP() << "the kernel gave no huge pages";
    expect_told_right();
}

// Neighbouring regions have their samples in one huge page, whose bit is one for all: what the one
// clears and gives back must not look like an access to the other, or nothing ever grows old.
TEST_F(Sight, IdleHugePagesGrowOld) {
    watch("huge", DAMON_SCHEMES_TLB_AUTO);
    if (huge_kib(target.pid()) < (hot_bytes + cold_bytes) / 1024 * 9 / 10)
        GTEST_SKIP() << "the kernel gave no huge pages";
    const auto old = [](const damon_schemes_snapshot_region& region) {
        return idle(region) && region.age >= 10;
    };
    EXPECT_TRUE(session.wait_for(convergence, [&](const Snapshot& snapshot) {
        return percent_in(snapshot.of(id), cold, old) >= 90;
    })) << "idle huge pages look used now and then";
}

TEST_F(Sight, FlushingSampledPagesMakesThemSeen) {
    watch("base", DAMON_SCHEMES_TLB_PAGE);
    expect_told_right();
}

TEST_F(Sight, FlushingAllOfTheTargetMakesItSeen) {
    watch("base", DAMON_SCHEMES_TLB_FULL);
    expect_told_right();
}

// One pass goes through more tables than it remembers.
TEST_F(Sight, SmallAreasManyGibibytesApartAreToldRight) {
    std::vector<Area> areas;
    for (std::size_t i = 0; i < 12; i++) {
        const std::string name = std::to_string(i);
        areas.push_back(target.map(name, 4 * mib));
        target.map("hole-" + name, 2048 * mib, "none");
        if (i % 2 == 0) target.hot(name);
    }
    auto attrs = scaled_attrs();
    attrs.flags = DAMON_SCHEMES_ATTR_SEARCH;
    ASSERT_EQ(session.set(attrs), 0);
    ASSERT_EQ(session.add(target.pid(), &id), 0);
    ASSERT_EQ(session.start(), 0);
    std::string wrong;
    EXPECT_TRUE(session.wait_for(
        convergence,
        [&](const Snapshot& snapshot) {
            wrong.clear();
            for (std::size_t i = 0; i < areas.size(); i++) {
                const double right =
                    percent_in(snapshot.of(id), areas[i], i % 2 == 0 ? accessed : idle);
                if (right < 90)
                    wrong += " " + std::to_string(i) + ": " + std::to_string(right) + " %";
            }
            return wrong.empty();
        }))
        << "of the areas, even ones hot, is told right:" << wrong;
}

TEST_F(Sight, TheSnapshotNamesThePolicyInForce) {
    watch("base", DAMON_SCHEMES_TLB_FULL);
    EXPECT_EQ(session.next().header.tlb_policy, static_cast<__u32>(DAMON_SCHEMES_TLB_FULL));
    auto attrs = scaled_attrs();
    attrs.tlb_policy = DAMON_SCHEMES_TLB_AUTO;
    ASSERT_EQ(session.set(attrs), 0);
    EXPECT_EQ(session.attrs().tlb_policy, static_cast<__u32>(DAMON_SCHEMES_TLB_AUTO));
    EXPECT_NE(session.stats().tlb_policy, static_cast<__u32>(DAMON_SCHEMES_TLB_AUTO));
    // While it runs the snapshot that waits may be of the time before.
    EXPECT_TRUE(session.wait_for(3, [&](const Snapshot& snapshot) {
        return snapshot.header.tlb_policy == session.stats().tlb_policy;
    }));
}

// Emulation keeps translations until they are flushed: the reason why nothing acts without a proof
// of sight.
TEST_F(Sight, WithoutAFlushEmulationHidesHotMemory) {
    const char* accelerator = std::getenv("LAB_ACCEL");
    if (!accelerator || std::string(accelerator) != "tcg")
        GTEST_SKIP() << "it is no emulated machine (LAB_ACCEL is not tcg)";
    std::string mitigation;
    std::getline(std::ifstream("/sys/devices/system/cpu/vulnerabilities/meltdown"), mitigation);
    if (mitigation.find("PTI") != std::string::npos)
        GTEST_SKIP() << "page-table isolation flushes at each entry of the kernel";
    watch("base", DAMON_SCHEMES_TLB_FULL);
    ASSERT_TRUE(session.wait_for(convergence, [&](const Snapshot& snapshot) {
        return percent_in(snapshot.of(id), hot, accessed) >= 90;
    }));
    auto attrs = scaled_attrs();
    attrs.tlb_policy = DAMON_SCHEMES_TLB_NONE;
    ASSERT_EQ(session.set(attrs), 0);
    EXPECT_TRUE(session.wait_for(convergence, [&](const Snapshot& snapshot) {
        return snapshot.header.tlb_policy == DAMON_SCHEMES_TLB_NONE &&
               percent_in(snapshot.of(id), hot, accessed) <= 10;
    })) << "hot memory is seen without any flush";
}

TEST_F(Sight, ColdMemoryGrowsOldAndStartsAgainWhenItIsUsed) {
    // As large as the hot area, so that one thread gets round it within a sampling interval or two.
    watch("base", DAMON_SCHEMES_TLB_AUTO, 64 * mib);
    const auto old = [](const auto& region) { return idle(region) && region.age >= 12; };
    ASSERT_TRUE(session.wait_for(convergence, [&](const Snapshot& snapshot) {
        return percent_in(snapshot.of(id), cold, old) >= 90;
    })) << "cold memory does not grow old";
    target.cool("hot");
    target.hot("cold");
    EXPECT_TRUE(session.wait_for(convergence, [&](const Snapshot& snapshot) {
        return percent_in(snapshot.of(id), cold, old) <= 5 &&
               percent_in(snapshot.of(id), cold, accessed) >= 90;
    })) << "what is used again stays old";
    EXPECT_TRUE(session.wait_for(convergence, [&](const Snapshot& snapshot) {
        return percent_in(snapshot.of(id), hot, old) >= 90;
    })) << "what cooled does not grow old";
}

// A thread that cannot keep up must not make memory look cold.
TEST_F(Sight, CountsGoWithTheSamplesThatWereReallyTaken) {
    watch("base", DAMON_SCHEMES_TLB_AUTO);
    // So small that all of it is used between two looks, however soon the second comes.
    const Area spot = target.map("spot", 2 * mib, "base");
    target.cool("hot");
    target.hot("spot");
    auto attrs = scaled_attrs();
    attrs.sampling_interval_us = 1000;
    attrs.aggregation_interval_us = 200'000;
    attrs.min_regions = 300;
    ASSERT_EQ(session.set(attrs), 0);
    const auto often = [](const auto& region) {
        return region.sampled > 0 && region.accessed >= region.sampled * 7 / 10;
    };
    std::uint64_t fewer = 0;
    EXPECT_TRUE(session.wait_for(convergence, [&](const Snapshot& snapshot) {
        const auto& watched = snapshot.of(id);
        for (const auto& region : watched.regions)
            fewer += region.sampled < snapshot.header.max_nr_accesses;
        return percent_in(watched, spot, often) >= 90;
    })) << "hot memory looks less than hot";
    EXPECT_GT(fewer, 0U) << "every sample was taken: the test shows nothing";
}

TEST_F(Sight, ChangedAttributesKeepRegionsAndAges) {
    watch("base", DAMON_SCHEMES_TLB_AUTO);
    const auto aged = [](std::uint32_t age) {
        return [age](const auto& region) { return idle(region) && region.age >= age; };
    };
    ASSERT_TRUE(session.wait_for(convergence, [&](const Snapshot& snapshot) {
        return percent_in(snapshot.of(id), cold, aged(15)) >= 85;
    }));
    auto attrs = scaled_attrs();
    attrs.sampling_interval_us /= 2;
    attrs.aggregation_interval_us /= 2;
    ASSERT_EQ(session.set(attrs), 0);
    // The same time is twice as many intervals; from nothing it would take thirty.
    EXPECT_TRUE(session.wait_for(12, [&](const Snapshot& snapshot) {
        return snapshot.header.aggregation_interval_us == attrs.aggregation_interval_us &&
               percent_in(snapshot.of(id), cold, aged(28)) >= 75;
    }));
}

TEST_F(Sight, ALargerMinimumRegionSizeIsKeptToFromThenOn) {
    watch("base", DAMON_SCHEMES_TLB_AUTO, cold_bytes, 100);
    ASSERT_TRUE(session.wait_for(
        convergence, [&](const Snapshot& snapshot) { return snapshot.header.nr_regions > 30; }));
    auto attrs = scaled_attrs();
    attrs.min_region_size = mib;
    ASSERT_EQ(session.set(attrs), 0);
    const auto unaligned = [](const Snapshot& snapshot) {
        std::size_t count = 0;
        for (const auto& watched : snapshot.targets)
            for (const auto& region : watched.regions)
                count += region.start % mib != 0 || region.end % mib != 0;
        return count;
    };
    EXPECT_TRUE(
        session.wait_for(10, [&](const Snapshot& snapshot) { return !unaligned(snapshot); }));
    for (int i = 0; i < 5; i++) EXPECT_EQ(unaligned(session.next()), 0U);
}

TEST_F(Sight, FewerRegionsAreKeptToFromThenOn) {
    watch("base", DAMON_SCHEMES_TLB_AUTO, cold_bytes, 100);
    ASSERT_TRUE(session.wait_for(
        convergence, [&](const Snapshot& snapshot) { return snapshot.header.nr_regions > 30; }));
    auto attrs = scaled_attrs();
    attrs.min_regions = 5;
    attrs.max_regions = 20;
    ASSERT_EQ(session.set(attrs), 0);
    EXPECT_TRUE(session.wait_for(
        3, [&](const Snapshot& snapshot) { return snapshot.header.nr_regions <= 20; }));
    for (int i = 0; i < 5; i++) EXPECT_LE(session.next().header.nr_regions, 20U);
}

}  // namespace
}  // namespace damon_schemes::vm

// SPDX-License-Identifier: MIT
// Whether searches of the page tables find what samples alone hardly would, and leave no trace.
#include <gtest/gtest.h>

#include <algorithm>

#include "session.h"

namespace damon_schemes::vm {
namespace {

// Snapshots to wait for at most.
constexpr int soon = 40;

bool has_hits(const damon_schemes_snapshot_region& region) {
    return (region.search & DAMON_SCHEMES_SEARCH_HIT) != 0;
}

bool is_idle_throughout(const damon_schemes_snapshot_region& region) {
    return (region.search & DAMON_SCHEMES_SEARCH_IDLE) != 0 && region.accessed == 0;
}

// 256 MiB of cold memory, in the middle of which something small is hot.
class Search : public testing::Test {
  protected:
    void SetUp() override { NEEDS_MODULE(); }

    void watch(std::uint64_t hot_bytes, const std::string& kind = "base",
               std::uint32_t flags = DAMON_SCHEMES_ATTR_SEARCH) {
        above = target.map("above", 128 * mib, kind);
        hot = target.map("hot", hot_bytes, kind);
        below = target.map("below", 128 * mib, kind);
        target.hot("hot");
        auto attrs = scaled_attrs();
        attrs.flags = flags;
        ASSERT_EQ(session.set(attrs), 0);
        ASSERT_EQ(session.add(target.pid(), &id), 0);
        ASSERT_EQ(session.start(), 0);
    }
    std::uint64_t cold_bytes_in(const TargetSnapshot& watched,
                                bool (*counts)(const damon_schemes_snapshot_region&)) const {
        return bytes_in(watched, above, counts) + bytes_in(watched, below, counts);
    }
    bool finds_what_is_idle() {
        return session.wait_for(soon, [&](const Snapshot& snapshot) {
            return cold_bytes_in(snapshot.of(id), is_idle_throughout) >= 250 * mib;
        });
    }
    // As all of it was left by who filled it.
    static void expect_young(const std::vector<std::uint8_t>& states) {
        const auto young = std::count_if(states.begin(), states.end(), [](std::uint8_t state) {
            return (state & DAMON_SCHEMES_PAGE_YOUNG) != 0;
        });
        EXPECT_GE(static_cast<std::uint64_t>(young), states.size() * 99 / 100);
    }

    Target target;
    Session session;
    Area above, hot, below;
    std::uint64_t id = 0;
};

TEST_F(Search, ATinyHotSpotIsFoundAndNothingElseIsCalledHot) {
    watch(64 * 1024);
    EXPECT_TRUE(session.wait_for(soon, [&](const Snapshot& snapshot) {
        const auto& watched = snapshot.of(id);
        return percent_in(watched, hot, accessed) == 100 &&
               cold_bytes_in(watched, is_idle_throughout) >= 250 * mib;
    }));
}

TEST_F(Search, WhatIsIdleThroughoutGrowsOldInFewRegions) {
    watch(64 * 1024);
    const auto old = [](const damon_schemes_snapshot_region& region) {
        return idle(region) && region.age >= 20;
    };
    EXPECT_TRUE(session.wait_for(3 * soon, [&](const Snapshot& snapshot) {
        const auto& watched = snapshot.of(id);
        return cold_bytes_in(watched, old) >= 250 * mib && watched.regions.size() <= 60;
    }));
}

TEST_F(Search, WhatTurnsHotIsSeenInTheNextSnapshots) {
    watch(8 * mib);
    ASSERT_TRUE(finds_what_is_idle());
    target.cool("hot");
    ASSERT_TRUE(session.wait_for(soon, [&](const Snapshot& snapshot) {
        return percent_in(snapshot.of(id), hot, is_idle_throughout) == 100;
    })) << "what cooled does not become idle";
    target.hot("hot");
    const auto seen = [](const damon_schemes_snapshot_region& region) {
        return accessed(region) || has_hits(region);
    };
    // The interval in which it turned, and a whole one; and one that waited to be read.
    EXPECT_TRUE(session.wait_for(
        3, [&](const Snapshot& snapshot) { return percent_in(snapshot.of(id), hot, seen) >= 90; }));
}

TEST_F(Search, HugePagesAreToldRight) {
    watch(64 * mib, "huge");
    EXPECT_TRUE(session.wait_for(soon, [&](const Snapshot& snapshot) {
        const auto& watched = snapshot.of(id);
        return percent_in(watched, hot, accessed) >= 95 &&
               cold_bytes_in(watched, idle) >= 250 * mib;
    }));
}

// The kernel's own reclaim reads the bits: what a search has cleared and found idle is set again.
TEST_F(Search, LeavesTheAccessedBitsAsTheyWere) {
    watch(64 * 1024);
    ASSERT_TRUE(finds_what_is_idle());
    const auto before = session.next().of(id).record.generation;
    ASSERT_EQ(session.stop(), 0);
    auto attrs = scaled_attrs();
    attrs.aggregation_interval_us = attrs.update_interval_us = 3'600'000'000;
    ASSERT_EQ(session.set(attrs), 0);
    ASSERT_EQ(session.start(), 0);
    std::vector<std::uint8_t> states;
    ASSERT_EQ(session.scan(id, before, above, false, &states), 0);
    expect_young(states);
}

TEST_F(Search, AScanSeesThePagesWhoseBitsItHasClearedAsTheyWere) {
    watch(64 * 1024);
    ASSERT_TRUE(finds_what_is_idle());
    for (int i = 0; i < 5; i++) {
        const auto generation = session.next().of(id).record.generation;
        std::vector<std::uint8_t> states;
        ASSERT_EQ(session.scan(id, generation, above, false, &states), 0);
        expect_young(states);
    }
}

TEST_F(Search, TurnedOffItLeavesNothingBehind) {
    watch(64 * 1024);
    ASSERT_TRUE(finds_what_is_idle());
    ASSERT_EQ(session.set(scaled_attrs()), 0);
    // One of before may still wait to be read.
    session.next();
    for (int i = 0; i < 3; i++) {
        const auto snapshot = session.next();
        for (const auto& region : snapshot.of(id).regions) EXPECT_EQ(region.search, 0U);
    }
}

TEST_F(Search, WithoutItRegionsSayNothingOfIt) {
    watch(64 * 1024, "base", 0);
    for (int i = 0; i < 5; i++) {
        const auto snapshot = session.next();
        for (const auto& region : snapshot.of(id).regions) EXPECT_EQ(region.search, 0U);
    }
}

}  // namespace
}  // namespace damon_schemes::vm

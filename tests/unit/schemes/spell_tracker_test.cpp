// SPDX-License-Identifier: MIT
#include "schemes/decide/spell_tracker.h"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "tests/unit/schemes/observed.h"

namespace damon_schemes {
namespace {

using namespace observed;

constexpr Duration window = 10s;

// Hands snapshots to a tracker as a scheme does that asks for idle memory alone.
class Watch {
  public:
    void see(const Snapshot& snapshot) {
        tracker_.begin(snapshot);
        for (const TargetSnapshot& target : snapshot.targets) {
            tracker_.begin_target(target.id, target.generation);
            for (const Region& region : target.regions)
                tracker_.look(region, region.known() && region.accessed == 0 ? matching : 0,
                              region.accessed > 0);
        }
        tracker_.finish(spells);
    }
    void see(Duration when, std::vector<Region> regions) {
        see(snapshot(when, std::move(regions)));
    }
    // Of what had been idle for 20 s, so much of it was accessed in the last step; by a window that
    // is as long as the step.  nullopt: less than 1 MiB is known of.
    std::optional<double> ended() const { return spells.share(20s, 1h, {}); }

    double matching = 1;
    IdleSpells spells{interval};

  private:
    SpellTracker tracker_{window};
};

// Of rates: half of what is at stake was accessed within a step.
const double half = 1 - std::exp(-0.5 / 0.75);

TEST(SpellTracker, SeesWhatStaysIdleAndWhatIsAccessed) {
    Watch watch;
    watch.see(0s, {cold(0, 4), cold(4, 8)});
    EXPECT_FALSE(watch.ended());
    watch.see(100ms, {cold(0, 4, 201), cold(4, 8, 201)});
    EXPECT_EQ(watch.ended(), 0.0);

    Watch other;
    other.see(0s, {cold(0, 4), cold(4, 8)});
    other.see(100ms, {cold(0, 4, 201), hot(4, 8, 0)});
    EXPECT_NEAR(*other.ended(), half, 1e-6);
}

TEST(SpellTracker, FollowsMemoryWhateverRegionsItBelongsTo) {
    // Split in three, of which the last is merged with what was hot before.
    Watch watch;
    watch.see(0s, {cold(0, 8), hot(8, 16)});
    watch.see(100ms, {cold(0, 2, 201), hot(2, 4, 0), cold(4, 6, 201), hot(6, 16, 0)});
    EXPECT_NEAR(*watch.ended(), half, 1e-6) << "4 of 8 MiB";

    // Merged; the mean of two ages is where it goes on from.
    Watch merged;
    merged.see(0s, {cold(0, 4, 150), cold(4, 8, 250)});
    merged.see(100ms, {cold(0, 8)});
    EXPECT_FALSE(merged.ended());
    EXPECT_TRUE(merged.spells.share(15s, 1h, {}));
    merged.see(200ms, {cold(0, 8, 201)});
    EXPECT_EQ(merged.ended(), 0.0);
}

TEST(SpellTracker, WhatIsGoneOrUnknownSaysNothing) {
    for (const Region& then : {absent(0, 8), unknown(0, 8)}) {
        Watch watch;
        watch.see(0s, {cold(0, 8)});
        watch.see(100ms, {then});
        EXPECT_FALSE(watch.ended());
        // Not even if it is accessed then: of what is paged out refaults tell.
        watch.see(200ms, {hot(0, 8)});
        EXPECT_FALSE(watch.ended());
    }
}

TEST(SpellTracker, CountsWhatIsInMemory) {
    // Three quarters were not there; and then of what was, half is not.
    Region sparse = cold(0, 8);
    sparse.absent = 15;
    Watch watch;
    watch.see(0s, {sparse, cold(8, 10)});
    watch.see(100ms, {hot(0, 8), cold(8, 10, 201)});
    EXPECT_NEAR(*watch.ended(), half, 1e-6) << "2 MiB accessed, 2 MiB not";

    Region half_gone = cold(0, 8, 201);
    half_gone.absent = 10;
    Watch gone;
    gone.see(0s, {cold(0, 8), cold(8, 12)});
    gone.see(100ms, {half_gone, hot(8, 12)});
    EXPECT_NEAR(*gone.ended(), half, 1e-6) << "4 MiB left";
}

TEST(SpellTracker, CountsWhatMatches) {
    Watch watch;
    watch.matching = 0.25;
    watch.see(0s, {cold(0, 8)});
    watch.matching = 1;
    watch.see(100ms, {cold(0, 8, 201)});
    EXPECT_EQ(watch.ended(), 0.0) << "2 MiB";
    watch.matching = 0.1;
    watch.spells.forget();
    watch.see(200ms, {cold(0, 8, 202)});
    watch.see(300ms, {cold(0, 8, 203)});
    watch.spells.forget();
    watch.see(400ms, {cold(0, 8, 204)});
    EXPECT_FALSE(watch.spells.share(20300ms, 1h, {})) << "0.8 MiB";
}

TEST(SpellTracker, ForgetsAnAddressSpaceThatWasReplacedAndTargetsThatWentAway) {
    for (const bool replaced : {true, false}) {
        Watch watch;
        watch.see(0s, {cold(0, 8)});
        Snapshot next = snapshot(100ms, {cold(0, 8, 201)});
        if (replaced)
            next.targets[0].generation = 2;
        else
            next.targets[0].id = {2};
        watch.see(next);
        EXPECT_FALSE(watch.ended());
    }
}

TEST(SpellTracker, FindsTargetsInAnyOrder) {
    const auto of = [](std::uint64_t id, std::uint32_t age) {
        return target(id, {cold(0, id, age)});
    };
    Watch watch;
    watch.see(snapshot(0s, std::vector{of(1, 200), of(2, 200), of(3, 200)}));
    watch.see(snapshot(100ms, std::vector{of(3, 201), of(4, 201), target(2, {hot(0, 2)}),
                                          target(1, {hot(0, 1)})}));
    EXPECT_NEAR(*watch.ended(), half, 1e-6) << "3 MiB stayed idle, 3 MiB were accessed";
}

TEST(SpellTracker, AGapIsALongerStep) {
    Watch watch;
    watch.see(0s, {cold(0, 8), cold(8, 16)});
    // The second is idle again, but not since then.
    watch.see(1s, {cold(0, 8, 210), cold(8, 16, 2)});
    const double in_a_tenth = 1 - std::exp(-0.5 / 0.75 / 10);
    EXPECT_NEAR(*watch.ended(), in_a_tenth, 1e-6) << "at some time of that second";

    Watch pause;
    pause.see(0s, {cold(0, 8)});
    pause.see(window, {cold(0, 8, 300)});
    EXPECT_FALSE(pause.ended());
    EXPECT_FALSE(pause.spells.share(29s, 1h, {}));
}

TEST(SpellTracker, AgesCountInTheIntervalOfTheirSnapshot) {
    Watch watch;
    watch.see(0s, {cold(0, 8)});
    Snapshot slower = snapshot(100ms, {cold(0, 8, 100)});
    slower.aggregation_interval = 2 * interval;
    watch.see(slower);
    EXPECT_EQ(watch.ended(), 0.0);
    watch.spells.forget();
    slower.time += 2 * interval;
    slower.targets[0].regions[0].age = 101;
    watch.see(slower);
    EXPECT_EQ(watch.spells.share(20s, 1h, {}), 0.0);
    EXPECT_EQ(watch.spells.share(20100ms, 1h, {}), 0.0);
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// A process that does not run is known to access nothing, without a look at its pages.
#include <gtest/gtest.h>

#include "session.h"

namespace damon_schemes::vm {
namespace {

// Snapshots to wait for at most.
constexpr int bound = 120;

class Activity : public testing::Test {
  protected:
    void SetUp() override { NEEDS_MODULE(); }

    void watch() {
        area = target.map("area", 16 * mib);
        auto attrs = scaled_attrs();
        // Its tables have Accessed bits of their own.
        attrs.flags &= ~std::uint32_t{DAMON_SCHEMES_ATTR_SEARCH};
        ASSERT_EQ(session.set(attrs), 0);
        ASSERT_EQ(session.add(target.pid(), &id), 0);
        ASSERT_EQ(session.start(), 0);
    }
    // Looks at pages per look that regions were given, over some intervals.
    double looks_for_each_counted() {
        const auto before = session.stats().checks;
        double counted = 0;
        for (int i = 0; i < 5; i++)
            for (const auto& region : session.next().of(id).regions) counted += region.sampled;
        return static_cast<double>(session.stats().checks - before) / counted;
    }
    bool becomes_hot() {
        return session.wait_for(
            bound, [&](const Snapshot& s) { return percent_in(s.of(id), area, accessed) > 90; });
    }
    bool becomes_idle() {
        return session.wait_for(
            bound, [&](const Snapshot& s) { return percent_in(s.of(id), area, idle) > 99; });
    }

    Target target;
    Session session;
    Area area;
    std::uint64_t id = 0;
};

TEST_F(Activity, WhoSleepsIsCountedAsIdleWithHardlyALook) {
    watch();
    ASSERT_TRUE(becomes_idle());
    EXPECT_LT(looks_for_each_counted(), 0.5);
}

TEST_F(Activity, WhoRunsIsLookedAt) {
    watch();
    target.hot("area");
    ASSERT_TRUE(becomes_hot());
    EXPECT_GT(looks_for_each_counted(), 0.9);
}

TEST_F(Activity, WhoWakesIsSeenAndWhoFallsAsleepCoolsDown) {
    watch();
    for (int round = 0; round < 3; round++) {
        ASSERT_TRUE(becomes_idle());
        target.hot("area");
        ASSERT_TRUE(becomes_hot());
        target.cool("area");
    }
}

TEST_F(Activity, AnotherProcessInTheSameMemoryIsSeenWhileTheTargetSleeps) {
    watch();
    ASSERT_TRUE(becomes_idle());
    target.ask("lend area");
    EXPECT_TRUE(becomes_hot());
    EXPECT_GT(looks_for_each_counted(), 0.9);
}

}  // namespace
}  // namespace damon_schemes::vm

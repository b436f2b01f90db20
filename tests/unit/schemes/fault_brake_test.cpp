// SPDX-License-Identifier: MIT
#include "schemes/decide/fault_brake.h"

#include <gtest/gtest.h>

#include <chrono>

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;

// A target seen every 100 ms, with so many major faults a second.
class FaultingTarget {
  public:
    void run(Duration time, std::uint64_t faults_per_second) {
        for (Duration end = now_ + time; now_ < end;) {
            now_ += 100ms;
            tenths_ += faults_per_second;
            brake.observe(Instant(now_), tenths_ / 10, limits);
        }
    }
    bool braked() const { return brake.active(Instant(now_)); }
    Duration now() const { return now_; }

    FaultBrake brake;
    Limits::Brake limits;

  private:
    Duration now_{};
    std::uint64_t tenths_ = 0;
};

TEST(FaultBrake, GoesOnWhenBothThresholdsArePassed) {
    FaultingTarget target;
    target.run(30s, 5);
    EXPECT_FALSE(target.braked());
    target.run(3s, 101);
    EXPECT_TRUE(target.braked());
}

TEST(FaultBrake, NeedsMoreThanTheAbsoluteRate) {
    FaultingTarget target;
    target.run(30s, 0);
    target.run(60s, 100);
    EXPECT_FALSE(target.braked());
}

TEST(FaultBrake, NeedsMoreThanSoManyTimesTheEarlierRate) {
    FaultingTarget target;
    target.run(120s, 50);
    target.run(60s, 490);
    EXPECT_FALSE(target.braked());
    FaultingTarget other;
    other.run(120s, 50);
    other.run(3s, 600);
    EXPECT_TRUE(other.braked());
}

TEST(FaultBrake, LetsATargetStartInPeace) {
    FaultingTarget target;
    target.run(3s, 5000);
    EXPECT_FALSE(target.braked());
    // What it had when it started is forgotten in time.
    target.run(300s, 0);
    target.run(3s, 150);
    EXPECT_TRUE(target.braked());
}

TEST(FaultBrake, KnowsNoEarlierRateBeforeItHasSeenThreeSeconds) {
    FaultingTarget target;
    target.run(1500ms, 0);
    target.run(1500ms, 5000);
    EXPECT_FALSE(target.braked());
}

TEST(FaultBrake, TakesARateOverASecondAtLeast) {
    FaultingTarget target;
    target.run(30s, 0);
    target.run(100ms, 900);  // 90 faults at once, but no more in that second
    target.run(5s, 0);
    EXPECT_FALSE(target.braked());
}

TEST(FaultBrake, EndsAfterThePause) {
    FaultingTarget target;
    target.run(30s, 0);
    target.run(2s, 1000);
    ASSERT_TRUE(target.braked());
    ASSERT_TRUE(target.brake.until());
    while (target.now() + 100ms < target.brake.until()->time_since_epoch()) {
        target.run(100ms, 0);
        ASSERT_TRUE(target.braked());
    }
    target.run(100ms, 0);
    EXPECT_FALSE(target.braked());
}

TEST(FaultBrake, IsNotPutOnForGoodByATargetWhoseOwnRateRose) {
    FaultingTarget target;
    target.run(30s, 1);
    target.run(600s, 300);
    EXPECT_FALSE(target.braked());
}

TEST(FaultBrake, IsPutOnAgainByTheNextBurst) {
    FaultingTarget target;
    target.run(30s, 0);
    target.run(3s, 1000);
    target.run(120s, 0);
    ASSERT_FALSE(target.braked());
    target.run(3s, 1000);
    EXPECT_TRUE(target.braked());
}

TEST(FaultBrake, SurvivesACounterThatGoesBackAndTimeThatDoes) {
    FaultBrake brake;
    const Limits::Brake limits;
    for (int second = 0; second < 10; ++second)
        brake.observe(Instant(second * 1s), 1'000'000 + static_cast<std::uint64_t>(second), limits);
    brake.observe(Instant(10s), 3, limits);
    brake.observe(Instant(4s), 5, limits);
    brake.observe(Instant(6s), 10, limits);
    EXPECT_FALSE(brake.active(Instant(6s)));
    brake.observe(Instant::max(), ~std::uint64_t{0}, limits);
    EXPECT_FALSE(
        brake.active(Instant::max()));  // the brake's end cannot lie beyond the end of time
}

TEST(FaultBrake, LearnsTheRateOfANewProgramAnew) {
    FaultingTarget target;
    target.run(60s, 0);
    target.brake.forget_rate();
    target.run(3s, 5000);
    EXPECT_FALSE(target.braked());
}

TEST(FaultBrake, AGapBetweenSnapshotsIsPartOfTheRate) {
    FaultBrake brake;
    const Limits::Brake limits;
    for (int second = 0; second <= 10; ++second) brake.observe(Instant(second * 1s), 0, limits);
    // 1,500 faults, but in 60 s.
    brake.observe(Instant(70s), 1500, limits);
    EXPECT_FALSE(brake.active(Instant(70s)));
}

}  // namespace
}  // namespace damon_schemes

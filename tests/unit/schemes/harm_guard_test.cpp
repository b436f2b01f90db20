// SPDX-License-Identifier: MIT
#include "schemes/decide/harm_guard.h"

#include <gtest/gtest.h>

#include <chrono>

#include "schemes/decide/decider.h"
#include "tests/unit/schemes/observed.h"

namespace damon_schemes {
namespace {

using namespace observed;

// A target seen every 100 ms, of which so much comes back in a second, and which waits so long.
class HurtTarget {
  public:
    // How many pauses began meanwhile.
    int run(Duration time, Bytes back_a_second, Duration stalled_a_second = {}) {
        int pauses = 0;
        for (const Duration end = now_ + time; now_ < end;) {
            now_ += 100ms;
            stalled_ += stalled_a_second / 10;
            if (readings.stalled || stalled_ != Duration::zero()) readings.stalled = stalled_;
            guard.came_back(Bytes{back_a_second.count / 10});
            if (guard.look(Instant(now_), limits, readings)) ++pauses;
        }
        return pauses;
    }
    bool paused() const { return guard.active(Instant(now_)); }
    Duration left() const { return elapsed(Instant(now_), guard.pause()->until); }

    HarmGuard guard;
    HarmGuard::Readings readings;
    Limits::Guard limits;

  private:
    Duration now_{};
    Duration stalled_{};
};

TEST(HarmGuard, PausesAsSoonAsMoreComesBackThanMay) {
    HurtTarget target;
    target.limits.refaults = mebibytes(4);
    EXPECT_EQ(target.run(60s, mebibytes(3)), 0);
    EXPECT_EQ(target.run(2s, mebibytes(9)), 1);
    ASSERT_TRUE(target.paused());
    EXPECT_EQ(target.guard.pause()->harm, Harm::refaults);
    EXPECT_GT(target.guard.pause()->measured, 4.0 * mib);
}

TEST(HarmGuard, PausesForTwiceAsLongWhereThatFollowsSoonAndNoLongerThanMay) {
    HurtTarget target;
    target.limits.pause = 10s;
    target.limits.longest_pause = 35s;
    for (const Duration expected : {10s, 20s, 35s, 35s}) {
        EXPECT_EQ(target.run(2s, mebibytes(100)), 1);
        ASSERT_TRUE(target.paused());
        EXPECT_GT(target.left(), expected - 3s);
        EXPECT_LE(target.left(), expected);
        target.run(target.left() + 3s, {});
        EXPECT_FALSE(target.paused());
    }
}

TEST(HarmGuard, BeginsWithAShortPauseAgainAfterAQuietTime) {
    HurtTarget target;
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(target.run(2s, mebibytes(100)), 1);
        EXPECT_LE(target.left(), target.limits.pause);
        target.run(target.limits.pause + 61s + 1s, {});
    }
}

TEST(HarmGuard, CountsWhatComesBackDuringAPauseToWhatCameBeforeIt) {
    HurtTarget target;
    EXPECT_EQ(target.run(9s, mebibytes(100)), 1);
    EXPECT_EQ(target.run(5s, {}), 0);
    EXPECT_FALSE(target.paused());
}

TEST(HarmGuard, GoesByThePressureOfTheCgroup) {
    HurtTarget target;
    EXPECT_EQ(target.run(10s, {}, 900ms), 0) << "unless it was asked to, it does not";
    target.run(2s, {});
    target.limits.pressure = Share{100'000};
    EXPECT_EQ(target.run(10s, {}, 90ms), 0);
    EXPECT_EQ(target.run(2s, {}, 200ms), 1);
    EXPECT_EQ(target.guard.pause()->harm, Harm::pressure);
    EXPECT_NEAR(target.guard.pause()->measured, 0.2, 0.12);
}

TEST(HarmGuard, GoesByTheOperatorsFigure) {
    HurtTarget target;
    target.limits.figure = {"/run/p99", 20};
    EXPECT_EQ(target.run(5s, {}), 0) << "it is not known";
    target.readings.figure = 20;
    EXPECT_EQ(target.run(5s, {}), 0);
    target.readings.figure = 20.5;
    EXPECT_EQ(target.run(2s, {}), 1);
    EXPECT_EQ(target.guard.pause()->harm, Harm::figure);
    EXPECT_EQ(target.guard.pause()->measured, 20.5);
}

TEST(HarmGuard, ForgetsRatesWithTheProgramAndKeepsThePause) {
    HurtTarget target;
    target.run(500ms, mebibytes(1000));
    target.guard.forget_rates();
    EXPECT_EQ(target.run(3s, {}), 0);
    target.run(2s, mebibytes(100));
    target.guard.forget_rates();
    EXPECT_TRUE(target.paused());
}

// In decisions.

Policy guarded_policy() {
    Policy policy = observed::policy({scheme(Action::pageout), scheme(Action::cold, 1s)});
    policy.limits.guard->refaults = mebibytes(4);
    return policy;
}

RefaultReport refault(Duration when, Bytes bytes) {
    return {0, {1}, bytes, 1s, at(when)};
}

std::vector<TargetSnapshot> two_targets() {
    return {target(1, {cold(0, 4)}), target(2, {cold(0, 4)})};
}

TEST(GuardedDecisions, LetGoOfTheTargetAndTheSchemeThatItPaysFor) {
    Decider decider(guarded_policy());
    Conditions blind = seeing();
    blind.sees = false;
    decider.decide(snapshot(0s, two_targets()), blind);
    decider.report(refault(1s, mebibytes(20)));
    const Plan plan = decider.decide(snapshot(2s, two_targets()), seeing());
    EXPECT_EQ(held(plan.schemes[0], Reason::guard), mebibytes(4));
    EXPECT_EQ(plan.schemes[1].planned, mebibytes(4)) << "of the same target: it is not held back";
    ASSERT_EQ(decider.guarded().size(), 1U);
    EXPECT_EQ(decider.guarded()[0].target, TargetId{1});
    const auto controls = decider.controls();
    EXPECT_EQ(controls[0].guard_pauses, 1U);
    ASSERT_EQ(controls[0].guarded.size(), 1U);
    EXPECT_EQ(controls[0].guarded[0].pause.harm, Harm::refaults);
    EXPECT_TRUE(controls[1].guarded.empty());

    EXPECT_EQ(
        held(decider.decide(snapshot(13s, two_targets()), seeing()).schemes[0], Reason::guard),
        Bytes{});
    EXPECT_EQ(decider.controls()[0].guard_pauses, 1U);
}

TEST(GuardedDecisions, WaitForAFigureThatIsNotKnown) {
    Policy policy = guarded_policy();
    policy.limits.guard->figure = {"/run/p99", 20};
    Decider decider(policy);
    Conditions conditions = seeing();
    EXPECT_EQ(
        held(decider.decide(snapshot(0s, {cold(0, 4)}), conditions).schemes[0], Reason::unmeasured),
        mebibytes(4));
    conditions.figures = {{"/run/p99", 3.0}};
    EXPECT_EQ(decider.decide(snapshot(1s, {cold(0, 4)}), conditions).schemes[0].planned,
              mebibytes(4));
}

TEST(GuardedDecisions, WaitForAPressureThatIsNotKnown) {
    Policy policy = guarded_policy();
    policy.limits.guard->pressure = Share{100'000};
    Decider decider(policy);
    Conditions conditions = seeing();
    EXPECT_EQ(
        held(decider.decide(snapshot(0s, {cold(0, 4)}), conditions).schemes[0], Reason::unmeasured),
        mebibytes(4));
    Conditions::Target known;
    known.id = {1};
    known.cgroup_stalled = 1s;
    conditions.targets = {known};
    EXPECT_EQ(decider.decide(snapshot(1s, {cold(0, 4)}), conditions).schemes[0].planned,
              mebibytes(4));
}

TEST(MachineLimits, RestWhereHardlyAnyMemoryAndSwapIsLeft) {
    Decider decider(observed::policy({scheme(Action::pageout), scheme(Action::collapse)}));
    Conditions conditions = seeing();
    conditions.headroom = Share{19'999};
    const Plan plan = decider.decide(snapshot(0s, {cold(0, 4)}), conditions);
    EXPECT_TRUE(plan.ranges.empty());
    EXPECT_EQ(held(plan.schemes[0], Reason::headroom_low), mebibytes(4));
    EXPECT_EQ(held(plan.schemes[1], Reason::headroom_low), mebibytes(4));
    conditions.headroom = Share{20'000};
    EXPECT_FALSE(decider.decide(snapshot(1s, {cold(0, 4)}), conditions).ranges.empty());
}

TEST(MachineLimits, PageNothingOutToAZramThatSavesNothing) {
    Decider decider(observed::policy({scheme(Action::pageout), scheme(Action::collapse, 1h)}));
    Conditions conditions = seeing();
    conditions.zram_saving = Share{99'999};
    EXPECT_EQ(
        held(decider.decide(snapshot(0s, {cold(0, 4)}), conditions).schemes[0], Reason::zram_poor),
        mebibytes(4));
    conditions.zram_saving = Share{100'000};
    EXPECT_EQ(decider.decide(snapshot(1s, {cold(0, 4)}), conditions).schemes[0].planned,
              mebibytes(4));
}

TEST(MachineLimits, LetPassWhatIsNotKnownOrTurnedOff) {
    Policy bold = observed::policy({scheme(Action::pageout)});
    Decider unknowing(bold);
    EXPECT_EQ(unknowing.decide(snapshot(0s, {cold(0, 4)}), seeing()).schemes[0].planned,
              mebibytes(4));
    bold.limits.min_headroom.reset();
    bold.limits.min_zram_saving.reset();
    Decider decider(bold);
    Conditions conditions = seeing();
    conditions.headroom = Share{};
    conditions.zram_saving = Share{};
    EXPECT_EQ(decider.decide(snapshot(0s, {cold(0, 4)}), conditions).schemes[0].planned,
              mebibytes(4));
}

}  // namespace
}  // namespace damon_schemes

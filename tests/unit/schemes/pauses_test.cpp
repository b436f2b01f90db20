// SPDX-License-Identifier: MIT
// What people told the schemes to leave alone.
#include <gtest/gtest.h>

#include "schemes/decide/decider.h"
#include "tests/unit/schemes/observed.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using observed::at;
using observed::cold;
using observed::snapshot;
using observed::target;

Conditions seeing() {
    Conditions conditions;
    conditions.sees = true;
    return conditions;
}

Decider decider() {
    Policy policy = observed::policy({observed::scheme(Action::pageout)});
    policy.limits = {};
    policy.limits.min_free_swap.reset();
    policy.limits.brake.reset();
    return Decider(std::move(policy));
}

std::vector<TargetSnapshot> two_targets() {
    return {target(1, {cold(0, 4)}), target(2, {cold(0, 2)})};
}

Bytes paused(const Plan& plan) {
    return plan.schemes[0].held_back[static_cast<std::size_t>(Reason::paused)];
}

TEST(Pauses, HoldBackEverythingUntilTheyAreResumed) {
    Decider pausing = decider();
    pausing.pause({});
    for (const Duration when : {0s, 100s, 100'000s}) {
        const Plan plan = pausing.decide(snapshot(when, two_targets()), seeing());
        EXPECT_TRUE(plan.ranges.empty());
        EXPECT_EQ(paused(plan), mebibytes(6));
        EXPECT_EQ(plan.schemes[0].matched, mebibytes(6)) << "monitoring goes on";
    }
    ASSERT_EQ(pausing.controls()[0].paused.size(), 1U);
    EXPECT_FALSE(pausing.controls()[0].paused[0].target);
    pausing.resume(std::nullopt);
    const Plan plan = pausing.decide(snapshot(100'001s, two_targets()), seeing());
    EXPECT_EQ(plan.schemes[0].planned, mebibytes(6));
    EXPECT_TRUE(pausing.controls()[0].paused.empty());
}

TEST(Pauses, OfATargetLeaveTheOthersAndEndByThemselves) {
    Decider pausing = decider();
    pausing.pause({TargetId{1}, at(10s)});
    const Plan before = pausing.decide(snapshot(9s, two_targets()), seeing());
    EXPECT_EQ(paused(before), mebibytes(4));
    EXPECT_EQ(before.schemes[0].planned, mebibytes(2));
    const Plan after = pausing.decide(snapshot(10s, two_targets()), seeing());
    EXPECT_EQ(paused(after), Bytes{});
    EXPECT_EQ(after.schemes[0].planned, mebibytes(4));
}

TEST(Pauses, AreKeptApartAndHandedOn) {
    Decider former = decider();
    former.pause({TargetId{2}, std::nullopt});
    former.pause({});
    former.resume(std::nullopt);
    Decider next = decider();
    next.keep(former.pauses());
    const Plan plan = next.decide(snapshot(0s, two_targets()), seeing());
    EXPECT_EQ(paused(plan), mebibytes(2));
    EXPECT_EQ(plan.schemes[0].planned, mebibytes(4));
    next.resume(TargetId{2});
    EXPECT_EQ(next.decide(snapshot(1s, two_targets()), seeing()).schemes[0].planned, mebibytes(2));
}

TEST(Pauses, AreExplained) {
    Decider pausing = decider();
    pausing.pause({TargetId{1}, std::nullopt});
    Explanation explanation;
    (void)pausing.decide(snapshot(0s, two_targets()), seeing(), &explanation);
    ASSERT_EQ(explanation.verdicts.size(), 2U);
    EXPECT_EQ(explanation.verdicts[0].held_back, Reason::paused);
    EXPECT_EQ(explanation.verdicts[1].held_back, std::nullopt);
}

}  // namespace
}  // namespace damon_schemes

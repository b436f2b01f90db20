// SPDX-License-Identifier: MIT
#include "schemes/decide/decider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "tests/unit/schemes/observed.h"

namespace damon_schemes {

namespace {

using namespace observed;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Matching, TakesColdMemoryAndLeavesHotMemory) {
    Decider decider(policy({scheme(Action::pageout)}));
    const Plan plan = decider.decide(snapshot(0s, {hot(0, 4), cold(4, 10), hot(10, 12)}), seeing());
    EXPECT_THAT(ranges_of(plan), ElementsAre(mibs(4, 10)));
    EXPECT_EQ(held(plan.schemes[0], Reason::frequency), mebibytes(6));
    EXPECT_EQ(plan.schemes[0].matched, mebibytes(6));
    EXPECT_EQ(plan.schemes[0].matched_regions, 1U);
    EXPECT_EQ(plan.schemes[0].planned, mebibytes(6));
    EXPECT_EQ(plan.schemes[0].planned_ranges, 1U);
}

TEST(Matching, NeverTakesUnknownMemoryForCold) {
    // The widest pattern there is.
    Scheme everything;
    everything.action = Action::pageout;
    Scheme counted = everything;
    counted.action = Action::stat;
    Decider decider(policy({everything, counted}));
    const Plan plan = decider.decide(snapshot(0s, {unknown(0, 8, 4'000'000'000)}), seeing());
    EXPECT_THAT(plan.ranges, IsEmpty());
    for (const SchemeTally& tally : plan.schemes) {
        EXPECT_EQ(held(tally, Reason::unknown), mebibytes(8));
        EXPECT_EQ(tally.matched, Bytes{});
    }
}

TEST(Matching, BoundsAreInclusive) {
    Scheme exact = scheme(Action::stat);
    exact.size = {mebibytes(2), mebibytes(2)};
    exact.frequency = {Share{250'000}, Share{250'000}};
    exact.age = {Duration(500ms), Duration(500ms)};
    Decider decider(policy({exact}));
    const auto tally_of = [&](std::uint64_t bytes, std::uint32_t accessed, std::uint32_t age) {
        return decider.decide(snapshot(0s, {Region{{0, bytes}, 20, accessed, 0, age}}), seeing())
            .schemes[0];
    };
    EXPECT_EQ(tally_of(2 * mib, 5, 5).matched_regions, 1U);
    EXPECT_EQ(held(tally_of(2 * mib - 4096, 5, 5), Reason::size).count, 2 * mib - 4096);
    EXPECT_EQ(held(tally_of(2 * mib + 4096, 5, 5), Reason::size).count, 2 * mib + 4096);
    EXPECT_EQ(held(tally_of(2 * mib, 4, 5), Reason::frequency), mebibytes(2));
    EXPECT_EQ(held(tally_of(2 * mib, 6, 5), Reason::frequency), mebibytes(2));
    EXPECT_EQ(held(tally_of(2 * mib, 5, 4), Reason::age), mebibytes(2));
    EXPECT_EQ(held(tally_of(2 * mib, 5, 6), Reason::age), mebibytes(2));
}

TEST(Matching, CountsAgeInAggregationIntervalsAlsoWhereItIsNoMultiple) {
    Scheme between = scheme(Action::stat);
    between.age = {Duration(250ms), Duration(449ms)};
    Decider decider(policy({between}));
    std::vector<std::uint32_t> matching;
    for (std::uint32_t age = 0; age < 8; ++age)
        if (decider.decide(snapshot(0s, {cold(0, 1, age)}), seeing()).schemes[0].matched_regions ==
            1)
            matching.push_back(age);
    EXPECT_THAT(matching, ElementsAre(3U, 4U));
}

TEST(Matching, TakesFrequencyAsAShareOfTheLooksTaken) {
    // A late monitor took only 3 looks of 20; one in three is a third all the same.
    Scheme third = scheme(Action::stat, 0s);
    third.frequency = {Share{333'333}, Share{333'333}};
    Decider decider(policy({third}));
    EXPECT_EQ(decider.decide(snapshot(0s, {Region{{0, mib}, 3, 1, 0, 0}}), seeing())
                  .schemes[0]
                  .matched_regions,
              1U);
}

TEST(Matching, OneAccessInFourBillionLooksIsNotNone) {
    Decider decider(policy({scheme(Action::pageout)}));
    const Plan plan =
        decider.decide(snapshot(0s, {Region{{0, mib}, 4'000'000'000, 1, 0, 1000}}), seeing());
    EXPECT_EQ(held(plan.schemes[0], Reason::frequency), mebibytes(1));
}

// What a search found is somewhere in the region: only who looks at every page may take the rest.
TEST(Matching, MemoryWithAHitIsNotUnusedButForSchemesThatVerify) {
    const auto planned = [](bool hit, bool verifies) {
        Region region = cold(0, 4);
        region.hit = hit;
        Scheme pageout = scheme(Action::pageout);
        if (verifies) pageout.verify = Verify{};
        Decider decider(policy({pageout}));
        return decider.decide(snapshot(0s, {region}), seeing()).schemes[0].matched;
    };
    EXPECT_EQ(planned(false, false), mebibytes(4));
    EXPECT_EQ(planned(true, false), mebibytes(0));
    EXPECT_EQ(planned(true, true), mebibytes(4));
}

// A region is never older than what is used in it, and its pages are.
TEST(Matching, RegionsNeedNoAgeWhereEachPageIsAskedForIt) {
    const auto planned = [](std::optional<Verify> verify) {
        Scheme pageout = scheme(Action::pageout);
        pageout.age.min = 10s;
        pageout.verify = verify;
        Decider decider(policy({pageout}));
        return decider.decide(snapshot(0s, {cold(0, 4, 1)}), seeing()).schemes[0];
    };
    EXPECT_EQ(planned(std::nullopt).planned, mebibytes(0));
    EXPECT_EQ(planned(Verify{2s}).planned, mebibytes(0));
    EXPECT_EQ(planned(Verify{2s}).idle, Duration(2s));
    EXPECT_EQ(planned(Verify{{}, true}).planned, mebibytes(4));
    EXPECT_EQ(planned(Verify{{}, true}).idle, Duration(10s));
}

TEST(Matching, JoinsAdjacentRegionsIntoOneRange) {
    Decider decider(policy({scheme(Action::pageout)}));
    const Plan plan = decider.decide(
        snapshot(0s, {cold(0, 3), cold(3, 5), hot(5, 6), cold(6, 7), cold(8, 9)}), seeing());
    EXPECT_THAT(ranges_of(plan), ElementsAre(mibs(0, 5), mibs(6, 7), mibs(8, 9)));
    EXPECT_EQ(plan.schemes[0].matched_regions, 4U);
}

TEST(Matching, StatCountsAndPlansNothing) {
    Decider decider(policy({scheme(Action::stat)}));
    const Plan plan =
        decider.decide(snapshot(0s, {cold(0, 4), absent(4, 6), hot(6, 7)}), Conditions{});
    EXPECT_THAT(plan.ranges, IsEmpty());
    EXPECT_EQ(plan.schemes[0].matched, mebibytes(6));
}

TEST(Matching, SkipsEmptyAndInvertedRegions) {
    Decider decider(policy({scheme(Action::pageout)}));
    const Plan plan = decider.decide(snapshot(0s, {cold(4, 4), cold(9, 5), cold(9, 10)}), seeing());
    EXPECT_THAT(ranges_of(plan), ElementsAre(mibs(9, 10)));
}

TEST(HoldingBack, NothingPresentIsNotPagedOutButMayBeBroughtIn) {
    Scheme bring = scheme(Action::willneed);
    Decider out(policy({scheme(Action::pageout)}));
    Decider in(policy({bring}));
    const Snapshot seen = snapshot(0s, {absent(0, 4)});
    const Plan out_plan = out.decide(seen, seeing());
    EXPECT_THAT(out_plan.ranges, IsEmpty());
    EXPECT_EQ(held(out_plan.schemes[0], Reason::nothing_present), mebibytes(4));
    EXPECT_THAT(ranges_of(in.decide(seen, seeing())), ElementsAre(mibs(0, 4)));
}

TEST(HoldingBack, WhatWasGoneAndIsThereIsYoungToPageout) {
    Decider out(policy({scheme(Action::pageout, 5s)}));
    Decider cold_list(policy({scheme(Action::cold, 5s)}));
    for (Decider* decider : {&out, &cold_list})
        decider->decide(snapshot(0s, {absent(0, 4), cold(4, 8, 0), absent(8, 12)}), seeing());
    // Its regions' ages count on.
    const auto then = [](Duration when) {
        return snapshot(when, {cold(0, 4, 400), cold(4, 8, 400), absent(8, 12)});
    };
    const Plan plan = out.decide(then(1s), seeing());
    EXPECT_THAT(ranges_of(plan), ElementsAre(mibs(4, 8)));
    EXPECT_EQ(held(plan.schemes[0], Reason::recently_acted), mebibytes(4));
    EXPECT_THAT(ranges_of(cold_list.decide(then(1s), seeing())), ElementsAre(mibs(0, 8)));
    EXPECT_THAT(ranges_of(out.decide(then(5900ms), seeing())), IsEmpty());
    EXPECT_THAT(ranges_of(out.decide(then(6s), seeing())), ElementsAre(mibs(0, 4)));
}

TEST(HoldingBack, ASessionThatDoesNotSeeOnlyObserves) {
    Decider decider(policy({scheme(Action::pageout), scheme(Action::stat)}));
    const Plan plan = decider.decide(snapshot(0s, {cold(0, 4)}), Conditions{});
    EXPECT_THAT(plan.ranges, IsEmpty());
    EXPECT_EQ(held(plan.schemes[0], Reason::observing_only), mebibytes(4));
    EXPECT_EQ(plan.schemes[1].matched, mebibytes(4));
}

TEST(HoldingBack, ADeniedTargetIsLeftAlone) {
    Decider decider(policy({scheme(Action::pageout)}));
    Snapshot seen = snapshot(0s, {cold(0, 4)});
    seen.targets[0].denied = true;
    const Plan plan = decider.decide(seen, seeing());
    EXPECT_THAT(plan.ranges, IsEmpty());
    EXPECT_EQ(held(plan.schemes[0], Reason::target_denied), mebibytes(4));
}

TEST(HoldingBack, MemoryThatOthersMapNeedsTheSchemesWord) {
    Scheme allowed = scheme(Action::pageout);
    allowed.allow_unseen_accesses = true;
    Decider decider(policy({scheme(Action::pageout), allowed}));
    Snapshot seen = snapshot(0s, {cold(0, 4)});
    seen.targets[0].unseen_accesses = true;
    const Plan plan = decider.decide(seen, seeing());
    EXPECT_EQ(held(plan.schemes[0], Reason::unseen_accesses), mebibytes(4));
    // The scheme that may not act leaves the memory to the one that may.
    EXPECT_THAT(ranges_of(plan, 1), ElementsAre(mibs(0, 4)));
}

TEST(HoldingBack, LowSwapStopsPageoutAndNothingElse) {
    Decider decider(policy({scheme(Action::pageout), scheme(Action::cold)}));
    Conditions low = seeing();
    low.free_swap = Share{99'999};
    const Plan plan = decider.decide(snapshot(0s, {cold(0, 4)}), low);
    EXPECT_EQ(held(plan.schemes[0], Reason::swap_low), mebibytes(4));
    EXPECT_THAT(ranges_of(plan, 1), ElementsAre(mibs(0, 4)));

    low.free_swap = Share{100'000};
    Decider enough(policy({scheme(Action::pageout)}));
    EXPECT_THAT(ranges_of(enough.decide(snapshot(0s, {cold(0, 4)}), low)), ElementsAre(mibs(0, 4)));
}

TEST(HoldingBack, LowSwapDoesNotMatterWhereThePolicySaysSo) {
    Policy careless = policy({scheme(Action::pageout)});
    careless.limits.min_free_swap.reset();
    Decider decider(careless);
    Conditions none = seeing();
    none.free_swap = Share{0};
    EXPECT_THAT(ranges_of(decider.decide(snapshot(0s, {cold(0, 4)}), none)),
                ElementsAre(mibs(0, 4)));
}

TEST(HoldingBack, AnExitedTargetHasNothing) {
    Decider decider(policy({scheme(Action::pageout)}));
    Snapshot seen = snapshot(0s, std::vector{target(1, {})});
    seen.targets[0].exited = true;
    const Plan plan = decider.decide(seen, seeing());
    EXPECT_THAT(plan.ranges, IsEmpty());
    EXPECT_EQ(plan.schemes.size(), 1U);
}

// Age: acting resets it.

TEST(ActingResetsTheAge, MemoryInFlightIsNotPlannedTwice) {
    Decider decider(policy({scheme(Action::pageout, 0s)}));
    EXPECT_THAT(ranges_of(decider.decide(snapshot(0s, {cold(0, 4)}), seeing())),
                ElementsAre(mibs(0, 4)));
    for (Duration time = 100ms; time < 59s; time += 100ms) {
        const Plan plan = decider.decide(snapshot(time, {cold(0, 4)}), seeing());
        ASSERT_THAT(plan.ranges, IsEmpty());
        ASSERT_EQ(held(plan.schemes[0], Reason::recently_acted), mebibytes(4));
    }
}

TEST(ActingResetsTheAge, AReportThatNeverComesDoesNotHoldMemoryForGood) {
    Decider decider(policy({scheme(Action::pageout)}));
    decider.decide(snapshot(0s, {cold(0, 4)}), seeing());
    EXPECT_THAT(decider.decide(snapshot(59s, {cold(0, 4)}), seeing()).ranges, IsEmpty());
    EXPECT_THAT(ranges_of(decider.decide(snapshot(60s, {cold(0, 4)}), seeing())),
                ElementsAre(mibs(0, 4)));
}

TEST(ActingResetsTheAge, ActedMemoryHasToGrowOldAgain) {
    Decider decider(policy({scheme(Action::pageout, 10s)}));
    const Snapshot first = snapshot(0s, {cold(0, 4)});
    const Plan plan = decider.decide(first, seeing());
    ASSERT_EQ(plan.ranges.size(), 1U);
    decider.report(done(first, plan.ranges[0], at(500ms)));
    EXPECT_THAT(decider.decide(snapshot(10s, {cold(0, 4, 300)}), seeing()).ranges, IsEmpty());
    EXPECT_THAT(decider.decide(snapshot(10400ms, {cold(0, 4, 300)}), seeing()).ranges, IsEmpty());
    EXPECT_THAT(ranges_of(decider.decide(snapshot(10500ms, {cold(0, 4, 300)}), seeing())),
                ElementsAre(mibs(0, 4)));
}

TEST(ActingResetsTheAge, OnlyThePartsThatWereActedOnAreHeld) {
    Decider decider(policy({scheme(Action::pageout, 10s)}));
    const Snapshot first = snapshot(0s, {hot(0, 4), cold(4, 8), hot(8, 20)});
    const Plan plan = decider.decide(first, seeing());
    decider.report(done(first, plan.ranges[0], at(100ms)));
    // The borders have moved since; what is around it is cold now, too.
    const Plan next = decider.decide(snapshot(5s, {cold(0, 6), cold(6, 20)}), seeing());
    EXPECT_THAT(ranges_of(next), ElementsAre(mibs(0, 4), mibs(8, 20)));
    EXPECT_EQ(held(next.schemes[0], Reason::recently_acted), mebibytes(4));
}

TEST(ActingResetsTheAge, RefusedMemoryIsTriedAgainButNotAtOnce) {
    // After age.min, or a second where that is longer.
    for (const auto& [min_age, again] : {std::pair<Duration, Duration>{200ms, 1s}, {10s, 10s}}) {
        Decider decider(policy({scheme(Action::pageout, min_age)}));
        const Snapshot first = snapshot(0s, {cold(0, 4)});
        const Plan plan = decider.decide(first, seeing());
        ActionReport report = refused(first, plan.ranges[0], at(0ms));
        report.spent = 1us;
        decider.report(report);
        for (Duration time = 100ms; time < again; time += 100ms)
            ASSERT_THAT(decider.decide(snapshot(time, {cold(0, 4)}), seeing()).ranges, IsEmpty());
        EXPECT_THAT(ranges_of(decider.decide(snapshot(again, {cold(0, 4)}), seeing())),
                    ElementsAre(mibs(0, 4)));
    }
}

TEST(ActingResetsTheAge, APlanThatWasDroppedIsMadeAgainAfterASecond) {
    Decider decider(policy({scheme(Action::pageout, 10s)}));
    const Snapshot first = snapshot(0s, {cold(0, 4)});
    const Plan plan = decider.decide(first, seeing());
    decider.report(refused(first, plan.ranges[0], at(50ms)));
    for (Duration time = 100ms; time <= 1s; time += 100ms)
        ASSERT_THAT(decider.decide(snapshot(time, {cold(0, 4)}), seeing()).ranges, IsEmpty());
    EXPECT_THAT(ranges_of(decider.decide(snapshot(1100ms, {cold(0, 4)}), seeing())),
                ElementsAre(mibs(0, 4)));
}

TEST(ActingResetsTheAge, ForTheSchemeThatActedOnly) {
    // Two schemes of different patterns, so that they do not compete.
    Scheme small = scheme(Action::pageout, 10s);
    small.size.max = mebibytes(4);
    Scheme large = scheme(Action::pageout, 10s);
    large.size.min = mebibytes(5);
    Decider decider(policy({small, large}));
    const Snapshot first = snapshot(0s, {cold(0, 4)});
    const Plan plan = decider.decide(first, seeing());
    ASSERT_THAT(ranges_of(plan, 0), ElementsAre(mibs(0, 4)));
    decider.report(done(first, plan.ranges[0], at(100ms)));
    EXPECT_THAT(ranges_of(decider.decide(snapshot(1s, {cold(0, 8)}), seeing()), 1),
                ElementsAre(mibs(0, 8)));
}

TEST(ActingResetsTheAge, AnotherProgramAtTheSameAddressesStartsAnew) {
    Decider decider(policy({scheme(Action::pageout, 10s)}));
    const Snapshot first = snapshot(0s, {cold(0, 4)});
    decider.decide(first, seeing());
    Snapshot executed = snapshot(1s, {cold(0, 4)});
    executed.targets[0].generation = 2;
    EXPECT_THAT(ranges_of(decider.decide(executed, seeing())), ElementsAre(mibs(0, 4)));
}

TEST(ActingResetsTheAge, ATargetThatCameBackUnderItsIdStartsAnew) {
    Decider decider(policy({scheme(Action::pageout, 10s)}));
    decider.decide(snapshot(0s, {cold(0, 4)}), seeing());
    decider.decide(snapshot(100ms, std::vector<TargetSnapshot>{}), seeing());
    EXPECT_THAT(ranges_of(decider.decide(snapshot(200ms, {cold(0, 4)}), seeing())),
                ElementsAre(mibs(0, 4)));
}

TEST(ActingResetsTheAge, ReportsOfUnknownTargetsAndSchemesAreHarmless) {
    Decider decider(policy({scheme(Action::pageout)}));
    const Snapshot first = snapshot(0s, {cold(0, 4)});
    ActionReport stray = done(first, {0, 0, mibs(0, 4)}, at(0s));
    stray.target = {77};
    decider.report(stray);
    stray.target = {1};
    stray.scheme = 5;
    decider.report(stray);
    EXPECT_THAT(ranges_of(decider.decide(first, seeing())), ElementsAre(mibs(0, 4)));
}

// Several schemes that match the same memory.

TEST(SeveralSchemes, PageoutGoesBeforeColdInWhateverOrder) {
    for (const bool pageout_first : {true, false}) {
        Decider decider(policy(pageout_first
                                   ? std::vector{scheme(Action::pageout), scheme(Action::cold)}
                                   : std::vector{scheme(Action::cold), scheme(Action::pageout)}));
        const Plan plan = decider.decide(snapshot(0s, {cold(0, 4)}), seeing());
        const std::uint32_t winner = pageout_first ? 0 : 1;
        EXPECT_THAT(ranges_of(plan, winner), ElementsAre(mibs(0, 4)));
        EXPECT_EQ(plan.ranges.size(), 1U);
        EXPECT_EQ(held(plan.schemes[1 - winner], Reason::other_scheme), mebibytes(4));
    }
}

TEST(SeveralSchemes, TheFirstOfTwoThatContradictEachOtherHasTheMemory) {
    for (const bool pageout_first : {true, false}) {
        Decider decider(
            policy(pageout_first ? std::vector{scheme(Action::pageout), scheme(Action::willneed)}
                                 : std::vector{scheme(Action::willneed), scheme(Action::pageout)}));
        const Plan plan = decider.decide(snapshot(0s, {cold(0, 4)}), seeing());
        EXPECT_THAT(ranges_of(plan, 0), ElementsAre(mibs(0, 4)));
        EXPECT_EQ(held(plan.schemes[1], Reason::other_scheme), mebibytes(4));
    }
}

TEST(SeveralSchemes, ThreeOfThemHaveOneWinner) {
    Decider decider(
        policy({scheme(Action::cold), scheme(Action::willneed), scheme(Action::pageout)}));
    const Plan plan = decider.decide(snapshot(0s, {cold(0, 4)}), seeing());
    ASSERT_EQ(plan.ranges.size(), 1U);
    EXPECT_EQ(plan.ranges[0].scheme, 2U);
}

TEST(SeveralSchemes, CountingTakesNothingFromActing) {
    Decider decider(policy({scheme(Action::stat), scheme(Action::pageout)}));
    const Plan plan = decider.decide(snapshot(0s, {cold(0, 4)}), seeing());
    EXPECT_EQ(plan.schemes[0].matched, mebibytes(4));
    EXPECT_THAT(ranges_of(plan, 1), ElementsAre(mibs(0, 4)));
}

// Quotas.

Scheme limited(std::optional<Bytes> bytes, std::optional<Duration> time, Duration per = 1s) {
    Scheme limited = scheme(Action::pageout);
    limited.quota = {bytes, time, per};
    return limited;
}

TEST(Quota, CutsTheRegionThatStraddlesTheLimitAndGoesOnBehindIt) {
    Decider decider(policy({limited(mebibytes(10), {})}));
    const std::vector<Region> regions{cold(0, 4), hot(4, 5), cold(5, 25)};
    const Plan first = decider.decide(snapshot(0s, regions), seeing());
    EXPECT_THAT(ranges_of(first), ElementsAre(mibs(0, 4), mibs(5, 11)));
    EXPECT_TRUE(first.schemes[0].quota_exceeded);
    EXPECT_EQ(held(first.schemes[0], Reason::quota_bytes), mebibytes(14));
    const Plan second = decider.decide(snapshot(1s, regions), seeing());
    EXPECT_THAT(ranges_of(second), ElementsAre(mibs(11, 21)));
    const Plan third = decider.decide(snapshot(2s, regions), seeing());
    EXPECT_THAT(ranges_of(third), ElementsAre(mibs(21, 25)));
    EXPECT_FALSE(third.schemes[0].quota_exceeded);
}

TEST(Quota, GoesRoundToMemoryThatWasPassed) {
    // Acted memory may be acted on again after a second here, so that the round can be seen.
    Scheme quick = scheme(Action::pageout, 0s);
    quick.quota = {mebibytes(10), {}, 1s};
    Decider decider(policy({quick}));
    std::vector<std::vector<AddressRange>> windows;
    for (int window = 0; window < 4; ++window) {
        const Snapshot seen = snapshot(window * 1s, {cold(0, 8), hot(8, 9), cold(9, 17)});
        const Plan plan = decider.decide(seen, seeing());
        for (const PlannedRange& planned : plan.ranges)
            decider.report(done(seen, planned, seen.time));
        windows.push_back(ranges_of(plan));
    }
    EXPECT_THAT(windows[0], ElementsAre(mibs(0, 8), mibs(9, 11)));
    EXPECT_THAT(windows[1], ElementsAre(mibs(11, 17), mibs(0, 4)));
    EXPECT_THAT(windows[2], ElementsAre(mibs(4, 8), mibs(9, 15)));
    EXPECT_THAT(windows[3], ElementsAre(mibs(15, 17), mibs(0, 8)));
}

TEST(Quota, GoesOnWithTheNextTarget) {
    Decider decider(policy({limited(mebibytes(10), {})}));
    const auto seen = [](Duration time) {
        return snapshot(time, std::vector{target(1, {cold(0, 6)}), target(2, {cold(0, 6)}),
                                          target(3, {cold(0, 6)})});
    };
    const Plan first = decider.decide(seen(0s), seeing());
    ASSERT_EQ(first.ranges.size(), 2U);
    EXPECT_EQ(first.ranges[1].target, 1U);
    EXPECT_EQ(first.ranges[1].range, mibs(0, 4));
    const Plan second = decider.decide(seen(1s), seeing());
    ASSERT_EQ(second.ranges.size(), 2U);
    EXPECT_EQ(second.ranges[0].target, 1U);
    EXPECT_EQ(second.ranges[0].range, mibs(4, 6));
    EXPECT_EQ(second.ranges[1].target, 2U);
    EXPECT_EQ(second.ranges[1].range, mibs(0, 6));
}

TEST(Quota, CutsAtAPage) {
    Decider decider(policy({limited(Bytes{10'000}, {})}));
    const Plan plan = decider.decide(snapshot(0s, {cold(0, 4)}), seeing());
    EXPECT_THAT(ranges_of(plan), ElementsAre(AddressRange{0, 8192}));
}

TEST(Quota, WindowsAreAlignedToTheFirstSnapshot) {
    Decider decider(policy({limited(mebibytes(1), {})}));
    EXPECT_EQ(decider.decide(snapshot(300ms, {cold(0, 9)}), seeing()).schemes[0].planned,
              mebibytes(1));
    EXPECT_EQ(decider.decide(snapshot(1200ms, {cold(0, 9)}), seeing()).schemes[0].planned, Bytes{});
    EXPECT_EQ(decider.decide(snapshot(1300ms, {cold(0, 9)}), seeing()).schemes[0].planned,
              mebibytes(1));
    // A window in which nothing was done leaves nothing to the next.
    EXPECT_EQ(decider.decide(snapshot(7s, {cold(0, 9)}), seeing()).schemes[0].planned,
              mebibytes(1));
}

TEST(Quota, RefusedBytesGoBackToTheWindowTheyWerePlannedIn) {
    Decider decider(policy({limited(mebibytes(10), {})}));
    const Snapshot first = snapshot(0s, {cold(0, 100)});
    const Plan plan = decider.decide(first, seeing());
    decider.report(refused(first, plan.ranges[0], at(50ms)));
    EXPECT_THAT(ranges_of(decider.decide(snapshot(100ms, {cold(0, 100)}), seeing())),
                ElementsAre(mibs(10, 20)));
}

TEST(Quota, RefusedBytesDoNotGoToALaterWindow) {
    Decider decider(policy({limited(mebibytes(10), {})}));
    const Snapshot first = snapshot(0s, {cold(0, 100)});
    const Plan plan = decider.decide(first, seeing());
    EXPECT_THAT(ranges_of(decider.decide(snapshot(1s, {cold(0, 100)}), seeing())),
                ElementsAre(mibs(10, 20)));
    decider.report(refused(first, plan.ranges[0], at(1050ms)));
    EXPECT_THAT(decider.decide(snapshot(1100ms, {cold(0, 100)}), seeing()).ranges, IsEmpty());
}

TEST(Quota, TimeIsProbedBeforeItIsKnown) {
    Decider decider(policy({limited({}, Duration(10ms))}));
    const Snapshot first = snapshot(0s, {cold(0, 1000)});
    const Plan probe = decider.decide(first, seeing());
    EXPECT_THAT(ranges_of(probe), ElementsAre(mibs(0, 1)));
    EXPECT_EQ(held(probe.schemes[0], Reason::quota_time), mebibytes(999));
    // Nothing was reported, so nothing is known.
    EXPECT_THAT(decider.decide(snapshot(100ms, {cold(0, 1000)}), seeing()).ranges, IsEmpty());
    // 1 MiB took 1 ms: 9 ms are left, which is 9 MiB.
    decider.report(done(first, probe.ranges[0], at(110ms), 1ms));
    EXPECT_THAT(ranges_of(decider.decide(snapshot(200ms, {cold(0, 1000)}), seeing())),
                ElementsAre(mibs(1, 10)));
    // A whole window's time.
    EXPECT_THAT(ranges_of(decider.decide(snapshot(1s, {cold(0, 1000)}), seeing())),
                ElementsAre(mibs(10, 20)));
}

TEST(Quota, OverspentTimeIsPaidBack) {
    Decider decider(policy({limited({}, Duration(10ms))}));
    const Snapshot first = snapshot(0s, {cold(0, 1000)});
    const Plan probe = decider.decide(first, seeing());
    decider.report(done(first, probe.ranges[0], at(50ms), 35ms));  // 25 ms too much
    EXPECT_THAT(decider.decide(snapshot(100ms, {cold(0, 1000)}), seeing()).ranges, IsEmpty());
    EXPECT_THAT(decider.decide(snapshot(1s, {cold(0, 1000)}), seeing()).ranges, IsEmpty());
    EXPECT_THAT(decider.decide(snapshot(2s, {cold(0, 1000)}), seeing()).ranges, IsEmpty());
    // 5 ms are left in the third window after it, at 35 ms a MiB.
    const Plan after = decider.decide(snapshot(3s, {cold(0, 1000)}), seeing());
    EXPECT_EQ(after.schemes[0].planned.count, mib * 5 / 35 / 4096 * 4096);
}

TEST(Quota, TimeOverspentThatIsReportedLateIsPaidBackToo) {
    Decider decider(policy({limited({}, Duration(10ms))}));
    const Snapshot first = snapshot(0s, {cold(0, 1000)});
    const Plan probe = decider.decide(first, seeing());
    decider.report(done(first, probe.ranges[0], at(50ms), 1ms));
    const Snapshot second = snapshot(100ms, {cold(0, 1000)});
    const Plan plan = decider.decide(second, seeing());
    ASSERT_EQ(plan.schemes[0].planned, mebibytes(9));
    // 9 ms were reckoned with; it took 24, and was known in the next window.
    EXPECT_EQ(decider.decide(snapshot(1s, {hot(0, 1000)}), seeing()).ranges.size(), 0U);
    decider.report(done(second, plan.ranges[0], at(1010ms), 24ms));
    EXPECT_THAT(decider.decide(snapshot(1100ms, {cold(0, 1000)}), seeing()).ranges, IsEmpty());
    const Plan after = decider.decide(snapshot(2s, {cold(0, 1000)}), seeing());
    // 5 ms are owed of the 10.
    EXPECT_GT(after.schemes[0].planned, Bytes{});
    EXPECT_LE(after.schemes[0].planned, mebibytes(3));
}

TEST(Quota, ASchemeThatAWindowCannotPayAPageForStillActsNowAndThen) {
    Decider decider(policy({limited({}, Duration(10us))}));
    Duration time{};
    int pages = 0;
    for (int i = 0; i < 600; ++i, time += 100ms) {
        const Snapshot seen = snapshot(time, {cold(0, 1000)});
        const Plan plan = decider.decide(seen, seeing());
        for (const PlannedRange& planned : plan.ranges) {
            ASSERT_TRUE(planned.range.size().count == 4096 || i == 0);
            pages += i == 0 ? 0 : 1;
            // 30 µs a page.
            decider.report(done(seen, planned, seen.time,
                                30us * static_cast<int>(planned.range.size().count / 4096)));
        }
    }
    // 60 windows of 10 µs, less the probe's 256 pages: its debt is paid first.
    EXPECT_EQ(pages, 0);
    for (int i = 0; i < 12000; ++i, time += 100ms) {
        const Snapshot seen = snapshot(time, {cold(0, 1000)});
        for (const PlannedRange& planned : decider.decide(seen, seeing()).ranges) {
            ++pages;
            decider.report(done(seen, planned, seen.time, 30us));
        }
    }
    // 1,260 windows of 10 µs pay for 420 pages, of which the probe had 256.
    EXPECT_NEAR(pages, 164, 3);
}

// The brake.

Conditions faulting(std::uint64_t faults) {
    Conditions conditions = seeing();
    Conditions::Target target;
    target.id = TargetId{1};
    target.major_faults = faults;
    conditions.targets.push_back(std::move(target));
    return conditions;
}

TEST(Brake, LeavesATargetAloneWhoseFaultsRise) {
    Decider decider(policy({scheme(Action::pageout)}));
    std::uint64_t faults = 0;
    Duration time{};
    for (; time < 10s; time += 100ms) decider.decide(snapshot(time, {hot(0, 4)}), faulting(faults));
    EXPECT_TRUE(decider.braked().empty());
    const Duration start = time;
    for (; time < start + 2s; time += 100ms)
        decider.decide(snapshot(time, {hot(0, 4)}), faulting(faults += 50));
    ASSERT_EQ(decider.braked().size(), 1U);
    EXPECT_EQ(decider.braked()[0].target, TargetId{1});
    const Instant until = decider.braked()[0].until;
    EXPECT_GE(until, at(start + 60s));
    EXPECT_LE(until, at(start + 62s));

    const Plan braked = decider.decide(snapshot(time, {cold(0, 4)}), faulting(faults));
    EXPECT_THAT(braked.ranges, IsEmpty());
    EXPECT_EQ(held(braked.schemes[0], Reason::brake), mebibytes(4));
    const Plan after = decider.decide(snapshot(until - at(0s), {cold(0, 4)}), faulting(faults));
    EXPECT_THAT(ranges_of(after), ElementsAre(mibs(0, 4)));
    EXPECT_TRUE(decider.braked().empty());
}

TEST(Brake, LetsANewProgramInTheTargetStartInPeace) {
    Decider decider(policy({scheme(Action::pageout)}));
    std::uint64_t faults = 0;
    for (Duration time{}; time < 20s; time += 100ms) {
        Snapshot seen = snapshot(time, {hot(0, 4)});
        if (time >= 17s) {
            seen.targets[0].generation = 2;
            faults += 500;
        }
        decider.decide(seen, faulting(faults));
    }
    EXPECT_TRUE(decider.braked().empty());
}

TEST(Brake, CanBeTurnedOff) {
    Policy bold = policy({scheme(Action::pageout)});
    bold.limits.brake.reset();
    Decider decider(bold);
    std::uint64_t faults = 0;
    for (Duration time{}; time < 20s; time += 100ms)
        decider.decide(snapshot(time, {hot(0, 4)}), faulting(time < 10s ? 0 : faults += 1000));
    EXPECT_THAT(ranges_of(decider.decide(snapshot(20s, {cold(0, 4)}), faulting(faults))),
                ElementsAre(mibs(0, 4)));
    EXPECT_TRUE(decider.braked().empty());
}

TEST(Names, EveryReasonHasAStableNameAndAnExplanation) {
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < reason_count; ++i) {
        names.push_back(name_of(static_cast<Reason>(i)));
        EXPECT_NE(explanation_of(static_cast<Reason>(i)), explanation_of(Reason::count_));
    }
    EXPECT_THAT(
        names,
        ElementsAre("unknown", "size", "frequency", "age", "other_scheme", "recently_acted",
                    "already_locked", "nothing_present", "unseen_accesses", "target_denied",
                    "observing_only", "paused", "brake", "guard", "headroom_low", "swap_low",
                    "zram_poor", "unmeasured", "watermark", "small_target", "filter", "not_due",
                    "floor", "lock_budget", "quota_bytes", "quota_time", "quota_goal"));
}

TEST(Names, EveryActionHasTheNameThatAPolicyGivesIt) {
    EXPECT_EQ(name_of(Action::pageout), "pageout");
    EXPECT_EQ(name_of(Action::cold), "cold");
    EXPECT_EQ(name_of(Action::willneed), "willneed");
    EXPECT_EQ(name_of(Action::stat), "stat");
    EXPECT_EQ(name_of(Action::collapse), "collapse");
    EXPECT_EQ(name_of(Action::hugepage), "hugepage");
    EXPECT_EQ(name_of(Action::nohugepage), "nohugepage");
    EXPECT_EQ(name_of(Action::mlock), "mlock");
    EXPECT_EQ(name_of(Action::munlock), "munlock");
}

}  // namespace
}  // namespace damon_schemes

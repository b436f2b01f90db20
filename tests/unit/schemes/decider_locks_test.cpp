// SPDX-License-Identifier: MIT
// Decisions on what to lock and when to unlock it, and on huge pages, at simulated times.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "observed.h"
#include "schemes/decide/decider.h"

namespace damon_schemes {
namespace {

using namespace observed;
using testing::ElementsAre;
using testing::IsEmpty;

Scheme locking() {
    Scheme scheme;
    scheme.name = "hot";
    scheme.action = Action::mlock;
    scheme.frequency.min = Share{500'000};
    scheme.age.min = 1s;
    scheme.unlock_age = 10s;
    return scheme;
}

std::vector<AddressRange> locks_of(const Plan& plan, bool unlock = false) {
    std::vector<AddressRange> ranges;
    for (const PlannedRange& planned : plan.ranges)
        if (planned.unlock == unlock) ranges.push_back(planned.range);
    return ranges;
}

// Carries out all that a plan asks for, as an executor would report it.
void carry_out(Decider& decider, const Snapshot& seen, const Plan& plan) {
    for (const PlannedRange& planned : plan.ranges) {
        ActionReport report = done(seen, planned, seen.time);
        report.unlock = planned.unlock;
        report.released = planned.unlock;
        decider.report(report);
        if (!planned.unlock)
            decider.hold_lock(planned.scheme, report.target, planned.range, seen.time);
    }
}

TEST(DeciderLocks, LocksWhatIsHotOnceAndUnlocksItWhenItHasCooled) {
    Decider decider(policy({locking()}));
    Snapshot seen = snapshot(0s, std::vector{hot(0, 8), cold(8, 64)});
    Plan plan = decider.decide(seen, seeing());
    EXPECT_THAT(locks_of(plan), ElementsAre(mibs(0, 8)));
    carry_out(decider, seen, plan);

    // While it is hot nothing more happens, for however long.
    for (Duration now = 1s; now < 60s; now += 1s) {
        seen = snapshot(now, std::vector{hot(0, 8), cold(8, 64)});
        plan = decider.decide(seen, seeing());
        ASSERT_THAT(plan.ranges, IsEmpty()) << now.count();
        if (now > 2s) {
            ASSERT_EQ(held(plan.schemes[0], Reason::already_locked), mebibytes(8));
        }
        carry_out(decider, seen, plan);
    }
    // A half of it cools, and is unlocked when it has been cold for unlock.age.
    for (Duration now = 60s; now < 69s; now += 1s) {
        seen = snapshot(now, std::vector{hot(0, 4), cold(4, 64, 1)});
        plan = decider.decide(seen, seeing());
        ASSERT_THAT(plan.ranges, IsEmpty()) << now.count();
    }
    seen = snapshot(69s, std::vector{hot(0, 4), cold(4, 64)});
    plan = decider.decide(seen, seeing());
    EXPECT_THAT(locks_of(plan), IsEmpty());
    EXPECT_THAT(locks_of(plan, true), ElementsAre(mibs(4, 8)));
    carry_out(decider, seen, plan);
    // Hot again, it is locked again.
    seen = snapshot(80s, std::vector{hot(0, 8), cold(8, 64)});
    EXPECT_THAT(locks_of(decider.decide(seen, seeing())), ElementsAre(mibs(4, 8)));
}

TEST(DeciderLocks, KeepsWhatWasNotLookedAtAndWhatIsTooYoungForTheScheme) {
    Decider decider(policy({locking()}));
    Snapshot seen = snapshot(0s, std::vector{hot(0, 8)});
    carry_out(decider, seen, decider.decide(seen, seeing()));
    for (Duration now = 1s; now < 60s; now += 1s) {
        seen = snapshot(now, std::vector{unknown(0, 4), hot(4, 8, /*age=*/0)});
        ASSERT_THAT(locks_of(decider.decide(seen, seeing()), true), IsEmpty()) << now.count();
    }
}

TEST(DeciderLocks, UnlocksWhatIsInNoRegionAnyMore) {
    Decider decider(policy({locking()}));
    Snapshot seen = snapshot(0s, std::vector{hot(0, 8)});
    carry_out(decider, seen, decider.decide(seen, seeing()));
    seen = snapshot(11s, std::vector{hot(0, 2)});
    EXPECT_THAT(locks_of(decider.decide(seen, seeing()), true), ElementsAre(mibs(2, 8)));
}

TEST(DeciderLocks, TriesAgainWhatCouldNotBeUnlocked) {
    Decider decider(policy({locking()}));
    Snapshot seen = snapshot(0s, std::vector{hot(0, 8)});
    carry_out(decider, seen, decider.decide(seen, seeing()));
    seen = snapshot(10s, std::vector{cold(0, 8)});
    const Plan plan = decider.decide(seen, seeing());
    ASSERT_EQ(plan.ranges.size(), 1U);
    ActionReport failed = done(seen, plan.ranges[0], seen.time);
    failed.unlock = true;
    decider.report(failed);
    EXPECT_THAT(decider.decide(snapshot(15s, std::vector{cold(0, 8)}), seeing()).ranges, IsEmpty());
    EXPECT_THAT(locks_of(decider.decide(snapshot(20s, std::vector{cold(0, 8)}), seeing()), true),
                ElementsAre(mibs(0, 8)));
}

TEST(DeciderLocks, NeverUnlocksBeforeTheEndWhereThePolicySaysSo) {
    Scheme scheme = locking();
    scheme.unlock_age.reset();
    Decider decider(policy({scheme}));
    Snapshot seen = snapshot(0s, std::vector{hot(0, 8)});
    carry_out(decider, seen, decider.decide(seen, seeing()));
    EXPECT_THAT(decider.decide(snapshot(1h, std::vector{cold(0, 8)}), seeing()).ranges, IsEmpty());
}

TEST(DeciderLocks, TheBrakeLeavesLocksAsTheyAre) {
    Decider decider(policy({locking()}));
    Snapshot seen = snapshot(0s, std::vector{hot(0, 8)});
    Conditions conditions = seeing();
    conditions.targets.push_back({});
    conditions.targets[0].id = {1};
    conditions.targets[0].major_faults = 0;
    carry_out(decider, seen, decider.decide(seen, conditions));
    for (Duration now = 1s; now <= 9s; now += 1s) {
        conditions.targets[0].major_faults = 0;
        (void)decider.decide(snapshot(now, std::vector{cold(0, 8)}), conditions);
    }
    conditions.targets[0].major_faults = 100'000;
    ASSERT_FALSE((decider.decide(snapshot(11s, std::vector{cold(0, 8)}), conditions),
                  decider.braked().empty()));
    EXPECT_THAT(decider.decide(snapshot(12s, std::vector{cold(0, 8)}), conditions).ranges,
                IsEmpty());
}

TEST(DeciderLocks, AnExecTakesAllLocksWithIt) {
    Decider decider(policy({locking()}));
    Snapshot seen = snapshot(0s, std::vector{hot(0, 8)});
    carry_out(decider, seen, decider.decide(seen, seeing()));
    seen = snapshot(20s, std::vector{cold(0, 8)});
    seen.targets[0].generation = 2;
    EXPECT_THAT(decider.decide(seen, seeing()).ranges, IsEmpty());
}

TEST(DeciderLocks, HoldsWhatAnEarlierSessionLocked) {
    Decider decider(policy({locking()}));
    decider.hold_lock(0, {1}, mibs(0, 8), at(0s));
    EXPECT_THAT(decider.decide(snapshot(1s, std::vector{cold(0, 8)}), seeing()).ranges, IsEmpty());
    EXPECT_THAT(locks_of(decider.decide(snapshot(11s, std::vector{cold(0, 8)}), seeing()), true),
                ElementsAre(mibs(0, 8)));
}

TEST(DeciderLocks, TheHottestMemoryFillsTheBudgetOfATarget) {
    Scheme scheme = locking();
    scheme.frequency.min = Share{100'000};
    scheme.lock.target = mebibytes(6);
    Decider decider(policy({scheme}));
    Region warm = hot(0, 8);
    warm.accessed = 5;
    const Snapshot seen = snapshot(0s, std::vector{warm, hot(8, 12), cold(12, 64)});
    const Plan plan = decider.decide(seen, seeing());
    EXPECT_THAT(locks_of(plan), ElementsAre(mibs(0, 2), mibs(8, 12)));
    EXPECT_EQ(held(plan.schemes[0], Reason::lock_budget), mebibytes(6));
    // What is planned counts, before anybody has reported it.
    const Plan next = decider.decide(snapshot(100ms, seen.targets), seeing());
    EXPECT_THAT(next.ranges, IsEmpty());
    EXPECT_EQ(held(next.schemes[0], Reason::lock_budget), mebibytes(6));
}

TEST(DeciderLocks, AnotherSchemeMayUnlockThem) {
    Scheme unlocking = scheme(Action::munlock, 5s);
    Scheme kept = locking();
    kept.unlock_age.reset();
    Decider decider(policy({kept, unlocking}));
    Snapshot seen = snapshot(0s, std::vector{hot(0, 8)});
    carry_out(decider, seen, decider.decide(seen, seeing()));
    seen = snapshot(20s, std::vector{absent(0, 8)});
    const Plan plan = decider.decide(seen, seeing());
    EXPECT_THAT(ranges_of(plan, 1), ElementsAre(mibs(0, 8))) << "absent memory may be locked, too";
    carry_out(decider, seen, plan);
    // So it may be locked anew.
    EXPECT_THAT(ranges_of(decider.decide(snapshot(30s, std::vector{hot(0, 8)}), seeing()), 0),
                ElementsAre(mibs(0, 8)));
}

TEST(DeciderHugePages, AQuotaCutsCollapsesAtWholeHugePages) {
    Scheme scheme = observed::scheme(Action::collapse, 1s);
    scheme.frequency = {Share{500'000}, {}};
    scheme.quota.bytes = mebibytes(5);
    Decider decider(policy({scheme}));
    const Plan plan = decider.decide(snapshot(0s, std::vector{hot(1, 30)}), seeing());
    ASSERT_EQ(plan.ranges.size(), 1U);
    EXPECT_EQ(plan.ranges[0].range, mibs(1, 4)) << "4 MiB are whole huge pages of its 5";
    const Plan next = decider.decide(snapshot(1s, std::vector{hot(1, 30)}), seeing());
    EXPECT_THAT(ranges_of(next), ElementsAre(mibs(4, 8)));
    for (const Plan* each : {&plan, &next}) {
        const SchemeTally& tally = each->schemes[0];
        Bytes account = tally.planned;
        for (const Bytes bytes : tally.held_back) account += bytes;
        EXPECT_EQ(account, mebibytes(29));
    }
}

TEST(DeciderHugePages, AQuotaOfTimeAlwaysLetsOneHugePageThrough) {
    Scheme scheme = observed::scheme(Action::collapse, 1s);
    scheme.frequency = {Share{500'000}, {}};
    scheme.quota.time = 1ms;
    Decider decider(policy({scheme}));
    int collapsed = 0;
    for (Duration now{}; now < 100s; now += 1s) {
        const Snapshot seen = snapshot(now, std::vector{hot(0, 64)});
        for (const PlannedRange& planned : decider.decide(seen, seeing()).ranges) {
            ASSERT_EQ(planned.range.size(), mebibytes(2));
            ASSERT_EQ(planned.range.start % (2 * mib), 0U);
            ++collapsed;
            // Each takes ten windows' time.
            decider.report(done(seen, planned, seen.time, 10ms));
        }
    }
    EXPECT_GE(collapsed, 5);
    EXPECT_LE(collapsed, 12);
}

TEST(DeciderHugePages, WhatWasLookedAtAndLeftIsNotLookedAtEachSecond) {
    for (const bool looked : {false, true}) {
        Scheme scheme = observed::scheme(Action::collapse, 1s);
        scheme.frequency = {Share{500'000}, {}};
        Decider decider(policy({scheme}));
        int planned = 0;
        for (Duration now{}; now < 120s; now += 1s) {
            const Snapshot seen = snapshot(now, std::vector{hot(0, 2)});
            for (const PlannedRange& range : decider.decide(seen, seeing()).ranges) {
                ActionReport report = refused(seen, range, seen.time);
                report.looked = looked;
                decider.report(report);
                ++planned;
            }
        }
        EXPECT_EQ(planned, looked ? 2 : 120);
    }
}

TEST(DeciderHugePages, FlagsGoWhereNothingIsInMemoryYet) {
    for (const Action action : {Action::hugepage, Action::nohugepage}) {
        Decider decider(policy({scheme(action)}));
        EXPECT_THAT(ranges_of(decider.decide(snapshot(0s, std::vector{absent(0, 8)}), seeing())),
                    ElementsAre(mibs(0, 8)));
    }
    for (const Action action : {Action::collapse, Action::mlock}) {
        Decider decider(policy({scheme(action)}));
        const Plan plan = decider.decide(snapshot(0s, std::vector{absent(0, 8)}), seeing());
        EXPECT_THAT(plan.ranges, IsEmpty());
        EXPECT_EQ(held(plan.schemes[0], Reason::nothing_present), mebibytes(8));
    }
}

TEST(DeciderHugePages, HotMemoryGoesFirstToWhatMakesItFastAndColdToTheRest) {
    for (const Action action :
         {Action::collapse, Action::hugepage, Action::mlock, Action::nohugepage, Action::munlock}) {
        Scheme scheme;
        scheme.name = "any";
        scheme.action = action;
        scheme.quota.bytes = mebibytes(4);
        Decider decider(policy({scheme}));
        const bool hottest = action != Action::nohugepage && action != Action::munlock;
        EXPECT_THAT(
            ranges_of(decider.decide(snapshot(0s, std::vector{cold(0, 4), hot(4, 8)}), seeing())),
            ElementsAre(hottest ? mibs(4, 8) : mibs(0, 4)))
            << name_of(action);
    }
}

}  // namespace
}  // namespace damon_schemes

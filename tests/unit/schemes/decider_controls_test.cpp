// SPDX-License-Identifier: MIT
// What a policy's controls do to a decision.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <utility>

#include "schemes/decide/decider.h"
#include "tests/unit/schemes/observed.h"

namespace damon_schemes {

namespace {

using namespace observed;
using testing::ElementsAre;
using testing::IsEmpty;

// Of target 1, as much as filters and floors ask for.
Conditions knowing(std::optional<Bytes> rss = {}, std::optional<Bytes> swapped = {}) {
    Conditions conditions = seeing();
    Conditions::Target target;
    target.id = {1};
    target.name = "redis-server";
    target.rss = rss;
    target.swapped = swapped;
    conditions.targets.push_back(std::move(target));
    return conditions;
}

Conditions mapped(std::vector<MappedArea> mappings) {
    Conditions conditions = knowing();
    conditions.targets[0].mappings =
        std::make_shared<const std::vector<MappedArea>>(std::move(mappings));
    return conditions;
}

MappedArea area(std::uint64_t first_mib, std::uint64_t end_mib, std::string name, bool file = false,
                bool shared = false) {
    return {mibs(first_mib, end_mib), file, shared, std::move(name)};
}

Scheme limited(Bytes bytes, Priority priority) {
    Scheme scheme = observed::scheme(Action::pageout, 0s);
    scheme.quota.bytes = bytes;
    scheme.quota.priority = priority;
    return scheme;
}

// Priority.

// Of each of so many regions of 1 MiB, no two of which have the same age.
std::vector<Region> of_distinct_ages(std::size_t count, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<std::uint32_t> ages(count);
    for (std::size_t i = 0; i < count; ++i) ages[i] = static_cast<std::uint32_t>(100 + 25 * i);
    std::shuffle(ages.begin(), ages.end(), random);
    std::vector<Region> regions;
    for (std::size_t i = 0; i < count; ++i) regions.push_back(cold(i, i + 1, ages[i]));
    return regions;
}

// Spearman's: of two orders of the same things.
double rank_correlation(const std::vector<double>& a, const std::vector<double>& b) {
    const auto ranks_of = [](const std::vector<double>& values) {
        std::vector<std::size_t> order(values.size());
        std::iota(order.begin(), order.end(), 0U);
        std::sort(order.begin(), order.end(),
                  [&](std::size_t x, std::size_t y) { return values[x] < values[y]; });
        std::vector<double> ranks(values.size());
        for (std::size_t i = 0; i < order.size();) {
            std::size_t end = i;
            while (end < order.size() && values[order[end]] == values[order[i]]) ++end;
            for (std::size_t j = i; j < end; ++j)
                ranks[order[j]] = static_cast<double>(i + end - 1) / 2;
            i = end;
        }
        return ranks;
    };
    const std::vector<double> x = ranks_of(a);
    const std::vector<double> y = ranks_of(b);
    const double mean = static_cast<double>(x.size() - 1) / 2;
    double xy = 0, xx = 0, yy = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        xy += (x[i] - mean) * (y[i] - mean);
        xx += (x[i] - mean) * (x[i] - mean);
        yy += (y[i] - mean) * (y[i] - mean);
    }
    return xy / std::sqrt(xx * yy);
}

TEST(Priority, AQuotaOfHalfOfTheCandidatesTakesTheColdestHalf) {
    for (const Priority& priority : {Priority{}, Priority{0, 0, 1}}) {
        for (const Action action : {Action::pageout, Action::cold, Action::willneed}) {
            constexpr std::size_t count = 400;
            std::vector<Region> regions = of_distinct_ages(count, 7);
            Scheme half = limited(mebibytes(count / 2), priority);
            half.action = action;
            if (action == Action::willneed) {
                half.frequency = {};
                for (Region& region : regions) region.accessed = 4;
            }
            Decider decider(policy({half}));
            const Plan plan = decider.decide(snapshot(0s, regions), seeing());
            EXPECT_EQ(plan.schemes[0].planned, mebibytes(count / 2));
            std::vector<double> taken(count);
            std::vector<double> in_the_older_half(count);
            std::vector<std::uint32_t> ages;
            for (const Region& region : regions) ages.push_back(region.age);
            std::nth_element(ages.begin(), ages.begin() + count / 2, ages.end());
            for (std::size_t i = 0; i < count; ++i) {
                in_the_older_half[i] = regions[i].age >= ages[count / 2] ? 1 : 0;
                for (const AddressRange& range : ranges_of(plan))
                    if (range.start <= regions[i].range.start && regions[i].range.end <= range.end)
                        taken[i] = 1;
            }
            // All but one or two at the border, where ages differ by less than a step of the score.
            EXPECT_GT(rank_correlation(taken, in_the_older_half), 0.95);
            EXPECT_TRUE(decider.controls()[0].least_score);
        }
    }
}

TEST(Priority, WindowByWindowTheColdestGoFirst) {
    constexpr std::size_t count = 400;
    const std::vector<Region> regions = of_distinct_ages(count, 11);
    Scheme slow = limited(mebibytes(4), {0, 1, 1});
    slow.cool_down = 1h;
    Decider decider(policy({slow}));
    std::map<std::uint64_t, double> window_of;
    for (int window = 0; window < 100; ++window) {
        const Snapshot seen = snapshot(window * 1s, regions);
        const Plan plan = decider.decide(seen, seeing());
        ASSERT_LE(plan.schemes[0].planned.count, 4 * mib + 4096);
        ASSERT_GE(plan.schemes[0].planned.count, 4 * mib) << "and it goes on where there is more";
        for (const PlannedRange& planned : plan.ranges) {
            for (auto start = planned.range.start; start < planned.range.end; start += mib)
                window_of[start / mib] = window;
            decider.report(done(seen, planned, seen.time));
        }
    }
    ASSERT_EQ(window_of.size(), count);
    std::vector<double> windows;
    std::vector<double> youth;
    for (std::size_t i = 0; i < count; ++i) {
        windows.push_back(window_of[i]);
        youth.push_back(-static_cast<double>(regions[i].age));
    }
    EXPECT_GT(rank_correlation(windows, youth), 0.99);
}

TEST(Priority, EqualsHaveTheirTurn) {
    Decider decider(policy({limited(mebibytes(2), {0, 1, 1})}));
    const std::vector<Region> regions{cold(0, 3), hot(3, 4), cold(4, 5, 100), cold(5, 6, 9000),
                                      cold(6, 8)};
    const auto window = [&](int number) {
        const Snapshot seen = snapshot(number * 1s, regions);
        const Plan plan = decider.decide(seen, seeing());
        return ranges_of(plan);
    };
    // The oldest; then those of 20 s in turn; then the youngest.
    EXPECT_THAT(window(0), ElementsAre(mibs(0, 1), mibs(5, 6)));
    EXPECT_THAT(window(1), ElementsAre(mibs(1, 3)));
    EXPECT_THAT(window(2), ElementsAre(mibs(6, 8)));
    EXPECT_THAT(window(3), ElementsAre(mibs(4, 5)));
}

TEST(Priority, DoesNotMatterWhereTheQuotaIsEnough) {
    Decider decider(policy({limited(mebibytes(100), {0, 1, 1})}));
    const Plan plan = decider.decide(
        snapshot(0s, {cold(0, 3, 500), cold(3, 5, 100), hot(5, 6), cold(6, 9, 9000)}), seeing());
    EXPECT_THAT(ranges_of(plan), ElementsAre(mibs(0, 5), mibs(6, 9)));
    EXPECT_FALSE(decider.controls()[0].least_score);
}

// Apply interval and cool-down.

TEST(ApplyInterval, HoldsBackUntilItHasPassed) {
    Scheme seldom = scheme(Action::pageout, 0s);
    seldom.apply_interval = 350ms;
    Decider decider(policy({seldom}));
    std::vector<Duration> applied;
    std::uint64_t next = 0;
    for (Duration time = 0ms; time <= 2s; time += 100ms, ++next) {
        const Plan plan = decider.decide(snapshot(time, {cold(next, next + 1)}), seeing());
        if (plan.schemes[0].planned == mebibytes(1))
            applied.push_back(time);
        else
            EXPECT_EQ(held(plan.schemes[0], Reason::not_due), mebibytes(1));
    }
    // At the first snapshot at 350 ms or later, 700, 1,050, …: no drift.
    EXPECT_THAT(applied, ElementsAre(0ms, 400ms, 700ms, 1100ms, 1400ms, 1800ms));
    EXPECT_EQ(decider.controls()[0].next_apply, at(2100ms));
}

TEST(ApplyInterval, IsNotCaughtUpWith) {
    Scheme seldom = scheme(Action::pageout, 0s);
    seldom.apply_interval = 1s;
    Decider decider(policy({seldom}));
    const auto plans = [&](Duration time) {
        const auto first = static_cast<std::uint64_t>(time / 100ms);
        return decider.decide(snapshot(time, {cold(first, first + 1)}), seeing()).ranges.size();
    };
    EXPECT_EQ(plans(0s), 1U);
    EXPECT_EQ(plans(7500ms), 1U);
    EXPECT_EQ(plans(7600ms), 0U);
    EXPECT_EQ(plans(7900ms), 0U);
    EXPECT_EQ(plans(8s), 1U);
    // A clock that was set back.
    EXPECT_EQ(plans(100ms), 1U);
    EXPECT_EQ(plans(200ms), 0U);
}

TEST(ApplyInterval, DoesNotGiveTheMemoryToOthersAndDoesNotConcernCounting) {
    Scheme seldom = scheme(Action::pageout, 0s);
    seldom.apply_interval = 1h;
    Scheme counting = scheme(Action::stat, 0s);
    counting.apply_interval = 1h;
    Decider decider(policy({seldom, scheme(Action::cold, 0s), counting}));
    decider.decide(snapshot(0s, {cold(0, 1)}), seeing());
    const Plan plan = decider.decide(snapshot(1s, {cold(2, 3)}), seeing());
    EXPECT_THAT(plan.ranges, IsEmpty());
    EXPECT_EQ(held(plan.schemes[1], Reason::other_scheme), mebibytes(1));
    EXPECT_EQ(plan.schemes[2].matched, mebibytes(1));
    EXPECT_EQ(held(plan.schemes[2], Reason::not_due), Bytes{});
}

TEST(ApplyInterval, IsDueAfterARest) {
    Scheme seldom = scheme(Action::pageout, 0s);
    seldom.apply_interval = 1h;
    seldom.watermarks = Watermarks{};
    seldom.watermarks->free_memory = Watermark{Share{500'000}, Share{400'000}, Share{0}};
    Decider decider(policy({seldom}));
    Conditions conditions = seeing();
    conditions.free_memory = Share{900'000};
    EXPECT_THAT(decider.decide(snapshot(0s, {cold(0, 1)}), conditions).ranges, IsEmpty());
    conditions.free_memory = Share{300'000};
    EXPECT_THAT(ranges_of(decider.decide(snapshot(5s, {cold(0, 1)}), conditions)),
                ElementsAre(mibs(0, 1)));
}

TEST(CoolDown, StandsForTheAge) {
    for (const auto& [cool_down, again] :
         {std::pair<Duration, Duration>{3s, 3s}, {20s, 20s}, {200ms, 1s}}) {
        Scheme cooling = scheme(Action::pageout, 10s);
        cooling.cool_down = cool_down;
        Decider decider(policy({cooling}));
        const Snapshot first = snapshot(0s, {cold(0, 4)});
        const Plan plan = decider.decide(first, seeing());
        decider.report(done(first, plan.ranges[0], at(0s)));
        for (Duration time = 100ms; time < again; time += 100ms)
            ASSERT_THAT(decider.decide(snapshot(time, {cold(0, 4)}), seeing()).ranges, IsEmpty());
        EXPECT_THAT(ranges_of(decider.decide(snapshot(again, {cold(0, 4)}), seeing())),
                    ElementsAre(mibs(0, 4)));
    }
}

// Watermarks.

Scheme watching_free_memory(Action action, Duration interval = 5s) {
    Scheme watching = scheme(action, 0s);
    watching.watermarks = Watermarks{};
    watching.watermarks->free_memory = Watermark{Share{500'000}, Share{400'000}, Share{200'000}};
    watching.watermarks->interval = interval;
    return watching;
}

TEST(WatermarksOfASchemes, HoldItBackAndLeaveItsMemoryToOthers) {
    Decider decider(policy({watching_free_memory(Action::pageout), scheme(Action::cold, 0s)}));
    Conditions conditions = seeing();
    Plan plan = decider.decide(snapshot(0s, {cold(0, 4)}), conditions);
    EXPECT_EQ(held(plan.schemes[0], Reason::unmeasured), mebibytes(4));
    EXPECT_THAT(ranges_of(plan, 1), ElementsAre(mibs(0, 4)));
    conditions.free_memory = Share{900'000};
    plan = decider.decide(snapshot(100ms, {cold(4, 8)}), conditions);
    EXPECT_EQ(held(plan.schemes[0], Reason::watermark), mebibytes(4));
    EXPECT_THAT(ranges_of(plan, 1), ElementsAre(mibs(4, 8)));
    EXPECT_EQ(decider.controls()[0].free_memory, SchemeControls::Rest::too_much_free);
    EXPECT_FALSE(decider.controls()[0].free_swap);
    EXPECT_FALSE(decider.controls()[1].free_memory);
    conditions.free_memory = Share{300'000};
    plan = decider.decide(snapshot(200ms, {cold(8, 12)}), conditions);
    EXPECT_EQ(held(plan.schemes[0], Reason::watermark), mebibytes(4)) << "the last look holds";
    plan = decider.decide(snapshot(5100ms, {cold(8, 12)}), conditions);
    EXPECT_THAT(ranges_of(plan, 0), ElementsAre(mibs(8, 12)));
}

TEST(WatermarksOfASchemes, TheGuardOfSwapComesBeforeThem) {
    Decider decider(policy({watching_free_memory(Action::pageout)}));
    Conditions conditions = seeing();
    conditions.free_memory = Share{900'000};
    conditions.free_swap = Share{1000};
    const Plan plan = decider.decide(snapshot(0s, {cold(0, 4)}), conditions);
    EXPECT_EQ(held(plan.schemes[0], Reason::swap_low), mebibytes(4));
}

TEST(AllRest, OnlyWhereEverySchemeRestsByItsWatermarks) {
    Conditions free = seeing();
    free.free_memory = Share{900'000};
    Conditions needed = seeing();
    needed.free_memory = Share{300'000};

    Decider both(policy(
        {watching_free_memory(Action::pageout, 5s), watching_free_memory(Action::stat, 2s)}));
    EXPECT_TRUE(both.all_rest(free, at(0s)));
    EXPECT_EQ(both.longest_rest(), 2s);
    EXPECT_TRUE(both.all_rest(needed, at(1s))) << "the values of the last look hold";
    EXPECT_FALSE(both.all_rest(needed, at(2s))) << "the one that looks every 2 s is at work again";
    EXPECT_TRUE(both.all_rest(free, at(4s)));
    EXPECT_FALSE(both.all_rest(needed, at(10s)));

    Decider one(policy({watching_free_memory(Action::pageout), scheme(Action::stat)}));
    EXPECT_FALSE(one.all_rest(free, at(0s))) << "the other has no watermarks";
    EXPECT_EQ(one.longest_rest(), 5s);
    Decider unmeasured(policy({watching_free_memory(Action::pageout)}));
    EXPECT_FALSE(unmeasured.all_rest(seeing(), at(0s)));
    Decider none(policy({}));
    EXPECT_FALSE(none.all_rest(free, at(0s)));
    EXPECT_GT(none.longest_rest(), 0s);
}

// Filters.

TEST(Filters, RejectPartsOfARegionByTheirMapping) {
    Scheme filtered = scheme(Action::pageout, 0s);
    filtered.filters = {filter(false, FilterKind::mapping, "[heap]")};
    Decider decider(policy({filtered}));
    const Plan plan = decider.decide(
        snapshot(0s, {cold(0, 10)}),
        mapped({area(1, 3, ""), area(3, 6, "[heap]"), area(6, 8, "/lib/libc.so", true)}));
    // Nothing is mapped at 0 and behind 8: no filter fits there, and the last one rejects.
    EXPECT_THAT(ranges_of(plan), ElementsAre(mibs(0, 3), mibs(6, 10)));
    EXPECT_EQ(held(plan.schemes[0], Reason::filter), mebibytes(3));
}

TEST(Filters, LeaveWhatTheyRejectToTheNextSchemeThatMatches) {
    Scheme heap = scheme(Action::pageout, 0s);
    heap.filters = {filter(true, FilterKind::mapping, "[heap]")};
    Scheme libraries = scheme(Action::cold, 0s);
    libraries.filters = {filter(true, FilterKind::mapping, "/lib/*")};
    const Scheme rest = scheme(Action::cold, 0s);
    Decider decider(policy({libraries, rest, heap}));
    const Plan plan = decider.decide(
        snapshot(0s, {cold(0, 9)}),
        mapped({area(0, 3, ""), area(3, 6, "[heap]"), area(6, 9, "/lib/libc.so", true)}));
    EXPECT_THAT(ranges_of(plan, 0), ElementsAre(mibs(6, 9)));
    EXPECT_THAT(ranges_of(plan, 1), ElementsAre(mibs(0, 3)));
    EXPECT_THAT(ranges_of(plan, 2), ElementsAre(mibs(3, 6))) << "pageout goes before cold";
    EXPECT_EQ(held(plan.schemes[0], Reason::filter), mebibytes(6));
    EXPECT_EQ(held(plan.schemes[1], Reason::other_scheme), mebibytes(6));
    EXPECT_EQ(held(plan.schemes[2], Reason::filter), mebibytes(6));
}

TEST(Filters, LeaveToTheExecutorWhatOnlyPagesTell) {
    Scheme filtered = scheme(Action::pageout, 0s);
    filtered.filters = {filter(false, FilterKind::file), filter(false, FilterKind::young)};
    Decider decider(policy({filtered}));
    const Plan plan = decider.decide(
        snapshot(0s, {cold(0, 9)}),
        mapped({area(0, 3, ""), area(3, 6, "/data", true, true), area(6, 9, "/lib", true)}));
    EXPECT_THAT(ranges_of(plan), ElementsAre(mibs(0, 3), mibs(6, 9)));
    EXPECT_EQ(held(plan.schemes[0], Reason::filter), mebibytes(3));
}

TEST(Filters, ByTargetCgroupAndAddress) {
    Scheme filtered = scheme(Action::pageout, 0s);
    filtered.filters = {filter(false, FilterKind::cgroup, "/system.slice*"),
                        filter(true, FilterKind::target, "redis*")};
    filtered.filters.insert(filtered.filters.begin(), filter(false, FilterKind::address));
    filtered.filters[0].range = mibs(2, 3);
    const auto planned = [&](std::optional<std::string> cgroup, std::string name) {
        Decider decider(policy({filtered}));
        Conditions conditions = knowing();
        conditions.targets[0].cgroup = std::move(cgroup);
        conditions.targets[0].name = std::move(name);
        return decider.decide(snapshot(0s, {cold(0, 4)}), conditions);
    };
    EXPECT_THAT(ranges_of(planned("/user.slice", "redis-server")),
                ElementsAre(mibs(0, 2), mibs(3, 4)));
    EXPECT_EQ(held(planned("/user.slice", "postgres").schemes[0], Reason::filter), mebibytes(4));
    EXPECT_EQ(held(planned("/system.slice/a", "redis-server").schemes[0], Reason::filter),
              mebibytes(4));
    EXPECT_EQ(held(planned({}, "redis-server").schemes[0], Reason::unmeasured), mebibytes(4));
}

TEST(Filters, HoldEverythingBackThatNeedsMappingsUntilTheyAreRead) {
    for (const FilterKind kind : {FilterKind::mapping, FilterKind::anonymous, FilterKind::file}) {
        Scheme filtered = scheme(Action::pageout, 0s);
        filtered.filters = {filter(false, kind, "[stack]")};
        Decider decider(policy({filtered, scheme(Action::cold, 0s)}));
        const Plan plan = decider.decide(snapshot(0s, {cold(0, 4)}), knowing());
        EXPECT_EQ(held(plan.schemes[0], Reason::unmeasured), mebibytes(4));
        EXPECT_THAT(ranges_of(plan, 1), ElementsAre(mibs(0, 4)));
    }
    // Without the target's conditions nothing is known of it at all.
    Scheme named = scheme(Action::pageout, 0s);
    named.filters = {filter(false, FilterKind::target, "a")};
    Decider decider(policy({named}));
    EXPECT_EQ(
        held(decider.decide(snapshot(0s, {cold(0, 4)}), seeing()).schemes[0], Reason::unmeasured),
        mebibytes(4));
}

// Targets that are small, and what they keep.

TEST(MinRss, LeavesSmallTargetsToOthers) {
    Scheme large = scheme(Action::pageout, 0s);
    large.min_rss = mebibytes(100);
    const auto plan_of = [&](std::optional<Bytes> rss) {
        Decider decider(policy({large, scheme(Action::cold, 0s)}));
        return decider.decide(snapshot(0s, {cold(0, 4)}), knowing(rss));
    };
    EXPECT_THAT(ranges_of(plan_of(mebibytes(100)), 0), ElementsAre(mibs(0, 4)));
    const Plan small = plan_of(mebibytes(99));
    EXPECT_EQ(held(small.schemes[0], Reason::small_target), mebibytes(4));
    EXPECT_THAT(ranges_of(small, 1), ElementsAre(mibs(0, 4)));
    EXPECT_EQ(held(plan_of({}).schemes[0], Reason::unmeasured), mebibytes(4));
}

Scheme with_floor(std::optional<Bytes> rss, std::optional<Share> share) {
    Scheme scheme = observed::scheme(Action::pageout, 0s);
    scheme.floor = {rss, share};
    return scheme;
}

TEST(Floor, KeepsSoMuchOfEachTarget) {
    Decider decider(policy({with_floor(mebibytes(10), {})}));
    Conditions conditions = knowing(mebibytes(14));
    conditions.targets.push_back(conditions.targets[0]);
    conditions.targets[1].id = {2};
    conditions.targets[1].rss = mebibytes(11) + Bytes{5000};
    const Plan plan =
        decider.decide(snapshot(0s, std::vector{target(1, {cold(0, 3, 100), cold(3, 9, 900)}),
                                                target(2, {cold(0, 9)})}),
                       conditions);
    // The coldest first; whole pages.
    ASSERT_THAT(ranges_of(plan), ElementsAre(mibs(3, 7), AddressRange{0, mib + 4096}));
    EXPECT_EQ(held(plan.schemes[0], Reason::floor).count, 18 * mib - 5 * mib - 4096);
    EXPECT_FALSE(plan.schemes[0].quota_exceeded);
}

TEST(Floor, ShareIsOfMemoryAndSwapTogether) {
    const auto planned = [&](std::optional<Bytes> rss, std::optional<Bytes> swapped) {
        Decider decider(policy({with_floor(mebibytes(1), Share{200'000})}));
        return decider.decide(snapshot(0s, {cold(0, 100)}), knowing(rss, swapped)).schemes[0];
    };
    EXPECT_EQ(planned(mebibytes(50), mebibytes(50)).planned, mebibytes(30));
    EXPECT_EQ(planned(mebibytes(20), mebibytes(80)).planned, Bytes{});
    EXPECT_EQ(held(planned(mebibytes(20), mebibytes(80)), Reason::floor), mebibytes(100));
    EXPECT_EQ(held(planned(mebibytes(20), {}), Reason::unmeasured), mebibytes(100));
    EXPECT_EQ(held(planned({}, mebibytes(20)), Reason::unmeasured), mebibytes(100));
}

TEST(Floor, CountsWhatIsOnItsWayForWhateverScheme) {
    Scheme other = scheme(Action::pageout, 0s);
    other.age.min = 50s;
    Scheme keeping = with_floor(mebibytes(10), {});
    keeping.age.max = 40s;
    Decider decider(policy({other, keeping}));
    // 3 MiB by the other scheme in the same plan.
    const Snapshot first = snapshot(0s, {cold(0, 3, 600), cold(3, 20, 100)});
    const Plan plan = decider.decide(first, knowing(mebibytes(20)));
    EXPECT_THAT(ranges_of(plan, 0), ElementsAre(mibs(0, 3)));
    EXPECT_THAT(ranges_of(plan, 1), ElementsAre(mibs(3, 10)));
    // They left, and RSS was not measured since; then it was.
    for (const PlannedRange& range : plan.ranges) decider.report(done(first, range, at(100ms)));
    EXPECT_EQ(decider.decide(snapshot(200ms, {cold(10, 20, 100)}), knowing(mebibytes(20)))
                  .schemes[1]
                  .planned,
              Bytes{});
    EXPECT_EQ(decider.decide(snapshot(3s, {cold(10, 20, 100)}), knowing(mebibytes(13)))
                  .schemes[1]
                  .planned,
              mebibytes(3));
}

TEST(Floor, DoesNotConcernWhatPagesNothingOut) {
    Scheme advice = with_floor(mebibytes(100), {});
    advice.action = Action::cold;
    Decider decider(policy({advice}));
    EXPECT_THAT(ranges_of(decider.decide(snapshot(0s, {cold(0, 4)}), knowing())),
                ElementsAre(mibs(0, 4)));
}

// A target whose pages leave late, are reported later, whose RSS is read half a second late, and
// which brings pages back at random.
TEST(Floor, IsNeverPassedHoweverLateReportsAndReadingsAre) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        std::mt19937_64 random(seed);
        const auto below = [&](std::uint64_t bound) { return random() % bound; };
        constexpr std::uint64_t pages = 4096;
        std::vector<bool> present(pages, true);
        const auto rss = [&] {
            return Bytes{4096 * static_cast<std::uint64_t>(
                                    std::count(present.begin(), present.end(), true))};
        };
        Scheme keeping = with_floor(mebibytes(4), Share{250'000});
        keeping.quota.bytes = mebibytes(1 + below(8));
        Scheme second = keeping;
        second.size.max = mebibytes(1);
        Decider decider(policy({second, keeping}));
        struct Flying {
            Instant leaves{};
            Instant reported{};
            ActionReport report;
            bool left = false;
        };
        std::vector<Flying> flying;
        Conditions conditions = knowing();
        Instant read{};
        for (Duration time = 0ms; time < 60s; time += 100ms) {
            const Instant now = at(time);
            for (Flying& action : flying) {
                if (!action.left && action.leaves <= now) {
                    action.left = true;
                    for (auto p = action.report.range.start; p < action.report.range.end; p += 4096)
                        present[p / 4096] = false;
                    ASSERT_GE(rss(), mebibytes(4)) << seed;
                    ASSERT_GE(rss().count, pages * 4096 / 4) << seed;
                }
                if (action.left && action.reported <= now) decider.report(action.report);
            }
            std::erase_if(flying, [&](const Flying& f) { return f.left && f.reported <= now; });
            for (int i = 0; i < 8; ++i) present[below(pages)] = true;
            if (elapsed(read, now) >= 500ms) {
                read = now;
                conditions.targets[0].rss = rss();
                conditions.targets[0].swapped = Bytes{pages * 4096} - rss();
            }
            std::vector<Region> regions;
            for (std::uint64_t start = 0; start < 16;) {
                const std::uint64_t end = std::min<std::uint64_t>(16, start + 1 + below(4));
                regions.push_back(cold(start, end, static_cast<std::uint32_t>(100 + below(900))));
                start = end;
            }
            const Snapshot seen = snapshot(time, regions);
            for (const PlannedRange& range : decider.decide(seen, conditions).ranges) {
                const Instant leaves = now + below(2000) * 1ms;
                const Instant reported = leaves + below(1000) * 1ms;
                flying.push_back({leaves, reported, done(seen, range, reported), false});
            }
        }
        EXPECT_LT(rss(), mebibytes(8)) << "it did page out";
    }
}

// Goals, refaults and tuning.

TEST(Goals, TheLeastOfBytesTimeAndGoalsCounts) {
    Scheme aimed = scheme(Action::pageout, 0s);
    aimed.quota.bytes = mebibytes(3);
    QuotaGoal goal;
    goal.metric = GoalMetric::free_memory;
    goal.share = Share{200'000};
    aimed.quota.goals = {goal};
    Decider decider(policy({aimed}));
    Conditions conditions = seeing();
    Plan plan = decider.decide(snapshot(0s, {cold(0, 100)}), conditions);
    EXPECT_EQ(held(plan.schemes[0], Reason::unmeasured), mebibytes(100));
    conditions.free_memory = Share{0};
    plan = decider.decide(snapshot(1s, {cold(0, 100)}), conditions);
    EXPECT_EQ(plan.schemes[0].planned, mebibytes(2));
    EXPECT_EQ(held(plan.schemes[0], Reason::quota_goal), mebibytes(98));
    EXPECT_TRUE(plan.schemes[0].quota_exceeded);
    EXPECT_EQ(decider.controls()[0].goal_bytes, mebibytes(2));
    EXPECT_EQ(decider.controls()[0].quota_bytes, mebibytes(3));
    EXPECT_EQ(decider.controls()[0].bytes_left, mebibytes(1));
    ASSERT_EQ(decider.controls()[0].goals.size(), 1U);
    EXPECT_EQ(decider.controls()[0].goals[0].current, 0.0);
    plan = decider.decide(snapshot(2s, {cold(2, 100)}), conditions);
    EXPECT_EQ(plan.schemes[0].planned, mebibytes(3));
    EXPECT_GT(held(plan.schemes[0], Reason::quota_bytes), Bytes{});
    conditions.free_memory = Share{500'000};
    plan = decider.decide(snapshot(3s, {cold(5, 100)}), conditions);
    EXPECT_EQ(plan.schemes[0].planned, Bytes{4096}) << "score 2.5";
}

TEST(Goals, OfRefaultsFollowWhatIsReported) {
    Scheme aimed = scheme(Action::pageout, 0s);
    QuotaGoal goal;
    goal.metric = GoalMetric::refaults;
    goal.share = Share{100'000};
    aimed.quota.goals = {goal};
    Decider decider(policy({aimed}));
    std::uint64_t first = 0;
    // A window of which so many percent come back at once; returns what it paged out.
    int number = 0;
    const auto window = [&](std::uint64_t percent) {
        const Snapshot seen = snapshot(number++ * 1s, {cold(first, first + 1000)});
        first += 1000;
        const Plan plan = decider.decide(seen, seeing());
        for (const PlannedRange& range : plan.ranges) {
            ActionReport report = done(seen, range, seen.time);
            report.paged_out = report.advised;
            decider.report(report);
            RefaultReport refault;
            refault.bytes = Bytes{report.paged_out.count * percent / 100};
            refault.time = seen.time;
            decider.report(refault);
        }
        return plan.schemes[0].planned;
    };
    EXPECT_EQ(window(0), mebibytes(1));
    EXPECT_EQ(window(0), mebibytes(2));
    EXPECT_EQ(window(0), mebibytes(4));
    EXPECT_EQ(window(15), mebibytes(8));
    Bytes last = window(15);
    EXPECT_GT(last, mebibytes(8)) << "8 % of all came back";
    for (int i = 0; i < 5; ++i) last = window(15);
    for (int i = 0; i < 5; ++i) {
        const Bytes next = window(15);
        EXPECT_LT(next, last);
        last = next;
    }
    const SchemeControls controls = decider.controls()[0];
    EXPECT_GT(*controls.refault_share, 0.1);
    EXPECT_LT(*controls.refault_share, 0.15);
    EXPECT_EQ(controls.goals[0].target, 0.1);
    EXPECT_LT(controls.refaulted.count, controls.watched.count * 15 / 100);
}

TEST(Tuning, MovesTheAgeOfThePatternAndOfTheHold) {
    Scheme tuned = scheme(Action::pageout, 10s);
    tuned.tune = Tune{Share{50'000}, 5s, 40s};
    Decider decider(policy({tuned}));
    EXPECT_EQ(decider.controls()[0].tuned_age, 10s);
    // All that leaves comes back 1 s later, whatever the age: it ends at its upper bound.
    std::uint64_t first = 0;
    for (Duration time = 0s; time < 300s; time += 1s, ++first) {
        const Snapshot seen =
            snapshot(time, {cold(first, first + 1, 150), cold(first + 1000, first + 1001, 500)});
        for (const PlannedRange& range : decider.decide(seen, seeing()).ranges) {
            ActionReport report = done(seen, range, seen.time);
            report.paged_out = report.advised;
            decider.report(report);
            RefaultReport refault;
            refault.target = {1};
            refault.bytes = report.paged_out;
            refault.away = 1s;
            refault.time = seen.time + 1s;
            decider.report(refault);
        }
    }
    ASSERT_EQ(decider.controls()[0].tuned_age, 40s);
    EXPECT_GT(decider.controls()[0].mean_tuned_age, Duration(10s));
    EXPECT_LT(decider.controls()[0].mean_tuned_age, Duration(40s));
    const Snapshot seen = snapshot(300s, {cold(0, 1, 399), cold(1, 2, 400)});
    const Plan plan = decider.decide(seen, seeing());
    EXPECT_THAT(ranges_of(plan), ElementsAre(mibs(1, 2)));
    EXPECT_EQ(held(plan.schemes[0], Reason::age), mebibytes(1));
    decider.report(done(seen, plan.ranges[0], at(300s)));
    EXPECT_THAT(decider.decide(snapshot(339900ms, {cold(1, 2, 800)}), seeing()).ranges, IsEmpty());
    EXPECT_THAT(ranges_of(decider.decide(snapshot(340s, {cold(1, 2, 800)}), seeing())),
                ElementsAre(mibs(1, 2)));
}

TEST(Controls, SayNothingOfWhatThePolicyDoesNotSet) {
    Decider decider(policy({scheme(Action::pageout)}));
    decider.decide(snapshot(0s, {cold(0, 4)}), seeing());
    ASSERT_EQ(decider.controls().size(), 1U);
    const SchemeControls controls = decider.controls()[0];
    EXPECT_FALSE(controls.free_memory || controls.free_swap || controls.next_apply ||
                 controls.quota_bytes || controls.bytes_left || controls.quota_time ||
                 controls.time_left || controls.bytes_per_second || controls.goal_bytes ||
                 controls.least_score || controls.tuned_age || controls.refault_share);
    EXPECT_THAT(controls.goals, IsEmpty());
    EXPECT_THAT(controls.braked, IsEmpty());
}

TEST(Controls, ShowTimeAndWhatItIsReckonedBy) {
    Scheme timed = scheme(Action::pageout, 0s);
    timed.quota.time = 10ms;
    Decider decider(policy({timed}));
    const Snapshot seen = snapshot(0s, {cold(0, 100)});
    const Plan plan = decider.decide(seen, seeing());
    decider.report(done(seen, plan.ranges[0], at(0s), 12ms));
    EXPECT_EQ(decider.controls()[0].quota_time, 10ms);
    EXPECT_EQ(decider.controls()[0].time_left, -2ms);
    EXPECT_DOUBLE_EQ(*decider.controls()[0].bytes_per_second, mib / 0.012);
}

TEST(Controls, NameTheTargetsThatTheBrakeHolds) {
    Decider decider(policy({scheme(Action::pageout), scheme(Action::stat)}));
    std::uint64_t faults = 0;
    for (Duration time{}; time < 12s; time += 100ms) {
        Conditions conditions = knowing();
        conditions.targets[0].major_faults = time < 10s ? 0 : faults += 50;
        decider.decide(snapshot(time, {hot(0, 4)}), conditions);
    }
    ASSERT_EQ(decider.controls()[0].braked.size(), 1U);
    EXPECT_EQ(decider.controls()[0].braked[0].target, TargetId{1});
    EXPECT_THAT(decider.controls()[1].braked, IsEmpty());
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// What is explained is what was decided, and explaining changes nothing.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <memory>
#include <tuple>
#include <vector>

#include "schemes/decide/decider.h"
#include "tests/unit/schemes/any_session.h"
#include "tests/unit/schemes/observed.h"

namespace damon_schemes {
namespace {

using namespace observed;

TEST(Explanation, SaysWhoHasWhatAndWhy) {
    Scheme heap = scheme(Action::pageout, 0s);
    heap.filters.resize(1);
    heap.filters[0].allow = true;
    heap.filters[0].kind = FilterKind::address;
    heap.filters[0].range = {2 * mib, 4 * mib};
    heap.quota.bytes = mebibytes(1);
    Decider decider(policy({heap, scheme(Action::cold, 0s), scheme(Action::stat)}));
    Explanation explanation;
    decider.decide(snapshot(0s, {cold(0, 4), hot(4, 5)}), seeing(), &explanation);

    using V = std::tuple<std::uint32_t, std::uint32_t, std::uint64_t, std::uint64_t,
                         std::optional<Reason>, std::optional<std::uint32_t>>;
    std::vector<V> verdicts;
    for (const Verdict& v : explanation.verdicts) {
        EXPECT_EQ(v.target, 0U);
        verdicts.emplace_back(v.region, v.scheme, v.range.start / mib, v.range.end / mib,
                              v.held_back, v.other);
    }
    const std::vector<V> expected{
        {0, 0, 0, 2, Reason::filter, std::nullopt},
        {0, 1, 0, 2, std::nullopt, std::nullopt},
        {0, 2, 0, 4, std::nullopt, std::nullopt},
        {0, 0, 2, 3, std::nullopt, std::nullopt},
        {0, 1, 2, 4, Reason::other_scheme, 0},
        {0, 0, 3, 4, Reason::quota_bytes, std::nullopt},
        {1, 0, 4, 5, Reason::frequency, std::nullopt},
        {1, 1, 4, 5, Reason::frequency, std::nullopt},
        {1, 2, 4, 5, Reason::frequency, std::nullopt},
    };
    EXPECT_EQ(verdicts, expected);
}

TEST(Explanation, NamesTheFilterThatFitted) {
    Scheme filtered = scheme(Action::pageout, 0s);
    filtered.filters.resize(2);
    filtered.filters[0].kind = FilterKind::target;
    filtered.filters[0].pattern = "postgres";
    filtered.filters[1].kind = FilterKind::target;
    filtered.filters[1].pattern = "redis*";
    Decider decider(policy({filtered}));
    Conditions conditions = seeing();
    conditions.targets.resize(1);
    conditions.targets[0].id = {1};
    conditions.targets[0].name = "redis-server";
    Explanation explanation;
    decider.decide(snapshot(0s, {cold(0, 4)}), conditions, &explanation);
    ASSERT_EQ(explanation.verdicts.size(), 1U);
    EXPECT_EQ(explanation.verdicts[0].held_back, Reason::filter);
    EXPECT_EQ(explanation.verdicts[0].other, 1U);
}

TEST(Explanation, IsEmptiedFirst) {
    Decider decider(policy({scheme(Action::stat)}));
    Explanation explanation;
    decider.decide(snapshot(0s, {cold(0, 4)}), seeing(), &explanation);
    decider.decide(snapshot(1s, {cold(0, 4)}), seeing(), &explanation);
    EXPECT_EQ(explanation.verdicts.size(), 1U);
}

bool same(const Plan& a, const Plan& b) {
    const auto same_range = [](const PlannedRange& x, const PlannedRange& y) {
        return x.scheme == y.scheme && x.target == y.target && x.range == y.range;
    };
    const auto same_tally = [](const SchemeTally& x, const SchemeTally& y) {
        return x.matched == y.matched && x.matched_regions == y.matched_regions &&
               x.planned == y.planned && x.planned_ranges == y.planned_ranges &&
               x.quota_exceeded == y.quota_exceeded && x.held_back == y.held_back;
    };
    return a.sequence == b.sequence && a.time == b.time &&
           std::equal(a.ranges.begin(), a.ranges.end(), b.ranges.begin(), b.ranges.end(),
                      same_range) &&
           std::equal(a.schemes.begin(), a.schemes.end(), b.schemes.begin(), b.schemes.end(),
                      same_tally);
}

// The verdicts of each scheme cover each region, and add up to the tallies.
void check_against(const Explanation& explanation, const Snapshot& seen, const Policy& policy,
                   const Plan& plan) {
    const std::size_t schemes = policy.schemes.size();
    RC_ASSERT(std::is_sorted(explanation.verdicts.begin(), explanation.verdicts.end(),
                             [](const Verdict& a, const Verdict& b) {
                                 return std::tie(a.target, a.range.start, a.scheme) <
                                        std::tie(b.target, b.range.start, b.scheme);
                             }));
    std::vector<std::array<std::uint64_t, reason_count>> held(schemes);
    std::vector<std::uint64_t> planned(schemes);
    // Where the next part of each scheme has to begin.
    std::vector<std::vector<std::vector<std::uint64_t>>> position(seen.targets.size());
    for (std::size_t t = 0; t < seen.targets.size(); ++t)
        for (const Region& region : seen.targets[t].regions)
            position[t].emplace_back(schemes, region.range.start);
    for (const Verdict& v : explanation.verdicts) {
        std::uint64_t& next = position.at(v.target).at(v.region).at(v.scheme);
        RC_ASSERT(!v.range.empty());
        RC_ASSERT(v.range.start == next);
        next = v.range.end;
        const Scheme& scheme = policy.schemes[v.scheme];
        if (v.held_back)
            held[v.scheme][static_cast<std::size_t>(*v.held_back)] += v.range.size().count;
        else
            planned[v.scheme] += v.range.size().count;
        RC_ASSERT(
            !v.other ||
            (v.held_back == Reason::other_scheme && *v.other < schemes && *v.other != v.scheme) ||
            (v.held_back == Reason::filter && *v.other < scheme.filters.size()));
        RC_ASSERT(v.other || v.held_back != Reason::other_scheme);
    }
    for (std::size_t t = 0; t < seen.targets.size(); ++t)
        for (std::size_t r = 0; r < seen.targets[t].regions.size(); ++r)
            for (const std::uint64_t end : position[t][r])
                RC_ASSERT(end == seen.targets[t].regions[r].range.end);
    for (std::size_t i = 0; i < schemes; ++i) {
        for (std::size_t reason = 0; reason < reason_count; ++reason)
            RC_ASSERT(held[i][reason] == plan.schemes[i].held_back[reason].count);
        const bool acting = acts(policy.schemes[i].action);
        RC_ASSERT(planned[i] == (acting ? plan.schemes[i].planned : plan.schemes[i].matched).count);
    }
}

TEST(ExplanationProperties, AddsUpToTheTalliesAndChangesNothing) {
    EXPECT_TRUE(rc::check([] {
        Policy any = policy({});
        const auto count = *rc::gen::inRange(1, 5);
        for (int i = 0; i < count; ++i) any.schemes.push_back(any_scheme_with_controls());
        Decider asked(any);
        Decider not_asked(any);
        Duration time{};
        for (std::uint64_t step = 0; step < 12; ++step) {
            time += *rc::gen::element(Duration(100ms), Duration(400ms), Duration(1200ms));
            std::vector<TargetSnapshot> targets;
            for (std::uint64_t id = 1; id <= 3; ++id)
                if (*rc::gen::inRange(0, 15) != 0) targets.push_back(any_target(id));
            const Snapshot seen = snapshot(time, targets);
            const Conditions conditions = any_conditions(step);
            Explanation explanation;
            const Plan plan = asked.decide(seen, conditions, &explanation);
            RC_ASSERT(same(plan, not_asked.decide(seen, conditions)));
            check_against(explanation, seen, any, plan);
            for (const PlannedRange& planned : plan.ranges) {
                if (*rc::gen::inRange(0, 3) == 0) continue;
                ActionReport report = done(seen, planned, seen.time, 10us);
                report.paged_out = report.advised;
                asked.report(report);
                not_asked.report(report);
            }
        }
    }));
}

}  // namespace
}  // namespace damon_schemes

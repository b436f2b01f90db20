// SPDX-License-Identifier: MIT
#include "schemes/decide/quota_goals.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <limits>

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t mib = 1 << 20;

Instant at(Duration since) {
    return Instant(300s + since);
}

QuotaGoal goal(GoalMetric metric, std::uint32_t ppm = 100'000) {
    QuotaGoal goal;
    goal.metric = metric;
    goal.share = Share{ppm};
    return goal;
}

Quota quota(std::vector<QuotaGoal> goals, GoalTuner tuner = GoalTuner::consistent) {
    Quota quota;
    quota.goals = std::move(goals);
    quota.tuner = tuner;
    return quota;
}

// The user's figure, wanted to be 20.
struct FigureGoal {
    explicit FigureGoal(GoalTuner tuner = GoalTuner::consistent, std::optional<Bytes> most = {})
        : goals([&] {
              QuotaGoal figure = goal(GoalMetric::figure);
              figure.figure = 20;
              figure.file = "/run/latency";
              Quota given = quota({figure}, tuner);
              given.bytes = most;
              return given;
          }()) {}

    // A window later.
    std::optional<Bytes> after(std::optional<double> value, bool at_work = true) {
        Conditions conditions;
        conditions.figures = {{"/run/other", 1e9}, {"/run/latency", value}};
        goals.look(conditions, at(time), {}, at_work);
        time += 1s;
        return goals.bytes();
    }

    QuotaGoals goals;
    Duration time{};
};

TEST(QuotaGoals, WithoutAnyAllowAnything) {
    QuotaGoals goals(quota({}));
    goals.look({}, at(0s), {}, true);
    EXPECT_FALSE(goals.any());
    EXPECT_TRUE(goals.measured());
    EXPECT_FALSE(goals.bytes());
}

TEST(QuotaGoals, ConsistentMovesByHowFarTheGoalIs) {
    FigureGoal figure;
    EXPECT_EQ(figure.after(0), mebibytes(1)) << "where it begins";
    EXPECT_EQ(figure.after(0), mebibytes(2)) << "twice at most";
    EXPECT_EQ(figure.after(10), mebibytes(3)) << "score 0.5";
    EXPECT_EQ(figure.after(20), mebibytes(3)) << "score 1";
    EXPECT_EQ(figure.after(30)->count, 3 * mib / 2) << "score 1.5";
    EXPECT_EQ(figure.after(50), Bytes{4096}) << "never less than a page";
    EXPECT_EQ(figure.after(-5), Bytes{8192}) << "twice at most";
    ASSERT_EQ(figure.goals.standing().size(), 1U);
    EXPECT_EQ(figure.goals.standing()[0].current, -5);
    EXPECT_EQ(figure.goals.standing()[0].target, 20);
}

TEST(QuotaGoals, ConsistentStaysWithinTheQuotasBytes) {
    FigureGoal bounded(GoalTuner::consistent, mebibytes(5));
    FigureGoal unbounded;
    FigureGoal small(GoalTuner::consistent, Bytes{20'000});
    EXPECT_EQ(small.after(0), Bytes{20'000});
    std::optional<Bytes> last;
    for (int i = 0; i < 40; ++i) last = bounded.after(0);
    EXPECT_EQ(last, mebibytes(5));
    for (int i = 0; i < 40; ++i) last = unbounded.after(0);
    EXPECT_EQ(last, mebibytes(1 << 20));
}

TEST(QuotaGoals, TemporalIsEverythingUntilTheGoalIsMetAndThenNothing) {
    FigureGoal figure(GoalTuner::temporal);
    EXPECT_FALSE(figure.after(19));
    EXPECT_EQ(figure.after(20), Bytes{0});
    EXPECT_EQ(figure.after(1000), Bytes{0});
    EXPECT_FALSE(figure.after(19.9));
}

TEST(QuotaGoals, MoveOnceInAWindow) {
    FigureGoal figure;
    figure.after(0);
    for (Duration time = 100ms; time < 1s; time += 100ms) {
        figure.time = time;
        ASSERT_EQ(figure.after(0), mebibytes(1));
    }
    figure.time = 1s;
    EXPECT_EQ(figure.after(0), mebibytes(2));
    // Windows that nobody looked in do not count.
    figure.time = 9500ms;
    EXPECT_EQ(figure.after(0), mebibytes(4));
    figure.time = 9900ms;
    EXPECT_EQ(figure.after(0), mebibytes(4));
    figure.time = 10s;
    EXPECT_EQ(figure.after(0), mebibytes(8));
}

TEST(QuotaGoals, MoveAtMostOnceASecondHoweverShortTheWindow) {
    Quota short_windows = quota({goal(GoalMetric::free_memory)});
    short_windows.per = 300ms;
    QuotaGoals goals(short_windows);
    Conditions none_free;
    none_free.free_memory = Share{0};
    int moves = 0;
    Bytes last = *goals.bytes();
    for (Duration time{}; time < 12s; time += 100ms) {
        goals.look(none_free, at(time), {}, true);
        if (*goals.bytes() != last) ++moves;
        last = *goals.bytes();
    }
    // Steps of four windows, 1.2 s.
    EXPECT_EQ(moves, 9);
}

TEST(QuotaGoals, DoNotMoveWhileTheSchemeRests) {
    FigureGoal figure;
    figure.after(0);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(figure.after(0, false), mebibytes(1));
    EXPECT_EQ(figure.after(0), mebibytes(2));
}

TEST(QuotaGoals, AreUnmeasuredWithoutTheFigure) {
    FigureGoal figure;
    figure.after(0);
    figure.after({});
    EXPECT_FALSE(figure.goals.measured());
    EXPECT_FALSE(figure.goals.standing()[0].current);
    EXPECT_EQ(figure.goals.bytes(), mebibytes(1));
    figure.after(std::nan(""));
    EXPECT_FALSE(figure.goals.measured());
    figure.after(std::numeric_limits<double>::infinity());
    EXPECT_FALSE(figure.goals.measured());
    figure.after(0);
    EXPECT_TRUE(figure.goals.measured());
}

TEST(QuotaGoals, PressureIsTheShareOfTimeThatWasStalled) {
    QuotaGoals goals(quota({goal(GoalMetric::pressure, 100'000)}));
    Conditions conditions;
    conditions.stalled = 77s;  // so far
    goals.look(conditions, at(0s), {}, true);
    EXPECT_TRUE(goals.measured());
    EXPECT_FALSE(goals.standing()[0].current) << "there is no share of no time";
    EXPECT_EQ(goals.bytes(), mebibytes(1));
    *conditions.stalled += 50ms;
    goals.look(conditions, at(1s), {}, true);
    EXPECT_DOUBLE_EQ(*goals.standing()[0].current, 0.05);
    EXPECT_DOUBLE_EQ(*goals.standing()[0].score, 0.5);
    EXPECT_EQ(goals.bytes()->count, mib * 3 / 2);
    *conditions.stalled += 300ms;
    goals.look(conditions, at(3s), {}, true);
    EXPECT_DOUBLE_EQ(*goals.standing()[0].current, 0.15);
    conditions.stalled.reset();
    goals.look(conditions, at(4s), {}, true);
    EXPECT_FALSE(goals.measured());
}

TEST(QuotaGoals, PressureOfCgroupsIsTheHighest) {
    QuotaGoals goals(quota({goal(GoalMetric::cgroup_pressure, 100'000)}));
    const auto conditions = [](std::optional<Duration> first, std::optional<Duration> second) {
        Conditions seen;
        seen.targets.resize(2);
        seen.targets[0].id = {1};
        seen.targets[0].cgroup_stalled = first;
        seen.targets[1].id = {2};
        seen.targets[1].cgroup_stalled = second;
        return seen;
    };
    goals.look(conditions(10s, 20s), at(0s), {}, true);
    goals.look(conditions(10s + 20ms, 20s + 70ms), at(1s), {}, true);
    EXPECT_DOUBLE_EQ(*goals.standing()[0].current, 0.07);
    // One that cannot be had does not matter beside one that can.
    goals.look(conditions(10s + 40ms, {}), at(2s), {}, true);
    EXPECT_TRUE(goals.measured());
    EXPECT_DOUBLE_EQ(*goals.standing()[0].current, 0.02);
    goals.look(conditions({}, {}), at(3s), {}, true);
    EXPECT_FALSE(goals.measured());
}

TEST(QuotaGoals, RefaultsThatNobodyCanTellOfAreNone) {
    QuotaGoals goals(quota({goal(GoalMetric::refaults, 10'000)}));
    goals.look({}, at(0s), {}, true);
    EXPECT_TRUE(goals.measured());
    goals.look({}, at(1s), {}, true);
    EXPECT_EQ(goals.bytes(), mebibytes(2));
    goals.look({}, at(2s), 0.015, true);
    EXPECT_EQ(goals.bytes(), mebibytes(1));
}

TEST(QuotaGoals, TheWorstOfSeveralCounts) {
    QuotaGoals goals(quota({goal(GoalMetric::free_memory, 200'000), goal(GoalMetric::refaults)}));
    Conditions conditions;
    conditions.free_memory = Share{100'000};
    goals.look(conditions, at(0s), 0.15, true);
    goals.look(conditions, at(1s), 0.15, true);
    EXPECT_EQ(goals.bytes()->count, mib / 2);
    EXPECT_DOUBLE_EQ(*goals.standing()[0].score, 0.5);
    EXPECT_DOUBLE_EQ(*goals.standing()[1].score, 1.5);
}

// A machine whose stalls grow with what is paged out: the quota settles where the goal is kept.
TEST(QuotaGoals, ConsistentSettlesAtTheQuotaThatKeepsTheGoal) {
    QuotaGoals goals(quota({goal(GoalMetric::pressure, 100'000)}));
    Conditions conditions;
    conditions.stalled = Duration::zero();
    double per_byte_ns = 0;
    const auto settle = [&](Duration from) {
        for (Duration time = from; time < from + 60s; time += 1s) {
            goals.look(conditions, at(time), {}, true);
            *conditions.stalled += Duration(static_cast<Duration::rep>(
                std::min(1e9, static_cast<double>(goals.bytes()->count) * per_byte_ns)));
        }
        return static_cast<double>(goals.bytes()->count) * per_byte_ns / 1e9;
    };
    per_byte_ns = 1e9 / (512.0 * mib);
    EXPECT_NEAR(settle(0s), 0.1, 0.005);
    per_byte_ns *= 1.5;
    EXPECT_NEAR(settle(60s), 0.1, 0.005);
    per_byte_ns /= 10;
    EXPECT_NEAR(settle(120s), 0.1, 0.005);
}

TEST(QuotaGoals, SurviveAnything) {
    EXPECT_TRUE(rc::check([] {
        Quota given = quota({goal(GoalMetric::pressure, *rc::gen::element(0U, 1U, 1'000'000U)),
                             goal(GoalMetric::free_memory), goal(GoalMetric::cgroup_pressure)},
                            *rc::gen::element(GoalTuner::consistent, GoalTuner::temporal));
        given.per =
            Duration(*rc::gen::element<std::int64_t>(0, 1, 1'000'000'000, std::int64_t{1} << 62));
        const bool bounded = *rc::gen::arbitrary<bool>();
        if (bounded) given.bytes = mebibytes(3);
        QuotaGoals goals(given);
        for (int i = 0; i < 10; ++i) {
            Conditions conditions;
            const auto any = [] { return Duration(*rc::gen::arbitrary<std::int64_t>()); };
            conditions.stalled = any();
            conditions.free_memory = Share{*rc::gen::arbitrary<std::uint32_t>()};
            conditions.targets.resize(2);
            conditions.targets[0].id = {*rc::gen::inRange<std::uint64_t>(0, 3)};
            conditions.targets[0].cgroup_stalled = any();
            goals.look(conditions, Instant(any()), 0.5, true);
            if (bounded && goals.bytes()) RC_ASSERT(*goals.bytes() <= mebibytes(3));
        }
    }));
}

}  // namespace
}  // namespace damon_schemes

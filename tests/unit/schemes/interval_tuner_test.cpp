// SPDX-License-Identifier: MIT
#include "schemes/decide/interval_tuner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "schemes/quantity.h"
#include "tests/unit/schemes/observed.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using observed::mib;

MonitorAttributes with_goal(IntervalGoal goal = {}, Duration sampling = 5ms) {
    MonitorAttributes attributes = with_sampling_interval({}, sampling);
    attributes.interval_goal = goal;
    return attributes;
}

IntervalGoal one_snapshot() {
    IntervalGoal goal;
    goal.aggregations = 1;
    return goal;
}

Snapshot under(const MonitorAttributes& attributes, std::vector<TargetSnapshot> targets) {
    Snapshot snapshot = observed::snapshot(0s, std::move(targets));
    snapshot.sampling_interval = attributes.sampling_interval;
    snapshot.duration = snapshot.aggregation_interval = attributes.aggregation_interval;
    return snapshot;
}

// One MiB of which so many of 1000 looks found an access.
Region used(std::uint64_t at_mib, std::uint32_t accessed, std::uint32_t absent = 0) {
    return {{at_mib * mib, (at_mib + 1) * mib}, 1000, accessed, absent, 0};
}

Snapshot under(const MonitorAttributes& attributes, std::vector<Region> regions) {
    return under(attributes, std::vector{observed::target(1, std::move(regions))});
}

// The next sampling interval, or the one in force.
Duration next(IntervalTuner& tuner, const MonitorAttributes& in_force,
              std::vector<Region> regions) {
    return tuner.look(under(in_force, std::move(regions)), in_force)
        .value_or(in_force)
        .sampling_interval;
}
Duration next(const MonitorAttributes& attributes, std::vector<Region> regions) {
    IntervalTuner tuner(attributes);
    return next(tuner, attributes, std::move(regions));
}

// A program each of whose pages is accessed so many times a second, by chance, and its monitor with
// 20 looks at each of its regions.
class WatchedProgram {
  public:
    struct Part {
        std::uint64_t regions;
        double rate;  // accesses of a page in a second
    };
    WatchedProgram(std::vector<Part> parts, const MonitorAttributes& begin)
        : parts_(std::move(parts)), begin_(begin), attributes_(begin), tuner_(begin) {}

    void becomes(std::vector<Part> parts) { parts_ = std::move(parts); }
    void run(int snapshots) {
        for (int i = 0; i < snapshots; ++i) look();
    }
    Duration sampling() const { return attributes_.sampling_interval; }
    const MonitorAttributes& attributes() const { return attributes_; }
    int changes() const { return changes_; }
    Duration elapsed() const { return elapsed_; }
    double share() const { return tuner_.share().value_or(-1); }

  private:
    void look() {
        std::vector<Region> regions;
        std::uint64_t at = 0;
        for (const Part& part : parts_) {
            const double seconds = std::chrono::duration<double>(sampling()).count();
            const double hit = 1 - std::exp(-part.rate * seconds);
            for (std::uint64_t i = 0; i < part.regions; ++i, ++at) {
                Region region{{at * mib, (at + 1) * mib}, 20, 0, 0, 0};
                for (int look = 0; look < 20; ++look)
                    region.accessed += static_cast<double>(random_() % 1'000'000) < hit * 1e6;
                regions.push_back(region);
            }
        }
        elapsed_ += attributes_.aggregation_interval;
        const auto changed = tuner_.look(under(attributes_, std::move(regions)), attributes_);
        if (!changed) return;
        attributes_ = *changed;
        ++changes_;
        EXPECT_EQ(sampling() % 1us, 0s);
        EXPECT_EQ(attributes_.aggregation_interval, 20 * sampling());
        EXPECT_EQ(attributes_.update_interval,
                  std::max<Duration>(begin_.update_interval, 20 * sampling()));
    }

    std::vector<Part> parts_;
    MonitorAttributes begin_;
    MonitorAttributes attributes_;
    IntervalTuner tuner_;
    std::mt19937 random_{1};
    int changes_ = 0;
    Duration elapsed_{};
};

// 4 % of the looks find an access where one is due 24.5 times as seldom as a look.
constexpr double right_rate(Duration sampling) {
    return 0.0408 / std::chrono::duration<double>(sampling).count();
}

TEST(IntervalTuner, SettlesAtTheGoalFromBelowAndFromAbove) {
    for (const Duration right : {Duration(20ms), Duration(300ms), Duration(4s)})
        for (const Duration begin : {Duration(5ms), Duration(10s)}) {
            SCOPED_TRACE(std::to_string(begin / 1ms) + " ms to " + std::to_string(right / 1ms));
            WatchedProgram program({{100, right_rate(right)}}, with_goal({}, begin));
            program.run(60);
            EXPECT_GE(program.share(), 0.03);
            EXPECT_LE(program.share(), 0.0534);
            EXPECT_GE(program.sampling(), right * 7 / 10);
            EXPECT_LE(program.sampling(), right * 14 / 10);
        }
}

TEST(IntervalTuner, StaysWhereItHasSettled) {
    WatchedProgram program({{40, right_rate(200ms)}, {4, 0}}, with_goal());
    program.run(60);
    const int settling = program.changes();
    EXPECT_GE(settling, 5);
    program.run(3000);
    EXPECT_LE(program.changes(), settling + 2) << "by chance it left the goal's neighbourhood";
}

// Some memory is accessed all the time, and what is added by longer intervals is little.
TEST(IntervalTuner, SettlesWhereMostOfTheGoalIsHotMemory) {
    WatchedProgram program({{3, 1e6}, {97, right_rate(4s)}}, with_goal());
    program.run(300);
    EXPECT_GE(program.share(), 0.03);
    EXPECT_LE(program.share(), 0.0534);
    const int settling = program.changes();
    program.run(600);
    EXPECT_LE(program.changes(), settling + 1);
}

TEST(IntervalTuner, AnIdleProgramGoesToTheLongestInterval) {
    WatchedProgram program({{100, 0}}, with_goal());
    // 5 ms doubled eleven times is above 10 s.
    program.run(33);
    EXPECT_EQ(program.sampling(), 10s);
    EXPECT_EQ(program.changes(), 11);
    program.run(30);
    EXPECT_EQ(program.changes(), 11);
}

TEST(IntervalTuner, ABusyProgramGoesToTheShortestInterval) {
    WatchedProgram program({{100, 1e6}}, with_goal({}, 10s));
    program.run(6);
    EXPECT_EQ(program.sampling(), 5ms);
    program.run(30);
    EXPECT_EQ(program.changes(), 6);
}

TEST(IntervalTuner, BoundsAreAPolicys) {
    IntervalGoal goal;
    goal.min = 3ms;
    goal.max = 47ms;
    WatchedProgram program({{10, 0}}, with_goal(goal));
    program.run(30);
    EXPECT_EQ(program.sampling(), 47ms);
    program.becomes({{10, 1e6}});
    program.run(30);
    EXPECT_EQ(program.sampling(), 3ms);
}

TEST(IntervalTuner, AProgramThatWakesUpBringsItDownAgain) {
    WatchedProgram program({{100, 0}}, with_goal());
    program.run(60);
    ASSERT_EQ(program.sampling(), 10s);
    const Duration before = program.elapsed();
    program.becomes({{60, 0}, {40, 1e6}});
    program.run(8);
    EXPECT_EQ(program.sampling(), 5ms);
    // One of the longest intervals and one of the next, and so on, not three of each.
    EXPECT_LE(program.elapsed() - before, 300s);
}

TEST(IntervalTuner, OneStepIsTwiceAsLongOrAQuarterAtMost) {
    const MonitorAttributes begin = with_goal(one_snapshot(), 80ms);
    EXPECT_EQ(next(begin, {used(0, 0)}), 160ms);
    EXPECT_EQ(next(begin, {used(0, 1)}), 160ms);
    EXPECT_EQ(next(begin, {used(0, 1000)}), 20ms);
    EXPECT_EQ(next(begin, {used(0, 100)}), 32ms) << "by what the goal is to what was seen";
}

TEST(IntervalTuner, ALittleOutsideOfTheGoalMayBeChanceOnce) {
    const MonitorAttributes begin = with_goal(one_snapshot(), 80ms);
    IntervalTuner tuner(begin);
    const std::vector<Region> above{used(0, 60)}, below{used(0, 25)}, near{used(0, 45)};
    EXPECT_EQ(next(tuner, begin, above), 80ms);
    EXPECT_EQ(next(tuner, begin, near), 80ms);
    EXPECT_EQ(next(tuner, begin, above), 80ms);
    EXPECT_EQ(next(tuner, begin, below), 80ms) << "the other side";
    EXPECT_EQ(next(tuner, begin, below), 128ms);
}

TEST(IntervalTuner, JudgesAsManySnapshotsAsTheGoalSays) {
    const MonitorAttributes begin = with_goal({}, 80ms);
    IntervalTuner tuner(begin);
    EXPECT_EQ(next(tuner, begin, {used(0, 0)}), 80ms);
    EXPECT_EQ(next(tuner, begin, {used(0, 120)}), 80ms);
    EXPECT_EQ(next(tuner, begin, {used(0, 0)}), 80ms) << "4 % together";
    EXPECT_DOUBLE_EQ(tuner.share().value_or(0), 0.04);
    EXPECT_EQ(next(tuner, begin, {used(0, 0)}), 80ms);
    EXPECT_EQ(next(tuner, begin, {used(0, 0)}), 80ms);
    EXPECT_EQ(next(tuner, begin, {used(0, 0)}), 160ms);
}

TEST(IntervalTuner, DoesNotWaitForWhatCannotChangeThatItIsTooMuch) {
    const MonitorAttributes begin = with_goal({}, 80ms);
    IntervalTuner tuner(begin);
    EXPECT_EQ(next(tuner, begin, {used(0, 200)}), 80ms) << "6.7 %, if nothing follows";
    EXPECT_EQ(next(tuner, begin, {used(0, 100)}), 32ms) << "10 %, if nothing follows";
}

TEST(IntervalTuner, WhatWasNotSeenCountsForNothing) {
    const MonitorAttributes begin = with_goal(one_snapshot(), 80ms);
    // 40 of 1000 each time, were it not for what is not to be counted.
    EXPECT_EQ(next(begin, {used(0, 40), observed::unknown(1, 100)}), 80ms);
    EXPECT_EQ(next(begin, {used(0, 40), observed::absent(1, 100)}), 80ms);
    EXPECT_EQ(next(begin, {used(0, 20, 500)}), 80ms) << "half of it is not in memory";
    EXPECT_EQ(next(begin, {used(0, 80), observed::cold(1, 2)}), 80ms) << "what is idle counts";
    EXPECT_EQ(next(begin, {observed::unknown(0, 100)}), 80ms);
    EXPECT_EQ(next(begin, {observed::absent(0, 100)}), 80ms);
    EXPECT_EQ(next(begin, std::vector<Region>{}), 80ms);

    TargetSnapshot seen = observed::target(1, {used(0, 40)});
    TargetSnapshot shared = observed::target(2, {observed::cold(0, 100)});
    shared.unseen_accesses = true;
    IntervalTuner tuner(begin);
    EXPECT_FALSE(tuner.look(under(begin, {seen, shared}), begin));
    EXPECT_DOUBLE_EQ(tuner.share().value_or(0), 0.04);
}

TEST(IntervalTuner, ASnapshotWithoutAnythingSeenIsNoneOfTheWindow) {
    const MonitorAttributes begin = with_goal({}, 80ms);
    IntervalTuner tuner(begin);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(next(tuner, begin, {observed::unknown(0, 100)}), 80ms);
    EXPECT_EQ(next(tuner, begin, {used(0, 0)}), 80ms);
    EXPECT_EQ(next(tuner, begin, {used(0, 0)}), 80ms);
    EXPECT_EQ(next(tuner, begin, {used(0, 0)}), 160ms);
}

TEST(IntervalTuner, AHitOfASearchIsNoLook) {
    const MonitorAttributes begin = with_goal(one_snapshot(), 80ms);
    Region found = used(0, 0);
    found.hit = true;
    EXPECT_EQ(next(begin, {found}), 160ms);
}

TEST(IntervalTuner, RegionsCountByTheirSize) {
    const MonitorAttributes begin = with_goal(one_snapshot(), 80ms);
    Region large = observed::cold(1, 25);
    EXPECT_EQ(next(begin, {used(0, 1000), large}), 80ms) << "one of 25 MiB";
    large.sampled = 3;  // a late thread looks less often, and that is all
    EXPECT_EQ(next(begin, {used(0, 1000), large}), 80ms);
}

TEST(IntervalTuner, SnapshotsOfOtherIntervalsSayNothing) {
    const MonitorAttributes begin = with_goal(one_snapshot(), 80ms);
    const MonitorAttributes before = with_goal(one_snapshot(), 40ms);
    IntervalTuner tuner(begin);
    EXPECT_FALSE(tuner.look(under(before, {used(0, 1000)}), begin));
    EXPECT_FALSE(tuner.share());
}

TEST(IntervalTuner, KeepsWhatItIsNotAbout) {
    MonitorAttributes in_force = with_goal(one_snapshot(), 80ms);
    IntervalTuner tuner(in_force);
    in_force.tlb = TlbPolicy::full;
    MonitorAttributes expected = in_force;
    expected.sampling_interval = 160ms;
    expected.aggregation_interval = 3200ms;
    expected.update_interval = 3200ms;
    EXPECT_EQ(tuner.look(under(in_force, {used(0, 0)}), in_force), expected);
}

TEST(MonitorIntervals, KeepTheirProportionsAndTheirOrder) {
    MonitorAttributes odd;
    odd.sampling_interval = 7us;
    odd.aggregation_interval = 7us;
    odd.update_interval = 11us;
    for (const Duration sampling : {1us, 2us, 3us, 1000us, 999'999us}) {
        const MonitorAttributes other = with_sampling_interval(odd, sampling);
        EXPECT_EQ(other.sampling_interval, sampling);
        EXPECT_EQ(other.aggregation_interval, sampling);
        EXPECT_EQ(other.update_interval, std::max<Duration>(11us, sampling));
    }
    EXPECT_EQ(with_sampling_interval(odd, 7us), odd);
    EXPECT_EQ(with_sampling_interval({}, 7ms).aggregation_interval, 140ms);
    EXPECT_EQ(with_sampling_interval({}, 7ms).update_interval, 1s);
    odd.aggregation_interval = 100us;
    EXPECT_EQ(with_sampling_interval(odd, 1us).aggregation_interval, 14us);
    EXPECT_EQ(with_sampling_interval({}, 24h * 300).aggregation_interval, longest_duration);
}

}  // namespace
}  // namespace damon_schemes

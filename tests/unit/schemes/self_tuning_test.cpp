// SPDX-License-Identifier: MIT
// A self-tuned age on programs that are simulated, from what a monitor sees of them to what comes
// back: by the decider itself, against fixed ages.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "schemes/decide/decider.h"
#include "tests/unit/schemes/observed.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;

constexpr Duration step = 200ms;
constexpr Duration window = 10s;
constexpr std::uint64_t block = 512 << 10;
constexpr std::uint64_t base = std::uint64_t{1} << 32;

// How often a block is touched from `phase` on, at each moment; 0: never.
using Period = std::function<Duration(std::size_t block, Duration at)>;

struct Program {
    std::size_t blocks = 0;
    Period period;
    std::size_t blocks_in_region = 1;
    double seen = 1;  // the chance that samples find a use
};

Program areas(const std::vector<std::pair<std::size_t, Duration>>& of_mib) {
    std::vector<Duration> periods;
    for (const auto& [mib, period] : of_mib) periods.insert(periods.end(), 2 * mib, period);
    return {periods.size(), [periods](std::size_t i, Duration) { return periods[i]; }};
}

Program scanning() {
    return areas({{16, 100ms}, {48, 4s}, {32, 0s}});
}

Program graded() {
    return areas({{16, 200ms}, {16, 1s}, {16, 3s}, {16, 8s}, {16, 25s}, {16, 0s}});
}

// Four areas of 24 MiB, another one touched each 0.5 s in each phase of 12 s.
Program rotating() {
    return {std::size_t{4} * 48, [](std::size_t i, Duration at) {
                return at / Duration(12s) % 4 == static_cast<std::int64_t>(i / 48) ? Duration(500ms)
                                                                                   : Duration(0s);
            }};
}

Program changing(Duration when) {
    return {std::size_t{4} * 48, [=](std::size_t i, Duration at) {
                return i >= 96 ? Duration(0s) : at < when ? Duration(1s) : Duration(6s);
            }};
}

struct Course {
    double saved = 0;            // mean share of the program that was not in memory
    double faults = 0;           // blocks that came back, each second
    double left = 0;             // blocks
    double came_back = 0;        // of them, within the window
    std::vector<Duration> ages;  // at each snapshot after the warm-up
    int turns() const {
        int turns = 0;
        int direction = 0;
        for (std::size_t i = 1; i < ages.size(); ++i) {
            const int moved = ages[i] > ages[i - 1] ? 1 : ages[i] < ages[i - 1] ? -1 : 0;
            turns += moved != 0 && direction != 0 && moved != direction ? 1 : 0;
            if (moved != 0) direction = moved;
        }
        return turns;
    }
};

Policy reclaiming(Duration age, bool tuned) {
    Scheme scheme = observed::scheme(Action::pageout, age);
    scheme.frequency.max = Share{50'000};
    if (tuned) scheme.tune = Tune{Share{10'000}, 500ms, 30s};
    Policy policy = observed::policy({scheme});
    policy.refaults.window = window;
    policy.limits = {};
    policy.limits.brake.reset();
    return policy;
}

// A program, a monitor that watches it, and a decider whose plans are carried out at once.
class World {
  public:
    World(Program program, const Policy& policy)
        : program_(std::move(program)),
          decider_(policy),
          blocks_(program_.blocks),
          regions_(program_.blocks / program_.blocks_in_region) {
        for (std::size_t i = 0; i < regions_.size(); ++i) {
            const std::uint64_t size = block * program_.blocks_in_region;
            regions_[i].range = {base + i * size, base + (i + 1) * size};
        }
    }

    Course run(Duration length) {
        Course course;
        double out = 0;
        const Duration end = time_ + length;
        double faults = 0;
        std::size_t looks = 0;
        while (time_ < end) {
            time_ += step;
            for (std::size_t i = 0; i < blocks_.size(); ++i) touch(i, course, faults);
            for (std::size_t i = 0; i < regions_.size(); ++i) observe(i);
            act(course);
            for (const Block& one : blocks_) out += one.out ? 1 : 0;
            ++looks;
            course.ages.push_back(decider_.controls()[0].tuned_age.value_or(Duration::zero()));
        }
        course.saved = out / static_cast<double>(looks * blocks_.size());
        course.faults = faults / std::chrono::duration<double>(length).count();
        return course;
    }

    const Decider& decider() const { return decider_; }

  private:
    struct Block {
        bool touched = false;  // in this step
        bool out = false;
        Duration left{};
        std::int64_t turn = 0;  // its last moment of being touched, counted in periods
        Duration period{};
    };

    void touch(std::size_t i, Course& course, double& faults) {
        Block& one = blocks_[i];
        one.touched = false;
        const Duration period = program_.period(i, time_);
        if (period <= Duration::zero()) {
            one.period = period;
            return;
        }
        // Each has its own moment in the period.
        const std::int64_t turn = (time_ + period * static_cast<std::int64_t>(i) /
                                               static_cast<std::int64_t>(blocks_.size())) /
                                  period;
        one.touched = period != one.period || turn != one.turn;
        one.period = period;
        one.turn = turn;
        if (!one.touched || !one.out) return;
        one.out = false;
        faults += 1;
        if (time_ - one.left > window) return;
        course.came_back += 1;
        decider_.report(RefaultReport{0, {1}, {block}, time_ - one.left, observed::at(time_)});
    }

    void observe(std::size_t i) {
        Region& region = regions_[i];
        const std::size_t first = i * program_.blocks_in_region;
        bool touched = false;
        std::size_t out = 0;
        for (std::size_t j = first; j < first + program_.blocks_in_region; ++j) {
            touched |= blocks_[j].touched;
            out += blocks_[j].out ? 1U : 0U;
        }
        const bool was = region.accessed > 0;
        const bool seen = touched && chance_(random_) < program_.seen;
        region.sampled = 10;
        region.accessed = seen ? 3 : 0;
        region.absent = std::min(10 - region.accessed,
                                 static_cast<std::uint32_t>(10 * out / program_.blocks_in_region));
        region.age = seen == was ? region.age + 1 : 0;
    }

    void act(Course& course) {
        Snapshot seen = observed::snapshot(time_, regions_);
        seen.sequence = static_cast<std::uint64_t>(time_ / step);
        seen.aggregation_interval = seen.duration = step;
        const Plan plan = decider_.decide(seen, observed::seeing());
        for (const PlannedRange& planned : plan.ranges) {
            ActionReport report = observed::done(seen, planned, observed::at(time_));
            for (auto i = (planned.range.start - base) / block;
                 i < (planned.range.end - base) / block; ++i) {
                Block& one = blocks_[i];
                if (one.out) continue;
                one.out = true;
                one.left = time_;
                course.left += 1;
                report.paged_out += {block};
            }
            decider_.report(report);
        }
    }

    Program program_;
    Decider decider_;
    std::vector<Block> blocks_;
    std::vector<Region> regions_;
    Duration time_{};
    std::mt19937_64 random_{42};
    std::uniform_real_distribution<double> chance_{0, 1};
};

Course settled(const Program& program, Duration age, bool tuned, Duration warm_up = 60s,
               Duration length = 120s) {
    World world(program, reclaiming(age, tuned));
    world.run(warm_up);
    return world.run(length);
}

// The most that fixed ages save with no more faults; mixing two of them in time reaches what lies
// between.
double reachable(const Program& program, double faults) {
    std::vector<std::pair<double, double>> corners{{0, 0}};
    for (const Duration age : {Duration(500ms), Duration(1s), Duration(2s), Duration(5s),
                               Duration(10s), Duration(20s)}) {
        const Course fixed = settled(program, age, false);
        corners.emplace_back(fixed.faults, fixed.saved);
    }
    double best = 0;
    for (const auto& [x1, y1] : corners) {
        if (x1 <= faults) best = std::max(best, y1);
        for (const auto& [x2, y2] : corners)
            if (x1 <= faults && faults < x2)
                best = std::max(best, y1 + (y2 - y1) * (faults - x1) / (x2 - x1));
    }
    return best;
}

struct Named {
    std::string name;
    Program program;
};

void PrintTo(const Named& named, std::ostream* out) {
    *out << named.name;
}

class SelfTuningOf : public testing::TestWithParam<Named> {};

// Where every use is seen, and where 60 % of them are not.
TEST_P(SelfTuningOf, SavesWhatFixedAgesSaveAtTheSameCost) {
    for (const double seen : {1.0, 0.4}) {
        SCOPED_TRACE(seen);
        Program program = GetParam().program;
        program.seen = seen;
        const Course tuned = settled(program, 2s, true);
        EXPECT_GE(tuned.saved, 0.9 * reachable(program, tuned.faults));
        EXPECT_LE(tuned.turns(), 3);
    }
}

INSTANTIATE_TEST_SUITE_P(Programs, SelfTuningOf,
                         testing::Values(Named{"scanning", scanning()},
                                         Named{"rotating", rotating()}, Named{"graded", graded()}),
                         [](const auto& tested) { return tested.param.name; });

TEST(SelfTuning, SettlesAfterAStepChange) {
    for (const double seen : {1.0, 0.4}) {
        SCOPED_TRACE(seen);
        Program program = changing(150s);
        program.seen = seen;
        World world(program, reclaiming(2s, true));
        world.run(200s);
        EXPECT_LE(world.run(100s).turns(), 2);
    }
}

// All memory but an area is idle from the beginning and leaves; the next area comes back within the
// window.  The age is raised for that, rightly; then nothing comes back within a window any more.
TEST(SelfTuning, LeavesATransientBehindWithinAFewWindows) {
    World world(rotating(), reclaiming(2s, true));
    const Course transient = world.run(3 * window);
    EXPECT_GT(*std::max_element(transient.ages.begin(), transient.ages.end()), 10s);
    world.run(5 * window);
    const Course then = world.run(20 * window);
    EXPECT_LE(*std::max_element(then.ages.begin(), then.ages.end()), 2s);
    EXPECT_EQ(then.came_back, 0);
}

// Something in each region is used each 6 s, and nothing else of it: idle spells say too much, so
// the age stays where they end, and what is paged out there does not come back.
TEST(SelfTuning, AHotSpotInAColdRegionKeepsTheAgeUp) {
    const Program spots{
        192, [](std::size_t i, Duration) { return i % 16 == 0 ? Duration(6s) : Duration(0s); }, 16};
    World world(spots, reclaiming(15s, true));
    const Course course = world.run(30 * window);
    EXPECT_LE(course.turns(), 4);
    EXPECT_GE(course.ages.back(), 5s);
}

// What a policy's filters and the rest of its pattern keep from it says nothing.
TEST(SelfTuning, LearnsFromWhatTheSchemeMayHave) {
    // Cold memory, and memory that is used each 3 s; the scheme may have the former alone.
    const Program program = areas({{48, 0s}, {48, 3s}});
    Policy policy = reclaiming(20s, true);
    World all(program, policy);
    Filter behind = observed::filter(false, FilterKind::address);
    behind.range = {base + 96 * block, base + 192 * block};
    policy.schemes[0].filters = {behind};
    World some(program, policy);
    all.run(12 * window);
    some.run(12 * window);
    EXPECT_GT(*all.decider().controls()[0].tuned_age, 2500ms);
    EXPECT_LT(*some.decider().controls()[0].tuned_age, *all.decider().controls()[0].tuned_age);
}

// Pages come back because they are used, seen or not.
TEST(SelfTuning, WhatHasComeBackIsNotPagedOutAgainAtOnce) {
    Program program = areas({{96, 60s}});
    program.seen = 0;
    World world(program, reclaiming(5s, false));
    world.run(60s);
    const Course course = world.run(600s);
    EXPECT_EQ(course.came_back, 0);
    EXPECT_NEAR(course.saved, 55.0 / 60, 0.01);
}

}  // namespace
}  // namespace damon_schemes

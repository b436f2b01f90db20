// SPDX-License-Identifier: MIT
// On programs that are simulated: each page is used, rests for a time, is used again, …; it is
// paged out when it has rested for the tuned age, and a refault where it is used within the window.
#include "schemes/decide/age_tuner.h"

#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <functional>
#include <queue>
#include <random>
#include <vector>

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;

constexpr Duration window = 60s;
constexpr Bytes page = kibibytes(16);
const IdleSpells no_spells(window);

Instant at(Duration since) {
    return Instant(5000s + since);
}

Tune tune(std::uint32_t refaults_ppm, Duration min, Duration max) {
    return {Share{refaults_ppm}, min, max};
}

class Program {
  public:
    using Rest = std::function<Duration(std::mt19937_64&)>;

    Program(std::size_t pages, Rest rest, AgeTuner& tuner)
        : rest_(std::move(rest)), tuner_(tuner), pages_(pages) {
        for (std::size_t i = 0; i < pages; ++i) {
            const Duration first = std::min(rest_(random_), Duration(1h));
            uses_.push({first / 1000 * static_cast<int>(random_() % 1000), i});
        }
    }
    void change(Rest rest) { rest_ = std::move(rest); }
    // As if a monitor saw hardly any of what is accessed.
    void let_spells_lie() { lying_ = true; }

    struct Seen {
        double paged_out = 0;
        double came_back = 0;
        int turns = 0;  // of the age's direction
        Duration lowest = Duration::max();
        Duration highest = Duration::zero();
        int falls = 0;
        double share() const { return came_back / paged_out; }
    };
    Seen run(Duration length) {
        Seen seen;
        int direction = 0;
        for (const Duration end = time_ + length; time_ < end; time_ += 1s) {
            const Duration before = tuner_.age();
            if (tuner_.look(at(time_), meter_, spells_)) spells_.forget();
            if (lying_) {
                spells_.advance(at(time_));
                spells_.observe(0s, 4h, 1e9, 0);
            }
            const Duration age = tuner_.age();
            seen.lowest = std::min(seen.lowest, age);
            seen.highest = std::max(seen.highest, age);
            const int moved = age > before ? 1 : age < before ? -1 : 0;
            if (moved != 0 && direction != 0 && moved != direction) ++seen.turns;
            if (moved < 0) ++seen.falls;
            if (moved != 0) direction = moved;
            while (!uses_.empty() && uses_.top().first <= time_) use(seen);
            page_out(age, seen);
        }
        return seen;
    }

    const RefaultMeter& meter() const { return meter_; }
    Duration time() const { return time_; }

  private:
    struct Page {
        Duration used{};
        Duration left{};
        bool out = false;
    };
    using Use = std::pair<Duration, std::size_t>;  // of which page

    void use(Seen& seen) {
        const std::size_t index = uses_.top().second;
        uses_.pop();
        Page& used = pages_[index];
        if (used.out && time_ - used.left <= window) {
            meter_.came_back(at(time_), time_ - used.left, page);
            seen.came_back += 1;
        }
        used.out = false;
        used.used = time_;
        resting_.emplace_back(time_, index);
        uses_.push({time_ + rest_(random_), index});
    }
    void page_out(Duration age, Seen& seen) {
        for (; !resting_.empty() && time_ - resting_.front().first >= age; resting_.pop_front()) {
            const auto [used, index] = resting_.front();
            Page& resting = pages_[index];
            if (resting.out || resting.used != used) continue;  // used again since
            resting.out = true;
            resting.left = time_;
            meter_.paged_out(at(time_), page, age);
            seen.paged_out += 1;
        }
    }

    std::mt19937_64 random_{42};
    Rest rest_;
    AgeTuner& tuner_;
    RefaultMeter meter_{window};
    IdleSpells spells_{window};
    bool lying_ = false;
    std::vector<Page> pages_;
    std::deque<Use> resting_;
    std::priority_queue<Use, std::vector<Use>, std::greater<>> uses_;
    Duration time_{};
};

Duration seconds(double count) {
    return Duration(static_cast<Duration::rep>(count * 1e9));
}

// Rests of 20 s to 4 h; the greater `steep`, the fewer the long ones.  Of what rested for a, the
// share that is used within the window w is 1 - ((a + 100 s) / (a + 100 s + w))^steep.
Program::Rest heavy_tail(double steep) {
    return [steep](std::mt19937_64& random) {
        const double uniform = (static_cast<double>(random() >> 11) + 1) / 9007199254740993.0;
        return seconds(std::min(14'400.0, 120 * std::pow(uniform, -1 / steep) - 100));
    };
}

Program::Rest periodic(Duration period) {
    return [period](std::mt19937_64&) { return period; };
}

TEST(AgeTuner, StartsWithinItsBounds) {
    EXPECT_EQ(AgeTuner(tune(10'000, 2s, 10s), 5s, window).age(), 5s);
    EXPECT_EQ(AgeTuner(tune(10'000, 2s, 10s), 1s, window).age(), 2s);
    EXPECT_EQ(AgeTuner(tune(10'000, 2s, 10s), 1min, window).age(), 10s);
}

TEST(AgeTuner, SettlesWhereTheTargetIsKeptFromBelowAndFromAbove) {
    // 10 % at 440 s, 5 % at 1,040 s.
    for (const Duration start : {Duration(10s), Duration(1h)}) {
        SCOPED_TRACE(start.count());
        AgeTuner tuner(tune(100'000, 1s, 2h), start, window);
        Program program(20'000, heavy_tail(1), tuner);
        program.run(2h);
        const auto settled = program.run(4h);
        EXPECT_LT(settled.share(), 0.1 * 1.1);
        EXPECT_GT(settled.share(), 0.1 / 2 * 0.8);
        EXPECT_LE(settled.turns, 2);
    }
}

TEST(AgeTuner, FollowsTheProgramUpAndDownWithoutSawing) {
    AgeTuner tuner(tune(100'000, 1s, 2h), 10s, window);
    Program program(20'000, heavy_tail(1), tuner);
    program.run(2h);
    for (const double steep : {2.0, 0.5, 1.5}) {
        SCOPED_TRACE(steep);
        program.change(heavy_tail(steep));
        program.run(3h);
        const auto settled = program.run(4h);
        EXPECT_LT(settled.share(), 0.1 * 1.15);
        EXPECT_GT(settled.share(), 0.1 / 2 * 0.7);
        EXPECT_LE(settled.turns, 2);
    }
}

TEST(AgeTuner, RaisesWithinAFewWindows) {
    AgeTuner tuner(tune(100'000, 1s, 2h), 1s, window);
    Program program(2'000, periodic(50s), tuner);
    program.run(2 * window);
    EXPECT_GT(tuner.age(), 50s);
    EXPECT_LT(tuner.age(), 80s);
}

TEST(AgeTuner, StaysAboveAProgramsPeriodAndTriesLessAndLessOften) {
    AgeTuner tuner(tune(100'000, 1s, 2h), 5s, window);
    Program program(2'000, periodic(50s), tuner);
    program.run(10 * window);
    // It waits for 8 windows, 16, 32, …: five tries in the first 248 windows, and some time each.
    const auto first = program.run(240 * window);
    EXPECT_LE(first.turns, 2 * 5);
    EXPECT_GE(first.turns, 2 * 2) << "it does try";
    // 256 windows at most.
    const auto then = program.run(1040 * window);
    EXPECT_LE(then.turns, 2 * 5);
    EXPECT_GE(then.turns, 2 * 2);
    EXPECT_GT(then.lowest, 30s);
    EXPECT_LT(then.highest, 100s);
}

TEST(AgeTuner, ForgetsWhatWasTooLowForOtherPrograms) {
    AgeTuner tuner(tune(100'000, 1s, 2h), 5s, window);
    Program program(2'000, periodic(50s), tuner);
    program.run(300 * window);
    ASSERT_GT(tuner.age(), 40s);
    program.change(periodic(10h));
    tuner.forget();
    program.run(60 * window);
    EXPECT_EQ(tuner.age(), 1s);
}

TEST(AgeTuner, LowersSlowlyWhereNothingIsPagedOut) {
    AgeTuner tuner(tune(100'000, 10s, 2h), 100s, window);
    const RefaultMeter nothing(window);
    Duration time{};
    int falls = 0;
    Duration last = tuner.age();
    for (; tuner.age() > 10s && time < 10h; time += 1s) {
        tuner.look(at(time), nothing, no_spells);
        falls += tuner.age() < last ? 1 : 0;
        EXPECT_GE(tuner.age(), last / 5 * 4);
        last = tuner.age();
    }
    EXPECT_EQ(tuner.age(), 10s);
    EXPECT_EQ(falls, 11);
    EXPECT_GE(time, falls * 2 * window);
    EXPECT_LE(time, falls * 3 * window);
}

TEST(AgeTuner, RaisesByFourAtMostAndNeverLeavesItsBounds) {
    for (const auto& bounds :
         {std::pair<Duration, Duration>{10s, 20s}, {1s, 5s}, {30s, 30s}, {100ms, 1h}}) {
        AgeTuner tuner(tune(10'000, bounds.first, bounds.second), 1s, window);
        Program program(3'000, heavy_tail(3), tuner);
        Duration last = tuner.age();
        for (int i = 0; i < 2000; ++i) {
            const auto seen = program.run(5s);
            ASSERT_GE(seen.lowest, bounds.first);
            ASSERT_LE(seen.highest, bounds.second);
            ASSERT_LE(tuner.age(), 4 * last);
            last = tuner.age();
        }
    }
}

TEST(AgeTuner, RaisesAnAgeOfNothing) {
    AgeTuner tuner(tune(10'000, 0s, 1h), 0s, window);
    Program program(3'000, periodic(20s), tuner);
    program.run(20 * window);
    EXPECT_GT(tuner.age(), 20s);
}

// Idle memory of all ages, that stays idle but for a share that is accessed before `until`.
IdleSpells spells_of(Duration now, Duration until, double share = 0.5) {
    IdleSpells spells(window);
    spells.advance(at(now));
    spells.observe(0s, 4h, 1e9, 0);
    if (until > Duration::zero()) spells.observe(0s, until, 1e9 * (1 - share), 1e9 * share);
    return spells;
}

// The ages that it had, each second; what is paged out does not come back.
std::vector<Duration> looked_at(AgeTuner& tuner, const IdleSpells& spells, Duration length) {
    RefaultMeter refaults(window);
    std::vector<Duration> ages;
    for (Duration time{}; time < length; time += 1s) {
        refaults.paged_out(at(time), mebibytes(100), tuner.age());
        tuner.look(at(time), refaults, spells);
        ages.push_back(tuner.age());
    }
    return ages;
}

TEST(AgeTuner, HeedsSpellsByHalfAtMostAndOnceInAWindow) {
    AgeTuner tuner(tune(10'000, 10s, 2h), 1000s, window);
    const auto ages = looked_at(tuner, spells_of(0s, 0s), 10 * window);
    Duration moved = 0s;
    for (std::size_t i = 1; i < ages.size(); ++i) {
        if (ages[i] == ages[i - 1]) continue;
        const auto time = static_cast<std::int64_t>(i) * Duration(1s);
        EXPECT_GE(time - moved, window);
        EXPECT_LE(time - moved, 2 * window) << "each few looks";
        EXPECT_GE(2 * ages[i], ages[i - 1]);
        moved = time;
    }
    EXPECT_EQ(tuner.age(), 10s) << "in seven steps";
}

TEST(AgeTuner, LowersToTheLeastAgeThatSpellsSpeakFor) {
    AgeTuner tuner(tune(10'000, 10s, 2h), 1000s, window);
    looked_at(tuner, spells_of(0s, 300s), 2 * window + 2s);
    EXPECT_GE(tuner.age(), 300s * 9 / 10);
    EXPECT_LE(tuner.age(), 300s * 9 / 8);
}

TEST(AgeTuner, HeedsNothingThatWasNotWatchedForAWindow) {
    AgeTuner tuner(tune(10'000, 10s, 2h), 1000s, window);
    const IdleSpells spells = spells_of(30s, 0s);
    for (Duration time{}; time < 90s; time += 1s) {
        tuner.look(at(time), RefaultMeter(window), spells);
        ASSERT_EQ(tuner.age(), 1000s);
    }
    for (Duration time = 90s; time < 90s + window / 3; time += 1s)
        tuner.look(at(time), RefaultMeter(window), spells);
    EXPECT_EQ(tuner.age(), 500s);
}

TEST(AgeTuner, RefaultsThatAreMeasuredGoBeforeSpells) {
    AgeTuner tuner(tune(10'000, 10s, 2h), 100s, window);
    RefaultMeter refaults(window);
    const IdleSpells spells = spells_of(0s, 0s);
    for (Duration time = 0s; time < 3 * window; time += 1s) {
        refaults.paged_out(at(time), mebibytes(100), tuner.age());
        // More than half of the target.
        refaults.came_back(at(time), 1s, kibibytes(700));
        tuner.look(at(time), refaults, spells);
    }
    EXPECT_EQ(tuner.age(), 100s);
    for (Duration time = 3 * window; time < 4 * window; time += 1s) {
        refaults.paged_out(at(time), mebibytes(100), tuner.age());
        refaults.came_back(at(time), 1s, mebibytes(50));
        tuner.look(at(time), refaults, spells);
    }
    EXPECT_GT(tuner.age(), 100s);
}

// All that is idle for 140 to 200 s is used again: an age of 150 s is wrong, but so is no lower one
// down to 80 s.
TEST(AgeTuner, HeedsSpellsWhereItCannotBeRaised) {
    AgeTuner tuner(tune(10'000, 10s, 150s), 150s, window);
    RefaultMeter refaults(window);
    const IdleSpells spells = spells_of(0s, 0s);
    for (Duration time = 0s; time < 3 * window && tuner.age() == 150s; time += 1s) {
        refaults.paged_out(at(time), mebibytes(100), tuner.age());
        refaults.came_back(at(time), 20s, mebibytes(50));
        tuner.look(at(time), refaults, spells);
    }
    EXPECT_LE(tuner.age(), 150s - window) << "what is idle for so long and a window more leaves";
    EXPECT_GE(tuner.age(), 75s);
}

TEST(AgeTuner, HeedsSpellsThatProveWrongLessAndLessOften) {
    AgeTuner tuner(tune(100'000, 1s, 2h), 5s, window);
    Program program(2'000, periodic(50s), tuner);
    program.let_spells_lie();
    program.run(10 * window);
    // It waits for 1 window, 2, 4, …: eight times in the first 255 windows; and five tries of its
    // own.
    EXPECT_LE(program.run(240 * window).turns, 2 * (8 + 5));
    // 256 windows at most, either.
    EXPECT_LE(program.run(1040 * window).turns, 2 * (5 + 5));
}

TEST(AgeTuner, SurvivesAClockThatIsSetBack) {
    AgeTuner tuner(tune(10'000, 1s, 1h), 10s, window);
    const RefaultMeter nothing(window);
    for (const Instant now : {Instant::max(), Instant::min(), at(0s), Instant::max()})
        tuner.look(now, nothing, no_spells);
    EXPECT_GE(tuner.age(), 1s);
}

}  // namespace
}  // namespace damon_schemes

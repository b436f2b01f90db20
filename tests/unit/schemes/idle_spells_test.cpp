// SPDX-License-Identifier: MIT
#include "schemes/decide/idle_spells.h"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <random>

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;

constexpr Duration window = 10s;
constexpr Duration step = 100ms;
constexpr double mib = 1 << 20;

Instant at(Duration since) {
    return Instant(5000s + since);
}

// So much becomes idle in each step, for a long time; of what has been idle for some time, a share
// is accessed in each step; the rest leaves at `leave`.
template <typename Ending>
IdleSpells after(Duration length, double bytes, Duration leave, Ending ending) {
    IdleSpells spells(window);
    for (Duration time{}; time < length; time += step) {
        spells.advance(at(time));
        double idle = bytes;
        for (Duration age{}; age < leave && age <= time; age += step) {
            const double accessed = idle * ending(age);
            spells.observe(age, step, idle - accessed, accessed);
            idle -= accessed;
        }
    }
    return spells;
}

TEST(IdleSpells, SayNothingWithoutEvidence) {
    IdleSpells spells(window);
    EXPECT_FALSE(spells.since());
    EXPECT_FALSE(spells.share(1s, 20s, 0.0));
    EXPECT_FALSE(spells.least_age(1s, 20s, 0.0, 0.5));
    spells.advance(at(3s));
    EXPECT_EQ(spells.since(), at(3s));
    spells.observe(0s, 30s, mib / 2, 0);
    EXPECT_FALSE(spells.share(1s, 20s, 0.0)) << "half of what is needed";
    spells.observe(0s, 30s, mib * 0.6, 0);
    EXPECT_EQ(spells.share(1s, 20s, {}), 0.0);
}

TEST(IdleSpells, AreTakenByTheAgesThatTheyDependOn) {
    IdleSpells spells(window);
    spells.advance(at(0s));
    spells.observe(0s, 12s, 10 * mib, 0);
    EXPECT_EQ(spells.share(1s, 12s, {}), 0.0) << "within a window of 1 s: up to 11 s";
    EXPECT_FALSE(spells.share(4s, 12s, {})) << "what comes after 12 s is the refaults' to say";
    EXPECT_NEAR(*spells.share(4s, 12s, 0.25), 0.25, 1e-9);
    EXPECT_FALSE(spells.share(4s, 30s, {})) << "nothing was watched at 13 s";
}

TEST(IdleSpells, ShareIsWhatIsAccessedWithinTheWindow) {
    // 1 % in each step of 0.1 s.
    const IdleSpells spells = after(60s, mib, 40s, [](Duration) { return 0.01; });
    const double expected = 1 - std::pow(0.99, 100);
    EXPECT_NEAR(*spells.share(2s, 40s, {}), expected, 0.005);
    EXPECT_NEAR(*spells.share(20s, 40s, {}), expected, 0.005);
    // 50 steps, and then half of what is left.
    EXPECT_NEAR(*spells.share(15s, 20s, 0.5), 1 - std::pow(0.99, 50) / 2, 0.005);
}

TEST(IdleSpells, TellTheLeastAgeWithALowShare) {
    // Half of it is accessed at some moment up to 3 s, nothing later.
    const IdleSpells spells = after(60s, mib, 40s, [](Duration age) {
        return age < 3s ? 0.5 / (30 - 0.5 * static_cast<double>(age / step)) : 0.0;
    });
    const auto least = spells.least_age(500ms, 40s, {}, 0.01);
    ASSERT_TRUE(least);
    EXPECT_GT(*least, 2800ms);
    EXPECT_LT(*least, 3400ms) << "an eighth more at most";
    EXPECT_EQ(spells.least_age(8s, 40s, {}, 0.01), 8s);
    EXPECT_EQ(spells.least_age(500ms, 40s, {}, 0.6), 500ms);
    EXPECT_FALSE(spells.least_age(500ms, 2s, 0.0, 0.01)) << "none below what leaves at 2 s";
}

TEST(IdleSpells, WhatLeavesEarlyHidesNothing) {
    // Half of it is accessed at 5 s; then nine tenths of all leave at 2 s, unseen.
    const auto ending = [](Duration age) { return age == 4900ms ? 0.5 : 0.0; };
    const double expected = 1 - std::exp(-0.5 / 0.75);
    IdleSpells spells = after(60s, 2 * mib, 40s, ending);
    EXPECT_NEAR(*spells.share(2s, 40s, {}), expected, 0.1);
    for (Duration time = 60s; time < 120s; time += step) {
        spells.advance(at(time));
        for (Duration age{}; age < 40s; age += step) {
            const double idle = (age < 2s ? 20 : 2) * mib;
            spells.observe(age, step, idle * (1 - ending(age)), idle * ending(age));
        }
    }
    EXPECT_NEAR(*spells.share(2s, 40s, {}), expected, 0.1);
}

TEST(IdleSpells, ForgetOverWindows) {
    IdleSpells spells = after(60s, mib, 40s, [](Duration) { return 0.01; });
    ASSERT_GT(*spells.share(1s, 40s, {}), 0.5);
    // The program has changed: nothing is used again.
    const auto go_on = [&](Duration from, Duration length) {
        for (Duration time = from; time < from + length; time += step) {
            spells.advance(at(time));
            for (Duration age{}; age < 20s; age += step) spells.observe(age, step, mib, 0);
        }
    };
    go_on(60s, window);
    const double soon = *spells.share(1s, 40s, {});
    go_on(60s + window, 5 * window);
    EXPECT_LT(*spells.share(1s, 40s, {}), soon / 10);
    // After a hundred windows there is nothing left to say.
    spells.advance(at(60s + 106 * window));
    EXPECT_FALSE(spells.share(1s, 40s, {}));
}

TEST(IdleSpells, BeginAnewOnDemandAndWhereTheClockIsSetBack) {
    IdleSpells spells(window);
    spells.advance(at(5s));
    spells.observe(0s, 60s, 10 * mib, 0);
    ASSERT_TRUE(spells.share(1s, 40s, {}));
    spells.forget();
    EXPECT_FALSE(spells.since());
    EXPECT_FALSE(spells.share(1s, 40s, {}));
    spells.advance(at(5s));
    spells.observe(0s, 60s, 10 * mib, 0);
    spells.advance(at(4s));
    EXPECT_EQ(spells.since(), at(4s));
    EXPECT_FALSE(spells.share(1s, 40s, {}));
}

TEST(IdleSpells, SurviveEveryDuration) {
    std::mt19937_64 random(42);
    IdleSpells spells(1s);
    for (const Duration idle : {Duration(0), Duration(1), Duration(24h), Duration::max()})
        for (const Duration length : {Duration(1), Duration(10s), Duration::max()}) {
            spells.advance(Instant(Duration(static_cast<std::int64_t>(random()))));
            spells.observe(idle, length, mib, mib);
            for (const Duration age : {Duration(0), Duration(1h), Duration::max()})
                for (const Duration left : {Duration(0), Duration(2h), Duration::max()}) {
                    const auto share = spells.share(age, left, 0.5);
                    EXPECT_TRUE(!share || (*share >= 0 && *share <= 1));
                }
            spells.least_age(Duration(0), Duration::max(), 0.0, 0.5);
        }
}

}  // namespace
}  // namespace damon_schemes

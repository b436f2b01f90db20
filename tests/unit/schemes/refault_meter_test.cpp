// SPDX-License-Identifier: MIT
#include "schemes/decide/refault_meter.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;

constexpr Duration window = 60s;

Instant at(Duration since) {
    return Instant(900s + since);
}

TEST(RefaultMeter, SaysNothingWithTooLittleEvidence) {
    RefaultMeter meter(window);
    EXPECT_FALSE(meter.share(at(0s)));
    meter.paged_out(at(0s), Bytes{(1 << 20) - 1}, 10s);
    EXPECT_FALSE(meter.share(at(1s)));
    meter.paged_out(at(0s), Bytes{1}, 10s);
    EXPECT_EQ(meter.share(at(1s)), 0.0);
    EXPECT_FALSE(meter.share(at(10min))) << "evidence does not last";
    EXPECT_EQ(meter.paged_out(), mebibytes(1)) << "sums do";
}

TEST(RefaultMeter, ConvergesToTheTrueShareHoweverLateRefaultsCome) {
    for (const Duration away : {Duration(1s), Duration(30s), Duration(55s)}) {
        RefaultMeter meter(window);
        for (Duration time{}; time < 600s; time += 1s) {
            meter.paged_out(at(time), mebibytes(10), 10s);
            if (time >= away) meter.came_back(at(time), away, mebibytes(2));
        }
        EXPECT_NEAR(*meter.share(at(600s)), 0.2, 0.005) << away.count();
    }
}

TEST(RefaultMeter, WeighsRefaultsAgainstWhatLeftWithThem) {
    // Much leaves at once, and nothing after it; a fifth of it comes back 50 s later.
    RefaultMeter meter(window);
    meter.paged_out(at(0s), mebibytes(100), 10s);
    for (Duration time = 1s; time < 50s; time += 1s)
        ASSERT_EQ(meter.share(at(time)), 0.0) << "none that came back yet";
    meter.came_back(at(50s), 50s, mebibytes(20));
    for (Duration time = 50s; time < 170s; time += 1s)
        ASSERT_NEAR(*meter.share(at(time)), 0.2, 1e-6) << time.count();
}

TEST(RefaultMeter, KnowsMoreOfWhatHadItsWholeWindow) {
    // At every moment half of what left is so young that its refaults have not come yet.
    RefaultMeter meter(window);
    for (Duration time{}; time < 120s; time += 1s) {
        meter.paged_out(at(time), mebibytes(1), 10s);
        if (time >= 59s) meter.came_back(at(time), 59s, mebibytes(1) - kibibytes(512));
    }
    EXPECT_NEAR(*meter.share(at(120s)), 0.5, 0.01);
}

TEST(RefaultMeter, FollowsAChange) {
    RefaultMeter meter(window);
    Duration time{};
    const auto run = [&](Duration until, std::uint64_t back) {
        for (; time < until; time += 1s) {
            meter.paged_out(at(time), mebibytes(10), 10s);
            meter.came_back(at(time), 0s, mebibytes(back));
        }
        return *meter.share(at(time));
    };
    EXPECT_NEAR(run(300s, 1), 0.1, 0.001);
    EXPECT_GT(run(330s, 9), 0.3) << "at once where it gets worse";
    EXPECT_NEAR(run(600s, 9), 0.9, 0.001);
    EXPECT_NEAR(run(900s, 0), 0.0, 0.001);
}

TEST(RefaultMeter, TellsTheAgeThatWouldHaveAvoidedEnough) {
    RefaultMeter meter(window);
    meter.paged_out(at(0s), mebibytes(100), 10s);
    meter.came_back(at(2s), 2s, mebibytes(10));   // 12 s after its last use
    meter.came_back(at(20s), 20s, mebibytes(5));  // 30 s
    meter.came_back(at(50s), 50s, mebibytes(1));  // 60 s
    const Instant now = at(52s);
    EXPECT_NEAR(*meter.share(now), 0.16, 1e-6);
    EXPECT_NEAR(*meter.share_with(now, 10s), 0.16, 1e-6);
    EXPECT_NEAR(*meter.share_with(now, 14s), 6.0 / 90, 1e-6);
    EXPECT_NEAR(*meter.share_with(now, 40s), 1.0 / 85, 1e-6);
    EXPECT_EQ(meter.share_with(now, 100s), 0.0);
    // To an eighth of an octave.
    const auto least = [&](double target) {
        return std::chrono::duration<double>(meter.least_age(now, 10s, target)).count();
    };
    EXPECT_EQ(least(0.2), 10);
    EXPECT_GT(least(0.1), 12);
    EXPECT_LT(least(0.1), 12 * 1.1);
    EXPECT_GT(least(0.05), 30);
    EXPECT_LT(least(0.05), 30 * 1.1);
    EXPECT_GT(least(0), 60);
    EXPECT_LT(least(0), 60 * 1.1);
    // With the age that it tells, the target is met.
    for (const double target : {0.1, 0.05, 0.01, 0.0})
        EXPECT_LE(*meter.share_with(now, meter.least_age(now, 10s, target)), target);
}

TEST(RefaultMeter, IgnoresRefaultsOfWhatItDoesNotKnow) {
    RefaultMeter meter(window);
    meter.came_back(at(0s), 10s, mebibytes(5));
    meter.paged_out(at(500s), mebibytes(10), 10s);
    meter.came_back(at(501s), 400s, mebibytes(5));
    EXPECT_EQ(meter.share(at(501s)), 0.0);
    EXPECT_EQ(meter.came_back(), mebibytes(10));
}

TEST(RefaultMeter, SurvivesTheEndsOfTime) {
    EXPECT_TRUE(rc::check([] {
        RefaultMeter meter(
            Duration(*rc::gen::element<std::int64_t>(0, 1, 60'000'000'000, std::int64_t{1} << 62)));
        for (int i = 0; i < 20; ++i) {
            const auto any = [] { return *rc::gen::arbitrary<std::int64_t>(); };
            const Bytes bytes{*rc::gen::arbitrary<std::uint64_t>()};
            const Instant now{Duration(any())};
            meter.paged_out(now, bytes, Duration(any()));
            meter.came_back(Instant(Duration(any())), Duration(any()), bytes);
            meter.came_back(now, 0ns, bytes);
            if (const auto share = meter.share_with(now, Duration(any())))
                RC_ASSERT(*share >= 0 && *share <= 1);
            (void)meter.least_age(now, Duration(any()), 0.5);
        }
    }));
}

}  // namespace
}  // namespace damon_schemes

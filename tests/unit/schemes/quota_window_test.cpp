// SPDX-License-Identifier: MIT
#include "schemes/decide/quota_window.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;

Instant at(Duration since) {
    return Instant(500s + since);
}

TEST(QuotaWindow, WithoutLimitsAllowsAnything) {
    QuotaWindow quota({{}, {}, 1s});
    quota.advance(at(0s));
    EXPECT_FALSE(quota.allowance());
}

TEST(QuotaWindow, NamesTheLimitThatIsReachedFirst) {
    QuotaWindow quota({mebibytes(4), Duration(10ms), 1s});
    quota.advance(at(0s));
    EXPECT_EQ(quota.allowance()->bytes, mebibytes(1));  // the probe
    EXPECT_EQ(quota.allowance()->limit, Reason::quota_time);
    const Duration estimate = quota.charge(mebibytes(1));
    EXPECT_EQ(estimate, Duration::zero());
    quota.measure(mebibytes(1), 1ms);
    quota.settle(0, mebibytes(1), estimate, mebibytes(1), 1ms);
    EXPECT_EQ(quota.allowance()->bytes, mebibytes(3));  // 9 ms are 9 MiB, but 3 MiB are left
    EXPECT_EQ(quota.allowance()->limit, Reason::quota_bytes);
}

TEST(QuotaWindow, ADryRunThatTakesNoTimeIsNotLimitedByTime) {
    QuotaWindow quota({mebibytes(128), Duration(10ms), 1s});
    quota.advance(at(0s));
    quota.charge(mebibytes(1));
    quota.measure(mebibytes(1), Duration::zero());
    quota.settle(0, mebibytes(1), {}, mebibytes(1), {});
    EXPECT_EQ(quota.allowance()->bytes, mebibytes(127));
}

TEST(QuotaWindow, FollowsAChangedPrice) {
    QuotaWindow quota({{}, Duration(10ms), 1s});
    Duration time{};
    const auto windows = [&](int count, std::uint64_t ns_per_kib) {
        Bytes last;
        for (int i = 0; i < count; ++i, time += 1s) {
            quota.advance(at(time));
            last = quota.allowance()->bytes;
            if (last.count == 0) continue;
            const Duration estimate = quota.charge(last);
            const Duration spent(last.count / 1024 * ns_per_kib);
            quota.measure(last, spent);
            quota.settle(quota.window(), last, estimate, last, spent);
        }
        return last;
    };
    // 10 ms at 1 µs a KiB are 10,000 KiB; at 100 µs a KiB 100 KiB.
    EXPECT_NEAR(static_cast<double>(windows(30, 1000).count), 10'000 * 1024, 1024 * 100);
    EXPECT_NEAR(static_cast<double>(windows(400, 100'000).count), 100 * 1024, 1024 * 10);
    EXPECT_NEAR(static_cast<double>(windows(30, 1000).count), 10'000 * 1024, 1024 * 200);
}

TEST(QuotaWindow, SurvivesTheEndsOfTime) {
    QuotaWindow quota({mebibytes(1), Duration(10ms), Duration(1ms)});
    quota.advance(Instant::min());
    quota.advance(Instant::max());
    quota.advance(Instant::min());
    EXPECT_TRUE(quota.allowance());
}

// However plans and reports interleave: what a window let through, less what was given back while
// it lasted, is within the limit; and over all windows the time spent is within the limit, but for
// what was in flight when the price was not known or rose.
TEST(QuotaWindow, KeepsItsPromises) {
    EXPECT_TRUE(rc::check([] {
        const Bytes limit = kibibytes(4 * *rc::gen::inRange<std::uint64_t>(1, 3000));
        const Duration time_limit = *rc::gen::inRange(1, 50) * 1ms;
        QuotaWindow quota({limit, time_limit, 1s});
        struct InFlight {
            std::int64_t window;
            Bytes planned;
            Duration estimate;
        };
        std::deque<InFlight> flying;
        std::map<std::int64_t, std::uint64_t> net;
        Duration now{};
        Duration spent_in_all{};
        Duration longest{};  // any one action
        const std::uint64_t ns_per_page = *rc::gen::inRange<std::uint64_t>(1, 100'000);
        std::int64_t windows = 0;
        for (int step = 0; step < 200; ++step) {
            now += *rc::gen::inRange(1, 300) * 1ms;
            quota.advance(at(now));
            windows = quota.window() + 1;
            const Bytes allowed = quota.allowance()->bytes;
            RC_ASSERT(allowed.count % 4096 == 0);
            const Bytes wanted = kibibytes(4 * *rc::gen::inRange<std::uint64_t>(0, 5000));
            const Bytes planned = std::min(allowed, wanted);
            if (planned.count != 0) {
                flying.push_back({quota.window(), planned, quota.charge(planned)});
                net[quota.window()] += planned.count;
            }
            while (!flying.empty() && *rc::gen::inRange(0, 3) != 0) {
                const InFlight landed = flying.front();
                flying.pop_front();
                const Bytes advised =
                    *rc::gen::element(Bytes{}, landed.planned, Bytes{landed.planned.count / 2});
                const Duration spent(landed.planned.count / 4096 * ns_per_page);
                longest = std::max(longest, spent);
                spent_in_all += spent;
                quota.measure(landed.planned, spent);
                quota.settle(landed.window, landed.planned, landed.estimate, advised, spent);
                if (landed.window == quota.window())
                    net[landed.window] -= (landed.planned - advised).count;
            }
            for (const auto& [window, bytes] : net) RC_ASSERT(bytes <= limit.count);
        }
        // Per window the limit; and one probe or page that was dearer than a whole window.
        RC_ASSERT(spent_in_all <= windows * time_limit + longest + flying.size() * longest);
    }));
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "engine/session/verification.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t mib = 1 << 20;
const Instant start{1000s};

// One whose receipt counts itself out.
Verification one(std::uint64_t target, std::uint64_t size, int& dropped,
                 std::uint64_t generation = 1) {
    Verification verification;
    verification.request.target = {target};
    verification.request.generation = generation;
    verification.request.ranges = {{0, size}};
    verification.planned_at = start;
    verification.idle = 2s;
    verification.receipt =
        std::shared_ptr<void>(&dropped, [](void* count) { ++*static_cast<int*>(count); });
    return verification;
}

TEST(Portions, cover_the_ranges_in_order_and_are_bounded) {
    const auto portions =
        portions_of({{0, 3 * mib}, {8 * mib, 9 * mib}, {16 * mib, 21 * mib}}, mebibytes(4));
    ASSERT_EQ(portions.size(), 3U);
    EXPECT_EQ(portions[0], (std::vector<AddressRange>{{0, 3 * mib}, {8 * mib, 9 * mib}}));
    EXPECT_EQ(portions[1], (std::vector<AddressRange>{{16 * mib, 20 * mib}}));
    EXPECT_EQ(portions[2], (std::vector<AddressRange>{{20 * mib, 21 * mib}}));
    EXPECT_TRUE(portions_of({}).empty());
}

TEST(Verifications, are_marked_at_once_and_acted_on_after_their_idle_time) {
    int dropped = 0;
    Verifications verifications;
    EXPECT_FALSE(verifications.next());
    verifications.plan(one(1, mib, dropped), start);
    auto due = verifications.take_due(start);
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due[0].step, Verifications::Step::mark);
    EXPECT_TRUE(verifications.take_due(start + 10s).empty()) << "handed out once";

    verifications.marked(std::move(due[0].verification), start + 100ms);
    EXPECT_EQ(verifications.next(), start + 2100ms);
    EXPECT_TRUE(verifications.take_due(start + 2099ms).empty());
    due = verifications.take_due(start + 2100ms);
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due[0].step, Verifications::Step::act);
    EXPECT_EQ(verifications.waiting(), 0U);
    EXPECT_EQ(dropped, 0);
    due.clear();
    EXPECT_EQ(dropped, 1);
}

TEST(Verifications, are_looked_at_no_faster_than_the_rate) {
    int dropped = 0;
    Verifications verifications(mebibytes(64));
    for (int i = 0; i < 10; ++i) verifications.plan(one(1, 32 * mib, dropped), start);
    std::uint64_t bytes = 0;
    Instant now = start;
    while (const auto next = verifications.next()) {
        now = std::max(now, *next);
        ASSERT_LE(now, start + 10s);
        for (const auto& due : verifications.take_due(now)) {
            bytes += due.verification.request.ranges[0].size().count;
            // One may be ahead of the rate, never two.
            EXPECT_LE(bytes, 32 * mib +
                                 static_cast<std::uint64_t>(
                                     std::chrono::duration<double>(now - start).count() * 64.0 *
                                     static_cast<double>(mib)) +
                                 mib);
        }
    }
    EXPECT_EQ(bytes, 320 * mib);
}

TEST(Verifications, of_a_target_go_when_they_are_told_to) {
    int dropped = 0;
    Verifications verifications;
    verifications.plan(one(1, mib, dropped, 1), start);
    verifications.plan(one(1, mib, dropped, 2), start);
    verifications.plan(one(2, mib, dropped, 1), start);
    verifications.marked(one(2, mib, dropped, 1), start);
    verifications.drop_older({1}, 2);
    EXPECT_EQ(verifications.waiting(), 3U);
    EXPECT_EQ(dropped, 1);
    verifications.drop({2});
    EXPECT_EQ(verifications.waiting(), 1U);
    EXPECT_EQ(dropped, 3);
    verifications.drop_all();
    EXPECT_EQ(dropped, 4);
    EXPECT_FALSE(verifications.next());
}

// After a minute the decider plans the range anew, and it must not be under way twice.
TEST(Verifications, that_could_not_end_in_time_are_dropped) {
    int dropped = 0;
    Verifications verifications;
    verifications.plan(one(1, mib, dropped), start);
    EXPECT_TRUE(verifications.take_due(start + longest_verification - 1s).empty())
        << "its idle time would end too late";
    EXPECT_EQ(dropped, 1);
    verifications.marked(one(1, mib, dropped), start + longest_verification - 3s);
    EXPECT_EQ(verifications.take_due(start + longest_verification - 1s).size(), 1U);
}

}  // namespace
}  // namespace damon_schemes

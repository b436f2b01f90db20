// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "engine/session/refault_cohorts.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using Place = RefaultCohorts::Place;

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t mib = 1 << 20;
const Instant start{1000s};
const TargetId target{1};

// Pages in memory or neither in memory nor in swap; all others are in swap.
class Swap {
  public:
    std::set<std::uint64_t> in_memory;
    std::set<std::uint64_t> freed;

    // Answers every look that is due.
    std::vector<RefaultReport> look(RefaultCohorts& cohorts, Instant now) {
        std::vector<RefaultReport> reports;
        while (const auto look = cohorts.next_look(now)) {
            std::vector<Place> places;
            for (const AddressRange range : look->ranges) {
                for (std::uint64_t at = range.start; at < range.end; at += page) {
                    places.push_back(in_memory.contains(at) ? Place::memory
                                     : freed.contains(at)   ? Place::neither
                                                            : Place::swap);
                }
                looked += range.size();
            }
            ++looks;
            if (const auto report = cohorts.found(*look, places, now)) reports.push_back(*report);
        }
        return reports;
    }
    Bytes looked;
    int looks = 0;
};

RefaultWatch watching(Duration window = 60s, Bytes rate = mebibytes(256)) {
    return {window, rate};
}

TEST(RefaultCohorts, looks_at_growing_intervals_until_the_window_ends) {
    RefaultCohorts cohorts(watching());
    Swap swap;
    EXPECT_FALSE(cohorts.next_due());
    EXPECT_TRUE(cohorts.add(0, target, 1, {{0, 8 * page}}, start).empty());
    std::vector<Duration> looked_after;
    while (const auto due = cohorts.next_due()) {
        looked_after.push_back(*due - start);
        ASSERT_LE(looked_after.size(), 30U);
        EXPECT_TRUE(swap.look(cohorts, *due - 1ms).empty());
        EXPECT_EQ(swap.looks, static_cast<int>(looked_after.size()) - 1) << "not yet";
        EXPECT_TRUE(swap.look(cohorts, *due).empty());
    }
    EXPECT_EQ(looked_after.front(), 250ms);
    EXPECT_EQ(looked_after[1], 375ms);
    EXPECT_EQ(looked_after.back(), 60s);
    EXPECT_LE(looked_after.size(), 16U);
    EXPECT_EQ(cohorts.runs(0), 0U) << "forgotten at the window's end";
}

TEST(RefaultCohorts, counts_a_page_that_came_back_once) {
    RefaultCohorts cohorts(watching());
    Swap swap;
    cohorts.add(3, target, 1, {{0, 8 * page}, {16 * page, 20 * page}}, start);
    swap.in_memory = {2 * page, 16 * page, 99 * page};
    auto reports = swap.look(cohorts, start + 300ms);
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_EQ(reports[0].scheme, 3U);
    EXPECT_EQ(reports[0].target, target);
    EXPECT_EQ(reports[0].bytes, Bytes{2 * page});
    EXPECT_EQ(reports[0].away, 300ms);
    EXPECT_EQ(reports[0].time, start + 300ms);
    EXPECT_TRUE(swap.look(cohorts, start + 1s).empty());
    swap.in_memory.insert(3 * page);
    reports = swap.look(cohorts, start + 60s);
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_EQ(reports[0].bytes, Bytes{page});
}

TEST(RefaultCohorts, a_look_that_is_hastened_is_one_more) {
    RefaultCohorts cohorts(watching());
    Swap swap;
    cohorts.add(0, target, 1, {{0, 8 * page}}, start);
    cohorts.add(0, {2}, 1, {{0, 8 * page}}, start);
    swap.look(cohorts, start + 50s);
    const auto planned = cohorts.next_due();
    ASSERT_TRUE(planned);
    ASSERT_GT(*planned, start + 51s);
    swap.in_memory = {0, page};
    cohorts.hasten(target, start + 51s);
    const auto reports = swap.look(cohorts, start + 51s);
    ASSERT_EQ(reports.size(), 1U) << "the other target's look comes when it was planned";
    EXPECT_EQ(reports[0].bytes, Bytes{2 * page});
    EXPECT_EQ(cohorts.next_due(), planned);
    EXPECT_EQ(swap.look(cohorts, start + 60s).size(), 1U) << "of the other";
    swap.in_memory.insert(3 * page);
    cohorts.hasten(target, start + 61s);
    EXPECT_TRUE(swap.look(cohorts, start + 61s).empty()) << "the window is over";
}

TEST(RefaultCohorts, what_was_freed_is_no_refault_and_not_looked_at_again) {
    RefaultCohorts cohorts(watching());
    Swap swap;
    cohorts.add(0, target, 1, {{0, 4 * page}}, start);
    swap.freed = {0, page, 2 * page};
    EXPECT_TRUE(swap.look(cohorts, start + 300ms).empty());
    swap.looked = {};
    swap.freed.clear();
    swap.in_memory = {0, page, 2 * page};
    EXPECT_TRUE(swap.look(cohorts, start + 60s).empty());
    EXPECT_EQ(swap.looked, Bytes{page});
}

TEST(RefaultCohorts, what_is_paged_out_again_had_come_back) {
    RefaultCohorts cohorts(watching());
    Swap swap;
    cohorts.add(0, target, 1, {{0, 8 * page}}, start);
    const auto reports = cohorts.add(1, target, 1, {{4 * page, 12 * page}}, start + 10s);
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_EQ(reports[0].scheme, 0U) << "it was the first one's page";
    EXPECT_EQ(reports[0].bytes, Bytes{4 * page});
    EXPECT_EQ(reports[0].away, 10s);
    // Each is in one cohort now.
    for (std::uint64_t at = 0; at < 12 * page; at += page) swap.in_memory.insert(at);
    Bytes first, second;
    for (const auto& report : swap.look(cohorts, start + 20s))
        (report.scheme == 0 ? first : second) += report.bytes;
    EXPECT_EQ(first, Bytes{4 * page});
    EXPECT_EQ(second, Bytes{8 * page});
    // Other targets, and other programs in the same, are others' memory.
    cohorts.add(0, target, 1, {{0, page}}, start + 30s);
    EXPECT_TRUE(cohorts.add(0, target, 2, {{0, page}}, start + 31s).empty());
    EXPECT_TRUE(cohorts.add(0, TargetId{2}, 1, {{0, page}}, start + 31s).empty());
}

TEST(RefaultCohorts, forgets_a_target_or_the_program_before) {
    RefaultCohorts cohorts(watching());
    cohorts.add(0, TargetId{1}, 1, {{0, page}}, start);
    cohorts.add(0, TargetId{1}, 2, {{0, page}}, start + 1s);
    cohorts.add(0, TargetId{2}, 1, {{0, page}}, start + 2s);
    EXPECT_EQ(cohorts.runs(0), 3U);
    cohorts.forget_older(TargetId{1}, 2);
    EXPECT_EQ(cohorts.runs(0), 2U);
    cohorts.forget(TargetId{2});
    EXPECT_EQ(cohorts.runs(0), 1U);
    cohorts.forget(TargetId{1});
    EXPECT_FALSE(cohorts.next_due());
}

// More is paged out than the rate lets be looked at: looks come late, and never too many.
TEST(RefaultCohorts, looks_late_rather_than_more_than_the_rate) {
    constexpr std::uint64_t rate = 8 * mib;
    RefaultCohorts cohorts(watching(30s, Bytes{rate}));
    Swap swap;
    Instant now = start;
    for (int step = 0; step < 1200; ++step) {  // a minute in steps of 50 ms
        if (step % 20 == 0) {
            const std::uint64_t at = static_cast<std::uint64_t>(step) * 64 * mib;
            cohorts.add(0, target, 1, {{at, at + 16 * mib}}, now);
        }
        swap.look(cohorts, now);
        now += 50ms;
    }
    const double seconds = std::chrono::duration<double>(now - start).count();
    EXPECT_LE(static_cast<double>(swap.looked.count), static_cast<double>(rate) * (seconds + 0.2));
    EXPECT_GE(static_cast<double>(swap.looked.count), static_cast<double>(rate) * seconds * 0.9)
        << "and no fewer than it may";
}

TEST(RefaultCohorts, watches_a_sample_where_there_are_too_many_runs_and_scales_it) {
    constexpr std::size_t limit = 1000;
    RefaultCohorts cohorts(watching(60s, mebibytes(100'000)), limit, 42);
    Swap swap;
    // Single pages, of which every fifth comes back.
    std::uint64_t left = 0;
    for (int action = 0; action < 40; ++action) {
        std::vector<AddressRange> runs;
        for (std::uint64_t i = 0; i < 1000; ++i) {
            const std::uint64_t at = (static_cast<std::uint64_t>(action) * 4000 + 2 * i) * page;
            runs.push_back({at, at + page});
            if (i % 5 == 0) swap.in_memory.insert(at);
            ++left;
        }
        EXPECT_TRUE(cohorts.add(0, target, 1, runs, start + action * 200ms).empty());
        EXPECT_LE(cohorts.runs(0), limit);
    }
    EXPECT_GT(cohorts.runs(0), limit / 4) << "the sample is not needlessly small";
    Bytes back;
    for (const auto& report : swap.look(cohorts, start + 30s)) back += report.bytes;
    const double share = static_cast<double>(back.count / page) / static_cast<double>(left);
    EXPECT_NEAR(share, 0.2, 0.08);
}

TEST(RefaultCohorts, actions_that_follow_closely_share_a_look) {
    RefaultCohorts cohorts(watching());
    Swap swap;
    for (std::uint64_t i = 0; i < 10; ++i)
        cohorts.add(0, target, 1, {{i * page, (i + 1) * page}},
                    start + std::chrono::milliseconds(i));
    EXPECT_EQ(cohorts.runs(0), 1U) << "and neighbours a run";
    swap.look(cohorts, start + 300ms);
    EXPECT_EQ(swap.looks, 1);
    EXPECT_EQ(swap.looked, Bytes{10 * page});
}

TEST(RefaultCohorts, a_look_that_nobody_answers_is_not_asked_for_again_at_once) {
    RefaultCohorts cohorts(watching());
    cohorts.add(0, target, 1, {{0, page}}, start);
    ASSERT_TRUE(cohorts.next_look(start + 300ms));
    EXPECT_FALSE(cohorts.next_look(start + 300ms));
    cohorts.add(0, target, 1, {{0, page}}, start + 1s);
    const auto look = cohorts.next_look(start + 2s);
    ASSERT_TRUE(look);
    cohorts.forget(target);
    const Place places[] = {Place::memory};
    EXPECT_FALSE(cohorts.found(*look, places, start + 2s)) << "it was forgotten meanwhile";
}

}  // namespace
}  // namespace damon_schemes

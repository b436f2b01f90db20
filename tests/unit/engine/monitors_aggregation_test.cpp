// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <utility>

#include "engine/monitors/aggregation.h"

namespace damon_schemes {
namespace {

using std::chrono::milliseconds;

constexpr TargetId first{1}, second{2};
constexpr std::int32_t first_pid = 42, second_pid = 43;

// The events of intervals of 100 ms, 20 looks each.
class AggregationTest : public ::testing::Test {
  protected:
    void SetUp() override {
        aggregation.begin({{first, first_pid}, {second, second_pid}}, milliseconds(5),
                          milliseconds(100));
    }

    void region(std::uint64_t target, std::uint32_t of, std::uint64_t start, std::uint64_t end,
                std::uint32_t accesses = 0, std::uint32_t age = 0) {
        now += std::chrono::microseconds(1);
        aggregation.add({Instant(now), target, of, {start, end}, accesses, age});
    }
    // Two regions of the one, one of the other.
    void interval(std::uint32_t age = 0) {
        begin_interval();
        region(0, 2, 0x1000, 0x3000, 20, age);
        region(0, 2, 0x3000, 0x9000, 0, age);
        region(1, 1, 0x1000, 0x2000, 7, age);
    }
    void begin_interval() { now += milliseconds(100); }
    // Nothing came of what was told; of a whole interval something does.
    Snapshot after_next_interval() {
        EXPECT_FALSE(aggregation.take());
        interval();
        auto snapshot = aggregation.take();
        if (!snapshot) throw std::runtime_error("no snapshot of a whole interval");
        EXPECT_EQ(snapshot->targets.at(0).regions.size(), 2U);
        return std::move(*snapshot);
    }

    Aggregation aggregation;
    Duration now{std::chrono::seconds(5)};
};

TEST_F(AggregationTest, a_snapshot_is_there_once_all_targets_were_told_of) {
    begin_interval();
    region(0, 2, 0x1000, 0x3000, 20, 3);
    EXPECT_FALSE(aggregation.take());
    region(0, 2, 0x3000, 0x9000, 0, 88);
    EXPECT_FALSE(aggregation.take());
    region(1, 1, 0x1000, 0x2000, 7);
    const auto snapshot = aggregation.take();
    ASSERT_TRUE(snapshot);
    EXPECT_EQ(snapshot->sequence, 1U);
    EXPECT_EQ(snapshot->lost, 0U);
    EXPECT_EQ(snapshot->time, Instant(now));
    EXPECT_EQ(snapshot->aggregation_interval, milliseconds(100));
    EXPECT_EQ(snapshot->sampling_interval, milliseconds(5));
    EXPECT_EQ(snapshot->passes, 20U);
    ASSERT_EQ(snapshot->targets.size(), 2U);
    EXPECT_EQ(snapshot->targets[0].id, first);
    EXPECT_EQ(snapshot->targets[0].pid, first_pid);
    const Region hot{{0x1000, 0x3000}, 20, 20, 0, 3};
    const Region cold{{0x3000, 0x9000}, 20, 0, 0, 88};
    EXPECT_EQ(snapshot->targets[0].regions, (std::vector<Region>{hot, cold}));
    EXPECT_EQ(snapshot->targets[1].id, second);
    EXPECT_EQ(snapshot->targets[1].regions.size(), 1U);
    EXPECT_FALSE(aggregation.take());
    EXPECT_EQ(aggregation.regions(), 3U);
}

TEST_F(AggregationTest, durations_are_those_between_the_ends) {
    interval();
    EXPECT_EQ(aggregation.take()->duration, milliseconds(100)) << "not known: the nominal one";
    now += milliseconds(37);
    interval();
    const auto late = aggregation.take();
    ASSERT_TRUE(late);
    EXPECT_GT(late->duration, milliseconds(136));
    EXPECT_LT(late->duration, milliseconds(138));
    EXPECT_EQ(late->sequence, 2U);
    EXPECT_EQ(late->lost, 0U) << "it was late, and nothing is missing";
}

// Mainline's counts may round up.
TEST_F(AggregationTest, no_more_looks_find_it_accessed_than_there_were) {
    begin_interval();
    region(0, 1, 0x1000, 0x3000, 21);
    region(1, 1, 0x1000, 0x2000, 0);
    const auto snapshot = aggregation.take();
    ASSERT_TRUE(snapshot);
    EXPECT_EQ(snapshot->targets[0].regions[0].accessed, 20U);
    EXPECT_EQ(frequency(snapshot->targets[0].regions[0]), Share{1'000'000});
}

TEST_F(AggregationTest, what_began_before_anybody_listened_is_lost_as_a_whole) {
    begin_interval();
    region(0, 2, 0x3000, 0x9000);  // the second of two
    region(1, 1, 0x1000, 0x2000);
    const Snapshot snapshot = after_next_interval();
    EXPECT_EQ(snapshot.lost, 1U);
    EXPECT_EQ(snapshot.sequence, 2U);
}

// Where the whole of one target is missing at the beginning, it is no target without regions.
TEST_F(AggregationTest, a_beginning_without_the_first_target_is_lost_too) {
    begin_interval();
    region(1, 1, 0x1000, 0x2000);
    const Snapshot snapshot = after_next_interval();
    EXPECT_EQ(snapshot.lost, 1U);
    EXPECT_FALSE(aggregation.take());
}

TEST_F(AggregationTest, a_snapshot_with_lost_events_is_never_half_a_one) {
    interval();
    ASSERT_TRUE(aggregation.take());
    begin_interval();
    region(0, 2, 0x1000, 0x3000);
    aggregation.lose();
    region(1, 1, 0x1000, 0x2000);
    const Snapshot next = after_next_interval();
    EXPECT_EQ(next.lost, 1U);
    EXPECT_EQ(next.sequence, 3U);
}

// The end of one and the beginning of the next: what is left looks like one that rises.
TEST_F(AggregationTest, parts_of_two_intervals_are_not_taken_for_one) {
    interval();
    ASSERT_TRUE(aggregation.take());
    begin_interval();
    region(0, 2, 0x1000, 0x3000, 20);
    aggregation.lose();
    begin_interval();
    region(0, 2, 0x3000, 0x9000, 0);
    region(1, 1, 0x1000, 0x2000);
    const Snapshot next = after_next_interval();
    EXPECT_GE(next.lost, 1U);
    EXPECT_EQ(next.sequence, 1 + next.lost + 1);
}

TEST_F(AggregationTest, whole_intervals_that_are_missing_count_once_where_nobody_knows_how_many) {
    interval();
    ASSERT_TRUE(aggregation.take());
    aggregation.lose();
    const Snapshot next = after_next_interval();
    EXPECT_EQ(next.lost, 1U);
    EXPECT_EQ(next.sequence, 3U);
}

TEST_F(AggregationTest, a_head_that_is_missing_after_a_loss_makes_it_lost) {
    interval();
    ASSERT_TRUE(aggregation.take());
    aggregation.lose();
    begin_interval();
    region(1, 1, 0x1000, 0x2000);  // where are the first target's?
    const Snapshot next = after_next_interval();
    EXPECT_EQ(next.lost, 1U);
}

TEST_F(AggregationTest, counts_that_contradict_each_other_are_no_snapshot) {
    begin_interval();
    region(0, 2, 0x1000, 0x3000);
    region(0, 3, 0x3000, 0x9000);
    region(1, 1, 0x1000, 0x2000);
    EXPECT_FALSE(aggregation.take());
    begin_interval();
    region(0, 2, 0x1000, 0x4000);
    region(0, 2, 0x3000, 0x9000);  // they overlap
    region(1, 1, 0x1000, 0x2000);
    EXPECT_FALSE(aggregation.take());
    begin_interval();
    region(7, 1, 0x1000, 0x4000);  // there is no such target
    EXPECT_FALSE(aggregation.take());
    interval();
    EXPECT_TRUE(aggregation.take());
}

TEST_F(AggregationTest, a_target_without_regions_does_not_hold_the_others_up) {
    begin_interval();
    region(0, 1, 0x1000, 0x3000);
    EXPECT_FALSE(aggregation.take()) << "the second may still come";
    begin_interval();
    region(0, 1, 0x1000, 0x3000);
    EXPECT_FALSE(aggregation.take()) << "the first interval cannot be told from a torn one";
    begin_interval();
    region(0, 1, 0x1000, 0x3000);
    auto snapshot = aggregation.take();
    ASSERT_TRUE(snapshot);
    EXPECT_TRUE(snapshot->targets[1].regions.empty());
    // From now on nobody waits for it.
    while (aggregation.take()) {
    }
    begin_interval();
    region(0, 1, 0x1000, 0x3000);
    EXPECT_TRUE(aggregation.take());
    // Until it has some again.
    region(1, 1, 0x1000, 0x3000);
    interval();
    while ((snapshot = aggregation.take())) EXPECT_FALSE(snapshot->targets[0].regions.empty());
    interval();
    snapshot = aggregation.take();
    ASSERT_TRUE(snapshot);
    EXPECT_EQ(snapshot->targets[1].regions.size(), 1U);
}

TEST_F(AggregationTest, after_an_exec_nothing_is_known_and_no_age_is_older) {
    interval(50);
    const auto before = aggregation.take();
    ASSERT_TRUE(before);
    aggregation.exec(first_pid);
    interval(51);
    const auto during = aggregation.take();
    ASSERT_TRUE(during);
    EXPECT_GT(during->targets[0].generation, before->targets[0].generation);
    for (const Region& region : during->targets[0].regions) EXPECT_FALSE(region.known());
    EXPECT_EQ(during->targets[1].generation, before->targets[1].generation);
    EXPECT_TRUE(during->targets[1].regions[0].known());
    EXPECT_EQ(during->targets[1].regions[0].age, 51U);
    for (std::uint32_t age = 0; age < 3; ++age) {
        interval(52 + age);
        const auto after = aggregation.take();
        ASSERT_TRUE(after);
        EXPECT_EQ(after->targets[0].generation, during->targets[0].generation);
        EXPECT_TRUE(after->targets[0].regions[0].known());
        EXPECT_EQ(after->targets[0].regions[0].age, age);
        EXPECT_EQ(after->targets[1].regions[0].age, 52 + age);
    }
}

// Mainline goes on and calls all of its memory idle.
TEST_F(AggregationTest, a_target_whose_first_thread_has_ended_is_unknown_and_not_cold) {
    interval();
    ASSERT_TRUE(aggregation.take());
    aggregation.end(first_pid);
    for (int i = 0; i < 3; ++i) {
        interval();
        const auto snapshot = aggregation.take();
        ASSERT_TRUE(snapshot);
        for (const Region& region : snapshot->targets[0].regions) EXPECT_FALSE(region.known());
        EXPECT_TRUE(snapshot->targets[1].regions[0].known());
    }
    // Another of its threads became the first one, with another program.
    aggregation.exec(first_pid);
    interval();
    EXPECT_FALSE(aggregation.take()->targets[0].regions[0].known());
    interval();
    EXPECT_TRUE(aggregation.take()->targets[0].regions[0].known());
}

TEST_F(AggregationTest, others_programs_mean_nothing) {
    aggregation.exec(99);
    aggregation.end(99);
    interval(5);
    const auto snapshot = aggregation.take();
    ASSERT_TRUE(snapshot);
    EXPECT_EQ(snapshot->targets[0].regions[0].age, 5U);
    EXPECT_TRUE(snapshot->targets[0].regions[0].known());
}

TEST_F(AggregationTest, beginning_anew_keeps_generations_and_counts) {
    aggregation.exec(first_pid);
    interval();
    const auto before = aggregation.take();
    begin_interval();
    region(0, 2, 0x1000, 0x3000);
    aggregation.begin({{second, second_pid}, {first, first_pid}}, milliseconds(10),
                      milliseconds(100));
    begin_interval();
    region(0, 1, 0x1000, 0x2000, 10);
    region(1, 1, 0x1000, 0x3000, 3);
    const auto after = aggregation.take();
    ASSERT_TRUE(after);
    EXPECT_EQ(after->targets[0].id, second);
    EXPECT_EQ(after->targets[0].regions[0].sampled, 10U);
    EXPECT_EQ(after->targets[1].generation, before->targets[0].generation);
    EXPECT_GT(after->sequence, before->sequence);
}

}  // namespace
}  // namespace damon_schemes

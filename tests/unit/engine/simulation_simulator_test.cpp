// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/simulation/simulator.h"
#include "tests/unit/schemes/observed.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using observed::absent;
using observed::cold;
using observed::hot;
using observed::mib;
using observed::snapshot;
using observed::target;

Policy paging_out(Duration min_age = 10s) {
    return observed::policy({observed::scheme(Action::pageout, min_age)});
}

Bytes sum(const std::array<Bytes, came_back_count>& parts) {
    Bytes bytes;
    for (const Bytes part : parts) bytes += part;
    return bytes;
}

Bytes soon(const SimulationResult& result, CameBack when) {
    return result.returned[static_cast<std::size_t>(when)];
}

TEST(SimulatorTest, counts_what_leaves_memory_and_what_stays_out) {
    Simulator simulator(paging_out());
    simulator.see(snapshot(0s, {cold(0, 64), hot(64, 80)}));
    simulator.see(snapshot(100ms, {cold(0, 64), hot(64, 80)}));
    const auto result = simulator.result();
    EXPECT_EQ(result.snapshots, 2U);
    EXPECT_EQ(result.length, 100ms);
    EXPECT_EQ(result.left, Bytes{64 * mib});
    EXPECT_EQ(result.out_at_end, Bytes{64 * mib});
    EXPECT_EQ(result.out_peak, Bytes{64 * mib});
    EXPECT_EQ(result.present_mean, Bytes{80 * mib});
    EXPECT_EQ(sum(result.returned), Bytes{});
    ASSERT_EQ(result.schemes.size(), 1U);
    EXPECT_EQ(result.schemes[0].paged_out, Bytes{64 * mib});
}

TEST(SimulatorTest, tells_how_soon_what_left_was_used_again) {
    Simulator simulator(paging_out());
    simulator.see(snapshot(0s, {cold(0, 30)}));
    simulator.see(snapshot(5s, {hot(0, 10), cold(10, 30)}));
    simulator.see(snapshot(30s, {cold(0, 10, 20), hot(10, 20), cold(20, 30)}));
    simulator.see(snapshot(100s, {cold(0, 10, 20), cold(10, 20, 20), hot(20, 30)}));
    const auto result = simulator.result();
    EXPECT_EQ(soon(result, CameBack::within_10_seconds), Bytes{10 * mib});
    EXPECT_EQ(soon(result, CameBack::within_a_minute), Bytes{10 * mib});
    EXPECT_EQ(soon(result, CameBack::later), Bytes{10 * mib});
    EXPECT_EQ(result.out_at_end, Bytes{});
}

// The recording was made without the policy, so what would be out is still there in it.
TEST(SimulatorTest, does_not_page_out_twice_what_is_out_already) {
    Simulator simulator(paging_out(1s));
    for (int second = 0; second < 60; ++second)
        simulator.see(snapshot(std::chrono::seconds(second), {cold(0, 8)}));
    const auto result = simulator.result();
    EXPECT_EQ(result.left, Bytes{8 * mib});
    EXPECT_GT(result.schemes[0].planned, Bytes{8 * mib});
}

TEST(SimulatorTest, only_what_is_present_leaves) {
    Region half = cold(0, 8);
    half.absent = half.sampled / 2;
    Simulator simulator(paging_out());
    simulator.see(snapshot(0s, {half, absent(8, 16)}));
    EXPECT_EQ(simulator.result().left, Bytes{4 * mib});
}

TEST(SimulatorTest, what_was_unmapped_or_replaced_by_another_program_is_not_out) {
    Simulator simulator(paging_out());
    simulator.see(snapshot(0s, {cold(0, 32)}));
    simulator.see(snapshot(1s, {cold(0, 8), cold(16, 32)}));
    EXPECT_EQ(simulator.result().out_at_end, Bytes{24 * mib});
    auto executed = snapshot(2s, {cold(0, 8, 1)});
    executed.targets[0].generation++;
    simulator.see(executed);
    EXPECT_EQ(simulator.result().out_at_end, Bytes{});
    EXPECT_EQ(sum(simulator.result().returned), Bytes{}) << "nobody used it";
}

TEST(SimulatorTest, a_target_that_is_gone_takes_its_memory_with_it) {
    Simulator simulator(paging_out());
    simulator.see(snapshot(0s, {target(1, {cold(0, 8)}), target(2, {cold(0, 4)})}));
    simulator.see(snapshot(1s, {target(2, {cold(0, 4)})}));
    EXPECT_EQ(simulator.result().out_at_end, Bytes{4 * mib});
}

TEST(SimulatorTest, a_quota_spreads_the_work_and_is_counted) {
    Policy policy = paging_out();
    policy.schemes[0].quota = {Bytes{8 * mib}, std::nullopt, 1s};
    Simulator simulator(std::move(policy));
    for (int second = 0; second < 3; ++second)
        simulator.see(snapshot(std::chrono::seconds(second), {cold(0, 64)}));
    const auto result = simulator.result();
    EXPECT_EQ(result.left, Bytes{24 * mib});
    EXPECT_EQ(result.schemes[0].quota_exceeded, 3U);
    EXPECT_THAT(result.course,
                ::testing::ElementsAre(SimulatedMoment{0s, {8 * mib}, {8 * mib}, {}},
                                       SimulatedMoment{1s, {16 * mib}, {16 * mib}, {}},
                                       SimulatedMoment{2s, {24 * mib}, {24 * mib}, {}}));
}

TEST(SimulatorTest, a_quota_of_time_is_held_against_the_price_of_a_page) {
    const auto left_at = [](Duration price) {
        Policy policy = paging_out();
        policy.schemes[0].quota = {std::nullopt, 10ms, 1s};
        Simulator simulator(std::move(policy), {std::nullopt, price});
        for (int i = 0; i < 100; ++i) simulator.see(snapshot(i * 100ms, {cold(0, 4096)}));
        return simulator.result().left;
    };
    EXPECT_GT(left_at(1us), left_at(10us));
    EXPECT_GT(left_at(10us), Bytes{});
}

TEST(SimulatorTest, swap_that_fills_stops_paging_out) {
    Policy policy = paging_out();
    policy.limits.min_free_swap = Share{500'000};
    policy.schemes[0].quota = {Bytes{8 * mib}, std::nullopt, 100ms};
    const auto left_with = [&](std::optional<Bytes> swap) {
        Simulator simulator(policy, {swap, assumed_page_cost});
        for (int i = 0; i < 20; ++i) simulator.see(snapshot(i * 100ms, {cold(0, 128)}));
        return simulator.result();
    };
    EXPECT_EQ(left_with(std::nullopt).left, Bytes{128 * mib});
    const auto small = left_with(Bytes{64 * mib});
    // The snapshot that finds half of it used up is the first that is held back.
    EXPECT_EQ(small.left, Bytes{40 * mib});
    EXPECT_GT(observed::held(SchemeTally{0, {}, 0, {}, false, small.schemes[0].held_back_mean},
                             Reason::swap_low),
              Bytes{});
}

TEST(SimulatorTest, what_may_not_be_advised_is_not_reported_as_done) {
    Simulator simulator(paging_out());
    RecordedTarget known;
    known.id = {1};
    known.mappings = {{{0, 4 * mib}, MappingKind::anonymous, ""},
                      {{4 * mib, 5 * mib}, MappingKind::special, "[vvar]"}};
    simulator.see(known);
    simulator.see(snapshot(0s, {cold(0, 8)}));
    EXPECT_EQ(simulator.result().schemes[0].spent, assumed_cost(Bytes{4 * mib}));
}

TEST(SimulatorTest, a_long_course_is_joined_and_ends_where_the_recording_ends) {
    Simulator simulator(paging_out());
    constexpr int count = 5 * static_cast<int>(Simulator::max_moments) / 2 + 3;
    for (int i = 0; i < count; ++i) simulator.see(snapshot(i * 100ms, {cold(0, 8)}));
    const auto course = simulator.result().course;
    EXPECT_LE(course.size(), Simulator::max_moments);
    EXPECT_GE(course.size(), Simulator::max_moments / 2);
    EXPECT_EQ(course.back().at, (count - 1) * 100ms);
    EXPECT_TRUE(std::is_sorted(course.begin(), course.end(),
                               [](const auto& a, const auto& b) { return a.at < b.at; }));
}

TEST(SimulatorTest, nothing_seen_is_nothing_said) {
    const auto result = Simulator(paging_out()).result();
    EXPECT_EQ(result.snapshots, 0U);
    EXPECT_EQ(result.left, Bytes{});
    EXPECT_TRUE(result.course.empty());
}

// A control that no recording can tell the figure of must not hold everything back, nor go
// unnoticed.
TEST(SimulatorTest, leaves_out_controls_that_need_the_machine_and_says_so) {
    Policy policy = paging_out();
    Scheme& scheme = policy.schemes[0];
    scheme.watermarks.emplace();
    scheme.watermarks->free_memory.emplace();
    scheme.watermarks->free_swap = Watermark{Share{1'000'000}, Share{900'000}, Share{0}};
    scheme.quota.goals = {{GoalMetric::pressure, Share{1000}, 0, ""}};
    scheme.min_rss = mebibytes(1);
    scheme.floor.share = Share{500'000};
    scheme.verify = Verify{1s};
    scheme.tune = Tune{Share{10'000}, 1s, 100s};
    Simulator simulator(policy);
    simulator.see(snapshot(0s, {cold(0, 8)}));
    auto result = simulator.result();
    EXPECT_EQ(result.left, Bytes{8 * mib});
    ASSERT_EQ(result.left_out.size(), 7U);
    for (const char* control : {"watermarks.free_memory", "watermarks.free_swap", "'pressure'",
                                "min_rss", "floor", "verify", "tune"}) {
        EXPECT_THAT(result.left_out, testing::Contains(testing::HasSubstr(control)));
    }
    EXPECT_THAT(result.left_out, testing::Each(testing::StartsWith("pageout: ")));

    // With swap its watermark works.
    SimulationOptions options;
    options.swap = mebibytes(100);
    Simulator with_swap(policy, options);
    with_swap.see(snapshot(0s, {cold(0, 8)}));
    result = with_swap.result();
    EXPECT_EQ(result.left_out.size(), 6U);

    EXPECT_TRUE(Simulator(paging_out()).result().left_out.empty());
}

TEST(SimulatorTest, filters_by_the_mappings_that_were_recorded) {
    Policy policy = paging_out();
    policy.schemes[0].filters = {{false, FilterKind::mapping, "[heap]", {}}};
    Simulator simulator(policy);
    RecordedTarget recorded;
    recorded.id = {1};
    recorded.generation = 1;
    recorded.mappings = {{{0, 4 * mib}, MappingKind::heap, "[heap]"},
                         {{4 * mib, 8 * mib}, MappingKind::anonymous, ""}};
    simulator.see(recorded);
    simulator.see(snapshot(0s, {cold(0, 8)}));
    auto result = simulator.result();
    EXPECT_EQ(result.left, Bytes{4 * mib});
    EXPECT_TRUE(result.left_out.empty());

    Simulator without_mappings(policy);
    without_mappings.see(snapshot(0s, {cold(0, 8)}));
    result = without_mappings.result();
    EXPECT_EQ(result.left, Bytes{});
    ASSERT_EQ(result.left_out.size(), 1U);
    EXPECT_THAT(result.left_out[0], testing::HasSubstr("not in the recording"));
}

}  // namespace
}  // namespace damon_schemes

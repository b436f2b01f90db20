// SPDX-License-Identifier: MIT
// What a session does with a goal for its monitor's intervals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/unit/engine/session_run.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using observed::cold;
using observed::hot;
using testing::fresh;
using ::testing::HasSubstr;
using testing::one_scheme;
using testing::SessionTest;

class SessionIntervals : public SessionTest {
  protected:
    static Policy with_goal() {
        Policy policy = one_scheme();
        policy.monitor.interval_goal = IntervalGoal{};
        return policy;
    }
    void begin_with_goal() {
        begin(with_goal());
        add(child_);
        start();
    }
    // As a monitor under the attributes that are in force says it.
    void see_as_told(std::vector<Region> regions) {
        Snapshot snapshot = fresh(std::move(regions));
        snapshot.sampling_interval = session_->attributes().sampling_interval;
        snapshot.aggregation_interval = session_->attributes().aggregation_interval;
        const std::size_t before = plans_.size();
        see(std::move(snapshot));
        run_until_decided(before + 1);
    }
    const MonitorAttributes& told() const { return monitor_->attributes.back(); }
};

TEST_F(SessionIntervals, are_tried_at_both_ends_and_begin_where_the_policy_says) {
    begin_with_goal();
    ASSERT_EQ(monitor_->attributes.size(), 3U);
    EXPECT_EQ(monitor_->attributes[0].sampling_interval, 5ms);
    EXPECT_EQ(monitor_->attributes[1].sampling_interval, 10s);
    EXPECT_EQ(monitor_->attributes[1].aggregation_interval, 200s);
    EXPECT_EQ(monitor_->attributes[1].update_interval, 200s);
    EXPECT_EQ(told(), with_goal().monitor);
    EXPECT_EQ(session_->tuned_intervals(), (Intervals{5ms, 100ms}));
    EXPECT_EQ(session_->interval_changes(), 0U);
}

TEST_F(SessionIntervals, grow_while_nothing_is_accessed_and_shrink_when_much_is) {
    begin_with_goal();
    for (int i = 0; i < 6; ++i) see_as_told({cold(0, 4)});
    EXPECT_EQ(told().sampling_interval, 20ms);
    EXPECT_EQ(told().aggregation_interval, 400ms);
    EXPECT_EQ(told().update_interval, 1s);
    EXPECT_EQ(session_->interval_changes(), 2U);
    EXPECT_EQ(session_->tuned_intervals(), (Intervals{20ms, 400ms}));
    see_as_told({hot(0, 4)});
    EXPECT_EQ(told().sampling_interval, 5ms);
    EXPECT_EQ(session_->interval_changes(), 3U);
    EXPECT_EQ(session_->attributes(), told());
}

// When the monitor's sight is proved in the midst of it, they stay what they have become.
TEST_F(SessionIntervals, and_the_flush_that_was_proved_leave_each_other_alone) {
    begin_with_goal();
    for (int i = 0; i < 3; ++i) see_as_told({cold(0, 4)});
    ASSERT_EQ(told().sampling_interval, 10ms);
    ASSERT_TRUE(session_->allow_acting(TlbPolicy::full));
    EXPECT_EQ(told().sampling_interval, 10ms);
    EXPECT_EQ(told().tlb, TlbPolicy::full);
    for (int i = 0; i < 3; ++i) see_as_told({cold(0, 4)});
    EXPECT_EQ(told().sampling_interval, 20ms);
    EXPECT_EQ(told().tlb, TlbPolicy::full);
}

TEST_F(SessionIntervals, stay_as_they_are_without_a_goal) {
    begin(one_scheme());
    add(child_);
    start();
    for (int i = 0; i < 9; ++i) see_as_told({cold(0, 4)});
    EXPECT_EQ(monitor_->attributes.size(), 1U);
    EXPECT_FALSE(session_->tuned_intervals());
}

TEST_F(SessionIntervals, that_the_monitor_would_not_take_are_refused_at_once) {
    monitor_->longest_update = 60s;
    begin(with_goal());
    add(child_);
    const auto started = session_->start();
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().kind, ErrorKind::policy);
    EXPECT_THAT(started.error().message, HasSubstr("monitor.interval_goal may make the intervals"));
    EXPECT_THAT(started.error().message, HasSubstr("10s, 200s and 200s"));
    EXPECT_FALSE(monitor_->started);
}

TEST_F(SessionIntervals, that_cannot_be_changed_any_more_end_the_session) {
    begin_with_goal();
    std::string failed;
    session_->on_error = [&](const Error& error) { failed = error.message; };
    monitor_->longest_update = Duration::zero();
    for (int i = 0; i < 3; ++i) see(fresh({cold(0, 4)}));
    for (auto& waiting : monitor_->waiting) {
        waiting->sampling_interval = 5ms;
        waiting->aggregation_interval = 100ms;
    }
    run_to_the_end();
    EXPECT_THAT(failed, HasSubstr("does not take"));
}

}  // namespace
}  // namespace damon_schemes

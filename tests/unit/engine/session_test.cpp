// SPDX-License-Identifier: MIT
// A session over a monitor and an executor that do what a test says, on real processes.
#include "engine/session/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/engine/own_child.h"
#include "tests/unit/engine/session_run.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using observed::cold;
using observed::hot;
using observed::mib;
using ::testing::ElementsAre;
using testing::ExecutorScript;
using testing::fresh;
using testing::MonitorScript;
using testing::one_scheme;
using testing::OwnChild;
using testing::SessionTest;

TEST_F(SessionTest, acts_on_nothing_before_it_may) {
    begin(one_scheme());
    add(child_);
    start();
    see(fresh({cold(0, 4)}));
    run_until_decided(1);
    EXPECT_TRUE(plans_[0].ranges.empty());
    EXPECT_EQ(observed::held(plans_[0].schemes[0], Reason::observing_only), Bytes{4 * mib});
    allow();
    EXPECT_TRUE(session_->acting());
    see(fresh({cold(0, 4)}));
    run_until_advised(Bytes{4 * mib});
    ASSERT_EQ(executor_->requests().size(), 1U);
}

TEST_F(SessionTest, acts_on_what_matches_and_adds_up_what_became_of_it) {
    begin(one_scheme());
    add(child_);
    start();
    allow();
    see(fresh({cold(0, 4), hot(4, 8), cold(8, 9)}));
    run_until_advised(Bytes{5 * mib});
    const auto requests = executor_->requests();
    ASSERT_EQ(requests.size(), 1U);
    EXPECT_EQ(requests[0].action, Action::pageout);
    EXPECT_EQ(requests[0].pid, child_.pid());
    EXPECT_TRUE(alive(requests[0].pidfd));
    EXPECT_THAT(requests[0].ranges,
                ElementsAre(AddressRange{0, 4 * mib}, AddressRange{8 * mib, 9 * mib}));
    const SchemeTotals& totals = session_->totals()[0];
    EXPECT_EQ(totals.matched, Bytes{5 * mib});
    EXPECT_EQ(totals.planned, Bytes{5 * mib});
    EXPECT_EQ(totals.paged_out, Bytes{5 * mib});
    EXPECT_EQ(totals.calls, 2U);
    EXPECT_EQ(totals.spent, 4ms);
    EXPECT_EQ(session_->regions(), 3U);
}

TEST_F(SessionTest, tells_what_became_of_each_range) {
    begin(one_scheme());
    add(child_);
    start();
    allow();
    std::vector<AddressRange> ranges;
    Bytes advised;
    session_->on_action = [&](std::uint32_t scheme, TargetId target, AddressRange range,
                              const ActionOutcome& outcome) {
        EXPECT_EQ(scheme, 0U);
        EXPECT_EQ(target, TargetId{1});
        ranges.push_back(range);
        advised += outcome.advised;
    };
    see(fresh({cold(0, 4), hot(4, 8), cold(8, 9)}));
    run_until([&] { return ranges.size() >= 2; });
    EXPECT_THAT(ranges, ElementsAre(AddressRange{0, 4 * mib}, AddressRange{8 * mib, 9 * mib}));
    EXPECT_EQ(advised, Bytes{5 * mib});
}

TEST_F(SessionTest, watches_without_any_scheme) {
    begin(observed::policy({}));
    add(child_);
    start();
    see(fresh({cold(0, 4), hot(4, 8)}));
    see(fresh({cold(0, 4), hot(4, 8)}));
    run_until_decided(2);
    EXPECT_TRUE(plans_[1].ranges.empty());
    EXPECT_EQ(session_->snapshots(), 2U);
    EXPECT_EQ(session_->regions(), 2U);
}

TEST_F(SessionTest, does_not_act_again_on_what_it_has_just_acted_on) {
    begin(one_scheme());
    add(child_);
    start();
    allow();
    see(fresh({cold(0, 4)}));
    run_until_advised(Bytes{4 * mib});
    see(fresh({cold(0, 4)}));
    run_until_decided(2);
    EXPECT_EQ(observed::held(plans_[1].schemes[0], Reason::recently_acted), Bytes{4 * mib});
    EXPECT_EQ(executor_->requests().size(), 1U);
}

// What was planned and not even tried (dropped, say) is soon planned again; a dry run, in which
// nothing is ever tried, must decide as a live one would, and so takes it for done.
TEST_F(SessionTest, decides_in_a_dry_run_as_if_it_had_acted) {
    for (const bool dry_run : {true, false}) {
        executor_ = std::make_shared<ExecutorScript>();
        executor_->advises_nothing();
        monitor_ = std::make_shared<MonitorScript>();
        plans_.clear();
        begin(one_scheme(), dry_run);
        add(child_);
        start();
        allow();
        see(fresh({cold(0, 4)}));
        run_until_decided(1);
        run_until([this] { return session_->totals()[0].calls == 1; });
        Snapshot second = fresh({cold(0, 4)});
        second.time += 5s;  // less than the age that what was acted on must reach anew
        see(std::move(second));
        run_until_decided(2);
        EXPECT_EQ(plans_[1].schemes[0].planned, dry_run ? Bytes{} : Bytes{4 * mib});
        EXPECT_EQ(session_->totals()[0].advised, Bytes{});
        session_.reset();
    }
}

TEST_F(SessionTest, hands_sorted_ranges_to_the_executor_when_a_quota_goes_round) {
    Policy policy = one_scheme();
    policy.schemes[0].quota = {Bytes{2 * mib}, std::nullopt, 1s};
    begin(std::move(policy));
    executor_->advises_nothing();
    add(child_);
    start();
    allow();
    const auto regions = std::vector{cold(0, 1), hot(1, 2), cold(2, 3), hot(3, 4), cold(4, 5)};
    Snapshot first = fresh(regions);
    Snapshot second = fresh(regions);
    second.time = first.time + 10s;
    see(std::move(first));
    run_until([this] { return session_->totals()[0].calls == 2; });
    see(std::move(second));
    run_until([this] { return executor_->requests().size() == 2; });
    EXPECT_THAT(executor_->requests()[1].ranges,
                ElementsAre(AddressRange{0, mib}, AddressRange{4 * mib, 5 * mib}));
}

TEST_F(SessionTest, ends_when_its_only_target_exits) {
    begin(one_scheme());
    add(child_);
    start();
    child_.kill(false);
    run_to_the_end();
    EXPECT_EQ(session_->why_finished(), "the target has exited");
    EXPECT_TRUE(session_->targets()[0].exited);
    EXPECT_THAT(monitor_->removed, ElementsAre(TargetId{1}));
    EXPECT_TRUE(monitor_->stopped);
}

TEST_F(SessionTest, goes_on_with_the_targets_that_are_left) {
    OwnChild other([] { return std::uint64_t{1}; });
    begin(one_scheme());
    add(child_);
    add(other);
    start();
    allow();
    child_.kill(false);
    run_until([this] { return session_->targets()[0].exited; });
    EXPECT_EQ(finished_, 0);
    // A snapshot that was on its way still has the one that has exited.
    see(fresh({observed::target(1, {cold(0, 4)}), observed::target(2, {cold(0, 1)})}));
    run_until_advised(Bytes{mib});
    ASSERT_EQ(executor_->requests().size(), 1U);
    EXPECT_EQ(executor_->requests()[0].pid, other.pid());
    EXPECT_EQ(gap(session_->totals()[0], Gap::cancelled), Bytes{4 * mib});
    other.kill(false);
    run_to_the_end();
    EXPECT_EQ(session_->why_finished(), "every target has exited");
}

TEST_F(SessionTest, waits_at_its_end_for_what_is_under_way_and_drops_what_is_queued) {
    Policy policy = one_scheme();
    policy.schemes.push_back(observed::scheme(Action::willneed));
    policy.schemes[1].frequency = {Share{1'000'000}, std::nullopt};
    begin(std::move(policy));
    executor_->hold();
    add(child_);
    start();
    allow();
    see(fresh({cold(0, 4), hot(4, 5)}));
    run_until_decided(1);
    executor_->wait_for_request();
    EXPECT_EQ(finished_, 0);
    session_->finish("enough");
    EXPECT_EQ(finished_, 0) << "a call is under way";
    run_to_the_end();
    EXPECT_EQ(session_->why_finished(), "enough");
    ASSERT_EQ(executor_->requests().size(), 1U) << "the queued one was carried out";
    EXPECT_EQ(gap(session_->totals()[1], Gap::cancelled), Bytes{mib});
    EXPECT_EQ(session_->totals()[0].advised, Bytes{4 * mib});
}

TEST_F(SessionTest, decides_nothing_after_its_end) {
    begin(one_scheme());
    add(child_);
    start();
    allow();
    see(fresh({cold(0, 4)}));
    session_->finish("enough");
    EXPECT_EQ(finished_, 1);
    session_->finish("again");
    run_until([this] { return monitor_->waiting.empty(); });
    EXPECT_TRUE(plans_.empty());
    EXPECT_EQ(finished_, 1);
    EXPECT_EQ(session_->why_finished(), "enough");
}

TEST_F(SessionTest, leaves_a_plan_that_grew_stale) {
    begin(one_scheme());
    add(child_);
    start();
    allow();
    Snapshot old = fresh({cold(0, 4, 200)});
    old.aggregation_interval = 1s;
    old.time -= 2s;
    for (auto& region : old.targets[0].regions) region.age = 200;
    see(std::move(old));
    run_until([this] { return gap(session_->totals()[0], Gap::cancelled) == Bytes{4 * mib}; });
    EXPECT_TRUE(executor_->requests().empty());
}

TEST_F(SessionTest, ends_with_the_reason_when_the_monitor_fails) {
    begin(one_scheme());
    add(child_);
    start();
    std::string heard;
    session_->on_error = [&](const Error& error) { heard = error.message; };
    monitor_->waiting.emplace_back(Error{ErrorKind::runtime, "the device is gone", ENODEV});
    run_to_the_end();
    EXPECT_EQ(heard, "the device is gone");
    EXPECT_EQ(session_->why_finished(), "the device is gone");
}

TEST_F(SessionTest, watches_under_the_tlb_policy_that_was_seen_to_see) {
    begin(one_scheme());
    add(child_);
    start();
    ASSERT_EQ(monitor_->attributes.size(), 1U);
    allow();
    EXPECT_EQ(monitor_->attributes.size(), 1U) << "nothing had changed";
    ASSERT_TRUE(session_->allow_acting(TlbPolicy::full));
    ASSERT_EQ(monitor_->attributes.size(), 2U);
    EXPECT_EQ(monitor_->attributes[1].tlb, TlbPolicy::full);
}

TEST_F(SessionTest, refuses_a_process_that_exited_before_it_was_watched) {
    begin(one_scheme());
    auto process = open_process(child_.pid());
    ASSERT_TRUE(process);
    child_.kill(false);
    const auto added = session_->add(std::move(*process));
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().kind, ErrorKind::usage);
    EXPECT_THAT(monitor_->removed, ElementsAre(TargetId{1})) << "the monitor still has it";
    EXPECT_TRUE(session_->targets().empty());
}

TEST_F(SessionTest, may_go_while_a_call_is_under_way) {
    begin(one_scheme());
    executor_->hold();
    add(child_);
    start();
    allow();
    see(fresh({cold(0, 4)}));
    run_until_decided(1);
    executor_->wait_for_request();
    session_.reset();
    EXPECT_EQ(monitor_->monitors, 0);
    // Its receipt arrives now, and finds nobody.
    int rounds = 0;
    run_until([&] { return ++rounds == 3; });
    EXPECT_EQ(finished_, 0);
}

TEST_F(SessionTest, explains_a_decision_without_carrying_it_out) {
    begin(one_scheme());
    add(child_);
    start();
    bool explained = false;
    session_->explain_next([&](const Session::Explained& decision) {
        explained = true;
        ASSERT_EQ(decision.plan.ranges.size(), 1U);
        EXPECT_EQ(decision.plan.ranges[0].range, (AddressRange{4 * mib, 8 * mib}));
        ASSERT_EQ(decision.explanation.verdicts.size(), 2U);
        EXPECT_EQ(decision.explanation.verdicts[0].held_back, Reason::frequency);
        EXPECT_FALSE(decision.explanation.verdicts[1].held_back);
    });
    see(fresh({hot(0, 4), cold(4, 8)}));
    run_until([&] { return explained; });
    see(fresh({hot(0, 4), cold(4, 8)}));
    run_until_decided(1);
    EXPECT_TRUE(executor_->requests().empty());
    EXPECT_EQ(session_->totals()[0].planned, Bytes{});
    EXPECT_EQ(observed::held(plans_[0].schemes[0], Reason::recently_acted), Bytes{4 * mib})
        << "what was explained counts as dropped, and is tried again a little later";
}

TEST_F(SessionTest, never_carries_out_stat) {
    begin(one_scheme(Action::stat));
    add(child_);
    start();
    allow();
    see(fresh({cold(0, 4)}));
    run_until_decided(1);
    EXPECT_EQ(session_->totals()[0].matched, Bytes{4 * mib});
    session_->finish("enough");
    EXPECT_EQ(finished_, 1) << "something is under way";
    EXPECT_TRUE(executor_->requests().empty());
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// A session over a monitor and an executor that do what a test says, on real processes.
#include "engine/session/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "engine/events/loop.h"
#include "tests/unit/engine/own_child.h"
#include "tests/unit/engine/scripted_monitor.h"
#include "tests/unit/schemes/observed.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using observed::cold;
using observed::hot;
using observed::mib;
using ::testing::ElementsAre;
using testing::MonitorScript;
using testing::OwnChild;
using testing::ScriptedMonitor;

// What actor threads were asked to do; what they answer is a test's to say.
class ExecutorScript {
  public:
    std::vector<ActionOutcome> execute(const ActionRequest& request, const Cancelled& cancelled) {
        std::unique_lock lock(mutex_);
        requests_.push_back(request);
        changed_.notify_all();
        while (held_ && !cancelled()) changed_.wait_for(lock, 1ms);
        std::vector<ActionOutcome> outcomes;
        for (const auto& range : request.ranges) {
            ActionOutcome outcome;
            outcome.asked = range.size();
            outcome.calls = 1;
            if (advises_) {
                outcome.advised = range.size();
                outcome.paged_out = range.size();
                outcome.spent = 2ms;
            }
            outcomes.push_back(outcome);
        }
        return outcomes;
    }
    std::vector<ActionRequest> requests() const {
        const std::scoped_lock lock(mutex_);
        return requests_;
    }
    void advises_nothing() { advises_ = false; }
    // Calls do not return until they are cancelled.
    void hold() {
        const std::scoped_lock lock(mutex_);
        held_ = true;
    }
    void wait_for_request() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !requests_.empty(); });
    }

  private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<ActionRequest> requests_;
    bool held_ = false;
    bool advises_ = true;
};

class ScriptedExecutor final : public Executor {
  public:
    explicit ScriptedExecutor(std::shared_ptr<ExecutorScript> script)
        : script_(std::move(script)) {}
    std::vector<ActionOutcome> execute(const ActionRequest& request,
                                       const Cancelled& cancelled) override {
        return script_->execute(request, cancelled);
    }

  private:
    std::shared_ptr<ExecutorScript> script_;
};

Policy one_scheme(Action action = Action::pageout) {
    Policy policy = observed::policy({observed::scheme(action)});
    policy.limits = {std::nullopt, std::nullopt};  // the machine's own swap is not the test's
    return policy;
}

// As a monitor says it now: a plan older than an aggregation interval is not carried out, and no
// test may depend on how fast this machine is.
Snapshot fresh(std::vector<TargetSnapshot> targets) {
    Snapshot snapshot = observed::snapshot(0s, std::move(targets));
    snapshot.time = std::chrono::steady_clock::now();
    snapshot.aggregation_interval = 1h;
    for (auto& target : snapshot.targets) {
        for (auto& region : target.regions) region.age = 1;
    }
    return snapshot;
}

Snapshot fresh(std::vector<Region> regions) {
    return fresh(std::vector{observed::target(1, std::move(regions))});
}

class SessionTest : public ::testing::Test {
  protected:
    void SetUp() override {
        auto loop = make_event_loop(LoopKind::epoll);
        ASSERT_TRUE(loop) << loop.error().message;
        loop_ = std::move(*loop);
    }
    void begin(Policy policy, bool dry_run = false) {
        session_ = std::make_unique<Session>(
            *loop_, std::move(policy),
            Session::Parts{std::make_unique<ScriptedMonitor>(monitor_),
                           std::make_unique<ScriptedExecutor>(executor_), dry_run});
        session_->on_finished = [this] {
            ++finished_;
            loop_->stop();
        };
        session_->on_decision = [this](const Snapshot&, const Plan& plan) {
            plans_.push_back(plan);
        };
    }
    void add(const OwnChild& child) {
        auto process = open_process(child.pid());
        ASSERT_TRUE(process) << process.error().message;
        const auto added = session_->add(std::move(*process));
        ASSERT_TRUE(added) << added.error().message;
    }
    void start() { ASSERT_TRUE(session_->start()); }
    void allow() { ASSERT_TRUE(session_->allow_acting(TlbPolicy::automatic)); }
    void see(Snapshot snapshot) { monitor_->waiting.emplace_back(std::move(snapshot)); }
    // Until what stands is true; the loop wakes all the time, as the monitor is always readable.
    void run_until(const std::function<bool()>& stands) {
        const auto ticks = loop_->on_timer(1ms, true, [&] {
            if (stands()) loop_->stop();
        });
        ASSERT_TRUE(ticks);
        ASSERT_TRUE(loop_->run());
        loop_->forget(*ticks);
    }
    void run_until_advised(Bytes bytes) {
        run_until([this, bytes] { return session_->totals()[0].advised >= bytes; });
    }
    void run_until_decided(std::size_t plans) {
        run_until([this, plans] { return plans_.size() >= plans; });
    }
    void run_to_the_end() {
        while (finished_ == 0) ASSERT_TRUE(loop_->run());
    }
    static Bytes gap(const SchemeTotals& totals, Gap gap) {
        return totals.gaps[static_cast<std::size_t>(gap)];
    }

    std::unique_ptr<EventLoop> loop_;
    std::shared_ptr<MonitorScript> monitor_ = std::make_shared<MonitorScript>();
    std::shared_ptr<ExecutorScript> executor_ = std::make_shared<ExecutorScript>();
    std::vector<Plan> plans_;
    int finished_ = 0;
    OwnChild child_{[] { return std::uint64_t{1}; }};
    std::unique_ptr<Session> session_;
};

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

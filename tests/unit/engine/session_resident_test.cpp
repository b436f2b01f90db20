// SPDX-License-Identifier: MIT
// A session whose targets come and go, and whose policy is replaced.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "tests/unit/engine/fake_scanner.h"
#include "tests/unit/engine/session_run.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using observed::cold;
using observed::mib;
using ::testing::ElementsAre;
using testing::ExecutorScript;
using testing::FakeScanner;
using testing::filled_memory;
using testing::fresh;
using testing::one_scheme;
using testing::OwnChild;
using testing::ScriptedExecutor;
using testing::ScriptedMonitor;
using testing::SessionTest;

class ResidentSession : public SessionTest {
  protected:
    void begin_resident(Policy policy) {
        Session::Parts parts;
        parts.monitor = std::make_unique<ScriptedMonitor>(monitor_);
        parts.executor = std::make_unique<ScriptedExecutor>(executor_);
        parts.resident = true;
        session_ = std::make_unique<Session>(*loop_, std::move(policy), std::move(parts));
        session_->on_finished = [this] {
            ++finished_;
            loop_->stop();
        };
        session_->on_decision = [this](const Snapshot&, const Plan& plan) {
            plans_.push_back(plan);
        };
        session_->on_exit = [this](const SessionTarget& target) {
            exited_.push_back(target.process.pid);
        };
        start();
        allow();
    }
    Result<void> replace(Policy policy) {
        replacing_ = std::make_shared<ExecutorScript>();
        return session_->replace(std::move(policy), std::make_unique<ScriptedExecutor>(replacing_));
    }
    static Policy other_scheme() {
        Policy policy = one_scheme();
        policy.schemes[0].name = "other";
        return policy;
    }

    std::vector<std::int32_t> exited_;
    std::shared_ptr<ExecutorScript> replacing_;
};

TEST_F(ResidentSession, goes_on_without_targets_and_forgets_those_that_have_gone) {
    begin_resident(one_scheme());
    EXPECT_TRUE(monitor_->started);
    for (std::uint64_t turn = 1; turn <= 3; ++turn) {
        OwnChild child([] { return std::uint64_t{1}; });
        add(child);
        ASSERT_EQ(session_->targets().size(), 1U);
        EXPECT_EQ(session_->targets()[0].id, TargetId{turn});
        child.kill();
        run_until([this] { return session_->targets().empty(); });
        EXPECT_EQ(exited_.size(), turn);
        EXPECT_EQ(exited_.back(), child.pid());
        EXPECT_EQ(monitor_->removed.back(), TargetId{turn});
    }
    EXPECT_EQ(finished_, 0);
    session_->finish("enough");
    run_to_the_end();
}

TEST_F(ResidentSession, acts_on_a_target_that_came_while_it_ran) {
    begin_resident(one_scheme());
    see(fresh(std::vector<TargetSnapshot>{}));
    run_until_decided(1);
    add(child_);
    see(fresh({cold(0, 4)}));
    run_until_advised(Bytes{4 * mib});
    EXPECT_EQ(executor_->requests().at(0).pid, child_.pid());
}

TEST_F(ResidentSession, what_is_removed_lives_on_and_is_not_acted_on) {
    begin_resident(one_scheme());
    add(child_);
    executor_->hold();
    see(fresh({cold(0, 4)}));
    run_until([this] { return !executor_->requests().empty(); });
    session_->remove(TargetId{1});
    EXPECT_THAT(monitor_->removed, ElementsAre(TargetId{1}));
    run_until([this] { return session_->targets().empty(); });
    EXPECT_TRUE(alive(child_.pidfd()));
    EXPECT_TRUE(exited_.empty()) << "it has not";
    see(fresh({cold(8, 12)}));
    run_until_decided(2);
    session_->finish("enough");
    run_to_the_end();
    EXPECT_EQ(executor_->requests().size(), 1U);
}

TEST_F(ResidentSession, a_pause_goes_on_through_a_new_policy_and_ends_with_its_target) {
    begin_resident(one_scheme());
    add(child_);
    session_->pause(TargetId{1}, std::nullopt);
    ASSERT_TRUE(replace(other_scheme()));
    ASSERT_EQ(session_->controls()[0].paused.size(), 1U);
    EXPECT_EQ(session_->controls()[0].paused[0].target, TargetId{1});
    session_->remove(TargetId{1});
    EXPECT_TRUE(session_->controls()[0].paused.empty()) << "another may get its number";
}

TEST_F(ResidentSession, a_new_policy_has_the_targets_and_nothing_of_what_the_former_planned) {
    begin_resident(one_scheme());
    add(child_);
    executor_->hold();
    see(fresh({cold(0, 4)}));
    run_until([this] { return !executor_->requests().empty(); });
    ASSERT_TRUE(replace(other_scheme()));
    EXPECT_EQ(session_->policy().schemes[0].name, "other");
    EXPECT_TRUE(monitor_->removed.empty());
    EXPECT_EQ(monitor_->starts, 1);
    EXPECT_EQ(monitor_->stops, 0) << "or regions would begin anew";
    see(fresh({cold(0, 4)}));
    run_until_advised(Bytes{4 * mib});
    EXPECT_EQ(executor_->requests().size(), 1U);
    ASSERT_EQ(replacing_->requests().size(), 1U);
    EXPECT_EQ(replacing_->requests()[0].scheme->name, "other");
    // What the former one did on its way out is no figure of the new one.
    EXPECT_EQ(session_->totals()[0].advised, Bytes{4 * mib});
    session_->finish("enough");
    run_to_the_end();
}

TEST_F(ResidentSession, totals_go_on_where_a_scheme_goes_on) {
    begin_resident(one_scheme());
    add(child_);
    see(fresh({cold(0, 4)}));
    run_until_advised(Bytes{4 * mib});
    Policy policy = other_scheme();
    policy.schemes.push_back(one_scheme().schemes[0]);
    policy.schemes.push_back(one_scheme(Action::cold).schemes[0]);
    policy.schemes[2].name = one_scheme().schemes[0].name;
    ASSERT_TRUE(replace(std::move(policy)));
    ASSERT_EQ(session_->totals().size(), 3U);
    EXPECT_EQ(session_->totals()[0].advised, Bytes{});
    EXPECT_EQ(session_->totals()[1].advised, Bytes{4 * mib});
    EXPECT_EQ(session_->totals()[2].advised, Bytes{}) << "another action";
}

TEST_F(ResidentSession, a_policy_that_is_refused_changes_nothing) {
    begin_resident(one_scheme());
    add(child_);
    monitor_->longest_update = 30s;
    Policy policy = other_scheme();
    policy.monitor.update_interval = 60s;
    EXPECT_FALSE(session_->may_replace(policy));
    EXPECT_TRUE(session_->may_replace(other_scheme()));
    const auto replaced = replace(std::move(policy));
    ASSERT_FALSE(replaced);
    EXPECT_EQ(replaced.error().kind, ErrorKind::policy);
    EXPECT_NE(session_->policy().schemes[0].name, "other");
    EXPECT_EQ(monitor_->attributes.back(), one_scheme().monitor);
    see(fresh({cold(0, 4)}));
    run_until_advised(Bytes{4 * mib});
    EXPECT_TRUE(replacing_->requests().empty());
}

TEST_F(ResidentSession, keeps_the_flushes_that_it_takes_to_see) {
    begin_resident(one_scheme());
    ASSERT_TRUE(session_->allow_acting(TlbPolicy::full));
    Policy policy = other_scheme();
    policy.monitor.sampling_interval = 50ms;
    policy.monitor.aggregation_interval = 1s;
    ASSERT_TRUE(replace(std::move(policy)));
    EXPECT_EQ(monitor_->attributes.back().tlb, TlbPolicy::full);
    EXPECT_EQ(monitor_->attributes.back().sampling_interval, 50ms);
}

TEST_F(ResidentSession, what_a_replaced_policy_was_verifying_is_never_acted_on) {
    const OwnChild program([] { return filled_memory(8 * mib); });
    const auto scanner = std::make_shared<FakeScanner>();
    monitor_->scanner = scanner;
    Policy policy = one_scheme();
    policy.schemes[0].verify = Verify{100ms};
    begin_resident(policy);
    add(program);
    Region region;
    region.range = {program.address(), program.address() + 8 * mib};
    region.sampled = 20;
    see(fresh({region}));
    run_until([&] { return !scanner->calls(true).empty(); });
    Policy stat = one_scheme(Action::stat);
    ASSERT_TRUE(replace(std::move(stat)));
    const auto until = std::chrono::steady_clock::now() + 300ms;
    run_until([&] { return std::chrono::steady_clock::now() >= until; });
    EXPECT_TRUE(executor_->requests().empty());
    session_->finish("enough");
    run_to_the_end();
}

}  // namespace
}  // namespace damon_schemes

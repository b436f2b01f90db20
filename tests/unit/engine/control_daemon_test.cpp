// SPDX-License-Identifier: MIT
// A daemon over monitors that see what a test says, on real processes that come and go.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "tests/unit/engine/daemon_run.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using observed::cold;
using observed::mib;
using ::testing::Contains;
using testing::DaemonTest;
using testing::fresh;
using ::testing::HasSubstr;
using testing::name_of_ours;
using testing::policy;
using testing::program;

TEST_F(DaemonTest, watches_what_fits_as_it_comes_and_forgets_it_as_it_goes) {
    const auto before = program('a');
    const auto other = program('z');
    ASSERT_TRUE(daemon_->start(list(policy("a.toml", name_of_ours('a'), "cold"))));
    run_until([&] { return watches(0, *before); });
    const auto after = program('a');
    run_until([&] { return watches(0, *after); });
    EXPECT_FALSE(watches(0, *other));
    EXPECT_EQ(targets(0), 2U);
    EXPECT_EQ(daemon_->status().policies[0].targets[1].rule, std::optional<std::size_t>(0));
    before->kill();
    run_until([&] { return targets(0) == 1; });
    after->kill();
    run_until([&] { return targets(0) == 0; });
    EXPECT_FALSE(finished_);
}

TEST_F(DaemonTest, acts_by_the_first_policy_that_has_a_rule_for_a_process) {
    const auto child = program('a');
    ASSERT_TRUE(daemon_->start(list(policy("a.toml", name_of_ours('a'), "first"),
                                    policy("b.toml", name_of_ours('a'), "second"))));
    run_until([&] { return watches(0, *child); });
    monitors_[0]->waiting.emplace_back(fresh({cold(0, 4)}));
    run_until([&] { return advised() == Bytes{4 * mib}; });
    EXPECT_EQ(executors_[0]->requests().at(0).pid, child->pid());
    EXPECT_TRUE(monitors_[1]->added.empty());
}

TEST_F(DaemonTest, a_reload_leaves_alone_what_has_not_changed) {
    const auto child = program('a');
    ASSERT_TRUE(daemon_->start(list(policy("a.toml", name_of_ours('a'), "cold"))));
    run_until([&] { return watches(0, *child); });
    ASSERT_TRUE(daemon_->reload(list(policy("a.toml", name_of_ours('a'), "cold"),
                                     policy("b.toml", name_of_ours('b'), "cold"))));
    const auto late = program('b');
    run_until([&] { return monitors_.size() == 2 && watches(1, *late); });
    EXPECT_EQ(monitors_[0]->added.size(), 1U);
    EXPECT_TRUE(monitors_[0]->removed.empty());
    EXPECT_EQ(monitors_[0]->attributes.size(), 1U) << "it was not even told anew";
    EXPECT_EQ(executors_.size(), 2U);
}

TEST_F(DaemonTest, a_changed_policy_keeps_the_targets_that_still_fit) {
    const auto child = program('a');
    ASSERT_TRUE(daemon_->start(list(policy("a.toml", name_of_ours('a'), "cold"))));
    run_until([&] { return watches(0, *child); });
    ASSERT_TRUE(daemon_->reload(list(policy("a.toml", name_of_ours('a'), "other"))));
    monitors_[0]->waiting.emplace_back(fresh({cold(0, 4)}));
    run_until([&] { return advised() == Bytes{4 * mib}; });
    EXPECT_EQ(monitors_.size(), 1U);
    EXPECT_EQ(monitors_[0]->added.size(), 1U);
    EXPECT_TRUE(monitors_[0]->removed.empty());
    EXPECT_TRUE(executors_[0]->requests().empty());
    EXPECT_EQ(executors_[1]->requests().at(0).scheme->name, "other");
}

TEST_F(DaemonTest, what_fits_no_rule_any_more_is_left_and_what_fits_another_moves) {
    const auto leaving = program('a');
    const auto moving = program('b');
    ASSERT_TRUE(daemon_->start(list(policy("a.toml", name_of_ours('?'), "cold"),
                                    policy("b.toml", name_of_ours('b'), "cold"))));
    run_until([&] { return watches(0, *leaving) && watches(0, *moving); });
    ASSERT_TRUE(daemon_->reload(list(policy("a.toml", name_of_ours('c'), "cold"),
                                     policy("b.toml", name_of_ours('b'), "cold"))));
    run_until([&] { return watches(1, *moving); });
    // The first of its own policy's, whatever the others have.
    EXPECT_EQ(daemon_->status().policies[1].targets.at(0).rule, std::optional<std::size_t>(0));
    run_until([&] { return monitors_[0]->removed.size() == 2; });
    EXPECT_TRUE(alive(leaving->pidfd()));
    EXPECT_FALSE(watches(1, *leaving));
}

TEST_F(DaemonTest, a_policy_that_cannot_be_had_changes_nothing) {
    const auto child = program('a');
    ASSERT_TRUE(daemon_->start(list(policy("a.toml", name_of_ours('a'), "cold"))));
    run_until([&] { return watches(0, *child); });
    refused_ = "bad";
    const auto reloaded = daemon_->reload(list(policy("a.toml", name_of_ours('a'), "other"),
                                               policy("b.toml", name_of_ours('b'), "bad")));
    ASSERT_FALSE(reloaded);
    EXPECT_THAT(reloaded.error().message, HasSubstr("b.toml"));
    ASSERT_EQ(daemon_->status().policies.size(), 1U);
    monitors_[0]->waiting.emplace_back(fresh({cold(0, 4)}));
    run_until([&] { return advised() == Bytes{4 * mib}; });
    EXPECT_EQ(executors_[0]->requests().at(0).scheme->name, "cold");
}

TEST_F(DaemonTest, a_policy_that_is_gone_ends) {
    const auto child = program('a');
    ASSERT_TRUE(daemon_->start(list(policy("a.toml", name_of_ours('a'), "cold"),
                                    policy("b.toml", name_of_ours('b'), "cold"))));
    run_until([&] { return watches(0, *child); });
    ASSERT_TRUE(daemon_->reload(list(policy("b.toml", name_of_ours('b'), "cold"))));
    run_until([&] { return monitors_[0]->monitors == 0; });
    EXPECT_EQ(daemon_->status().policies.size(), 1U);
    EXPECT_TRUE(alive(child->pidfd()));
}

TEST_F(DaemonTest, where_one_monitor_fails_the_others_go_on) {
    const auto child = program('b');
    ASSERT_TRUE(daemon_->start(list(policy("a.toml", name_of_ours('a'), "cold"),
                                    policy("b.toml", name_of_ours('b'), "cold"))));
    run_until([&] { return watches(1, *child); });
    monitors_[0]->waiting.emplace_back(Error{ErrorKind::runtime, "the device has gone", 0});
    run_until([&] { return daemon_->status().policies.size() == 1; });
    EXPECT_THAT(said_, Contains(HasSubstr("a.toml: stopped: the device has gone")));
    monitors_[1]->waiting.emplace_back(fresh({cold(0, 4)}));
    run_until([&] { return advised() == Bytes{4 * mib}; });
    // A process of the policy that failed is nobody's.
    const auto late = program('a');
    const auto until = std::chrono::steady_clock::now() + 100ms;
    run_until([&] { return std::chrono::steady_clock::now() >= until; });
    EXPECT_FALSE(watches(1, *late));
}

TEST_F(DaemonTest, what_could_not_be_watched_is_tried_again_and_told_once) {
    ASSERT_TRUE(daemon_->start(list(policy("a.toml", name_of_ours('a'), "cold"))));
    monitors_[0]->refuses_targets = Error{ErrorKind::runtime, "another session has it", EBUSY};
    const auto child = program('a');
    const auto told = [&] {
        return std::count_if(said_.begin(), said_.end(), [](const std::string& text) {
            return text.find("another session has it") != std::string::npos;
        });
    };
    run_until([&] { return told() > 0; });
    const auto until = std::chrono::steady_clock::now() + 100ms;
    run_until([&] { return std::chrono::steady_clock::now() >= until; });
    EXPECT_EQ(told(), 1);
    monitors_[0]->refuses_targets.reset();
    run_until([&] { return watches(0, *child); });
    EXPECT_EQ(targets(0), 1U);
}

TEST_F(DaemonTest, refuses_what_needs_no_process_and_what_it_cannot_undo) {
    NamedPolicy locking = policy("lock.toml", name_of_ours('a'), "hot");
    locking.policy.schemes[0].action = Action::mlock;
    const auto locks = daemon_->start(list(std::move(locking)));
    ASSERT_FALSE(locks);
    EXPECT_THAT(locks.error().message, HasSubstr("lock.toml: the daemon does not lock"));
    NamedPolicy aimless = policy("aimless.toml", name_of_ours('a'), "cold");
    aimless.policy.targets.clear();
    const auto targets = daemon_->reload(list(std::move(aimless)));
    ASSERT_FALSE(targets);
    EXPECT_THAT(targets.error().message, HasSubstr("[[target]]"));
    EXPECT_TRUE(monitors_.empty());
}

TEST_F(DaemonTest, what_may_not_act_here_observes_and_says_why) {
    may_act_ = false;
    const auto child = program('a');
    ASSERT_TRUE(daemon_->start(list(policy("a.toml", name_of_ours('a'), "cold"))));
    run_until([&] { return watches(0, *child); });
    monitors_[0]->waiting.emplace_back(fresh({cold(0, 4)}));
    run_until(
        [&] { return daemon_->status().policies.at(0).schemes.at(0).totals.matched.count > 0; });
    EXPECT_EQ(daemon_->status().policies.at(0).observing, "CAP_SYS_NICE is missing");
    EXPECT_THAT(said_, Contains(HasSubstr("a.toml: observes only: CAP_SYS_NICE is missing")));
    EXPECT_EQ(advised().count, 0U);
}

}  // namespace
}  // namespace damon_schemes

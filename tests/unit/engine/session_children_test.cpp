// SPDX-License-Identifier: MIT
// Children that the monitor follows: whose pid they are is certain before anything is done.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "tests/unit/engine/own_child.h"
#include "tests/unit/engine/session_run.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using observed::cold;
using observed::mib;
using ::testing::Contains;
using testing::fresh;
using testing::one_scheme;
using testing::OwnChild;
using testing::SessionTest;

class SessionChildrenTest : public SessionTest {
  protected:
    void begin_following(bool dry_run = false) {
        Policy policy = one_scheme();
        policy.monitor.children = true;
        begin(std::move(policy), dry_run);
        session_->on_child = [this](const SessionTarget& target) {
            children_.push_back(target.id);
        };
        add(child_);
        start();
        allow();
    }
    // What was added has id 1, the other one id 2.
    std::vector<TargetSnapshot> both(std::int32_t pid) const {
        auto first = observed::target(1, {cold(0, 4)});
        first.pid = child_.pid();
        auto second = observed::target(2, {cold(0, 4)});
        second.pid = pid;
        return {std::move(first), std::move(second)};
    }
    void see_again_and_again(std::int32_t pid) {
        monitor_->source = [this, pid] { return fresh(both(pid)); };
    }
    bool acted_on(std::int32_t pid) const {
        const auto requests = executor_->requests();
        return std::any_of(requests.begin(), requests.end(),
                           [pid](const ActionRequest& request) { return request.pid == pid; });
    }
    std::vector<TargetId> children_;
    OwnChild other_{[] { return std::uint64_t{1}; }};
};

TEST_F(SessionChildrenTest, are_targets_and_acted_on_once_they_are_known) {
    begin_following();
    see_again_and_again(other_.pid());
    run_until([this] { return acted_on(other_.pid()); });
    ASSERT_EQ(session_->targets().size(), 2U);
    EXPECT_EQ(session_->targets()[1].id, TargetId{2});
    EXPECT_EQ(session_->targets()[1].process.pid, other_.pid());
    EXPECT_TRUE(session_->targets()[1].child);
    EXPECT_FALSE(session_->targets()[0].child);
    EXPECT_EQ(children_, (std::vector{TargetId{2}}));
    EXPECT_TRUE(acted_on(child_.pid()));
}

// The pid could have been another's when it was opened: only what is seen later tells.
TEST_F(SessionChildrenTest, are_not_known_by_what_was_seen_before_they_were_held) {
    begin_following();
    const auto long_ago = std::chrono::steady_clock::now() - 1h;
    monitor_->source = [this, long_ago] {
        auto snapshot = fresh(both(other_.pid()));
        snapshot.time = long_ago;
        return snapshot;
    };
    run_until_decided(200);
    EXPECT_EQ(session_->targets().size(), 1U);
    EXPECT_EQ(session_->regions(), 1U) << "decided on, although it is nobody's";
    EXPECT_FALSE(acted_on(other_.pid()));
    see_again_and_again(other_.pid());
    run_until([this] { return session_->targets().size() == 2; });
}

TEST_F(SessionChildrenTest, that_must_never_be_acted_on_are_removed) {
    begin_following();
    see_again_and_again(getppid());
    run_until([this] { return !monitor_->removed.empty(); });
    EXPECT_THAT(monitor_->removed, Contains(TargetId{2}));
    run_until_decided(plans_.size() + 50);
    EXPECT_EQ(session_->targets().size(), 1U);
    EXPECT_FALSE(acted_on(getppid()));
}

TEST_F(SessionChildrenTest, that_have_exited_before_they_were_known_are_removed) {
    begin_following();
    auto targets = both(other_.pid());
    targets[1].exited = true;
    targets[1].regions.clear();
    see(fresh(std::move(targets)));
    run_until_decided(1);
    EXPECT_EQ(monitor_->removed, (std::vector{TargetId{2}}));
    EXPECT_EQ(session_->targets().size(), 1U);
}

TEST_F(SessionChildrenTest, keep_the_session_going_until_they_have_exited_too) {
    begin_following();
    see_again_and_again(other_.pid());
    run_until([this] { return session_->targets().size() == 2; });
    child_.kill();
    run_until([this] { return session_->targets()[0].exited; });
    run_until_decided(plans_.size() + 20);
    EXPECT_EQ(finished_, 0);
    EXPECT_TRUE(session_->why_finished().empty());
    other_.kill();
    run_to_the_end();
    EXPECT_EQ(session_->why_finished(), "every target has exited");
}

// A snapshot of before the target's exit may not have named all.
TEST_F(SessionChildrenTest, may_be_told_of_after_the_last_target_has_exited) {
    begin_following();
    see(fresh({cold(0, 4)}));
    run_until_decided(1);
    child_.kill();
    run_until([this] { return session_->targets()[0].exited; });
    EXPECT_EQ(finished_, 0);
    EXPECT_TRUE(session_->why_finished().empty());
    see_again_and_again(other_.pid());
    run_until([this] { return session_->targets().size() == 2; });
    other_.kill();
    run_to_the_end();
}

TEST_F(SessionChildrenTest, give_back_what_held_them_when_they_have_exited) {
    begin_following(/*dry_run=*/true);
    see_again_and_again(other_.pid());
    run_until([this] { return session_->targets().size() == 2; });
    EXPECT_TRUE(session_->targets()[1].process.pidfd);
    monitor_->source = [this] { return fresh({cold(0, 4)}); };
    other_.kill();
    run_until([this] { return !session_->targets()[1].process.pidfd; });
    EXPECT_TRUE(session_->targets()[1].exited);
    EXPECT_TRUE(session_->targets()[0].process.pidfd);
    EXPECT_EQ(finished_, 0);
}

TEST_F(SessionChildrenTest, are_not_looked_for_where_nobody_asked) {
    begin(one_scheme());
    add(child_);
    start();
    see_again_and_again(other_.pid());
    run_until_decided(50);
    EXPECT_EQ(session_->targets().size(), 1U);
    EXPECT_TRUE(monitor_->removed.empty());
}

}  // namespace
}  // namespace damon_schemes

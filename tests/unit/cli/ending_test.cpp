// SPDX-License-Identifier: MIT
// What ends a run, with real commands and real signals.
#include "cli/ending.h"

#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;

class EndingTest : public ::testing::Test {
  protected:
    void SetUp() override {
        auto loop = make_event_loop(LoopKind::epoll);
        ASSERT_TRUE(loop) << loop.error().message;
        loop_ = std::move(*loop);
        // A session that has nothing left to do is finished at once.
        ending_ = std::make_unique<Ending>(*loop_, [this](const std::string& why) {
            whys_.push_back(why);
            if (session_ends_) ending_->session_finished();
        });
        ASSERT_TRUE(ending_->watch_signals());
    }
    void release(const std::vector<std::string>& argv) {
        auto command = ChildCommand::start(argv);
        ASSERT_TRUE(command) << command.error().message;
        ASSERT_TRUE(ending_->release(std::move(*command)));
    }

    std::unique_ptr<EventLoop> loop_;
    std::unique_ptr<Ending> ending_;
    std::vector<std::string> whys_;
    bool session_ends_ = true;
};

TEST_F(EndingTest, TheCommandsStatusIsThatOfTheRun) {
    release({"sh", "-c", "exit 7"});
    ASSERT_TRUE(loop_->run());
    EXPECT_EQ(ending_->command_status(), 7);
    EXPECT_EQ(whys_, std::vector<std::string>{"the command has exited"});
}

TEST_F(EndingTest, ACommandThatASignalEndedHasTheShellsStatus) {
    release({"sh", "-c", "kill -KILL $$"});
    ASSERT_TRUE(loop_->run());
    EXPECT_EQ(ending_->command_status(), 128 + SIGKILL);
}

TEST_F(EndingTest, TimeEndsTheSessionAndTheCommandIsWaitedFor) {
    ASSERT_TRUE(ending_->watch_time(10ms));
    release({"sleep", "1000"});
    // The loop goes on until the command has exited, too.
    const auto later = loop_->on_timer(1ms, true, [this] {
        if (!whys_.empty()) raise(SIGTERM);
    });
    ASSERT_TRUE(later);
    ASSERT_TRUE(loop_->run());
    EXPECT_EQ(ending_->command_status(), 128 + SIGTERM);
    EXPECT_EQ(whys_[0], "the time asked for has passed");
}

TEST_F(EndingTest, SigtermIsPassedOnToTheCommand) {
    release({"sleep", "1000"});
    raise(SIGTERM);
    ASSERT_TRUE(loop_->run());
    EXPECT_EQ(ending_->command_status(), 128 + SIGTERM);
    EXPECT_EQ(whys_[0], "terminated");
}

TEST_F(EndingTest, ASecondInterruptEndsACommandThatGoesOn) {
    release({"sleep", "1000"});
    // The first ends the session alone: on a terminal the command has had it as well.
    raise(SIGINT);
    const auto again = loop_->on_timer(10ms, true, [this] {
        if (!whys_.empty()) raise(SIGINT);
    });
    ASSERT_TRUE(again);
    ASSERT_TRUE(loop_->run());
    EXPECT_EQ(ending_->command_status(), 128 + SIGTERM);
    EXPECT_EQ(whys_[0], "interrupted");
}

TEST_F(EndingTest, WithoutACommandTheSessionsEndIsTheEnd) {
    raise(SIGINT);
    ASSERT_TRUE(loop_->run());
    EXPECT_EQ(ending_->command_status(), std::nullopt);
}

TEST(DurationAsked, IsATimeThatPassesOrNothing) {
    EXPECT_EQ(*duration_asked("30s"), std::optional<Duration>(30s));
    EXPECT_EQ(*duration_asked(""), std::nullopt);
    for (const char* wrong : {"0s", "30", "never"}) {
        const auto asked = duration_asked(wrong);
        ASSERT_FALSE(asked) << wrong;
        EXPECT_EQ(asked.error().kind, ErrorKind::usage);
    }
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// What a service manager hears of the daemon, over a socket such as systemd's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/control/service_manager.h"
#include "engine/targets/process.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

class ServiceManagerTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string folder =
            (std::filesystem::temp_directory_path() / "service-manager-XXXXXX").string();
        ASSERT_NE(::mkdtemp(folder.data()), nullptr);
        folder_ = folder;
        auto loop = make_event_loop(LoopKind::epoll);
        ASSERT_TRUE(loop) << loop.error().message;
        loop_ = std::move(*loop);
    }
    void TearDown() override {
        for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
            ::unsetenv(name);
        std::filesystem::remove_all(folder_);
    }
    // As a manager starts its services.
    void listen() {
        const std::string path = folder_ / "notify";
        socket_ = Descriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::copy(path.begin(), path.end(), address.sun_path);
        ASSERT_EQ(
            ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    }
    static void watch(std::chrono::microseconds time, pid_t whom = ::getpid()) {
        ::setenv("WATCHDOG_USEC", std::to_string(time.count()).c_str(), 1);
        ::setenv("WATCHDOG_PID", std::to_string(whom).c_str(), 1);
    }
    std::vector<std::string> heard() const {
        std::vector<std::string> states;
        char state[4096];
        for (ssize_t got = 0; (got = ::recv(socket_.get(), state, sizeof state, 0)) >= 0;)
            states.emplace_back(state, static_cast<std::size_t>(got));
        return states;
    }
    // Runs the loop until so many signs of life were heard.
    std::size_t run_until_alive(std::size_t times) {
        std::size_t alive = 0;
        const auto listening = loop_->on_readable(socket_.get(), [&] {
            for (const std::string& state : heard())
                alive += state.find("WATCHDOG=1") != std::string::npos ? 1U : 0U;
            if (alive >= times) loop_->stop();
        });
        EXPECT_TRUE(listening);
        EXPECT_TRUE(loop_->run());
        loop_->forget(*listening);
        return alive;
    }

    std::filesystem::path folder_;
    Descriptor socket_;
    std::unique_ptr<EventLoop> loop_;
    std::string line_ = "2 policies at work";
};

TEST_F(ServiceManagerTest, is_told_when_policies_are_at_work_and_what_they_do) {
    listen();
    ServiceManager manager(*loop_, [this] { return line_; });
    EXPECT_THAT(heard(), ElementsAre());
    ASSERT_TRUE(manager.ready());
    EXPECT_THAT(heard(), ElementsAre("READY=1\nSTATUS=2 policies at work"));
}

TEST_F(ServiceManagerTest, a_reload_begins_at_a_time_and_ends_ready) {
    listen();
    ServiceManager manager(*loop_, [this] { return line_; });
    ASSERT_TRUE(manager.ready());
    (void)heard();
    const auto now = [] {
        return std::chrono::duration_cast<std::chrono::microseconds>(
                   std::chrono::steady_clock::now().time_since_epoch())
            .count();
    };
    const auto before = now();
    manager.reloading();
    const auto after = now();
    line_ = "3 policies at work";
    manager.reloaded({});
    const auto states = heard();
    ASSERT_EQ(states.size(), 2U);
    ASSERT_THAT(states[0], StartsWith("RELOADING=1\nMONOTONIC_USEC="));
    const auto at = std::stoll(states[0].substr(states[0].find("USEC=") + 5));
    EXPECT_GE(at, before);
    EXPECT_LE(at, after);
    EXPECT_EQ(states[1], "READY=1\nSTATUS=3 policies at work");
}

TEST_F(ServiceManagerTest, a_reload_that_failed_is_said_until_one_succeeds) {
    listen();
    ServiceManager manager(*loop_, [this] { return line_; });
    ASSERT_TRUE(manager.ready());
    (void)heard();
    manager.reloaded(Error{ErrorKind::policy, "50-web.toml:3:1:\nunknown key", 0});
    EXPECT_THAT(heard(), ElementsAre("READY=1\nSTATUS=2 policies at work; NOT reloaded: "
                                     "50-web.toml:3:1: unknown key"));
    manager.reloaded({});
    EXPECT_THAT(heard(), ElementsAre("READY=1\nSTATUS=2 policies at work"));
}

TEST_F(ServiceManagerTest, hears_signs_of_life_while_the_loop_runs_and_none_while_it_is_stuck) {
    listen();
    watch(20ms);
    ServiceManager manager(*loop_, [this] { return line_; });
    ASSERT_TRUE(manager.ready());
    EXPECT_GE(run_until_alive(3), 3U);
    pollfd stuck{socket_.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&stuck, 1, 100), 0) << "nobody runs the loop, and yet it seems alive";
    EXPECT_GE(run_until_alive(1), 1U);
}

TEST_F(ServiceManagerTest, a_watchdog_of_another_process_is_not_answered) {
    listen();
    watch(20ms, ::getppid());
    ServiceManager manager(*loop_, [this] { return line_; });
    ASSERT_TRUE(manager.ready());
    const auto end = loop_->on_timer(100ms, false, [this] { loop_->stop(); });
    ASSERT_TRUE(end);
    ASSERT_TRUE(loop_->run());
    for (const std::string& state : heard()) EXPECT_THAT(state, Not(HasSubstr("WATCHDOG")));
}

TEST_F(ServiceManagerTest, an_end_that_takes_its_time_is_announced_and_not_taken_for_stuck) {
    listen();
    watch(20ms);
    ServiceManager manager(*loop_, [this] { return line_; });
    ASSERT_TRUE(manager.ready());
    (void)heard();
    manager.stopping("told to end");
    EXPECT_THAT(heard(), ElementsAre("STOPPING=1\nSTATUS=Ending: told to end"));
    EXPECT_GE(run_until_alive(1), 1U);
}

TEST_F(ServiceManagerTest, without_one_nothing_is_asked_and_no_timer_keeps_the_loop_awake) {
    watch(1ms);
    bool asked = false;
    ServiceManager manager(*loop_, [&asked] {
        asked = true;
        return std::string();
    });
    ASSERT_TRUE(manager.ready());
    manager.reloading();
    manager.reloaded({});
    manager.stopping("told to end");
    const auto end = loop_->on_timer(50ms, false, [this] { loop_->stop(); });
    ASSERT_TRUE(end);
    ASSERT_TRUE(loop_->run());
    EXPECT_FALSE(asked);
}

TEST(ServiceManagerLine, says_in_one_line_how_the_daemon_stands) {
    DaemonStatus status;
    status.policies.resize(2);
    status.policies[0].targets.resize(36);
    status.policies[0].schemes.resize(1);
    status.policies[0].schemes[0].totals.paged_out = Bytes{3 << 20};
    status.policies[1].targets.resize(1);
    EXPECT_EQ(one_line(status), "2 policies at work on 37 targets; 3.0 MiB paged out");
    status.policies[1].observing = "it did not see its own accesses";
    status.dry_run = true;
    EXPECT_THAT(one_line(status), MatchesRegex(".*; 1 policy observes only; dry run"));
}

}  // namespace
}  // namespace damon_schemes

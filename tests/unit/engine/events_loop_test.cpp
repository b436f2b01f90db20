// SPDX-License-Identifier: MIT
// What both kinds of event loop promise.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "engine/events/loop.h"

namespace damon_schemes {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Pipe {
  public:
    Pipe() {
        std::array<int, 2> ends{};
        if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) throw std::runtime_error("pipe2");
        reader_ = ends[0];
        writer_ = ends[1];
    }
    ~Pipe() {
        close_reader();
        close_writer();
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    int reader() const { return reader_; }
    void put() const { ASSERT_EQ(write(writer_, "x", 1), 1); }
    // errno, or 0.
    int try_put() const { return write(writer_, "x", 1) == 1 ? 0 : errno; }
    bool take() const {
        char byte = 0;
        return read(reader_, &byte, 1) == 1;
    }
    void close_reader() {
        if (reader_ >= 0) close(reader_);
        reader_ = -1;
    }
    void close_writer() {
        if (writer_ >= 0) close(writer_);
        writer_ = -1;
    }

  private:
    int reader_ = -1;
    int writer_ = -1;
};

class EventLoopTest : public testing::TestWithParam<LoopKind> {
  protected:
    void SetUp() override {
        // A broken pipe is an answer here, not an end.
        signal(SIGPIPE, SIG_IGN);
        auto made = make_event_loop(GetParam());
        if (!made && made.error().kind == ErrorKind::unsupported)
            GTEST_SKIP() << made.error().message;
        ASSERT_TRUE(made) << made.error().message;
        loop_ = std::move(made.value());
    }

    EventLoop::Watch watch(int descriptor, std::function<void()> callback) {
        auto result = loop_->on_readable(descriptor, std::move(callback));
        EXPECT_TRUE(result) << result.error().message;
        return result ? *result : 0;
    }
    EventLoop::Watch timer(Duration delay, bool repeat, std::function<void()> callback) {
        auto result = loop_->on_timer(delay, repeat, std::move(callback));
        EXPECT_TRUE(result) << result.error().message;
        return result ? *result : 0;
    }
    void run() {
        const auto result = loop_->run();
        EXPECT_TRUE(result) << result.error().message;
    }
    // Lets everything that is ready by now be delivered, and comes back.
    void run_what_is_ready() {
        // A message that a message posts comes a round later, and a round delivers all that was
        // ready when it began; stop() itself would cut a round short.
        int rounds = 3;
        std::function<void()> next = [&] {
            if (rounds-- == 0)
                loop_->stop();
            else
                loop_->post(next);
        };
        loop_->post(next);
        run();
    }

    std::unique_ptr<EventLoop> loop_;
};

TEST_P(EventLoopTest, IsOfTheKindAskedFor) {
    EXPECT_STREQ(loop_->name(), GetParam() == LoopKind::epoll ? "epoll" : "io_uring");
}

TEST_P(EventLoopTest, CallsBackWhenADescriptorIsReadable) {
    Pipe pipe;
    int calls = 0;
    EXPECT_NE(watch(pipe.reader(),
                    [&] {
                        ++calls;
                        EXPECT_TRUE(pipe.take());
                        loop_->stop();
                    }),
              0U);
    run_what_is_ready();
    EXPECT_EQ(calls, 0);
    pipe.put();
    run();
    EXPECT_EQ(calls, 1);
}

TEST_P(EventLoopTest, CallsBackAgainWhileSomethingIsLeftUnread) {
    Pipe pipe;
    int calls = 0;
    watch(pipe.reader(), [&] {
        if (++calls == 5) loop_->stop();
    });
    pipe.put();
    run();
    EXPECT_EQ(calls, 5);
}

TEST_P(EventLoopTest, FallsSilentOnceEverythingIsRead) {
    Pipe pipe;
    int calls = 0;
    watch(pipe.reader(), [&] {
        ++calls;
        while (pipe.take()) {
        }
    });
    pipe.put();
    pipe.put();
    run_what_is_ready();
    EXPECT_EQ(calls, 1);
    run_what_is_ready();
    EXPECT_EQ(calls, 1);
}

TEST_P(EventLoopTest, CallsBackOnHangUp) {
    Pipe pipe;
    int calls = 0;
    watch(pipe.reader(), [&] {
        ++calls;
        EXPECT_FALSE(pipe.take());
        loop_->stop();
    });
    pipe.close_writer();
    run();
    EXPECT_EQ(calls, 1);
}

TEST_P(EventLoopTest, CallsBackWhenAProcessExits) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        pause();
        _exit(0);
    }
    const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
    ASSERT_GE(pidfd, 0);
    bool exited = false;
    const auto id = watch(pidfd, [&] {
        exited = true;
        loop_->stop();
    });
    run_what_is_ready();
    EXPECT_FALSE(exited);
    ASSERT_EQ(kill(child, SIGKILL), 0);
    run();
    EXPECT_TRUE(exited);
    loop_->forget(id);
    close(pidfd);
    waitpid(child, nullptr, 0);
}

TEST_P(EventLoopTest, RefusesASecondWatchOfOneDescriptor) {
    Pipe pipe;
    const auto first = watch(pipe.reader(), [] {});
    const auto second = loop_->on_readable(pipe.reader(), [] {});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, EEXIST);
    loop_->forget(first);
    EXPECT_TRUE(loop_->on_readable(pipe.reader(), [] {}));
}

TEST_P(EventLoopTest, RefusesADescriptorThatIsNotOpen) {
    const auto result = loop_->on_readable(100'000, [] {});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, EBADF);
}

TEST_P(EventLoopTest, AForgottenWatchIsSilent) {
    Pipe pipe;
    int calls = 0;
    const auto id = watch(pipe.reader(), [&] { ++calls; });
    pipe.put();
    loop_->forget(id);
    run_what_is_ready();
    EXPECT_EQ(calls, 0);
    loop_->forget(id);  // once more does no harm
    loop_->forget(0);
}

TEST_P(EventLoopTest, ACallbackMayForgetItself) {
    Pipe pipe;
    int calls = 0;
    EventLoop::Watch id = 0;
    // What the callback owns has to live until it returns.
    std::string owned(100, 'x');
    id = watch(pipe.reader(), [&, owned] {
        loop_->forget(id);
        ++calls;
        EXPECT_EQ(owned.size(), 100U);
        EXPECT_EQ(owned[99], 'x');
    });
    pipe.put();
    run_what_is_ready();
    EXPECT_EQ(calls, 1);
}

TEST_P(EventLoopTest, ACallbackThatForgetsAnotherReadyOneKeepsItFromRunning) {
    Pipe first;
    Pipe second;
    int calls = 0;
    EventLoop::Watch first_id = 0;
    EventLoop::Watch second_id = 0;
    first_id = watch(first.reader(), [&] {
        ++calls;
        loop_->forget(second_id);
        loop_->forget(first_id);
    });
    second_id = watch(second.reader(), [&] {
        ++calls;
        loop_->forget(first_id);
        loop_->forget(second_id);
    });
    first.put();
    second.put();
    run_what_is_ready();
    EXPECT_EQ(calls, 1);
}

TEST_P(EventLoopTest, ADescriptorNumberThatIsReusedGoesToItsNewWatch) {
    int old_calls = 0;
    int new_calls = 0;
    auto old_pipe = std::make_unique<Pipe>();
    const int number = old_pipe->reader();
    Pipe trigger;
    std::unique_ptr<Pipe> new_pipe;
    const auto old_id = watch(number, [&] { ++old_calls; });
    // Ready in the same round as the old watch, which is replaced before its turn or right after
    // it.
    EventLoop::Watch trigger_id = 0;
    trigger_id = watch(trigger.reader(), [&] {
        loop_->forget(trigger_id);
        loop_->forget(old_id);
        old_pipe.reset();
        new_pipe = std::make_unique<Pipe>();
        ASSERT_EQ(new_pipe->reader(), number);
        watch(number, [&] {
            ++new_calls;
            EXPECT_TRUE(new_pipe->take());
        });
    });
    trigger.put();
    run_what_is_ready();
    EXPECT_EQ(new_calls, 0);
    ASSERT_TRUE(new_pipe);
    new_pipe->put();
    run_what_is_ready();
    EXPECT_EQ(old_calls, 0);
    EXPECT_EQ(new_calls, 1);
}

TEST_P(EventLoopTest, ForgettingLetsGoOfTheFile) {
    Pipe pipe;
    const auto id = watch(pipe.reader(), [] {});
    run_what_is_ready();
    loop_->forget(id);
    // The loop must not keep the reading end open behind its owner's back.
    pipe.close_reader();
    EXPECT_EQ(pipe.try_put(), EPIPE);
}

TEST_P(EventLoopTest, DestroyingTheLoopLetsGoOfTheFile) {
    Pipe pipe;
    watch(pipe.reader(), [] {});
    run_what_is_ready();
    loop_.reset();
    pipe.close_reader();
    EXPECT_EQ(pipe.try_put(), EPIPE);
}

TEST_P(EventLoopTest, ServesHundredsOfWatches) {
    constexpr std::size_t count = 700;
    std::vector<int> descriptors;
    std::vector<int> calls(count, 0);
    std::size_t called = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        ASSERT_GE(descriptor, 0) << "too few open files allowed for this test";
        descriptors.push_back(descriptor);
        watch(descriptor, [&, i, descriptor] {
            std::uint64_t value = 0;
            EXPECT_EQ(read(descriptor, &value, sizeof value), static_cast<ssize_t>(sizeof value));
            ++calls[i];
            if (++called == count) loop_->stop();
        });
    }
    for (int round = 1; round <= 3; ++round) {
        called = 0;
        for (const int descriptor : descriptors) ASSERT_EQ(eventfd_write(descriptor, 1), 0);
        run();
        EXPECT_EQ(std::count(calls.begin(), calls.end(), round), static_cast<long>(count));
    }
    loop_.reset();
    for (const int descriptor : descriptors) close(descriptor);
}

TEST_P(EventLoopTest, ABusyWatchDoesNotStarveTheOthers) {
    Pipe busy;
    Pipe other;
    watch(busy.reader(), [] {});  // never read, so always ready
    watch(other.reader(), [&] { loop_->stop(); });
    busy.put();
    other.put();
    run();
}

TEST_P(EventLoopTest, ATimerFiresOnceAndNotEarly) {
    int calls = 0;
    const auto begin = std::chrono::steady_clock::now();
    Duration passed{};
    timer(milliseconds(20), false, [&] {
        ++calls;
        passed = std::chrono::steady_clock::now() - begin;
    });
    timer(milliseconds(60), false, [&] { loop_->stop(); });
    run();
    EXPECT_EQ(calls, 1);
    EXPECT_GE(passed, milliseconds(20));
}

TEST_P(EventLoopTest, TimersFireInTheOrderOfTheirDelays) {
    std::vector<int> order;
    timer(milliseconds(120), false, [&] {
        order.push_back(2);
        loop_->stop();
    });
    timer(milliseconds(20), false, [&] { order.push_back(1); });
    run();
    EXPECT_THAT(order, testing::ElementsAre(1, 2));
}

TEST_P(EventLoopTest, ADelayOfNothingFiresSoon) {
    int calls = 0;
    timer(Duration(0), false, [&] { ++calls; });
    timer(Duration(-5), false, [&] {
        ++calls;
        loop_->stop();
    });
    run();
    EXPECT_EQ(calls, 2);
}

TEST_P(EventLoopTest, ARepeatedTimerGoesOnUntilForgotten) {
    int calls = 0;
    EventLoop::Watch id = 0;
    id = timer(milliseconds(1), true, [&] {
        if (++calls == 4) {
            loop_->forget(id);
            timer(milliseconds(20), false, [&] { loop_->stop(); });
        }
    });
    run();
    EXPECT_EQ(calls, 4);
}

TEST_P(EventLoopTest, ACancelledTimerDoesNotFire) {
    int calls = 0;
    const auto id = timer(milliseconds(1), false, [&] { ++calls; });
    timer(milliseconds(30), false, [&] { loop_->stop(); });
    loop_->forget(id);
    run();
    EXPECT_EQ(calls, 0);
}

TEST_P(EventLoopTest, FiredTimersLeaveNoDescriptorBehind) {
    auto open_descriptors = [] {
        int count = 0;
        for (int i = 0; i < 1024; ++i) count += fcntl(i, F_GETFD) >= 0 ? 1 : 0;
        return count;
    };
    const int before = open_descriptors();
    int left = 50;
    for (int i = 0; i < 50; ++i) {
        timer(Duration(1), false, [&] {
            if (--left == 0) loop_->stop();
        });
    }
    run();
    EXPECT_EQ(open_descriptors(), before);
}

TEST_P(EventLoopTest, MessagesOfOneThreadArriveInOrder) {
    std::vector<int> order;
    for (int i = 0; i < 10; ++i) loop_->post([&order, i] { order.push_back(i); });
    loop_->post([&] { loop_->stop(); });
    run();
    EXPECT_THAT(order, testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
}

TEST_P(EventLoopTest, TakesMessagesOfManyThreads) {
    constexpr int senders = 8;
    constexpr int each = 500;
    int received = 0;  // only the loop's thread touches it, which is the point
    const auto loop_thread = std::this_thread::get_id();
    std::vector<std::thread> threads;
    for (int t = 0; t < senders; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < each; ++i) {
                loop_->post([&] {
                    EXPECT_EQ(std::this_thread::get_id(), loop_thread);
                    if (++received == senders * each) loop_->stop();
                });
            }
        });
    }
    run();
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(received, senders * each);
}

TEST_P(EventLoopTest, AMessageMayPostAnother) {
    int depth = 0;
    std::function<void()> next = [&] {
        if (++depth == 100)
            loop_->stop();
        else
            loop_->post(next);
    };
    loop_->post(next);
    run();
    EXPECT_EQ(depth, 100);
}

TEST_P(EventLoopTest, AMessageThatPostsForeverDoesNotStarveTheOthers) {
    Pipe pipe;
    watch(pipe.reader(), [&] { loop_->stop(); });
    std::function<void()> again = [&] { loop_->post(again); };
    loop_->post(again);
    pipe.put();
    run();
}

TEST_P(EventLoopTest, WhatStopLeavesUndeliveredComesInTheNextRun) {
    std::vector<int> order;
    loop_->post([&] {
        order.push_back(1);
        loop_->stop();
    });
    loop_->post([&] { order.push_back(2); });
    loop_->post([&] {
        order.push_back(3);
        loop_->stop();
    });
    run();
    EXPECT_THAT(order, testing::ElementsAre(1));
    run();
    EXPECT_THAT(order, testing::ElementsAre(1, 2, 3));
}

TEST_P(EventLoopTest, StopInACallbackEndsTheRoundAtOnce) {
    Pipe first;
    Pipe second;
    int calls = 0;
    auto callback = [&] {
        ++calls;
        loop_->stop();
    };
    watch(first.reader(), callback);
    watch(second.reader(), callback);
    first.put();
    second.put();
    run();
    EXPECT_EQ(calls, 1);
    run();
    EXPECT_EQ(calls, 2);
}

TEST_P(EventLoopTest, RunsAgainAfterACallbackThrew) {
    Pipe pipe;
    int calls = 0;
    watch(pipe.reader(), [&] {
        if (++calls == 1) throw std::runtime_error("from a callback");
        loop_->stop();
    });
    pipe.put();
    EXPECT_THROW(static_cast<void>(loop_->run()), std::runtime_error);
    run();
    EXPECT_EQ(calls, 2);
}

TEST_P(EventLoopTest, RefusesToRunWithinItself) {
    int code = 0;
    loop_->post([&] {
        const auto nested = loop_->run();
        if (!nested) code = nested.error().code;
        loop_->stop();
    });
    run();
    EXPECT_EQ(code, EBUSY);
}

TEST_P(EventLoopTest, DeliversSignals) {
    std::set<int> seen;
    auto watching = loop_->on_signals({SIGUSR1, SIGTERM}, [&](int signal) {
        seen.insert(signal);
        if (seen.size() == 2) loop_->stop();
    });
    ASSERT_TRUE(watching);
    // To this thread: it has them blocked, others of a test program may not.
    ASSERT_EQ(pthread_kill(pthread_self(), SIGTERM), 0);
    ASSERT_EQ(pthread_kill(pthread_self(), SIGUSR1), 0);
    run();
    EXPECT_THAT(seen, testing::ElementsAre(SIGUSR1, SIGTERM));
}

TEST_P(EventLoopTest, ASignalCallbackMayForgetItself) {
    int calls = 0;
    EventLoop::Watch id = 0;
    auto watching = loop_->on_signals({SIGUSR1, SIGTERM}, [&](int) {
        ++calls;
        loop_->forget(id);
    });
    ASSERT_TRUE(watching);
    id = *watching;
    ASSERT_EQ(pthread_kill(pthread_self(), SIGTERM), 0);
    ASSERT_EQ(pthread_kill(pthread_self(), SIGUSR1), 0);
    run_what_is_ready();
    EXPECT_EQ(calls, 1);
    // They are still blocked and pending: taken here, or they would end the test program.
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    const timespec none{};
    while (sigtimedwait(&set, nullptr, &none) > 0) {
    }
}

TEST_P(EventLoopTest, TakesSignalsOnlyOnce) {
    ASSERT_TRUE(loop_->on_signals({SIGUSR1}, [](int) {}));
    EXPECT_FALSE(loop_->on_signals({SIGUSR2}, [](int) {}));
}

TEST_P(EventLoopTest, DestroyingTheLoopPutsTheSignalMaskBack) {
    auto blocked = [] {
        sigset_t mask;
        pthread_sigmask(SIG_SETMASK, nullptr, &mask);
        return sigismember(&mask, SIGUSR1) == 1;
    };
    ASSERT_FALSE(blocked());
    ASSERT_TRUE(loop_->on_signals({SIGUSR1}, [](int) {}));
    EXPECT_TRUE(blocked());
    // One that was never delivered must not strike now (its default action ends the program).
    ASSERT_EQ(pthread_kill(pthread_self(), SIGUSR1), 0);
    loop_.reset();
    EXPECT_FALSE(blocked());
}

std::string name_of_kind(const testing::TestParamInfo<LoopKind>& kind) {
    return kind.param == LoopKind::epoll ? "epoll" : "io_uring";
}
INSTANTIATE_TEST_SUITE_P(BothKinds, EventLoopTest,
                         testing::Values(LoopKind::io_uring, LoopKind::epoll), name_of_kind);

TEST(EventLoopChoice, AutomaticAlwaysGivesALoop) {
    const auto loop = make_event_loop(LoopKind::automatic);
    ASSERT_TRUE(loop) << loop.error().message;
}

}  // namespace
}  // namespace damon_schemes

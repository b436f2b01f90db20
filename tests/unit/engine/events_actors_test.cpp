// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/events/actors.h"

namespace damon_schemes {
namespace {

using Cancelled = std::function<bool()>;

// A door that jobs wait behind and tests wait at.
class Gate {
  public:
    void open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    void wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return open_; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = false;
};

void wait_until_idle(const Actors& actors, std::uint64_t key) {
    while (actors.pending(key) != 0) std::this_thread::yield();
}

TEST(Actors, RunsAJobOnAnotherThread) {
    Actors actors;
    Gate done;
    std::thread::id ran_on;
    ASSERT_TRUE(actors.submit({1, [&](const Cancelled& cancelled) {
                                   EXPECT_FALSE(cancelled());
                                   ran_on = std::this_thread::get_id();
                                   done.open();
                               }}));
    done.wait();
    EXPECT_NE(ran_on, std::this_thread::get_id());
}

TEST(Actors, JobsOfOneKeyRunOneAtATimeAndInOrder) {
    Actors actors(4, 1000);
    std::vector<int> order;  // unguarded: that one key's jobs never overlap is what keeps it whole
    std::atomic<int> inside{0};
    for (int i = 0; i < 300; ++i) {
        ASSERT_TRUE(actors.submit({7, [&, i](const Cancelled&) {
                                       EXPECT_EQ(inside.fetch_add(1), 0);
                                       order.push_back(i);
                                       inside.fetch_sub(1);
                                   }}));
    }
    wait_until_idle(actors, 7);
    ASSERT_EQ(order.size(), 300U);
    for (int i = 0; i < 300; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(Actors, JobsOfDifferentKeysRunSideBySide) {
    Actors actors(2);
    Gate first_runs;
    Gate second_runs;
    // Each waits for the other: this ends only if both run at once.
    ASSERT_TRUE(actors.submit({1, [&](const Cancelled&) {
                                   first_runs.open();
                                   second_runs.wait();
                               }}));
    ASSERT_TRUE(actors.submit({2, [&](const Cancelled&) {
                                   second_runs.open();
                                   first_runs.wait();
                               }}));
    wait_until_idle(actors, 1);
    wait_until_idle(actors, 2);
}

TEST(Actors, AKeyThatWaitsDoesNotHoldUpAnother) {
    Actors actors(2);
    Gate release;
    Gate other_done;
    ASSERT_TRUE(actors.submit({1, [&](const Cancelled&) { release.wait(); }}));
    ASSERT_TRUE(actors.submit({1, [&](const Cancelled&) {}}));  // behind the first, ahead of key 2
    ASSERT_TRUE(actors.submit({2, [&](const Cancelled&) { other_done.open(); }}));
    other_done.wait();
    EXPECT_EQ(actors.pending(1), 2U);
    release.open();
    wait_until_idle(actors, 1);
}

TEST(Actors, RefusesWhatTheQueueCannotHold) {
    Actors actors(1, 2);
    Gate runs;
    Gate release;
    ASSERT_TRUE(actors.submit({1, [&](const Cancelled&) {
                                   runs.open();
                                   release.wait();
                               }}));
    runs.wait();
    EXPECT_TRUE(actors.submit({1, [](const Cancelled&) {}}));
    EXPECT_TRUE(actors.submit({2, [](const Cancelled&) {}}));
    EXPECT_FALSE(actors.submit({3, [](const Cancelled&) {}}));
    EXPECT_EQ(actors.pending(3), 0U);
    release.open();
    wait_until_idle(actors, 1);
    wait_until_idle(actors, 2);
    EXPECT_TRUE(actors.submit({3, [](const Cancelled&) {}}));
}

TEST(Actors, CancelDropsQueuedJobsAndAsksTheRunningOneToStop) {
    Actors actors(1);
    Gate runs;
    std::atomic<bool> dropped_ran{false};
    Gate other_ran;
    ASSERT_TRUE(actors.submit({1, [&](const Cancelled& cancelled) {
                                   runs.open();
                                   while (!cancelled()) std::this_thread::yield();
                               }}));
    runs.wait();
    ASSERT_TRUE(actors.submit({1, [&](const Cancelled&) { dropped_ran = true; }}));
    ASSERT_TRUE(actors.submit({2, [&](const Cancelled&) { other_ran.open(); }}));
    actors.cancel(1);
    other_ran.wait();
    wait_until_idle(actors, 1);
    EXPECT_FALSE(dropped_ran);
}

TEST(Actors, CancelOfOneKeyLeavesOthersAlone) {
    Actors actors(1);
    Gate runs;
    Gate release;
    std::atomic<bool> was_cancelled{false};
    ASSERT_TRUE(actors.submit({1, [&](const Cancelled& cancelled) {
                                   runs.open();
                                   release.wait();
                                   was_cancelled = cancelled();
                               }}));
    runs.wait();
    actors.cancel(2);
    release.open();
    wait_until_idle(actors, 1);
    EXPECT_FALSE(was_cancelled);
}

TEST(Actors, AJobAfterACancelStartsAfresh) {
    Actors actors(1);
    Gate runs;
    std::atomic<bool> second_cancelled{true};
    ASSERT_TRUE(actors.submit({1, [&](const Cancelled& cancelled) {
                                   runs.open();
                                   while (!cancelled()) std::this_thread::yield();
                               }}));
    runs.wait();
    actors.cancel(1);
    Gate done;
    ASSERT_TRUE(actors.submit({1, [&](const Cancelled& cancelled) {
                                   second_cancelled = cancelled();
                                   done.open();
                               }}));
    done.wait();
    EXPECT_FALSE(second_cancelled);
}

TEST(Actors, DestructionStopsWhatRunsAndDropsTheRest) {
    std::atomic<bool> queued_ran{false};
    const auto owned = std::make_shared<int>(1);
    {
        Actors actors(2);
        Gate runs;
        ASSERT_TRUE(actors.submit({1, [&](const Cancelled& cancelled) {
                                       runs.open();
                                       while (!cancelled()) std::this_thread::yield();
                                   }}));
        ASSERT_TRUE(
            actors.submit({1, [&queued_ran, owned](const Cancelled&) { queued_ran = true; }}));
        runs.wait();
    }
    EXPECT_FALSE(queued_ran);
    EXPECT_EQ(owned.use_count(), 1);
}

TEST(Actors, ADroppedJobMayCallBackIntoTheActorsFromItsDestructor) {
    Actors actors(1);
    Gate runs;
    Gate release;
    ASSERT_TRUE(actors.submit({1, [&](const Cancelled&) {
                                   runs.open();
                                   release.wait();
                               }}));
    runs.wait();
    std::size_t pending_seen = 99;
    auto last_words =
        std::shared_ptr<void>(nullptr, [&](void*) { pending_seen = actors.pending(2); });
    ASSERT_TRUE(actors.submit({2, [last_words](const Cancelled&) {}}));
    last_words.reset();
    actors.cancel(2);
    EXPECT_EQ(pending_seen, 0U);
    release.open();
    wait_until_idle(actors, 1);
}

TEST(Actors, CountsTheirCpuTime) {
    Actors actors(2);
    const Duration before = actors.cpu_time();
    Gate done;
    ASSERT_TRUE(actors.submit({1, [&](const Cancelled&) {
                                   // Until the clock in question has moved, however slow the
                                   // machine.
                                   while (actors.cpu_time() <=
                                          before + std::chrono::microseconds(1)) {
                                   }
                                   done.open();
                               }}));
    done.wait();
    EXPECT_GT(actors.cpu_time(), before);
}

TEST(Actors, LeaveSignalsToOtherThreads) {
    Actors actors(1);
    Gate done;
    bool blocked = false;
    ASSERT_TRUE(actors.submit({1, [&](const Cancelled&) {
                                   sigset_t mask;
                                   pthread_sigmask(SIG_SETMASK, nullptr, &mask);
                                   blocked = sigismember(&mask, SIGTERM) == 1 &&
                                             sigismember(&mask, SIGINT) == 1;
                                   done.open();
                               }}));
    done.wait();
    EXPECT_TRUE(blocked);
}

TEST(Actors, ManyThreadsMaySubmitAndCancel) {
    Actors actors(3, 64);
    std::atomic<int> ran{0};
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (std::uint64_t i = 0; i < 500; ++i) {
                actors.submit({(t + i) % 5, [&](const Cancelled&) { ++ran; }});
                if (i % 17 == 0) actors.cancel(i % 5);
            }
        });
    }
    for (auto& thread : threads) thread.join();
    for (std::uint64_t key = 0; key < 5; ++key) wait_until_idle(actors, key);
    EXPECT_GT(ran.load(), 0);
}

}  // namespace
}  // namespace damon_schemes

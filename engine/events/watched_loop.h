// SPDX-License-Identifier: MIT
// All of an event loop but the waiting: watches, timers, signals and messages are descriptors here,
// so that the io_uring and the epoll loop differ only in how they wait for one.
#pragma once

#include <csignal>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "engine/events/loop.h"

namespace damon_schemes {

class WatchedLoop : public EventLoop {
  public:
    ~WatchedLoop() override;
    WatchedLoop(const WatchedLoop&) = delete;
    WatchedLoop& operator=(const WatchedLoop&) = delete;

    Result<Watch> on_readable(int descriptor, std::function<void()> callback) override;
    Result<Watch> on_timer(Duration delay, bool repeat, std::function<void()> callback) override;
    Result<Watch> on_signals(const std::vector<int>& signals,
                             std::function<void(int signal)> callback) override;
    void forget(Watch watch) override;
    void post(std::function<void()> callback) override;
    Result<void> run() override;
    void stop() override { stopping_ = true; }

  protected:
    WatchedLoop() = default;

    // To be called once, when the backend can take watches; nothing works before.
    Result<void> open_mailbox();
    // To be called by a backend's destructor, while it can still take its watches back.
    void forget_all();
    bool watched(Watch watch) const { return watches_.count(watch) != 0; }
    // -1: it is not watched (any more).
    int descriptor_of(Watch watch) const;

    // The backend.  Readiness is level-triggered: what a callback leaves unread is ready again in
    // the next wait.  A watch that is named although it was forgotten meanwhile does no harm.
    virtual Result<void> arm(Watch watch, int descriptor) = 0;
    virtual void disarm(Watch watch, int descriptor) = 0;
    // Blocks until at least one watch is ready, and appends those that are.
    virtual Result<void> wait(std::vector<Watch>& ready) = 0;

  private:
    struct Entry {
        int descriptor = -1;
        bool owned = false;  // timerfd, signalfd, eventfd: closed with the watch
        std::function<void()> callback;
    };

    Result<Watch> watch(int descriptor, bool owned, std::function<void()> callback);
    void deliver_messages();

    std::unordered_map<Watch, std::shared_ptr<Entry>> watches_;
    std::unordered_map<int, Watch> by_descriptor_;
    Watch last_ = 0;  // never reused, so an event that comes late cannot hit another watch
    bool running_ = false;
    bool stopping_ = false;
    std::optional<sigset_t> mask_before_;
    Watch signals_ = 0;

    std::mutex mutex_;  // guards messages_, the only thing that other threads reach
    std::vector<std::function<void()>> messages_;
    int mailbox_ = -1;  // eventfd; readable while messages_ is not empty
};

Result<std::unique_ptr<EventLoop>> make_uring_loop();
Result<std::unique_ptr<EventLoop>> make_epoll_loop();

}  // namespace damon_schemes

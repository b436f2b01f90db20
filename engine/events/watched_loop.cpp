// SPDX-License-Identifier: MIT
#include "engine/events/watched_loop.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <string>
#include <utility>

namespace damon_schemes {
namespace {

Error system_error(const std::string& what, int code) {
    std::string message = what + ": " + std::strerror(code) + ".";
    if (code == EMFILE) message += " Raise the limit of open files (ulimit -n) and try again.";
    return {ErrorKind::runtime, std::move(message), code};
}

timespec to_timespec(Duration duration) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
    return {static_cast<time_t>(seconds.count()), static_cast<long>((duration - seconds).count())};
}

class RunningMark {
  public:
    explicit RunningMark(bool& running) : running_(running) { running_ = true; }
    ~RunningMark() { running_ = false; }
    RunningMark(const RunningMark&) = delete;
    RunningMark& operator=(const RunningMark&) = delete;

  private:
    bool& running_;
};

}  // namespace

WatchedLoop::~WatchedLoop() {
    if (mask_before_) pthread_sigmask(SIG_SETMASK, &*mask_before_, nullptr);
}

Result<void> WatchedLoop::open_mailbox() {
    const int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (descriptor < 0) return system_error("cannot open an eventfd for the event loop", errno);
    auto watching = watch(descriptor, true, [this] { deliver_messages(); });
    if (!watching) return watching.error();
    mailbox_ = descriptor;
    return {};
}

void WatchedLoop::forget_all() {
    // Signals that came in since the last callback were meant for this loop: taken with it, so that
    // they do not strike when the mask is put back.
    if (auto found = watches_.find(signals_); found != watches_.end()) {
        signalfd_siginfo info;
        while (read(found->second->descriptor, &info, sizeof info) == sizeof info) {
        }
    }
    while (!watches_.empty()) forget(watches_.begin()->first);
    mailbox_ = -1;
}

int WatchedLoop::descriptor_of(Watch watch) const {
    const auto found = watches_.find(watch);
    return found == watches_.end() ? -1 : found->second->descriptor;
}

Result<EventLoop::Watch> WatchedLoop::watch(int descriptor, bool owned,
                                            std::function<void()> callback) {
    auto close_owned = [&] {
        if (owned) close(descriptor);
    };
    if (by_descriptor_.count(descriptor) != 0) {
        return Error{ErrorKind::runtime,
                     "descriptor " + std::to_string(descriptor) +
                         " is watched already; forget that watch before adding another.",
                     EEXIST};
    }
    // io_uring would notice only in run().
    if (fcntl(descriptor, F_GETFD) < 0) {
        return system_error("cannot wait for descriptor " + std::to_string(descriptor), errno);
    }
    const Watch id = ++last_;
    auto entry = std::make_shared<Entry>();
    entry->descriptor = descriptor;
    entry->owned = owned;
    entry->callback = std::move(callback);
    if (auto armed = arm(id, descriptor); !armed) {
        close_owned();
        return armed.error();
    }
    watches_.emplace(id, std::move(entry));
    by_descriptor_.emplace(descriptor, id);
    return id;
}

Result<EventLoop::Watch> WatchedLoop::on_readable(int descriptor, std::function<void()> callback) {
    return watch(descriptor, false, std::move(callback));
}

Result<EventLoop::Watch> WatchedLoop::on_timer(Duration delay, bool repeat,
                                               std::function<void()> callback) {
    const int descriptor = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (descriptor < 0) return system_error("cannot make a timer", errno);
    // timerfd takes zero for "disarm"; a delay of nothing means as soon as possible.
    const timespec first = to_timespec(std::max(delay, Duration(1)));
    const itimerspec setting{repeat ? first : timespec{}, first};
    if (timerfd_settime(descriptor, 0, &setting, nullptr) != 0) {
        const int code = errno;
        close(descriptor);
        return system_error("cannot set a timer", code);
    }
    const Watch id = last_ + 1;
    return watch(descriptor, true, [this, descriptor, repeat, id, call = std::move(callback)] {
        std::uint64_t expirations = 0;
        if (read(descriptor, &expirations, sizeof expirations) != sizeof expirations) return;
        // Late by several periods counts once: nobody wants the missed ones in a burst.
        if (!repeat) forget(id);
        call();
    });
}

Result<EventLoop::Watch> WatchedLoop::on_signals(const std::vector<int>& signals,
                                                 std::function<void(int signal)> callback) {
    if (mask_before_) {
        return Error{ErrorKind::runtime, "the event loop has its signals already.", EEXIST};
    }
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : signals) {
        if (sigaddset(&set, signal) != 0)
            return system_error("signal " + std::to_string(signal) + " does not exist", EINVAL);
    }
    const int descriptor = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (descriptor < 0) return system_error("cannot open a signalfd", errno);
    auto watching = watch(descriptor, true, [this, descriptor, call = std::move(callback)] {
        const Watch self = signals_;
        signalfd_siginfo info;
        while (watched(self) && !stopping_ && read(descriptor, &info, sizeof info) == sizeof info)
            call(static_cast<int>(info.ssi_signo));
    });
    if (!watching) return watching.error();
    sigset_t before;
    if (const int code = pthread_sigmask(SIG_BLOCK, &set, &before); code != 0) {
        forget(*watching);
        return system_error("cannot block signals", code);
    }
    mask_before_ = before;
    signals_ = *watching;
    return watching;
}

void WatchedLoop::forget(Watch watch) {
    const auto found = watches_.find(watch);
    if (found == watches_.end()) return;
    const auto entry = found->second;  // its callback may be the one that runs now
    watches_.erase(found);
    by_descriptor_.erase(entry->descriptor);
    disarm(watch, entry->descriptor);
    if (entry->owned) close(entry->descriptor);
}

void WatchedLoop::post(std::function<void()> callback) {
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(callback));
    if (messages_.size() == 1) {
        const std::uint64_t one = 1;
        // Fails only when the counter is full, and then the descriptor is readable all the same.
        [[maybe_unused]] const auto written = write(mailbox_, &one, sizeof one);
    }
}

void WatchedLoop::deliver_messages() {
    std::vector<std::function<void()>> batch;
    {
        const std::lock_guard lock(mutex_);
        std::uint64_t count = 0;
        [[maybe_unused]] const auto got = read(mailbox_, &count, sizeof count);
        batch.swap(messages_);
    }
    std::size_t done = 0;
    while (done < batch.size() && !stopping_) batch[done++]();
    if (done == batch.size()) return;
    // Stopped half-way: the rest waits, in its order, for the next run().
    const std::lock_guard lock(mutex_);
    messages_.insert(messages_.begin(),
                     std::make_move_iterator(batch.begin() + static_cast<std::ptrdiff_t>(done)),
                     std::make_move_iterator(batch.end()));
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(mailbox_, &one, sizeof one);
}

Result<void> WatchedLoop::run() {
    if (running_) return Error{ErrorKind::runtime, "the event loop runs already.", EBUSY};
    const RunningMark mark(running_);
    std::vector<Watch> ready;
    while (!stopping_) {
        ready.clear();
        if (auto waited = wait(ready); !waited) return waited;
        for (const Watch id : ready) {
            if (stopping_) break;
            const auto found = watches_.find(id);
            if (found == watches_.end()) continue;
            const auto entry = found->second;  // kept alive although the callback may forget itself
            entry->callback();
        }
    }
    stopping_ = false;
    return {};
}

Result<std::unique_ptr<EventLoop>> make_event_loop(LoopKind kind) {
    if (kind == LoopKind::epoll) return make_epoll_loop();
    auto loop = make_uring_loop();
    if (loop || kind == LoopKind::io_uring) return loop;
    return make_epoll_loop();
}

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// A timer that rings once, at the earliest time that it was asked for.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "engine/events/loop.h"

namespace damon_schemes {

// Belongs to the loop's thread; the loop outlives it.
class Alarm {
  public:
    Alarm(EventLoop& loop, std::function<void()> ring) : loop_(loop), ring_(std::move(ring)) {}
    ~Alarm() { cancel(); }
    Alarm(const Alarm&) = delete;
    Alarm& operator=(const Alarm&) = delete;

    // Asked for an earlier time already: stays as it is.  A time that has passed rings soon.
    Result<void> ring_at(Instant when) {
        if (due_ && *due_ <= when) return {};
        cancel();
        const Duration delay = elapsed(std::chrono::steady_clock::now(), when);
        auto watch = loop_.on_timer(delay, false, [this] {
            watch_ = 0;
            due_.reset();
            ring_();
        });
        if (!watch) return watch.error();
        watch_ = *watch;
        due_ = when;
        return {};
    }
    void cancel() {
        if (watch_ != 0) loop_.forget(watch_);
        watch_ = 0;
        due_.reset();
    }

  private:
    EventLoop& loop_;
    std::function<void()> ring_;
    EventLoop::Watch watch_ = 0;
    std::optional<Instant> due_;
};

}  // namespace damon_schemes

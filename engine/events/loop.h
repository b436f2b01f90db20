// SPDX-License-Identifier: MIT
// The one thread that waits: for snapshots, processes that exit, timers, signals and messages of
// the actor threads.  No callback may wait for a target or for swap.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "schemes/observation.h"
#include "schemes/result.h"

namespace damon_schemes {

// Not thread-safe but for post().  Callbacks run on the thread that called run().
class EventLoop {
  public:
    using Watch = std::uint64_t;  // never 0

    virtual ~EventLoop() = default;

    // Calls back each time the descriptor is readable (level-triggered: again, until it is not) or
    // has hung up.  The descriptor stays the caller's and must outlive the watch; one descriptor
    // takes one watch.
    virtual Result<Watch> on_readable(int descriptor, std::function<void()> callback) = 0;
    // Calls back once after `delay`, or, with `repeat`, each time it has passed; several that
    // passed while the loop was busy count as one.
    virtual Result<Watch> on_timer(Duration delay, bool repeat, std::function<void()> callback) = 0;
    // Blocks the signals in the calling thread (do it before other threads start) and calls back
    // for each that arrives.  Once per loop; destroying the loop puts the mask back.
    virtual Result<Watch> on_signals(const std::vector<int>& signals,
                                     std::function<void(int signal)> callback) = 0;
    // After this call the callback does not run again, also when called from within a callback, and
    // the kernel no longer holds the descriptor's file: closing it is its last release.
    virtual void forget(Watch watch) = 0;

    // Runs `callback` soon on the loop's thread, in the order of posting.  The only call that other
    // threads may make; they must have ended before the loop is destroyed.
    virtual void post(std::function<void()> callback) = 0;

    // Until stop() is called from a callback.  What is still to be delivered then waits for the
    // next run(). An exception that leaves a callback leaves run(), which may be called again.
    virtual Result<void> run() = 0;
    virtual void stop() = 0;

    virtual const char* name() const = 0;  // "io_uring" or "epoll"
};

enum class LoopKind { automatic, io_uring, epoll };

// automatic: io_uring, or epoll where the kernel or a container forbids io_uring.
Result<std::unique_ptr<EventLoop>> make_event_loop(LoopKind kind);

}  // namespace damon_schemes

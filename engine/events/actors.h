// SPDX-License-Identifier: MIT
// The threads that act, so that the loop never waits for a target or for swap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "schemes/observation.h"

namespace damon_schemes {

// A fixed number of threads (two by default) that take jobs from a bounded queue; the jobs of one
// key (a target) run one at a time and in order.  Nothing is shared: a job owns what it needs and
// hands its result back by a message (EventLoop::post).
class Actors {
  public:
    struct Job {
        std::uint64_t key = 0;  // target
        std::function<void(const std::function<bool()>& cancelled)> run;
    };

    explicit Actors(std::size_t threads = 2, std::size_t queue_limit = 64);
    // Cancels, lets running jobs end at their next chunk, drops the queued ones, joins.
    ~Actors();
    Actors(const Actors&) = delete;
    Actors& operator=(const Actors&) = delete;

    // false: the queue is full (or shutting down); the job was not taken.  Any thread.
    bool submit(Job job);
    // Jobs of this key that are queued are dropped, the running one is asked to stop.  Any thread.
    void cancel(std::uint64_t key);
    // Queued or running jobs of this key.
    std::size_t pending(std::uint64_t key) const;
    Duration cpu_time() const;  // of the actor threads together

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace damon_schemes

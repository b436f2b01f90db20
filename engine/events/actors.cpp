// SPDX-License-Identifier: MIT
#include "engine/events/actors.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <ctime>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/events/blocked_signals.h"

namespace damon_schemes {

struct Actors::State {
    using Flag = std::shared_ptr<std::atomic<bool>>;

    explicit State(std::size_t limit) : queue_limit(limit) {}

    const std::size_t queue_limit;
    mutable std::mutex mutex;  // guards all below but the flags' values and `threads`
    std::condition_variable work;
    std::deque<Job> queue;
    std::unordered_map<std::uint64_t, Flag> running;  // at most one a key
    bool shutting_down = false;
    std::vector<std::thread> threads;  // changed by the constructor and the destructor only

    std::deque<Job>::iterator next() {
        return std::find_if(queue.begin(), queue.end(),
                            [this](const Job& job) { return running.count(job.key) == 0; });
    }

    void serve() {
        std::unique_lock lock(mutex);
        for (;;) {
            work.wait(lock, [this] { return shutting_down || next() != queue.end(); });
            if (shutting_down) return;
            const auto chosen = next();
            Job job = std::move(*chosen);
            queue.erase(chosen);
            const auto stop = std::make_shared<std::atomic<bool>>(false);
            running.emplace(job.key, stop);
            lock.unlock();

            const std::function<bool()> cancelled = [&stop] { return stop->load(); };
            job.run(cancelled);
            job.run = nullptr;  // what the job owns goes before the next job of its key can start

            lock.lock();
            running.erase(job.key);
            // A job of this key may have been waiting for this one, with every other thread asleep.
            work.notify_all();
        }
    }
};

Actors::Actors(std::size_t threads, std::size_t queue_limit)
    : state_(std::make_unique<State>(queue_limit)) {
    const AllSignalsBlocked blocked;
    for (std::size_t i = 0; i < std::max<std::size_t>(threads, 1); ++i) {
        state_->threads.emplace_back([state = state_.get()] { state->serve(); });
        pthread_setname_np(state_->threads.back().native_handle(), "actor");
    }
}

Actors::~Actors() {
    std::deque<Job> dropped;
    {
        const std::lock_guard lock(state_->mutex);
        state_->shutting_down = true;
        dropped.swap(state_->queue);
        for (auto& [key, stop] : state_->running) stop->store(true);
    }
    state_->work.notify_all();
    for (auto& thread : state_->threads) thread.join();
}

bool Actors::submit(Job job) {
    {
        const std::lock_guard lock(state_->mutex);
        if (state_->shutting_down || state_->queue.size() >= state_->queue_limit) return false;
        state_->queue.push_back(std::move(job));
    }
    state_->work.notify_one();
    return true;
}

void Actors::cancel(std::uint64_t key) {
    std::vector<Job> dropped;  // destroyed outside the lock: a job's destructor may do anything
    {
        const std::lock_guard lock(state_->mutex);
        for (auto job = state_->queue.begin(); job != state_->queue.end();) {
            if (job->key == key) {
                dropped.push_back(std::move(*job));
                job = state_->queue.erase(job);
            } else {
                ++job;
            }
        }
        if (const auto found = state_->running.find(key); found != state_->running.end())
            found->second->store(true);
    }
}

std::size_t Actors::pending(std::uint64_t key) const {
    const std::lock_guard lock(state_->mutex);
    const auto queued = std::count_if(state_->queue.begin(), state_->queue.end(),
                                      [key](const Job& job) { return job.key == key; });
    return static_cast<std::size_t>(queued) + state_->running.count(key);
}

Duration Actors::cpu_time() const {
    Duration total{};
    for (auto& thread : state_->threads) {
        clockid_t clock;
        timespec time{};
        if (pthread_getcpuclockid(thread.native_handle(), &clock) != 0) continue;
        if (clock_gettime(clock, &time) != 0) continue;
        total += std::chrono::seconds(time.tv_sec) + Duration(time.tv_nsec);
    }
    return total;
}

}  // namespace damon_schemes

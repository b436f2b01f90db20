// SPDX-License-Identifier: MIT
// The client that keeps reading the hot keys, and how it fares.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "benchmarks/demo/dataset.h"
#include "benchmarks/demo/latency_histogram.h"
#include "benchmarks/demo/redis_server.h"
#include "schemes/result.h"

namespace damon_schemes::demo {

// What the client saw in a stretch of time.
struct Window {
    Duration length{};
    LatencyHistogram latencies;

    double requests_per_second() const;
    Duration p99() const { return latencies.percentile(0.99); }
};

// One thread with a few connections, each with one GET under way at any time: as many requests as
// the server and the thread can handle, none held back.  Keys are drawn evenly from the hot ones.
// A latency is from the sending of a request to its whole answer, checked to be the right one.
// start(), measure() and the end belong to one thread.
class Load {
  public:
    // `dataset` outlives the load.
    static Result<std::unique_ptr<Load>> start(const RedisServer& server, const Dataset& dataset,
                                               unsigned connections);
    ~Load();  // stops reading
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;

    // Waits so long, and tells what happened meanwhile.  An error: the client has failed.
    Result<Window> measure(Duration length);
    // Whether it still reads; why not, otherwise.
    Result<void> state();

  private:
    Load(const Dataset& dataset, std::vector<RedisConnection> connections)
        : dataset_(dataset), connections_(std::move(connections)) {}
    void run();
    Result<void> read_on();

    const Dataset& dataset_;
    std::vector<RedisConnection> connections_;
    std::atomic<bool> stop_ = false;
    std::mutex mutex_;  // for the two below
    LatencyHistogram latencies_;
    std::optional<Error> error_;
    std::thread thread_;
};

}  // namespace damon_schemes::demo

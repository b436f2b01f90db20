// SPDX-License-Identifier: MIT
#include "benchmarks/demo/load.h"

#include <random>

namespace damon_schemes::demo {

using Clock = std::chrono::steady_clock;

double Window::requests_per_second() const {
    if (length <= Duration::zero()) return 0;
    return static_cast<double>(latencies.count()) / std::chrono::duration<double>(length).count();
}

Result<std::unique_ptr<Load>> Load::start(const RedisServer& server, const Dataset& dataset,
                                          unsigned connections) {
    std::vector<RedisConnection> open;
    for (unsigned i = 0; i < connections; ++i) {
        auto connection = server.connect();
        if (!connection) return connection.error();
        open.push_back(std::move(*connection));
    }
    std::unique_ptr<Load> load(new Load(dataset, std::move(open)));
    load->thread_ = std::thread([running = load.get()] { running->run(); });
    return load;
}

Load::~Load() {
    stop_ = true;
    thread_.join();
}

void Load::run() {
    if (auto read = read_on(); !read) {
        const std::lock_guard lock(mutex_);
        error_ = read.error();
    }
}

Result<void> Load::read_on() {
    struct Pending {
        std::uint32_t index = 0;
        Clock::time_point sent;
    };
    std::mt19937 random(1);
    std::uniform_int_distribution<std::uint32_t> any_hot(0, dataset_.hot_keys() - 1);
    std::vector<Pending> pending(connections_.size());
    const auto send = [&](std::size_t i) -> Result<void> {
        pending[i].index = dataset_.hot_index(any_hot(random));
        connections_[i].queue({"GET", Dataset::key(pending[i].index)});
        pending[i].sent = Clock::now();
        return connections_[i].flush();
    };
    for (std::size_t i = 0; i < pending.size(); ++i) {
        if (auto sent = send(i); !sent) return sent;
    }
    while (!stop_) {
        for (std::size_t i = 0; i < pending.size(); ++i) {
            auto reply = connections_[i].receive();
            if (!reply) return reply.error();
            const Duration latency = Clock::now() - pending[i].sent;
            if (!dataset_.begins_right(pending[i].index, reply->text)) {
                return Error{ErrorKind::runtime, "the value read for " +
                                                     Dataset::key(pending[i].index) +
                                                     " is not the one that was stored"};
            }
            {
                const std::lock_guard lock(mutex_);
                latencies_.add(latency);
            }
            if (auto sent = send(i); !sent) return sent;
        }
    }
    return {};
}

Result<Window> Load::measure(Duration length) {
    const auto begin = Clock::now();
    {
        const std::lock_guard lock(mutex_);
        latencies_ = {};
    }
    std::this_thread::sleep_until(begin + length);
    Window window;
    const std::lock_guard lock(mutex_);
    if (error_) return *error_;
    window.latencies = latencies_;
    window.length = Clock::now() - begin;
    return window;
}

Result<void> Load::state() {
    const std::lock_guard lock(mutex_);
    if (error_) return *error_;
    return {};
}

}  // namespace damon_schemes::demo

// SPDX-License-Identifier: MIT
// A redis-server of our own: nothing saved, reached through a socket in a folder of its own.
#pragma once

#include <functional>
#include <string>

#include "benchmarks/demo/dataset.h"
#include "benchmarks/demo/redis_connection.h"
#include "engine/targets/process.h"
#include "schemes/result.h"

namespace damon_schemes::demo {

class RedisServer {
  public:
    // Starts `program` (searched in PATH) and waits until it answers.  Errors: usage where there is
    // no such program, runtime where it ends at once or never answers.
    static Result<RedisServer> start(const std::string& program);
    // Ends it, and removes its folder.
    ~RedisServer();
    RedisServer(RedisServer&& other) noexcept;
    RedisServer& operator=(RedisServer&&) = delete;

    std::int32_t pid() const { return child_->process().pid; }
    bool alive() const { return child_->process().alive(); }
    Result<RedisConnection> connect() const;

    // Inserts all keys in order.  `progress` is told the number of keys now and then.
    Result<void> fill(const Dataset& dataset, const std::function<void(std::uint32_t)>& progress);

  private:
    RedisServer() = default;

    std::optional<ChildCommand> child_;
    std::string folder_;
};

}  // namespace damon_schemes::demo

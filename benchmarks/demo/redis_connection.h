// SPDX-License-Identifier: MIT
// A connection to a Redis server on this machine.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/demo/resp.h"
#include "engine/targets/process.h"
#include "schemes/result.h"

namespace damon_schemes::demo {

// Commands may be sent ahead of their answers (pipelining); answers come in the order of the
// commands.  Calls wait, at most `patience` for each answer.  Belongs to one thread.
class RedisConnection {
  public:
    // Errors (runtime): nobody listens at that socket.
    static Result<RedisConnection> open(const std::string& socket_path, Duration patience);

    // Adds a command to what flush() sends.
    void queue(const std::vector<std::string_view>& words) { append_command(unsent_, words); }
    Result<void> flush();
    // The next answer.  An answer that says error is an Error here too.
    Result<Reply> receive();
    // queue, flush and receive in one.
    Result<Reply> ask(const std::vector<std::string_view>& words);

  private:
    explicit RedisConnection(Descriptor socket) : socket_(std::move(socket)) {}

    Descriptor socket_;
    std::string unsent_;
    ReplyReader reader_;
};

}  // namespace damon_schemes::demo

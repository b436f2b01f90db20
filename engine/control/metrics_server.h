// SPDX-License-Identifier: MIT
// Metrics over HTTP, for whoever scrapes.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "engine/reports/exposition.h"
#include "schemes/observation.h"
#include "schemes/result.h"

namespace damon_schemes {

// Where a server listens.
struct ListenAddress {
    sockaddr_storage address{};
    socklen_t size = 0;
};
// "127.0.0.1:9797", "[::1]:9797", "localhost:9797" or "9797" (of this machine alone),
// "0.0.0.0:9797" (of every network); port 0 takes any that is free.  Errors (usage).
Result<ListenAddress> parse_listen_address(const std::string& text);

// Answers GET / and GET /metrics and nothing else, on a thread of its own, so that neither a slow
// nor an evil asker holds up the loop.  Each connection gets one answer and is closed; one that has
// not asked, or has not taken the answer, after `patience` is closed, too, however busy it is.
// A request has at most some of most_bytes; of most_connections that are open the next ones wait.
class MetricsServer {
  public:
    static constexpr unsigned most_connections = 16;
    static constexpr std::size_t most_bytes = 8192;
    static constexpr Duration usual_patience = std::chrono::seconds(5);

    // What is to be told, called on the server's thread; it waits for as long as it must, but not
    // when `stopping` says so.  null: it could not be had (503).
    using Ask =
        std::function<std::shared_ptr<const Metrics>(const std::function<bool()>& stopping)>;

    // Errors (usage): the address is none, or is taken; (runtime) it cannot be listened at.
    static Result<std::unique_ptr<MetricsServer>> open(const std::string& address, Ask ask,
                                                       Duration patience = usual_patience);
    ~MetricsServer();
    MetricsServer(const MetricsServer&) = delete;
    MetricsServer& operator=(const MetricsServer&) = delete;

    // As in a URL, with the port that it got: "127.0.0.1:9797".
    const std::string& address() const;

  private:
    struct State;
    explicit MetricsServer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace damon_schemes

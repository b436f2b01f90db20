// SPDX-License-Identifier: MIT
#include "benchmarks/demo/redis_server.h"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace damon_schemes::demo {
namespace {

using namespace std::chrono_literals;

// Under emulation, on a busy machine, a start takes a few seconds.
constexpr Duration start_patience = 30s;
constexpr Duration answer_patience = 30s;
// Commands sent ahead: enough that the server never waits for us, few enough for its buffers.
constexpr std::uint32_t batch = 64;

std::string last_words(const std::string& log) {
    std::ifstream file(log);
    std::string line;
    std::string last;
    while (std::getline(file, line)) {
        if (!line.empty()) last = line;
    }
    return last.empty() ? "it said nothing" : "its last words: " + last;
}

}  // namespace

RedisServer::RedisServer(RedisServer&& other) noexcept
    : child_(std::move(other.child_)), folder_(std::move(other.folder_)) {
    other.child_.reset();
    other.folder_.clear();
}

RedisServer::~RedisServer() {
    if (child_) {
        child_->send(SIGTERM);
        const auto patient_until = std::chrono::steady_clock::now() + 5s;
        while (!child_->poll_exit() && std::chrono::steady_clock::now() < patient_until)
            std::this_thread::sleep_for(10ms);
        if (!child_->poll_exit()) child_->send(SIGKILL);
    }
    if (!folder_.empty()) {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
}

Result<RedisServer> RedisServer::start(const std::string& program) {
    RedisServer server;
    std::string folder =
        (std::filesystem::temp_directory_path() / "damon-schemes-demo-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) {
        return Error{ErrorKind::runtime,
                     "no folder " + folder + " can be made: " + std::strerror(errno), errno};
    }
    server.folder_ = folder;
    const std::string log = folder + "/log";
    auto child = ChildCommand::start({program, "--port", "0", "--unixsocket", folder + "/socket",
                                      "--dir", folder, "--logfile", log, "--loglevel", "warning",
                                      "--save", "", "--appendonly", "no", "--daemonize", "no"});
    if (!child) return child.error();
    server.child_ = std::move(*child);
    if (auto released = server.child_->release(); !released) {
        const auto& error = released.error();
        return Error{error.kind,
                     error.message +
                         " The demo needs redis-server (Debian: apt-get install "
                         "redis-server; in the lab: --package redis-server).",
                     error.code};
    }
    const auto patient_until = std::chrono::steady_clock::now() + start_patience;
    for (;;) {
        if (!server.alive()) {
            return Error{ErrorKind::runtime, "redis-server ended at once; " + last_words(log)};
        }
        if (auto connection = server.connect(); connection) {
            if (auto pong = connection->ask({"PING"}); pong) return server;
        }
        if (std::chrono::steady_clock::now() > patient_until) {
            return Error{ErrorKind::runtime, "redis-server does not answer; " + last_words(log)};
        }
        std::this_thread::sleep_for(20ms);
    }
}

Result<RedisConnection> RedisServer::connect() const {
    return RedisConnection::open(folder_ + "/socket", answer_patience);
}

Result<void> RedisServer::fill(const Dataset& dataset,
                               const std::function<void(std::uint32_t)>& progress) {
    auto connection = connect();
    if (!connection) return connection.error();
    const std::uint32_t keys = dataset.shape().keys;
    for (std::uint32_t first = 0; first < keys; first += batch) {
        const std::uint32_t end = std::min(keys, first + batch);
        for (std::uint32_t index = first; index < end; ++index)
            connection->queue({"SET", Dataset::key(index), dataset.value(index)});
        if (auto sent = connection->flush(); !sent) return sent.error();
        for (std::uint32_t index = first; index < end; ++index) {
            if (auto reply = connection->receive(); !reply) return reply.error();
        }
        progress(end);
    }
    return {};
}

}  // namespace damon_schemes::demo

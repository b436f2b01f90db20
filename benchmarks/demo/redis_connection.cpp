// SPDX-License-Identifier: MIT
#include "benchmarks/demo/redis_connection.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace damon_schemes::demo {
namespace {

Error failed(const std::string& what) {
    const int code = errno;
    return Error{ErrorKind::runtime, what + ": " + std::strerror(code), code};
}

}  // namespace

Result<RedisConnection> RedisConnection::open(const std::string& socket_path, Duration patience) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path.size() >= sizeof address.sun_path) {
        return Error{ErrorKind::usage, "the socket's path '" + socket_path +
                                           "' is longer than the kernel takes. Set TMPDIR to a "
                                           "folder with a shorter path."};
    }
    std::memcpy(address.sun_path, socket_path.c_str(), socket_path.size() + 1);
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) return failed("no socket could be made");
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(patience).count();
    const timeval limit{micros / 1'000'000, micros % 1'000'000};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return failed("redis-server does not answer at " + socket_path);
    return RedisConnection(std::move(socket));
}

Result<void> RedisConnection::flush() {
    std::string_view rest = unsent_;
    while (!rest.empty()) {
        const ssize_t sent = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return failed("redis-server does not take a command");
        rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    unsent_.clear();
    return {};
}

Result<Reply> RedisConnection::receive() {
    for (;;) {
        auto reply = reader_.next();
        if (!reply) return reply.error();
        if (reply->has_value()) {
            if ((*reply)->kind == Reply::Kind::error) {
                return Error{ErrorKind::runtime,
                             "redis-server answers with an error: " + (*reply)->text};
            }
            return std::move(**reply);
        }
        std::array<char, 16 * 1024> bytes;
        const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed("redis-server does not answer");
        if (got == 0) return Error{ErrorKind::runtime, "redis-server closed the connection"};
        reader_.feed(std::string_view(bytes.data(), static_cast<std::size_t>(got)));
    }
}

Result<Reply> RedisConnection::ask(const std::vector<std::string_view>& words) {
    queue(words);
    if (auto sent = flush(); !sent) return sent.error();
    return receive();
}

}  // namespace damon_schemes::demo

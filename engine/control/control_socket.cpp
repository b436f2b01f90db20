// SPDX-License-Identifier: MIT
#include "engine/control/control_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

namespace damon_schemes {
namespace {

constexpr mode_t for_owner_and_group = 0660;

Error failed(const std::string& what, int code) {
    return {ErrorKind::runtime, what + ": " + std::strerror(code), code};
}

Result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return Error{ErrorKind::usage,
                     "'" + path + "' cannot be a socket's name: it takes from 1 to " +
                         std::to_string(sizeof address.sun_path - 1) + " bytes",
                     0};
    std::copy(path.begin(), path.end(), address.sun_path);
    return address;
}

const sockaddr* plain(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

void be_patient(int socket, int option, Duration patience = ControlSocket::patience) {
    const timeval time{std::chrono::duration_cast<std::chrono::seconds>(patience).count(), 0};
    (void)::setsockopt(socket, SOL_SOCKET, option, &time, sizeof time);
}

// As a whole.  Its errors are the other side's affair.
void write_all(int socket, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

}  // namespace

ControlSocket::ControlSocket(EventLoop& loop, std::string path, Descriptor listening, Answer answer,
                             Duration longest)
    : loop_(loop),
      path_(std::move(path)),
      listening_(std::move(listening)),
      answer_(std::move(answer)),
      longest_(longest),
      self_(std::make_shared<ControlSocket*>(this)),
      writing_(1, most_connections) {}

ControlSocket::~ControlSocket() {
    *self_ = nullptr;
    while (!connections_.empty()) close(connections_.begin()->first);
    if (watch_) loop_.forget(watch_);
    (void)::unlink(path_.c_str());
}

Result<std::unique_ptr<ControlSocket>> ControlSocket::open(EventLoop& loop, const std::string& path,
                                                           Answer answer, Duration longest) {
    const auto address = address_of(path);
    if (!address) return address.error();
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
    Descriptor listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!listening) return failed("a socket cannot be made", errno);
    // What nobody listens behind was left by one that was killed.
    if (::connect(listening.get(), plain(*address), sizeof *address) == 0 || errno == EAGAIN)
        return Error{ErrorKind::usage,
                     "another daemon answers at " + path +
                         ": end it first, or give this one a --socket of its own",
                     0};
    if (errno == ECONNREFUSED) (void)::unlink(path.c_str());
    const mode_t mask = ::umask(static_cast<mode_t>(~for_owner_and_group & 0777));
    const int bound = ::bind(listening.get(), plain(*address), sizeof *address);
    const int why = errno;
    ::umask(mask);
    if (bound != 0) return failed(path + " cannot be made", why);
    if (::listen(listening.get(), static_cast<int>(most_connections)) != 0)
        return failed(path + " cannot be listened at", errno);
    std::unique_ptr<ControlSocket> made(
        new ControlSocket(loop, path, std::move(listening), std::move(answer), longest));
    if (auto listens = made->listen(); !listens) return listens.error();
    return made;
}

Result<void> ControlSocket::listen() {
    auto watch = loop_.on_readable(listening_.get(), [this] { accept(); });
    if (!watch) return watch.error();
    watch_ = *watch;
    return {};
}

void ControlSocket::accept() {
    Descriptor socket(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    // Who comes when so many are there is turned away.
    if (!socket || connections_.size() >= most_connections) return;
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return;
    const std::uint64_t which = next_++;
    Connection& connection = connections_[which];
    connection.socket = std::make_shared<Descriptor>(std::move(socket));
    connection.peer = {credentials.pid, credentials.uid};
    auto readable = loop_.on_readable(connection.socket->get(), [this, which] { receive(which); });
    auto late = loop_.on_timer(patience, false, [this, which] {
        connections_.at(which).late = 0;
        close(which);
    });
    if (readable) connection.readable = *readable;
    if (late) connection.late = *late;
    if (!readable || !late) close(which);
}

void ControlSocket::receive(std::uint64_t which) {
    Connection& connection = connections_.at(which);
    std::array<char, most_bytes> part;
    const ssize_t got = ::recv(connection.socket->get(), part.data(), part.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return close(which);
    connection.read.append(part.data(), static_cast<std::size_t>(got));
    const std::size_t end = connection.read.find('\n');
    if (end == std::string::npos && connection.read.size() < most_bytes) return;
    if (end == std::string::npos || end >= most_bytes)
        return reply(which,
                     R"({"version":1,"ok":false,"error":"the request is longer than 4096 bytes"})");
    ask(which, connection.read.substr(0, end));
}

// From here on nothing more is read of it.
void ControlSocket::ask(std::uint64_t which, const std::string& request) {
    Connection& connection = connections_.at(which);
    loop_.forget(std::exchange(connection.readable, 0));
    loop_.forget(std::exchange(connection.late, 0));
    auto late = loop_.on_timer(longest_, false, [this, which] {
        connections_.at(which).late = 0;
        reply(which, R"({"version":1,"ok":false,"error":"there was no answer in time"})");
    });
    if (!late) return close(which);
    connection.late = *late;
    const Peer peer = connection.peer;
    answer_(request, peer, [self = self_, which](std::string answer) {
        if (*self != nullptr) (*self)->reply(which, std::move(answer));
    });
}

void ControlSocket::reply(std::uint64_t which, std::string answer) {
    const auto connection = connections_.find(which);
    if (connection == connections_.end()) return;
    answer += '\n';
    (void)writing_.submit(
        {which, [socket = connection->second.socket, answer = std::move(answer)](const auto&) {
             // From here on only this thread has it.
             const int flags = ::fcntl(socket->get(), F_GETFL);
             (void)::fcntl(socket->get(), F_SETFL, flags & ~O_NONBLOCK);
             be_patient(socket->get(), SO_SNDTIMEO);
             write_all(socket->get(), answer);
             (void)::shutdown(socket->get(), SHUT_RDWR);
         }});
    close(which);
}

void ControlSocket::close(std::uint64_t which) {
    const auto found = connections_.find(which);
    if (found == connections_.end()) return;
    for (const EventLoop::Watch watch : {found->second.readable, found->second.late})
        if (watch) loop_.forget(watch);
    connections_.erase(found);
}

Result<std::string> ask_daemon(const std::string& path, const std::string& request,
                               Duration patience) {
    const auto address = address_of(path);
    if (!address) return address.error();
    const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) return failed("a socket cannot be made", errno);
    be_patient(socket.get(), SO_SNDTIMEO);
    be_patient(socket.get(), SO_RCVTIMEO, patience);
    if (::connect(socket.get(), plain(*address), sizeof *address) != 0) {
        const int code = errno;
        if (code == EACCES)
            return Error{ErrorKind::unsupported,
                         "you may not ask the daemon at " + path +
                             ": be root, or of the group of that socket",
                         code};
        return Error{ErrorKind::unsupported,
                     "no daemon answers at " + path + " (" + std::strerror(code) +
                         "): start one with 'damon-schemes daemon', or name its socket with "
                         "--socket",
                     code};
    }
    write_all(socket.get(), request + "\n");
    std::string answer;
    std::vector<char> part(65536);
    while (answer.find('\n') == std::string::npos) {
        const ssize_t got = ::recv(socket.get(), part.data(), part.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0)
            return Error{ErrorKind::runtime,
                         "the daemon at " + path + " did not answer" +
                             (got < 0 ? std::string(": ") + std::strerror(errno) : ""),
                         got < 0 ? errno : 0};
        answer.append(part.data(), static_cast<std::size_t>(got));
    }
    answer.resize(answer.find('\n'));
    return answer;
}

}  // namespace damon_schemes

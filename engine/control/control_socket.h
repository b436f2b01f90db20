// SPDX-License-Identifier: MIT
// Where a daemon is asked and told things: a Unix socket, a line each way.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/events/actors.h"
#include "engine/events/loop.h"
#include "engine/targets/process.h"
#include "schemes/result.h"

namespace damon_schemes {

inline constexpr const char* default_control_socket = "/run/damon-schemes/control.sock";

// Who asks (SO_PEERCRED).
struct Peer {
    pid_t pid = 0;
    uid_t uid = 0;
};

// Only root and the socket's group may connect (mode 0660).  A request is a line of at most
// most_bytes; the answer is a line, too, and ends the connection.  Who asks for nothing, or does
// not take the answer, is left after `patience`; what has no answer after longest_answer is
// refused. Belongs to the loop's thread; answers are written on a thread of their own, as whoever
// asked may be slow to read.
class ControlSocket {
  public:
    static constexpr std::size_t most_bytes = 4096;
    static constexpr std::size_t most_connections = 16;
    static constexpr Duration patience = std::chrono::seconds(5);
    static constexpr Duration longest_answer = std::chrono::seconds(60);

    // Takes the answer to one request, once, at once or later, on the loop's thread; of those that
    // follow, and of one that comes too late, nothing comes.  It may outlive the socket.
    using Reply = std::function<void(std::string answer)>;
    using Answer =
        std::function<void(const std::string& request, const Peer& peer, const Reply& reply)>;

    // Errors (usage): another daemon answers there, or (runtime) it cannot be made.  `answer` is
    // called on the loop's thread.  The folder is made if it is not there.
    static Result<std::unique_ptr<ControlSocket>> open(EventLoop& loop, const std::string& path,
                                                       Answer answer,
                                                       Duration longest = longest_answer);
    ~ControlSocket();  // takes the socket away
    ControlSocket(const ControlSocket&) = delete;
    ControlSocket& operator=(const ControlSocket&) = delete;

  private:
    struct Connection {
        std::shared_ptr<Descriptor> socket;
        Peer peer;
        std::string read;
        EventLoop::Watch readable = 0;
        EventLoop::Watch late = 0;
    };

    ControlSocket(EventLoop& loop, std::string path, Descriptor listening, Answer answer,
                  Duration longest);
    Result<void> listen();
    void accept();
    void receive(std::uint64_t which);
    void ask(std::uint64_t which, const std::string& request);
    void reply(std::uint64_t which, std::string answer);
    void close(std::uint64_t which);

    EventLoop& loop_;
    std::string path_;
    Descriptor listening_;
    Answer answer_;
    Duration longest_;
    EventLoop::Watch watch_ = 0;
    std::map<std::uint64_t, Connection> connections_;
    std::uint64_t next_ = 0;
    std::shared_ptr<ControlSocket*> self_;  // replies that come after its end find it gone
    Actors writing_;
};

// Asks the daemon behind `path`, and waits for its answer, no longer than `patience`.  Errors:
// (unsupported) none answers there, or one may not ask; (runtime) it did not answer in time.
Result<std::string> ask_daemon(const std::string& path, const std::string& request,
                               Duration patience = ControlSocket::patience);

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// What a daemon is asked and told over its socket, and what it answers.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "engine/control/control_socket.h"
#include "engine/control/daemon.h"
#include "schemes/result.h"

namespace damon_schemes {

class RequestFields;

// A request is a line of JSON, {"version": 1, "command": …} and the fields of that command:
//
//   status    how it stands (daemon_status.h)
//   explain   pid, address (text, hexadecimal), format ("json", "text"), width: {"ok", "decision"}
//             or {"ok", "text"} (decision.h)
//   reload    the policies are read again
//   pause     policy or pid, or neither: everything; for_ns, without which it has no end
//   resume    policy or pid, or neither
//   release   policy or pid, or neither; for_ns, force: {"ok", "done", "targets", "bytes"}
//   set-goal  policy, scheme, value, or clear; file, where there are several
//
// Anything else is refused, and so is a field that the command has not.  What changes something is
// told to the log, with who asked for it.  Belongs to the loop's thread.
class ControlRequests {
  public:
    // All outlive it.
    ControlRequests(Daemon& daemon, std::function<Result<void>()> reload,
                    std::function<void(Daemon::Level, const std::string&)> say);

    void answer(const std::string& request, const Peer& peer, const ControlSocket::Reply& reply);

  private:
    std::string change(const std::string& command, const RequestFields& fields, const Peer& peer);
    void explain(const RequestFields& fields, const ControlSocket::Reply& reply);

    Daemon& daemon_;
    std::function<Result<void>()> reload_;
    std::function<void(Daemon::Level, const std::string&)> say_;
};

// "0x7f…", "7f…", as /proc/PID/maps shows it; nullopt: it is none.
std::optional<std::uint64_t> parse_address(std::string_view text);

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// Remote calls by damon-schemes-remote, a process of its own that finishes what it has begun even
// if this one is killed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "engine/remote/helper_protocol.h"
#include "engine/remote/remote_caller.h"
#include "engine/remote/remote_target.h"
#include "engine/targets/process.h"
#include "schemes/observation.h"
#include "schemes/result.h"

namespace damon_schemes {

// One helper for all targets, one stop at a time.  Between two stops of one target another one's
// may come.  A helper that was lost is not started again: who killed it, or what it died of, is not
// known, and each time a target may be harmed.
//
// call() waits at most 10 s for one stop (a target may hang in it, on a dead disk).  After that the
// helper counts as lost; it gives the target back by itself as soon as it can, and ends.
class HelperRemoteCaller final : public RemoteCaller {
  public:
    // The engine's end of a socket to a helper that was greeted, and the helper, a child.
    HelperRemoteCaller(Descriptor channel, Descriptor pidfd, pid_t pid);
    ~HelperRemoteCaller() override;  // ends the helper, which gives back whatever it holds
    RemoteOutcome call(const RemoteRequest& request, const RemoteCancelled& cancelled) override;
    pid_t helper_pid() const { return pid_; }

  private:
    struct Course;

    bool wait_for_turn(const Course& course, const RemoteCancelled& cancelled);
    std::optional<helper_protocol::Reply> ask(const helper_protocol::Request& request,
                                              const RemoteTarget& target);

    std::mutex mutex_;    // of all that follows
    Descriptor channel_;  // none: the helper is lost
    // When each target may be stopped again; forgotten when that time has passed.
    std::unordered_map<std::int32_t, std::chrono::steady_clock::time_point> next_stop_;
    Descriptor pidfd_;
    const pid_t pid_;
};

struct RemoteCallerOptions {
    // The helper program; empty: damon-schemes-remote beside this program, or else in
    // ../libexec/damon-schemes/ from there.
    std::string helper;
};

// Starts the helper.  Errors (unsupported): there is none, it does not start, or it is of another
// version.
Result<std::unique_ptr<RemoteCaller>> start_remote_caller(const RemoteCallerOptions& options = {});

}  // namespace damon_schemes

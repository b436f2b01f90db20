// SPDX-License-Identifier: MIT
// One policy of a daemon at work; for the daemon's own files.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/control/daemon.h"
#include "engine/events/alarm.h"
#include "engine/session/session.h"
#include "engine/session/sight_check.h"

namespace damon_schemes {

struct Daemon::Service {
    NamedPolicy named;
    std::unique_ptr<Session> session;
    std::unique_ptr<SightCheck> sight_check;
    std::unique_ptr<Alarm> retry;
    std::string observing = "it is being proved that accesses are seen";

    // Who waits for the next decision to be explained.
    struct Asking {
        std::int32_t pid = 0;
        TargetId target;
        Explained callback;
        EventLoop::Watch late = 0;
    };
    std::vector<Asking> asking;
    Instant since = std::chrono::steady_clock::now();
};

}  // namespace damon_schemes

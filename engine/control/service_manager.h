// SPDX-License-Identifier: MIT
// Tells the service manager that started the daemon (systemd) how it stands, as sd_notify(3) says.
#pragma once

#include <functional>
#include <string>

#include "engine/events/loop.h"
#include "engine/reports/daemon_status.h"
#include "schemes/result.h"

namespace damon_schemes {

// Where no service manager listens (NOTIFY_SOCKET is not set) it does nothing at all.  Belongs to
// the loop's thread; the loop outlives it.
class ServiceManager {
  public:
    static constexpr Duration status_interval = std::chrono::seconds(10);

    // `describe` gives one line for people; it is asked every ten seconds.
    ServiceManager(EventLoop& loop, std::function<std::string()> describe);
    ~ServiceManager();
    ServiceManager(const ServiceManager&) = delete;
    ServiceManager& operator=(const ServiceManager&) = delete;

    // It is at work.  From now on the manager hears of it at least twice in the time after which it
    // takes it for stuck (WATCHDOG_USEC): by a timer of the loop, so that a loop that is stuck says
    // nothing.  Errors (runtime): there is no timer.
    Result<void> ready();
    // Between the two it is told that a reload is under way.  That one failed is part of what is
    // said of the daemon until one succeeds.
    void reloading();
    void reloaded(const Result<void>& how);
    void stopping(const std::string& why);

  private:
    void tell(const std::string& state) const;
    std::string status() const;

    EventLoop& loop_;
    std::function<std::string()> describe_;
    bool listens_ = false;
    Duration watchdog_{};  // 0: nobody waits for a sign of life
    EventLoop::Watch timer_ = 0;
    std::string not_reloaded_;
    std::string ending_;
};

// Such as "2 policies at work on 37 targets; 1.2 GiB paged out".
std::string one_line(const DaemonStatus& status);

}  // namespace damon_schemes

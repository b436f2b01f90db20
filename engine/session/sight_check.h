// SPDX-License-Identifier: MIT
// Proves, before anything is acted on, that the monitor sees: memory that is known to be used all
// the time must be reported so.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/events/loop.h"
#include "engine/monitors/monitor.h"
#include "engine/targets/canary.h"
#include "engine/targets/sight.h"

namespace damon_schemes {

using MonitorFactory = std::function<Result<std::unique_ptr<Monitor>>()>;

// A canary under a monitor of its own with the same attributes, so that the targets' regions are
// not disturbed.  Belongs to the loop's thread.
class SightCheck {
  public:
    struct Outcome {
        bool sees = false;
        Sight sight;                           // over the snapshots that decided
        TlbPolicy tlb = TlbPolicy::automatic;  // the policy under which it was seen
        std::string reason;                    // where it does not see: why nothing may be acted on
    };

    SightCheck(EventLoop& loop, MonitorFactory factory, MonitorAttributes attributes);
    ~SightCheck();
    SightCheck(const SightCheck&) = delete;
    SightCheck& operator=(const SightCheck&) = delete;

    // `done` is called once, from the loop.  With the TLB policy automatic, a full flush is tried
    // where the monitor's own choice does not see.
    Result<void> start(std::function<void(const Outcome&)> done);

  private:
    Result<void> begin(TlbPolicy tlb);
    void take_snapshots();
    // False: concluded, or begun anew; this snapshot's monitor is gone, and perhaps this object.
    bool judge(const Snapshot& snapshot);
    // Whether the canary ran while it was made.
    bool counts(const Snapshot& snapshot);
    void conclude(bool sees, const std::string& reason);
    void end();

    EventLoop& loop_;
    MonitorFactory factory_;
    MonitorAttributes attributes_;
    std::function<void(const Outcome&)> done_;
    TlbPolicy tlb_ = TlbPolicy::automatic;
    std::optional<Canary> canary_;
    std::unique_ptr<Monitor> monitor_;
    EventLoop::Watch watch_ = 0;
    TargetId target_;
    std::deque<Sight> recent_;  // the newest snapshots that had samples of the canary
    std::size_t snapshots_ = 0;
    std::size_t set_aside_ = 0;
    Duration stood_still_{};  // the canary, up to the last snapshot
};

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// Where snapshots come from.  Implementations: our kernel module (module_monitor.h), the kernel's
// own DAMON (mainline_monitor.h); further ones feed the same values from elsewhere.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "engine/monitors/page_scanner.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"
#include "schemes/result.h"

namespace damon_schemes {

// A monitor's own cost.
struct MonitorCost {
    std::int32_t thread = 0;  // pid of the monitoring thread, 0: none runs
    Duration thread_time{};   // CPU time of the monitoring thread so far
    std::uint64_t passes = 0;
    std::uint64_t late_passes = 0;
    std::uint64_t lost_snapshots = 0;
    std::uint64_t flush_ipis = 0;
    Duration irq_off_max{};
    Duration lock_max{};
    Bytes memory;
    std::uint32_t regions = 0;
    std::uint64_t children = 0;            // of targets, that became targets
    std::uint64_t children_unwatched = 0;  // that could not: no room, or not permitted
    TlbPolicy tlb = TlbPolicy::automatic;  // the one in force
};

// Belongs to one thread.  Destroying it ends the monitoring and frees all that it held.
class Monitor {
  public:
    virtual ~Monitor() = default;

    virtual Result<void> set_attributes(const MonitorAttributes& attributes) = 0;
    // The caller holds a pidfd of the process and checks after this call that it is still alive: a
    // pid that is not reaped cannot be reused.
    virtual Result<TargetId> add_target(std::int32_t pid) = 0;
    virtual Result<void> remove_target(TargetId id) = 0;
    virtual Result<void> start() = 0;
    virtual Result<void> stop() = 0;

    // Becomes readable when a snapshot waits.  Owned by the monitor.
    virtual int descriptor() const = 0;
    // nullopt: none waits.  Never blocks.
    virtual Result<std::optional<Snapshot>> take_snapshot() = 0;
    virtual Result<MonitorCost> cost() const = 0;

    // Looks at single pages of the monitor's targets; nullptr: this monitor cannot.
    virtual std::shared_ptr<PageScanner> page_scanner() { return nullptr; }
    // No second one of its kind can be started while this one is.
    virtual bool alone() const { return false; }
    // Flushes translations as MonitorAttributes::tlb says; one that does not takes only automatic.
    virtual bool flushes() const { return true; }
};

}  // namespace damon_schemes

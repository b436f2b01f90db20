// SPDX-License-Identifier: MIT
// Snapshots from the kernel's own DAMON (mm/damon), set up by its files in sysfs and read from its
// trace event, on kernels that have it; no module of ours is needed.
#pragma once

#include <memory>
#include <string>

#include "engine/monitors/kdamond.h"
#include "engine/monitors/kernel_files.h"
#include "engine/monitors/monitor.h"

namespace damon_schemes {

// Nothing is set up before start(), and all of it is gone when the monitor is destroyed; what a
// killed engine left behind, at the next start().  Only one kdamond can be set up by sysfs without
// deleting another's, so there is one such monitor at a time (Monitor::alone()).
//
// Its targets are fixed while it runs: mainline's commit gives each place in its list of targets,
// with the regions that are there, to whichever process stands in that place then.  Adding one
// while it runs is refused; one that is removed is left out of the snapshots, and the kdamond goes
// on looking at it until it is stopped.  stop() ends the kdamond, so regions and ages start anew at
// the next start().  Its `absent` is always 0.
//
// start(), stop() and the destructor wait for the kdamond's pass, and so for the mmap locks of the
// targets; set_attributes() while it runs, for the end of the aggregation interval.
//
// Errors (unsupported): this kernel has no DAMON for virtual addresses or no trace events, this
// user may not use them, somebody else uses DAMON (who is named), or the policy asks for what
// mainline cannot do.
Result<std::unique_ptr<Monitor>> open_mainline_monitor(
    const MainlinePaths& paths = {},
    std::shared_ptr<KernelFiles> files = std::make_shared<KernelFiles>());

// Whether it could be used here; for `doctor`.  Only looks.
struct MainlineState {
    bool usable = false;
    std::string found;  // in plain words, with what to do about it where it cannot be used
};
MainlineState probe_mainline(const MainlinePaths& paths = {});

}  // namespace damon_schemes

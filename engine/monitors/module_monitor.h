// SPDX-License-Identifier: MIT
// Snapshots from our kernel module, through /dev/damon_schemes (kmod/uapi/damon_schemes.h).  One
// monitor is one session of the module: it ends, and the module frees everything, when the
// descriptor closes.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "engine/monitors/monitor.h"

namespace damon_schemes {

// Errors (unsupported): the module is not loaded, the device may not be opened, the module speaks
// another version of the interface.  Each says what to do.
Result<std::unique_ptr<Monitor>> open_module_monitor();

// A snapshot as read(2) returns it → the plain value.  nullopt where the bytes contradict
// themselves.
std::optional<Snapshot> parse_module_snapshot(std::span<const std::byte> bytes);

// Whether the module can be used here; for `doctor`.
struct ModuleState {
    bool usable = false;
    bool untested_kernel = false;  // it was loaded by force on a kernel it was not tested on
    std::string found;             // in plain words
    std::string advice;            // what to do about it; empty if usable
};
ModuleState probe_module();

}  // namespace damon_schemes

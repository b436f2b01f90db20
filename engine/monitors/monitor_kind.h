// SPDX-License-Identifier: MIT
// Which monitor a command takes: our module's, or the kernel's own DAMON.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/monitors/monitor.h"
#include "schemes/result.h"

namespace damon_schemes {

enum class MonitorKind {
    automatic,  // the module where it is loaded, else mainline
    module,
    mainline,
};
std::string_view name_of(MonitorKind kind);  // "auto", "module", "mainline"
// Errors (usage): there is none of that name.
Result<MonitorKind> monitor_kind(const std::string& name);

struct ChosenMonitor {
    MonitorKind kind = MonitorKind::module;  // never automatic
    std::unique_ptr<Monitor> monitor;
};
// Errors: as open_module_monitor() and open_mainline_monitor() have them; with `automatic`, why
// neither can be used.
Result<ChosenMonitor> open_monitor(MonitorKind kind);
// Another one of a kind that was chosen.
Result<std::unique_ptr<Monitor>> open_another(MonitorKind kind);

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include "engine/monitors/monitor_kind.h"

#include <cerrno>
#include <utility>

#include "engine/monitors/mainline_monitor.h"
#include "engine/monitors/module_monitor.h"

namespace damon_schemes {
namespace {

Result<ChosenMonitor> opened(MonitorKind kind, Result<std::unique_ptr<Monitor>> monitor) {
    if (!monitor) return monitor.error();
    return ChosenMonitor{kind, std::move(*monitor)};
}

// A module that is there and cannot be used is a reason to mend that, not to do without it.
bool not_loaded(const Error& error) {
    return error.code == ENOENT || error.code == ENODEV || error.code == ENXIO;
}

}  // namespace

std::string_view name_of(MonitorKind kind) {
    switch (kind) {
        case MonitorKind::automatic:
            return "auto";
        case MonitorKind::module:
            return "module";
        case MonitorKind::mainline:
            return "mainline";
    }
    return "?";
}

Result<MonitorKind> monitor_kind(const std::string& name) {
    for (const MonitorKind kind :
         {MonitorKind::automatic, MonitorKind::module, MonitorKind::mainline}) {
        if (name == name_of(kind)) return kind;
    }
    return Error{ErrorKind::usage, "--monitor is one of auto, module, mainline", 0};
}

Result<ChosenMonitor> open_monitor(MonitorKind kind) {
    if (kind == MonitorKind::mainline) return opened(kind, open_mainline_monitor());
    auto module = open_module_monitor();
    if (kind == MonitorKind::module || module || !not_loaded(module.error()))
        return opened(MonitorKind::module, std::move(module));
    auto mainline = open_mainline_monitor();
    if (mainline) return opened(MonitorKind::mainline, std::move(mainline));
    return Error{mainline.error().kind,
                 module.error().message +
                     ".\nNor can the kernel's own DAMON take its place (--monitor mainline): " +
                     mainline.error().message,
                 module.error().code};
}

Result<std::unique_ptr<Monitor>> open_another(MonitorKind kind) {
    auto opened = open_monitor(kind);
    if (!opened) return opened.error();
    return std::move(opened->monitor);
}

}  // namespace damon_schemes

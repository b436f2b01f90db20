// SPDX-License-Identifier: MIT
// What this machine allows, item by item: the facts behind `damon-schemes doctor`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/machine/memory.h"
#include "engine/monitors/mainline_monitor.h"
#include "engine/monitors/module_monitor.h"

namespace damon_schemes {

enum class ProbeState {
    yes,
    partly,  // works with a restriction that `found` names
    no,
};
std::string_view name_of(ProbeState state);  // stable, for --json

struct Probe {
    std::string name;   // stable, for --json: "module", "swap", …
    std::string title;  // for people: "kernel module"
    ProbeState state = ProbeState::no;
    std::string found;   // in plain words
    std::string advice;  // what to do about it; empty: nothing has to be done
    // Whether `apply` with a pageout scheme needs it; the others cost a feature or a figure.
    bool needed = false;
};

// Capabilities that are in effect, by their bits (linux/capability.h).
struct Capabilities {
    std::uint64_t effective = 0;
    bool has(int number) const { return (effective >> number & 1) != 0; }
};
// From the text of /proc/self/status; nullopt: it has no CapEff.
std::optional<Capabilities> parse_capabilities(std::string_view status);

// Each is one item; all look only, and none changes this machine.  Any thread.
Probe probe_kernel(std::string_view release);  // as uname(2) gives it: "6.1.0-56-amd64"
Probe probe_module_state(const ModuleState& module, std::string_view release,
                         const MachinePaths& paths = {},
                         const std::string& modules = "/lib/modules");
// Who uses it, and whether it can take the module's place.
Probe probe_mainline_damon(const MainlineState& mainline, const MachinePaths& paths = {});
Probe probe_swap(const MachinePaths& paths = {});
// Advises one page of a child of its own as cold: forks, and ends and reaps the child.
Probe probe_process_madvise();
std::vector<Probe> probe_capabilities(const MachinePaths& paths = {});
Probe probe_ptrace(const MachinePaths& paths = {});
Probe probe_pagemap(const MachinePaths& paths = {});
Probe probe_huge_pages(const MachinePaths& paths = {});
// What process_madvise(2) takes of collapse, hugepage and nohugepage: tries them on a child.
Probe probe_huge_page_actions();
Probe probe_io_uring(const MachinePaths& paths = {});
Probe probe_cgroup2(const MachinePaths& paths = {});
Probe probe_pressure(const MachinePaths& paths = {});

// All of the above, in the order in which a person would ask.  The module is not needed where
// mainline DAMON can take its place.
std::vector<Probe> probe_machine(const ModuleState& module, const MainlineState& mainline,
                                 const MachinePaths& paths = {});

}  // namespace damon_schemes

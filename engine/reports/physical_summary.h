// SPDX-License-Identifier: MIT
// What a policy did on physical memory, at its end.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "engine/machine/memory.h"
#include "engine/session/physical_session.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

struct PhysicalSummary {
    struct OfScheme {
        std::string name;
        Action action = Action::stat;
        PhysicalTotals totals;
    };
    Duration elapsed{};
    std::string ended;  // why
    bool dry_run = false;
    std::vector<OfScheme> schemes;
    std::optional<MachineMemory> before;
    std::optional<MachineMemory> after;
    Duration thread_time{};  // the kdamond's
};

// At most `width` columns wide (not less than 60); each line ended by a newline.
std::string physical_summary_table(const PhysicalSummary& summary, std::size_t width = 80);

// One JSON object.  Keys are stable; bytes and nanoseconds are integers, shares fractions of 1:
//   elapsed_ns, ended, dry_run, memory ("physical"),
//   schemes[]: name, action, tried_regions, tried_bytes, applied_regions, applied_bytes,
//              quota_exceeded
//   system (null where unknown): used_before_bytes, used_after_bytes, swap_used_before_bytes,
//              swap_used_after_bytes, zram_before_bytes, zram_after_bytes
//   monitor: kind ("mainline"), thread_ns, cpu_share
std::string physical_summary_json(const PhysicalSummary& summary);

}  // namespace damon_schemes

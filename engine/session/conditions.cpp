// SPDX-License-Identifier: MIT
#include "engine/session/conditions.h"

#include <utility>

#include "engine/targets/process.h"

namespace damon_schemes {

namespace {
constexpr Duration refresh_after = std::chrono::milliseconds(500);
}

ConditionsReader::ConditionsReader(MachinePaths paths) : paths_(std::move(paths)) {}

const Conditions& ConditionsReader::at(Instant now, const std::vector<Watched>& targets) {
    if (read_at_ && now - *read_at_ < refresh_after) return conditions_;
    read_at_ = now;
    conditions_.free_swap.reset();
    const auto machine = memory_of_machine(paths_);
    if (machine && machine->swap_total.count > 0)
        conditions_.free_swap = machine->free_swap_share();
    conditions_.faults.clear();
    for (const auto& target : targets) {
        const auto memory = memory_of(target.pid, paths_.proc);
        if (memory) conditions_.faults.push_back({target.id, memory->major_faults});
    }
    return conditions_;
}

}  // namespace damon_schemes

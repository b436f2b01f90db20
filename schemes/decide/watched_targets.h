// SPDX-License-Identifier: MIT
// What a decider keeps for each target.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "schemes/decide/acted_ranges.h"
#include "schemes/decide/conditions.h"
#include "schemes/decide/fault_brake.h"
#include "schemes/decide/harm_guard.h"
#include "schemes/decide/held_locks.h"
#include "schemes/decide/memory_floor.h"
#include "schemes/decide/returned_memory.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

struct TargetState {
    TargetId id;
    std::uint64_t generation = 0;
    std::uint64_t last_seen = 0;  // number of the snapshot
    FaultBrake brake;
    bool paused = false;             // in this decide() call
    std::vector<ActedRanges> acted;  // parallel to the policy's schemes
    std::vector<HarmGuard> guards;   // likewise
    std::vector<HeldLocks> held;     // likewise; of those that lock
    DepartedBytes departed;
    ReturnedMemory returned;
    // For one decide() call: what is known of it; null: nothing.
    const Conditions::Target* conditions = nullptr;
};

class WatchedTargets {
  public:
    explicit WatchedTargets(std::size_t schemes) : schemes_(schemes), guard_pauses_(schemes) {}

    // Adopts the snapshot's targets: forgets those that are gone and what was known of replaced
    // address spaces, lets holds expire, and looks at the faults.  True: there are others now, or
    // one runs another program.
    bool follow(const Snapshot& snapshot, const Conditions& conditions, const Limits& limits);
    // The conditions of follow() are not needed any more.
    void forget_conditions();

    // Of a target of the last snapshot that has not exited, by its index there.
    TargetState& at(std::size_t index) { return states_[of_snapshot_[index]]; }
    TargetState* find(TargetId id);  // null: not watched
    const std::vector<TargetState>& states() const { return states_; }
    // How many pauses the guard has begun for a scheme, of whatever target.
    std::uint64_t guard_pauses(std::uint32_t scheme) const { return guard_pauses_[scheme]; }

  private:
    bool adopt(const Snapshot& snapshot);
    void look_at_harm(Instant now, const Conditions& conditions, const Limits::Guard& limits);

    std::size_t schemes_;
    std::vector<std::uint64_t> guard_pauses_;
    std::vector<TargetState> states_;       // sorted by id
    std::vector<std::size_t> of_snapshot_;  // index into states_ for each target of the snapshot
    std::uint64_t snapshots_ = 0;
};

}  // namespace damon_schemes

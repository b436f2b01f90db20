// SPDX-License-Identifier: MIT
// Snapshot + policy + what happened so far → plan.  Pure: the same inputs give the same plan, live,
// in a dry run and on a recording.  Time is what snapshots say.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "schemes/decide/plan.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// What the machine looks like when a snapshot is decided on; the engine measures it.
struct Conditions {
    bool sees = false;               // the session has proved that it sees (the canary)
    std::optional<Share> free_swap;  // nullopt: not known, or there is no swap
    struct TargetFaults {
        TargetId target;
        std::uint64_t major_faults = 0;  // so far, ever growing
    };
    std::vector<TargetFaults> faults;
};

// What became of a planned range, told back so that quotas, ages and the next plan know.  Due for
// every planned range, also for one that was dropped; a part of a planned range may be reported
// too.  Until then the range is not planned again, for 60 s at most.
struct ActionReport {
    std::uint32_t scheme = 0;
    TargetId target;
    AddressRange range;  // as planned
    Bytes advised;       // what the call said it did; 0 if it was refused or dropped
    Duration spent{};    // time in the acting calls; 0 with 0 advised: nothing was tried
    Instant time{};      // when it was done
};

// Not thread-safe: belongs to the thread that takes the snapshots.
class Decider {
  public:
    explicit Decider(Policy policy);
    ~Decider();
    Decider(Decider&&) noexcept;
    Decider& operator=(Decider&&) noexcept;

    // The plan refers to the snapshot's targets by index.  A quota counts a range from the moment
    // it is planned; report() corrects it by what was really advised and spent.
    Plan decide(const Snapshot& snapshot, const Conditions& conditions);

    void report(const ActionReport& report);

    // Until when a target is left alone by the brake; nullopt: it is not.
    struct BrakedTarget {
        TargetId target;
        Instant until;
    };
    std::vector<BrakedTarget> braked() const;

    const Policy& policy() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace damon_schemes

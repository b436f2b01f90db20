// SPDX-License-Identifier: MIT
// Leaves a target alone for a while when its major faults rise suddenly: what was paged out was
// needed.
#pragma once

#include <cstdint>
#include <optional>

#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// The brake of one target.  A rate is taken over at least a second; the earlier rate that it is
// held against is a mean that forgets with a time constant of 30 s.  There is none, and so no
// brake, before 3 s were seen: a program that starts faults its own files in.
class FaultBrake {
  public:
    // faults: the target's so far.
    void observe(Instant now, std::uint64_t faults, const Limits::Brake& limits);
    bool active(Instant now) const { return until_ && now < *until_; }
    std::optional<Instant> until() const { return until_; }
    // Another program runs in the target now.  A brake that is on stays on.
    void forget_rate();

  private:
    struct Reading {
        Instant time{};
        std::uint64_t faults = 0;
    };
    std::optional<Reading> last_;
    Duration seen_{};
    double faults_ = 0;   // decayed
    double seconds_ = 0;  // decayed likewise, so that faults_ / seconds_ is the mean rate
    std::optional<Instant> until_;
};

}  // namespace damon_schemes

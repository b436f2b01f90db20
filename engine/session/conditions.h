// SPDX-License-Identifier: MIT
// What the machine looks like when a snapshot is decided on.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/machine/memory.h"
#include "schemes/decide/decider.h"

namespace damon_schemes {

// Reads procfs at most twice a second: a snapshot may come far more often, and the brake and the
// guard of swap look at changes over a second and more.  Belongs to the loop's thread.
class ConditionsReader {
  public:
    struct Watched {
        TargetId id;
        std::int32_t pid = 0;
    };

    explicit ConditionsReader(MachinePaths paths = {});

    // `now` is the snapshot's time.  `sees` is left false.
    const Conditions& at(Instant now, const std::vector<Watched>& targets);

  private:
    MachinePaths paths_;
    Conditions conditions_;
    std::optional<Instant> read_at_;
};

}  // namespace damon_schemes

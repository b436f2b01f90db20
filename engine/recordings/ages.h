// SPDX-License-Identifier: MIT
// Ages for formats that have none.
#pragma once

#include <vector>

#include "schemes/observation.h"

namespace damon_schemes {

// The rule of kmod/core/adjust.h, as far as successive snapshots show it: a region continues the
// one of the snapshot before with which it shares the most bytes (the first of those that share as
// many).  Where the count moved by more than a tenth of `looks`, or became or ceased to be zero,
// its age is 0, else that one's and one more.  A region without such a one, or of a target that the
// snapshot before did not have, is of age 0.
class Ages {
  public:
    // Sets the ages of the next snapshot's regions.
    void count(Snapshot& snapshot, std::uint32_t looks);

  private:
    const TargetSnapshot* before(TargetId id) const;

    std::vector<TargetSnapshot> before_;  // sorted by id
};

}  // namespace damon_schemes

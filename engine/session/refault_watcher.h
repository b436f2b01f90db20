// SPDX-License-Identifier: MIT
// Looks after what was paged out, through pagemap.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "engine/actions/pagemap.h"
#include "engine/session/conditions.h"
#include "engine/session/refault_cohorts.h"

namespace damon_schemes {

// RefaultCohorts on real processes.  Reading pagemap takes the target's mmap lock, so this belongs
// to a thread that may wait for targets.
class RefaultWatcher {
  public:
    explicit RefaultWatcher(RefaultWatch settings, MachinePaths paths = {});

    // What an action made leave; `time` is when it was done.  Refaults that this alone shows.
    std::vector<RefaultReport> watch(std::uint32_t scheme, const SurveyedTarget& target,
                                     std::uint64_t generation, std::vector<AddressRange> left,
                                     Instant time);
    // Every look that is due and that the rate allows.
    std::vector<RefaultReport> look(Instant now);
    void hasten(TargetId target, Instant now) { cohorts_.hasten(target, now); }
    std::optional<Instant> next_due() const { return cohorts_.next_due(); }
    void forget(TargetId target);
    void forget_older(TargetId target, std::uint64_t generation);

  private:
    // An open pagemap stays that of the address space it was opened on: after an exec it says
    // nothing of any page, and no page of the new program can be taken for one of the old.
    struct Opened {
        std::uint64_t generation = 0;
        Pagemap pagemap;
    };
    MachinePaths paths_;
    RefaultCohorts cohorts_;
    std::map<TargetId, Opened> opened_;
};

}  // namespace damon_schemes

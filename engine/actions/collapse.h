// SPDX-License-Identifier: MIT
// Makes huge pages of a target's memory: process_madvise(MADV_COLLAPSE).
#pragma once

#include "engine/actions/executor.h"
#include "engine/actions/growth_budget.h"
#include "engine/machine/memory.h"

namespace damon_schemes {

// A whole 2 MiB within a mapping is meant where at least half of it is in the request's ranges;
// bytes are counted as far as they are in these.  What is one huge page already, what the mapping
// forbids, and what has less in memory than the scheme asks for is left out; the rest is collapsed
// one huge page a call, until the scheme's growth is used up.  Whether it became one is looked at
// afterwards: asked = confirmed + the sum of the gaps.  What was added to the target's memory is
// measured by pagemap around each call.
//
// The kernel needs no huge pages to be enabled for this (/sys/kernel/mm/transparent_hugepage), but
// never does it where the program asked for none.  It copies 2 MiB with the target's mmap lock held
// for writing at the end, for about the time that the copy takes.
//
// In a dry run nothing is collapsed; what would be counts against growth as if it were.
//
// Any number of threads at once, one target each.
class Collapse final : public Executor {
  public:
    explicit Collapse(bool dry_run = false, MachinePaths paths = {})
        : dry_run_(dry_run), paths_(std::move(paths)) {}
    std::vector<ActionOutcome> execute(const ActionRequest& request,
                                       const Cancelled& cancelled) override;
    const GrowthBudget& growth() const { return growth_; }

  private:
    bool dry_run_;
    MachinePaths paths_;
    GrowthBudget growth_;
};

}  // namespace damon_schemes

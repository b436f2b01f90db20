// SPDX-License-Identifier: MIT
// Acts on another process by process_madvise(2): pageout, cold, willneed.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "engine/actions/executor.h"
#include "engine/machine/memory.h"
#include "engine/targets/process.h"
#include "schemes/observation.h"
#include "schemes/result.h"

namespace damon_schemes {

// Whether this process may advise that one, found out by a call that asks for nothing.  Error
// (unsupported): which capability is missing, or that the kernel has no process_madvise(2).
Result<void> may_advise(const Process& process);

// How it acts.  Each plan first reads /proc/PID/maps and leaves out what is not mapped, what the
// kernel itself provides, and, unless told otherwise, what would tear a huge page.  The rest goes
// out in calls of at most 1,024 ranges and 4 MiB (less where 4 MiB take longer than 20 ms); between
// calls it asks whether to stop.  A call stops at the first range that fails: that one is counted
// with its cause, and the next call goes on behind it.  Of a pageout, pagemap is read before and
// after each call, all of it (8 bytes a page, about a hundredth of the pageout's own time): asked =
// paged_out + the sum of the gaps, to the byte.
//
// "Left memory" is what left the target's page tables for swap or the file.  On swap devices slower
// than memory the frame itself is free some milliseconds later, once it is written.
//
// What the scheme's filters reject is left out: by the fresh mappings where these tell, else page
// by page, each time right before the call.  Where the request is for idle pages only, each call
// takes exactly the pages that a look right before it finds idle; an access between that look and
// the end of the call is not seen (Verified).
//
// Limits.  A target that execs between the snapshot and the act has its new program's memory
// advised at the old addresses; that costs time, not data.  Of a range in
// which the target unmaps memory during the call, what the first try paged out counts as absent.  A
// page that the target uses between the look and the call is paged out none the less by kernels
// that ignore references in MADV_PAGEOUT.
//
// Any number of threads at once, one target each.
class ProcessMadvise final : public Executor {
  public:
    explicit ProcessMadvise(MachinePaths paths = {});
    std::vector<ActionOutcome> execute(const ActionRequest& request,
                                       const Cancelled& cancelled) override;

  private:
    MachinePaths paths_;
    // Per action, the bytes of the next call; carried over, since targets are alike enough.
    std::array<std::atomic<std::uint64_t>, action_count> chunk_limits_;
};

}  // namespace damon_schemes

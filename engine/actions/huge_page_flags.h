// SPDX-License-Identifier: MIT
// Tells the kernel where a target may have huge pages: MADV_HUGEPAGE and MADV_NOHUGEPAGE.
#pragma once

#include "engine/actions/advice_call.h"
#include "engine/actions/executor.h"
#include "engine/actions/remote_advice.h"
#include "engine/machine/memory.h"

namespace damon_schemes {

// Sets the flags through process_madvise(2) where this kernel takes that, else by remote system
// calls, or not at all where these are not allowed.  Mappings that have the flag are left out, and
// whether it was set is looked at afterwards, each time by smaps: that takes milliseconds a GiB,
// and counts as time spent.  Neither flag makes or breaks a huge page that is there.
//
// A flag on a part of a mapping cuts the mapping, and a huge page that lies across the border:
// borders are moved away from those unless the policy lets huge pages be split.
//
// Any number of threads at once, one target each.
class HugePageFlags final : public Executor {
  public:
    HugePageFlags(const AdviceSupport& support, const RemoteAccess& remote, bool dry_run = false,
                  MachinePaths paths = {})
        : support_(support), remote_(remote), dry_run_(dry_run), paths_(std::move(paths)) {}
    std::vector<ActionOutcome> execute(const ActionRequest& request,
                                       const Cancelled& cancelled) override;

  private:
    AdviceSupport support_;
    RemoteAccess remote_;
    bool dry_run_;
    MachinePaths paths_;
};

}  // namespace damon_schemes

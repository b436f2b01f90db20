// SPDX-License-Identifier: MIT
// Keeps memory of a target from being paged out, and lets it go again: mlock(2), mlock2(2) and
// munlock(2), which the target calls itself.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/actions/executor.h"
#include "engine/actions/lock_ledger.h"
#include "engine/actions/lock_undoing.h"
#include "engine/actions/mapped_request.h"
#include "engine/actions/remote_advice.h"
#include "engine/machine/memory.h"

namespace damon_schemes {

// What the program locked itself is never touched: it is told by smaps, and smaps is read where
// VmLck says that more or less is locked than the engine knows of.  Of the rest as much is locked
// as the scheme's budgets and the target's RLIMIT_MEMLOCK allow, lowest addresses first; what a
// scheme plans is chosen before.  What is going to be locked is written down first (LockLedger).
// Whether it was is looked at afterwards: asked = confirmed + the sum of the gaps.
//
// A lock on a part of a mapping cuts the mapping, and a huge page that lies across the border:
// borders are moved away from those unless the policy lets huge pages be split.
//
// In a dry run nothing is locked, and it counts as if it were.
//
// Any number of threads at once, one target each.
class MemoryLock final : public Executor {
  public:
    MemoryLock(std::shared_ptr<LockLedger> ledger, const RemoteAccess& remote, bool dry_run = false,
               MachinePaths paths = {})
        : ledger_(std::move(ledger)),
          remote_(remote),
          dry_run_(dry_run),
          paths_(std::move(paths)) {}

    std::vector<ActionOutcome> execute(const ActionRequest& request,
                                       const Cancelled& cancelled) override;

    // What others than this engine hold, for lock.host: as it was found at the start.
    void know_of_others(Bytes held) { held_by_others_ = held; }

  private:
    struct Target;
    void lock(const ActionRequest& request, MappedRequest& mapped, const Cancelled& cancelled);
    void unlock(const ActionRequest& request, MappedRequest& mapped, const Cancelled& cancelled);
    std::optional<Target> know(MappedRequest& mapped);
    bool grant(const ActionRequest& request, const Scheme& scheme, Target& target,
               MappedRequest& mapped);
    void keep_below_memlock(const ActionRequest& request, const Scheme& scheme, Target& target,
                            MappedRequest& mapped);

    std::shared_ptr<LockLedger> ledger_;
    RemoteAccess remote_;
    bool dry_run_;
    MachinePaths paths_;
    Bytes held_by_others_;
    std::mutex granting_;  // what is left of lock.host is looked at and taken in one
};

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// Takes back what the engine, or one before it, locked.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/actions/lock_journal.h"
#include "engine/machine/memory.h"
#include "engine/remote/remote_caller.h"
#include "schemes/observation.h"

namespace damon_schemes {

struct UndoneLock {
    Bytes unlocked;
    Bytes gone;                      // unmapped since, or the process, or its program, is not there
    std::vector<AddressRange> left;  // could not be unlocked
    std::string why;                 // in a sentence's part; empty: nothing is left
    bool limit_left = false;         // the raised limit could not be put back
    bool whole() const { return left.empty() && !limit_left; }
};

// Unlocks the ranges of a process that is still the one that was meant, and puts its limit back
// where nobody else changed it since.  Waits until it is done.  `caller` null: nothing can be
// unlocked.  Any thread.
UndoneLock undo_lock(const LockRecord& record, RemoteCaller* caller, const RemoteLimits& limits,
                     const MachinePaths& paths = {});

// Undoes what engines left that are not there any more, as they were told to leave it (on_exit), or
// `all` of it.  What could not be undone stays in the journal.  One sentence a target.
struct RestoredLocks {
    std::vector<std::string> done;
    std::vector<std::string> not_done;
    std::size_t kept = 0;  // targets that were to be left locked
};
RestoredLocks restore_locks(LockJournal& journal, RemoteCaller* caller, const RemoteLimits& limits,
                            bool all, const MachinePaths& paths = {});

// "redis-server (4242)".
std::string who(const LockRecord& record);

}  // namespace damon_schemes

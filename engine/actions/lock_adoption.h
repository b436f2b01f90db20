// SPDX-License-Identifier: MIT
// What engines before this one left locked, when a new one starts: it goes on with what is its own,
// and undoes the rest as it was to be undone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/actions/lock_journal.h"
#include "engine/actions/lock_ledger.h"
#include "engine/actions/remote_advice.h"
#include "engine/machine/memory.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// Ranges of a target that one of the policy's schemes takes over.
struct AdoptedLock {
    std::int32_t pid = 0;
    std::uint32_t scheme = 0;  // index into the policy's
    std::vector<AddressRange> ranges;
};

struct LockAdoption {
    std::vector<AdoptedLock> adopted;
    std::vector<std::string> notes;  // sentences for people: what was done, and what was not
};

// A target of `pids` (those that the session has) is adopted by the mlock scheme of the name that
// locked it, else by the policy's first mlock scheme; where there is but a munlock scheme, into the
// ledger for that.  Of others what was to be restored is, if remote calls are allowed, and else it
// stays in the journal.  Holds the journal's lock while it does so.
LockAdoption adopt_locks(const Policy& policy, const std::vector<std::int32_t>& pids,
                         LockJournal& journal, LockLedger& ledger, const RemoteAccess& remote,
                         const MachinePaths& paths = {});

}  // namespace damon_schemes

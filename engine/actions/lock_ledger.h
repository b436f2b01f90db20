// SPDX-License-Identifier: MIT
// What of which target the engine holds locked.  Every change is in the journal before the call
// that it is about, where there is a journal.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/actions/lock_journal.h"
#include "engine/targets/process_identity.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"
#include "schemes/range_set.h"

namespace damon_schemes {

// Any thread.
class LockLedger {
  public:
    // Without a journal nothing is written: a dry run holds nothing.
    explicit LockLedger(std::unique_ptr<LockJournal> journal = {}) : journal_(std::move(journal)) {}

    // Of this process and this program of it; of another program with the same pid nothing is held
    // any more, and it is forgotten.
    RangeSet held(const ProcessIdentity& process);
    Bytes held_in_all() const;

    struct Locker {
        std::string name;    // the target's
        std::string scheme;  // that locks it
        OnExit on_exit = OnExit::restore;
    };
    // These are going to be locked: they are written down as if they were.  Error: they could not
    // be, and must not be locked.
    Result<void> intend(const ProcessIdentity& process, const Locker& locker,
                        const RangeSet& ranges);
    // Of what was intended this was locked.
    void settle(const ProcessIdentity& process, const RangeSet& intended, const RangeSet& locked);
    // These are locked no more.
    void release(const ProcessIdentity& process, const RangeSet& ranges);
    // The limit is going to be raised; as above.
    Result<void> intend_raise(const ProcessIdentity& process, const Locker& locker,
                              const RaisedMemlock& raised);

    // From an engine before us.
    Result<void> adopt(const LockRecord& record, const Locker& locker);
    // Everything of this target is undone, its limit included.
    void forget(const ProcessIdentity& process);
    std::vector<LockRecord> records() const;

  private:
    LockRecord* find(const ProcessIdentity& process);
    LockRecord& of(const ProcessIdentity& process, const Locker& locker);
    Result<void> write();

    mutable std::mutex mutex_;
    std::unique_ptr<LockJournal> journal_;
    std::vector<LockRecord> records_;
};

}  // namespace damon_schemes

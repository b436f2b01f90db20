// SPDX-License-Identifier: MIT
#include "engine/actions/lock_ledger.h"

#include <algorithm>

namespace damon_schemes {

LockRecord* LockLedger::find(const ProcessIdentity& process) {
    const auto found =
        std::find_if(records_.begin(), records_.end(),
                     [&](const LockRecord& record) { return record.process.pid == process.pid; });
    if (found == records_.end()) return nullptr;
    if (found->process == process) return &*found;
    // Its locks went with its address space; its limits with the process, but not with an exec.
    if (found->process.start_ticks == process.start_ticks && found->raised) {
        found->process = process;
        found->ranges.clear();
        return &*found;
    }
    records_.erase(found);
    return nullptr;
}

LockRecord& LockLedger::of(const ProcessIdentity& process, const Locker& locker) {
    LockRecord* record = find(process);
    if (record == nullptr) {
        records_.emplace_back();
        record = &records_.back();
        record->process = process;
    }
    record->name = locker.name;
    record->scheme = locker.scheme;
    record->on_exit = locker.on_exit;
    return *record;
}

Result<void> LockLedger::write() {
    return journal_ ? journal_->write(records_) : Result<void>{};
}

RangeSet LockLedger::held(const ProcessIdentity& process) {
    const std::lock_guard lock(mutex_);
    const LockRecord* record = find(process);
    return record == nullptr ? RangeSet{} : RangeSet(record->ranges);
}

Bytes LockLedger::held_in_all() const {
    const std::lock_guard lock(mutex_);
    Bytes held;
    for (const LockRecord& record : records_)
        for (const AddressRange range : record.ranges) held += range.size();
    return held;
}

Result<void> LockLedger::intend(const ProcessIdentity& process, const Locker& locker,
                                const RangeSet& ranges) {
    const std::lock_guard lock(mutex_);
    const std::vector<LockRecord> before = records_;
    LockRecord& record = of(process, locker);
    RangeSet all(record.ranges);
    all.add(ranges);
    record.ranges = all.ranges();
    auto written = write();
    if (!written) records_ = before;
    return written;
}

// A journal that cannot be written now says more than is held, which does no harm: who undoes it
// finds less to undo.
void LockLedger::settle(const ProcessIdentity& process, const RangeSet& intended,
                        const RangeSet& locked) {
    release(process, intended.without(locked));
}

void LockLedger::release(const ProcessIdentity& process, const RangeSet& ranges) {
    if (ranges.empty()) return;
    const std::lock_guard lock(mutex_);
    LockRecord* record = find(process);
    if (record == nullptr) return;
    RangeSet left(record->ranges);
    left.remove(ranges);
    record->ranges = left.ranges();
    // A raised limit is put back at the end, so that is remembered.
    if (left.empty() && !record->raised) std::erase(records_, *record);
    (void)write();
}

Result<void> LockLedger::intend_raise(const ProcessIdentity& process, const Locker& locker,
                                      const RaisedMemlock& raised) {
    const std::lock_guard lock(mutex_);
    const std::vector<LockRecord> before = records_;
    LockRecord& record = of(process, locker);
    // Where it was raised already, what it was at first is what it goes back to.
    record.raised = record.raised ? RaisedMemlock{record.raised->before, raised.after} : raised;
    auto written = write();
    if (!written) records_ = before;
    return written;
}

Result<void> LockLedger::adopt(const LockRecord& record, const Locker& locker) {
    if (record.raised) {
        if (auto raised = intend_raise(record.process, locker, *record.raised); !raised)
            return raised;
    }
    return intend(record.process, locker, RangeSet(record.ranges));
}

void LockLedger::forget(const ProcessIdentity& process) {
    const std::lock_guard lock(mutex_);
    std::erase_if(records_,
                  [&](const LockRecord& record) { return record.process.pid == process.pid; });
    (void)write();
}

std::vector<LockRecord> LockLedger::records() const {
    const std::lock_guard lock(mutex_);
    return records_;
}

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include "engine/actions/memory_lock.h"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>

#include "engine/actions/mapping_flags.h"
#include "engine/actions/memlock_limit.h"

namespace damon_schemes {

namespace {

using Part = MappedRequest::Part;

RangeSet ranges_of(const std::vector<Part>& parts) {
    RangeSet set;
    for (const Part& part : parts) set.add(part.range);
    return set;
}

LockLedger::Locker locker_for(const ActionRequest& request) {
    LockLedger::Locker locker;
    locker.name = request.target_name;
    if (request.scheme) {
        locker.scheme = request.scheme->name;
        locker.on_exit = request.scheme->on_exit;
    }
    return locker;
}

Bytes left_of(Bytes most, Bytes taken) {
    return taken < most ? most - taken : Bytes{};
}

}  // namespace

struct MemoryLock::Target {
    ProcessIdentity process;
    RangeSet held;     // by us
    RangeSet foreign;  // locked, and not by us
    RangeSet device;   // takes no lock; known where smaps was read
    Bytes locked;      // VmLck
};

// What is locked of it, and by whom.  nullopt: it cannot be told, and everything is counted.
std::optional<MemoryLock::Target> MemoryLock::know(MappedRequest& mapped) {
    const auto identity = identity_of(mapped.folder());
    const auto locked = locked_by(mapped.folder());
    if (!identity || !locked) {
        mapped.give_up(Gap::unmapped, identity ? 0 : ESRCH);
        return std::nullopt;
    }
    Target target;
    target.process = *identity;
    target.locked = *locked;
    target.held = ledger_->held(*identity);
    // The usual case, which spares the target a walk of its page tables.  A dry run holds nothing
    // that the kernel knows of.
    if (target.locked == (dry_run_ ? Bytes{} : target.held.size())) return target;
    const auto flags = read_mapping_flags(mapped.folder());
    if (!flags) {
        mapped.give_up(Gap::unknown, errno);
        return std::nullopt;
    }
    const RangeSet all = ranges_with(*flags, &MappingFlags::locked);
    target.device = ranges_with(*flags, &MappingFlags::device);
    target.foreign = all.without(target.held);
    if (!dry_run_) {
        // What it unlocked itself, or unmapped, is no longer ours.
        ledger_->release(*identity, target.held.without(all));
        target.held = target.held.within(all);
    }
    return target;
}

// Cuts the parts down to what the target may have locked.
void MemoryLock::keep_below_memlock(const ActionRequest& request, const Scheme& scheme,
                                    Target& target, MappedRequest& mapped) {
    if (locks_without_limit(mapped.folder())) return;
    auto limit = memlock_limit_of(request.pid);
    if (!limit) {
        mapped.give_up(Gap::memlock_limit, limit.error().code);
        return;
    }
    const Bytes locked = dry_run_ ? target.locked + target.held.size() : target.locked;
    const Bytes needed = locked + mapped.ranges().size();
    const MemlockLimit raised = raised_for(*limit, needed, scheme.raise_memlock);
    if (raised != *limit) {
        const bool done = dry_run_ || (ledger_->intend_raise(target.process, locker_for(request),
                                                             {*limit, raised}) &&
                                       set_memlock_limit(request.pid, raised));
        if (done) *limit = raised;
    }
    if (limit->soft != RLIM_INFINITY)
        mapped.keep_at_most(left_of({limit->soft}, locked), Gap::memlock_limit);
}

// Cuts the parts down to what may be locked, and writes that down.  False: nothing is left.
bool MemoryLock::grant(const ActionRequest& request, const Scheme& scheme, Target& target,
                       MappedRequest& mapped) {
    const std::lock_guard lock(granting_);
    if (scheme.lock.target)
        mapped.keep_at_most(left_of(*scheme.lock.target, target.held.size()), Gap::lock_target);
    if (scheme.lock.host && !mapped.parts().empty()) {
        const auto machine = memory_of_machine(paths_);
        const double most = machine ? static_cast<double>(machine->total.count) *
                                          (static_cast<double>(scheme.lock.host->ppm) / 1e6)
                                    : 0;
        mapped.keep_at_most(
            left_of({static_cast<std::uint64_t>(most)}, ledger_->held_in_all() + held_by_others_),
            Gap::lock_host);
    }
    if (!mapped.parts().empty()) keep_below_memlock(request, scheme, target, mapped);
    if (mapped.parts().empty()) return false;
    const auto written = ledger_->intend(target.process, locker_for(request), mapped.ranges());
    if (!written) mapped.give_up(Gap::no_journal, written.error().code);
    return written.ok();
}

void MemoryLock::lock(const ActionRequest& request, MappedRequest& mapped,
                      const Cancelled& cancelled) {
    static const Scheme any_scheme;
    const Scheme& scheme = request.scheme ? *request.scheme : any_scheme;
    if (!remote_.allowed) return mapped.give_up(Gap::remote_never);
    auto target = know(mapped);
    if (!target) return;
    mapped.keep_without(target->device, Gap::special);
    mapped.keep_without(target->foreign, Gap::own_lock);
    mapped.keep_without(target->held, Gap::already);
    mapped.keep_huge_pages_whole();
    mapped.keep_room_for_mappings();
    if (mapped.parts().empty() || !grant(request, scheme, *target, mapped)) return;
    const RangeSet intended = mapped.ranges();
    if (dry_run_) return;

    const RemoteAdvice advice = advise_remotely(
        remote_, request, scheme.populate ? RemoteOperation::mlock : RemoteOperation::mlock_onfault,
        mapped, cancelled);
    const RangeSet done = ranges_of(advice.done);
    RangeSet locked = done;
    // A call that failed may have locked a part of its range all the same.
    const auto after = locked_by(mapped.folder());
    if (!advice.failed.empty() || !after || *after != target->locked + done.size()) {
        const auto flags = read_mapping_flags(mapped.folder());
        locked = flags ? ranges_with(*flags, &MappingFlags::locked).within(intended) : intended;
    }
    mapped.confirm(advice.done, locked);
    ledger_->settle(target->process, intended, locked);
}

void MemoryLock::unlock(const ActionRequest& request, MappedRequest& mapped,
                        const Cancelled& cancelled) {
    const auto target = know(mapped);
    if (!target) return;
    RangeSet asked;
    for (const AddressRange range : request.ranges) asked.add(range);
    RangeSet mapped_ranges;
    for (const Mapping& mapping : mapped.mappings()) mapped_ranges.add(mapping.range);
    // munmap(2) took the lock with it.
    ledger_->release(target->process, target->held.within(asked).without(mapped_ranges));
    mapped.keep_within(target->held, Gap::not_held);
    if (mapped.parts().empty()) return;
    if (!remote_.allowed) return mapped.give_up(Gap::remote_never);
    if (dry_run_) return ledger_->release(target->process, mapped.ranges());

    // Huge pages are not asked about: where a lock ends within one, it is mapped in pieces already,
    // and would stay locked for ever.
    const RemoteAdvice advice =
        advise_remotely(remote_, request, RemoteOperation::munlock, mapped, cancelled);
    const RangeSet done = ranges_of(advice.done);
    RangeSet unlocked = done;
    const auto after = locked_by(mapped.folder());
    if (!after || *after + done.size() != target->locked) {
        if (const auto flags = read_mapping_flags(mapped.folder()))
            unlocked = done.without(ranges_with(*flags, &MappingFlags::locked));
    }
    mapped.confirm(advice.done, unlocked);
    ledger_->release(target->process, unlocked);
}

std::vector<ActionOutcome> MemoryLock::execute(const ActionRequest& request,
                                               const Cancelled& cancelled) {
    MappedRequest mapped(request, paths_);
    if (!mapped.open()) return mapped.take_outcomes();
    const bool locking = request.action == Action::mlock && !request.unlock;
    if (locking)
        lock(request, mapped, cancelled);
    else
        unlock(request, mapped, cancelled);
    auto outcomes = mapped.take_outcomes();
    if (locking) {
        if (const auto identity = identity_of(mapped.folder())) {
            const RangeSet held = ledger_->held(*identity);
            for (std::size_t i = 0; i < outcomes.size(); ++i)
                outcomes[i].locked = held.within(request.ranges[i]).ranges();
        }
    }
    return outcomes;
}

}  // namespace damon_schemes

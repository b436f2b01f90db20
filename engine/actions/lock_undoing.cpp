// SPDX-License-Identifier: MIT
#include "engine/actions/lock_undoing.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/actions/mappings.h"
#include "engine/reports/readable.h"
#include "engine/targets/process.h"
#include "engine/targets/procfs.h"
#include "schemes/range_set.h"

namespace damon_schemes {

namespace {

// A thread that cannot be borrowed now often can be a moment later.
constexpr int most_tries = 5;

// What of the ranges is mapped: munlock(2) ends at a hole.
RangeSet mapped_of(int folder, const std::vector<AddressRange>& ranges) {
    const auto text = read_file_at(folder, "maps");
    RangeSet mapped;
    if (text)
        for (const Mapping& mapping : parse_mappings(*text)) mapped.add(mapping.range);
    return RangeSet(ranges).within(mapped);
}

// What the calls left; `why` where they were refused.
RangeSet unlock(const Process& process, RangeSet ranges, RemoteCaller& caller,
                const RemoteLimits& limits, std::string& why) {
    for (int tried = 0; tried < most_tries && !ranges.empty(); ++tried) {
        RemoteRequest request;
        request.pid = process.pid;
        request.pidfd = process.pidfd.get();
        request.operation = RemoteOperation::munlock;
        request.limits = limits;
        request.ranges = ranges.ranges();
        const RemoteOutcome outcome = caller.call(request, {});
        for (std::size_t i = 0; i < request.ranges.size() && i < outcome.ranges.size(); ++i) {
            const AddressRange range = request.ranges[i];
            const Bytes done = std::min(outcome.ranges[i].done, range.size());
            ranges.remove({range.start, range.start + done.count});
            if (outcome.ranges[i].error != 0) why = std::strerror(outcome.ranges[i].error);
        }
        if (outcome.refusal) {
            why = std::string(explanation_of(*outcome.refusal));
            if (*outcome.refusal != RemoteRefusal::no_safe_thread) break;
        }
    }
    return ranges;
}

bool put_limit_back(const LockRecord& record) {
    if (!record.raised) return true;
    const auto now = memlock_limit_of(record.process.pid);
    // Somebody else has set it since, so it is no longer ours.
    if (!now || *now != record.raised->after) return true;
    return set_memlock_limit(record.process.pid, record.raised->before).ok();
}

}  // namespace

std::string who(const LockRecord& record) {
    return printable(record.name) + " (" + std::to_string(record.process.pid) + ")";
}

UndoneLock undo_lock(const LockRecord& record, RemoteCaller* caller, const RemoteLimits& limits,
                     const MachinePaths& paths) {
    UndoneLock undone;
    const Bytes all = RangeSet(record.ranges).size();
    const auto process = open_process(record.process.pid);
    const auto folder = process
                            ? open_process_folder(process->pid, process->pidfd.get(), paths.proc)
                            : Result<Descriptor>(process.error());
    const auto identity = folder ? identity_of(folder->get()) : std::nullopt;
    if (!identity || identity->start_ticks != record.process.start_ticks) {
        undone.gone = all;
        return undone;
    }
    if (identity->address_space != record.process.address_space) {
        // An exec drops locks, and keeps limits.
        undone.gone = all;
    } else {
        const RangeSet mapped = mapped_of(folder->get(), record.ranges);
        undone.gone = all - mapped.size();
        RangeSet left = mapped;
        if (caller != nullptr)
            left = unlock(*process, mapped, *caller, limits, undone.why);
        else
            undone.why = "the policy allows no remote system call";
        undone.unlocked = mapped.size() - left.size();
        if (!left.empty() && !process->alive()) {
            undone.gone += left.size();
            left = {};
        }
        undone.left = left.ranges();
    }
    if (!undone.left.empty()) return undone;
    undone.why.clear();
    // Only then: below what is locked a limit would keep the program from locking anything itself.
    if (process->alive() && !put_limit_back(record)) {
        undone.limit_left = true;
        undone.why = "its RLIMIT_MEMLOCK could not be put back";
    }
    return undone;
}

RestoredLocks restore_locks(LockJournal& journal, RemoteCaller* caller, const RemoteLimits& limits,
                            bool all, const MachinePaths& paths) {
    RestoredLocks restored;
    const auto taking_over = journal.lock();
    if (!taking_over) {
        restored.not_done.push_back(taking_over.error().message);
        return restored;
    }
    LockJournal::Survey survey = journal.survey();
    restored.not_done = survey.refused;
    for (LockJournal::Left& left : survey.left) {
        std::vector<LockRecord> rest;
        for (LockRecord& record : left.records) {
            if (record.on_exit == OnExit::keep && !all) {
                rest.push_back(record);
                ++restored.kept;
                continue;
            }
            const UndoneLock undone = undo_lock(record, caller, limits, paths);
            if (undone.whole()) {
                restored.done.push_back(who(record) + ": unlocked " + readable(undone.unlocked) +
                                        (undone.gone.count == 0 ? std::string()
                                                                : ", and " + readable(undone.gone) +
                                                                      " that is no longer there"));
                continue;
            }
            record.ranges = undone.left;
            restored.not_done.push_back(who(record) + ": " +
                                        readable(RangeSet(undone.left).size()) +
                                        " stays locked: " + undone.why);
            rest.push_back(record);
        }
        left.records = std::move(rest);
        if (auto replaced = journal.replace(left); !replaced)
            restored.not_done.push_back(replaced.error().message);
    }
    return restored;
}

}  // namespace damon_schemes

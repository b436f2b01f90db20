// SPDX-License-Identifier: MIT
#include "engine/actions/lock_adoption.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/actions/lock_undoing.h"
#include "engine/reports/readable.h"
#include "engine/targets/process.h"
#include "schemes/range_set.h"

namespace damon_schemes {

namespace {

std::optional<std::uint32_t> adopting_scheme(const Policy& policy, const LockRecord& record) {
    std::optional<std::uint32_t> first;
    for (std::uint32_t i = 0; i < policy.schemes.size(); ++i) {
        if (policy.schemes[i].action != Action::mlock) continue;
        if (policy.schemes[i].name == record.scheme) return i;
        if (!first) first = i;
    }
    return first;
}

bool still_there(const LockRecord& record, const MachinePaths& paths) {
    const auto folder = open_process_folder(record.process.pid, -1, paths.proc);
    const auto identity = folder ? identity_of(folder->get()) : std::nullopt;
    return identity && *identity == record.process;
}

}  // namespace

LockAdoption adopt_locks(const Policy& policy, const std::vector<std::int32_t>& pids,
                         LockJournal& journal, LockLedger& ledger, const RemoteAccess& remote,
                         const MachinePaths& paths) {
    LockAdoption adoption;
    const auto taking_over = journal.lock();
    if (!taking_over) {
        adoption.notes.push_back(taking_over.error().message);
        return adoption;
    }
    LockJournal::Survey survey = journal.survey();
    adoption.notes = survey.refused;
    for (LockJournal::Left& left : survey.left) {
        std::vector<LockRecord> rest;
        for (LockRecord& record : left.records) {
            const bool ours = std::find(pids.begin(), pids.end(), record.process.pid) != pids.end();
            const auto scheme = adopting_scheme(policy, record);
            const std::string size = readable(RangeSet(record.ranges).size());
            if (ours && (scheme || policy.has(Action::munlock)) && still_there(record, paths)) {
                LockLedger::Locker locker{record.name, record.scheme, record.on_exit};
                if (scheme) {
                    locker.scheme = policy.schemes[*scheme].name;
                    locker.on_exit = policy.schemes[*scheme].on_exit;
                }
                if (auto adopted = ledger.adopt(record, locker); !adopted) {
                    adoption.notes.push_back(adopted.error().message);
                    rest.push_back(record);
                    continue;
                }
                if (scheme)
                    adoption.adopted.push_back({record.process.pid, *scheme, record.ranges});
                adoption.notes.push_back(who(record) + ": took over " + size +
                                         " that an earlier session locked");
                continue;
            }
            if (record.on_exit == OnExit::keep && still_there(record, paths)) {
                rest.push_back(record);
                continue;
            }
            if (!remote.allowed && still_there(record, paths)) {
                adoption.notes.push_back(who(record) + ": " + size +
                                         " are locked by an earlier session that ended without "
                                         "undoing it; `damon-schemes restore` does");
                rest.push_back(record);
                continue;
            }
            const UndoneLock undone =
                undo_lock(record, remote.allowed ? remote.caller : nullptr, remote.limits, paths);
            if (undone.whole()) {
                if (undone.unlocked.count != 0)
                    adoption.notes.push_back(who(record) + ": unlocked " +
                                             readable(undone.unlocked) +
                                             " that an earlier session left locked");
                continue;
            }
            record.ranges = undone.left;
            adoption.notes.push_back(who(record) + ": " + size + " stays locked: " + undone.why);
            rest.push_back(record);
        }
        left.records = std::move(rest);
        if (auto replaced = journal.replace(left); !replaced)
            adoption.notes.push_back(replaced.error().message);
    }
    return adoption;
}

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include "engine/actions/action_router.h"

#include <algorithm>
#include <utility>

#include "engine/actions/collapse.h"
#include "engine/actions/dry_run.h"
#include "engine/actions/huge_page_flags.h"
#include "engine/actions/lock_undoing.h"
#include "engine/actions/process_madvise.h"
#include "engine/reports/readable.h"

namespace damon_schemes {

bool needs_remote_calls(Action action, const AdviceSupport& support) {
    switch (action) {
        case Action::hugepage:
            return !support.hugepage.value_or(false);
        case Action::nohugepage:
            return !support.nohugepage.value_or(false);
        case Action::mlock:
        case Action::munlock:
            return true;
        default:
            return false;
    }
}

bool needs_remote_calls(const Policy& policy, const AdviceSupport& support) {
    return std::any_of(policy.schemes.begin(), policy.schemes.end(), [&](const Scheme& scheme) {
        return needs_remote_calls(scheme.action, support);
    });
}

RemoteAccess ActionRouter::remote() const {
    RemoteAccess remote;
    remote.allowed = policy_.remote_syscall;
    remote.caller = caller_.get();
    remote.limits.longest_stop = policy_.remote.longest_stop;
    remote.limits.between_stops = policy_.remote.between_stops;
    return remote;
}

Result<std::unique_ptr<ActionRouter>> ActionRouter::make(const Policy& policy, Options options) {
    std::unique_ptr<ActionRouter> router(new ActionRouter(policy, std::move(options)));
    const Options& made = router->options_;
    const bool locking = policy.has(Action::mlock) || policy.has(Action::munlock);
    const bool calling =
        !made.dry_run && policy.remote_syscall && needs_remote_calls(policy, made.support);
    if (calling) {
        if (!made.start_remote_caller)
            return Error{ErrorKind::unsupported,
                         "the policy needs remote system calls, which this program cannot make", 0};
        auto caller = made.start_remote_caller();
        if (!caller) return caller.error();
        router->caller_ = std::move(*caller);
    }
    std::unique_ptr<LockJournal> journal;
    if (calling && locking) {
        for (auto* opened : {&journal, &router->taking_over_}) {
            auto folder = LockJournal::open(made.journal, made.paths.proc);
            if (!folder) return folder.error();
            *opened = std::make_unique<LockJournal>(std::move(*folder));
        }
    }
    router->ledger_ = std::make_shared<LockLedger>(std::move(journal));

    const RemoteAccess remote = router->remote();
    if (made.dry_run)
        router->advising_ = std::make_unique<DryRun>(made.paths);
    else
        router->advising_ = std::make_unique<ProcessMadvise>(made.paths);
    router->collapsing_ = std::make_unique<Collapse>(made.dry_run, made.paths);
    router->flagging_ =
        std::make_unique<HugePageFlags>(made.support, remote, made.dry_run, made.paths);
    router->locking_ =
        std::make_unique<MemoryLock>(router->ledger_, remote, made.dry_run, made.paths);
    return router;
}

std::vector<ActionOutcome> ActionRouter::execute(const ActionRequest& request,
                                                 const Cancelled& cancelled) {
    switch (request.action) {
        case Action::collapse:
            return collapsing_->execute(request, cancelled);
        case Action::hugepage:
        case Action::nohugepage:
            return flagging_->execute(request, cancelled);
        case Action::mlock:
        case Action::munlock:
            return locking_->execute(request, cancelled);
        default:
            return advising_->execute(request, cancelled);
    }
}

LockAdoption ActionRouter::adopt(const std::vector<std::int32_t>& pids) {
    if (options_.dry_run) return {};
    if (!taking_over_) {
        // A policy that locks nothing looks all the same, where somebody locked something before.
        auto folder = LockJournal::open_existing(options_.journal, options_.paths.proc);
        if (!folder) return {};
        taking_over_ = std::make_unique<LockJournal>(std::move(*folder));
    }
    LockJournal::Survey survey = taking_over_->survey();
    locking_->know_of_others(survey.held_by_others);
    // What is left over may need calls where the policy itself does not.
    if (!survey.left.empty() && policy_.remote_syscall && !caller_ &&
        options_.start_remote_caller) {
        if (auto caller = options_.start_remote_caller()) caller_ = std::move(*caller);
    }
    return adopt_locks(policy_, pids, *taking_over_, *ledger_, remote(), options_.paths);
}

std::vector<std::string> ActionRouter::finish() {
    std::vector<std::string> notes;
    if (options_.dry_run) return notes;
    for (const LockRecord& record : ledger_->records()) {
        if (record.on_exit == OnExit::keep) continue;
        const UndoneLock undone = undo_lock(record, caller_.get(), remote().limits, options_.paths);
        if (undone.whole()) {
            ledger_->forget(record.process);
            continue;
        }
        RangeSet done(record.ranges);
        done.remove(RangeSet(undone.left));
        ledger_->release(record.process, done);
        notes.push_back(who(record) + ": " + readable(RangeSet(undone.left).size()) +
                        " stays locked: " + undone.why + "; `damon-schemes restore` tries again");
    }
    return notes;
}

}  // namespace damon_schemes

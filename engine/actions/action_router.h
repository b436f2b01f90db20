// SPDX-License-Identifier: MIT
// Hands each action to who carries it out, as the policy and this kernel allow.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/actions/advice_call.h"
#include "engine/actions/executor.h"
#include "engine/actions/lock_adoption.h"
#include "engine/actions/memory_lock.h"
#include "engine/machine/memory.h"
#include "engine/remote/remote_caller.h"
#include "schemes/policy/model.h"
#include "schemes/result.h"

namespace damon_schemes {

// Which of a policy's actions can only be carried out by remote system calls here.
bool needs_remote_calls(Action action, const AdviceSupport& support);
bool needs_remote_calls(const Policy& policy, const AdviceSupport& support);

// execute(): any thread, as of every executor.  The rest: one thread, before the first and after
// the last execute().
class ActionRouter final : public Executor {
  public:
    using StartRemoteCaller = std::function<Result<std::unique_ptr<RemoteCaller>>()>;
    struct Options {
        bool dry_run = false;
        AdviceSupport support{};
        // Called only where the policy allows remote calls and something needs one; in a dry run
        // never.
        StartRemoteCaller start_remote_caller{};
        std::string journal = default_lock_journal;
        MachinePaths paths{};
    };
    // Errors: of start_remote_caller(); the journal cannot be used, and the policy locks.
    static Result<std::unique_ptr<ActionRouter>> make(const Policy& policy, Options options);

    std::vector<ActionOutcome> execute(const ActionRequest& request,
                                       const Cancelled& cancelled) override;

    // What engines before this one left locked.  `pids`: the session's targets.
    LockAdoption adopt(const std::vector<std::int32_t>& pids);

    // Undoes what on_exit = "restore" says is to be; waits until it is done.  What could not be
    // undone stays in the journal.  Sentences for people, about that alone.
    std::vector<std::string> finish();
    Bytes locked() const { return ledger_->held_in_all(); }  // by the engine, now

  private:
    explicit ActionRouter(Policy policy, Options options)
        : policy_(std::move(policy)), options_(std::move(options)) {}
    RemoteAccess remote() const;

    Policy policy_;
    Options options_;
    std::unique_ptr<RemoteCaller> caller_;
    std::unique_ptr<LockJournal> taking_over_;  // for adopt(); the ledger has its own
    std::shared_ptr<LockLedger> ledger_;
    std::unique_ptr<Executor> advising_;  // pageout, cold, willneed
    std::unique_ptr<Executor> collapsing_;
    std::unique_ptr<Executor> flagging_;
    std::unique_ptr<MemoryLock> locking_;
};

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// One policy at work on its targets: snapshot → decision → plan → action → outcome → feedback.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/actions/executor.h"
#include "engine/actions/totals.h"
#include "engine/events/actors.h"
#include "engine/events/loop.h"
#include "engine/monitors/monitor.h"
#include "engine/session/conditions.h"
#include "engine/targets/process.h"
#include "schemes/decide/decider.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// One target and how it stands.
struct SessionTarget {
    TargetId id;
    Process process;
    bool exited = false;
    bool braked = false;  // left alone for a while, since its major faults rose
    EventLoop::Watch watch = 0;
};

// Everything runs on the loop's thread, but for the actions, which run on actor threads and hand
// their outcomes back by messages.
class Session {
  public:
    struct Parts {
        std::unique_ptr<Monitor> monitor;
        std::unique_ptr<Executor> executor;
        // The executor has no effect: what it would have advised counts for quotas and ages as if
        // it had been, so that the decisions are those of a live run.
        bool dry_run = false;
        MachinePaths paths{};
    };

    // `loop` outlives the session.
    Session(EventLoop& loop, Policy policy, Parts parts);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // Watch a process.  Error where it may not be watched or has exited meanwhile.
    Result<void> add(Process process);
    Result<void> start();

    // From now on, and not before, the schemes may act: the monitor was seen to see, under this TLB
    // policy.
    Result<void> allow_acting(TlbPolicy tlb);

    // Nothing new is decided; what is under way ends at its next chunk; then on_finished is called.
    void finish(const std::string& why);

    // Called on the loop's thread.  Set them before start().
    std::function<void(const Snapshot&, const Plan&)> on_decision;
    // What became of one planned range.  Planned ranges whose turn never came are among them.
    std::function<void(std::uint32_t scheme, TargetId target, AddressRange range,
                       const ActionOutcome& outcome)>
        on_action;
    std::function<void()> on_finished;
    std::function<void(const Error&)>
        on_error;  // the monitor failed; the session finishes by itself

    const std::vector<SessionTarget>& targets() const { return targets_; }
    const std::vector<SchemeTotals>& totals() const { return totals_; }
    const Policy& policy() const { return decider_.policy(); }
    std::uint64_t snapshots() const { return snapshots_; }
    std::uint64_t regions() const { return regions_; }  // in the newest snapshot
    bool acting() const { return sees_; }
    const std::string& why_finished() const { return why_finished_; }
    Result<MonitorCost> monitor_cost() const { return monitor_->cost(); }
    Duration actor_time() const { return actors_.cpu_time(); }

  private:
    struct Receipt;

    void take_snapshots();
    void decide(const Snapshot& snapshot);
    void submit(const Snapshot& snapshot, const Plan& plan);
    void submit_job(const Snapshot& snapshot, const Plan& plan, std::size_t first,
                    std::size_t last);
    void receive(std::uint32_t scheme, TargetId target, const std::vector<AddressRange>& ranges,
                 const std::vector<ActionOutcome>& outcomes);
    void target_exited(TargetId id);
    SessionTarget* find(TargetId id);
    void finish_if_idle();

    EventLoop& loop_;
    std::unique_ptr<Monitor> monitor_;
    std::shared_ptr<Executor> executor_;
    Decider decider_;
    ConditionsReader conditions_;
    bool dry_run_;
    std::vector<SessionTarget> targets_;
    std::vector<SchemeTotals> totals_;
    std::uint64_t snapshots_ = 0;
    std::uint64_t regions_ = 0;
    bool sees_ = false;
    bool finishing_ = false;
    bool finished_ = false;
    std::size_t in_flight_ = 0;
    std::string why_finished_;
    EventLoop::Watch monitor_watch_ = 0;
    // Messages of actors that arrive after the session's end find it gone.
    std::shared_ptr<Session*> self_;
    Actors actors_;  // last: its threads end before anything they use goes
};

}  // namespace damon_schemes

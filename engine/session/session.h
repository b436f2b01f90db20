// SPDX-License-Identifier: MIT
// One policy at work on its targets: snapshot → decision → plan → action → outcome → feedback.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/actions/executor.h"
#include "engine/actions/recall.h"
#include "engine/actions/totals.h"
#include "engine/events/actors.h"
#include "engine/events/alarm.h"
#include "engine/events/loop.h"
#include "engine/monitors/monitor.h"
#include "engine/session/conditions.h"
#include "engine/session/refault_watcher.h"
#include "engine/session/target_surveyor.h"
#include "engine/session/verification.h"
#include "engine/targets/process.h"
#include "schemes/decide/decider.h"
#include "schemes/decide/interval_tuner.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// One target and how it stands.
struct SessionTarget {
    TargetId id;
    Process process;
    bool exited = false;  // or removed
    bool child = false;   // it was not added: the monitor follows what targets fork
    bool braked = false;  // left alone for a while, since its major faults rose
    // What schemes leave alone, by their guard.
    struct Guarded {
        std::uint32_t scheme = 0;
        HarmGuard::Pause pause;
    };
    std::vector<Guarded> guarded;
    // So far, by all schemes together; also by those of a policy that was replaced.
    Bytes paged_out;
    Bytes refaulted;
    EventLoop::Watch watch = 0;
    std::optional<std::uint64_t> generation;  // of its address space in the newest snapshot
    std::optional<ProcessMemory> memory;      // as it was last surveyed, at most half a second ago
};

// Everything runs on the loop's thread, but for what may wait for a target, which runs elsewhere
// and comes back by messages: actions, and the looks at pages that go with them, on actor threads;
// reading what procfs says of targets, and the users' figures, on a background thread; their
// mappings, and what became of pages that were paged out, on another.
class Session {
  public:
    struct Parts {
        std::unique_ptr<Monitor> monitor;
        std::unique_ptr<Executor> executor;
        // The executor has no effect: what it would have advised counts for quotas and ages as if
        // it had been, at an assumed price and at the time of its plan.  So the decisions are those
        // of a live run that is never late, and those of a simulation on the same snapshots.
        bool dry_run = false;
        MachinePaths paths{};
        bool may_rest = true;  // nothing is monitored while all schemes rest by their watermarks
        // Targets come and go: it goes on without any, and forgets those that have gone.
        bool resident = false;
    };

    // `loop` outlives the session.
    Session(EventLoop& loop, Policy policy, Parts parts);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // Watch a process.  Error where it may not be watched or has exited meanwhile.
    Result<void> add(Process process);
    // It is watched no longer, and lives on.  What was planned for it is dropped.
    void remove(TargetId id);
    // Whether it can start, without starting.  Errors: as check_controls() says them
    // (start_check.h), and the monitor's where it cannot do what the policy asks for.
    Result<void> check();
    // Errors: those of check(), and the monitor's.
    Result<void> start();
    // Goes on by another policy with the same targets: regions and their ages stay.  What the
    // former one has planned is dropped, also what is under way, at its next chunk; quotas, what
    // was tuned and what was acted on lately begin anew; totals go on where a scheme of that name
    // has that action.  `executor` is for the new policy.  Errors: as check() has them; nothing has
    // changed then.
    Result<void> replace(Policy policy, std::unique_ptr<Executor> executor);
    // Whether it could.
    Result<void> may_replace(const Policy& policy);
    // An earlier session has locked this in a target, and the scheme goes on with it.
    void hold_lock(std::uint32_t scheme, std::int32_t pid, AddressRange range);

    // From now on, and not before, the schemes may act: the monitor was seen to see, under this TLB
    // policy.
    Result<void> allow_acting(TlbPolicy tlb);

    // The next decision is made as if the schemes might act, is explained, and is not carried out:
    // what it planned counts as dropped.  What is handed over is valid during the call alone.
    struct Explained {
        const Snapshot& snapshot;
        const Conditions& conditions;
        const Plan& plan;
        const Explanation& explanation;
    };
    void explain_next(std::function<void(const Explained&)> callback) {
        explain_ = std::move(callback);
    }

    // Nothing is planned for a target, or (nullopt) for any, until it is resumed, or until then;
    // what is under way ends at its next chunk.  Monitoring goes on, and so does the pause through
    // replace().
    void pause(std::optional<TargetId> target, std::optional<Instant> until);
    void resume(std::optional<TargetId> target);

    // This stands in for what a file of the policy's figures holds, wherever the policy goes by it,
    // until replace(); nullopt: the file counts again, from the next time on that it is read.
    void tell_figure(const std::string& file, std::optional<double> value);

    // What of a target is in swap is brought back, on an actor thread (recall.h); what came of it
    // is told on the loop's thread, also if the session has ended by then.  It ends at its next
    // chunk once the target runs another program, has gone or is removed, and goes on through
    // pauses and replace().  What comes back by it counts as no refault.  False: too much waits for
    // the actors, or there is no such target; nothing is told then.
    bool recall(TargetId id, Bytes keep_free, std::function<void(const Recalled&)> done);

    // Nothing new is decided; what is under way ends at its next chunk; then on_finished is called.
    void finish(const std::string& why);

    // Called on the loop's thread.  Set them before start().
    std::function<void(const Snapshot&, const Plan&)> on_decision;
    // What became of one planned range.  Planned ranges whose turn never came are among them.
    std::function<void(std::uint32_t scheme, TargetId target, AddressRange range,
                       const ActionOutcome& outcome)>
        on_action;
    // What became of one action: of all ranges of one scheme in one target that were planned
    // together, also where the policy has been replaced since.
    struct Batch {
        const Scheme& scheme;
        const SessionTarget* target;  // null: it is known no more
        const std::vector<AddressRange>& ranges;
        const std::vector<ActionOutcome>& outcomes;  // parallel to the ranges
    };
    std::function<void(const Batch&)> on_batch;
    // A child of a target that is a target from now on, also one of targets().  Its first snapshot
    // is handed to on_decision next.
    std::function<void(const SessionTarget& target)> on_child;
    // A target has exited.
    std::function<void(const SessionTarget& target)> on_exit;
    std::function<void()> on_finished;
    std::function<void(const Error&)>
        on_error;  // the monitor failed; the session finishes by itself

    // Those that have exited or were removed, too; never fewer, unless it is resident.
    const std::vector<SessionTarget>& targets() const { return targets_; }
    const std::vector<SchemeTotals>& totals() const { return totals_; }
    const Policy& policy() const { return decider_.policy(); }
    std::uint64_t snapshots() const { return snapshots_; }
    std::uint64_t regions() const { return regions_; }  // in the newest snapshot
    bool acting() const { return sees_; }
    // What the monitor was told last: the policy's, but for the intervals where they have a goal.
    const MonitorAttributes& attributes() const { return attributes_; }
    // The intervals in force, where they have a goal, and how often they were changed.
    std::optional<Intervals> tuned_intervals() const {
        if (!interval_tuner_) return std::nullopt;
        return Intervals{attributes_.sampling_interval, attributes_.aggregation_interval};
    }
    std::uint64_t interval_changes() const { return interval_changes_; }
    // Why nothing is monitored for the time being; nullopt: it is.
    const std::optional<std::string>& resting() const { return resting_; }
    std::vector<SchemeControls> controls() const { return decider_.controls(); }
    const std::string& why_finished() const { return why_finished_; }
    Result<MonitorCost> monitor_cost() const { return monitor_->cost(); }
    Duration actor_time() const { return actors_.cpu_time(); }

  private:
    struct Receipt;
    struct Recollection;

    void take_snapshots();
    Result<void> keep(TargetId id, Process process, bool child);
    void leave(SessionTarget& target);
    void forget(TargetId id);
    void decide(const Snapshot& snapshot);
    void tune_intervals(const Snapshot& snapshot);
    Result<void> check(const Policy& policy, const MonitorAttributes& attributes);
    MonitorAttributes attributes_of(const Policy& policy) const;
    Result<void> check_intervals(const MonitorAttributes& attributes);
    void explain(const Snapshot& snapshot, Conditions conditions);
    void follow_generations(const Snapshot& snapshot);
    void stop_acting_on(const SessionTarget& target);
    void follow_brakes();
    void follow_guards();
    void submit(const Snapshot& snapshot, const Plan& plan);
    void submit_job(const Snapshot& snapshot, const Plan& plan, std::size_t first,
                    std::size_t last);
    ActionRequest request_for(std::uint32_t scheme, const SessionTarget& target) const;
    void receive(std::uint32_t scheme, TargetId target, Instant planned_at,
                 const std::vector<AddressRange>& ranges,
                 const std::vector<ActionOutcome>& outcomes);
    void target_exited(TargetId id);
    SessionTarget* find(TargetId id);
    void finish_if_all_exited(std::optional<Instant> seen_at);
    void finish_if_idle();
    void fail(const Error& error);

    // Children.
    void meet_children(Snapshot& snapshot);
    void hold(TargetId id, std::int32_t pid);
    struct Held;
    void held(TargetId id, const Held& child);
    void let_go(TargetId id, int step);
    void let_go_further();

    // Verification.
    void plan_verification(ActionRequest request, std::uint32_t scheme, Instant planned_at,
                           Duration idle);
    void pursue_verifications();
    void submit_mark(Verification verification);
    void submit_act(Verification verification);
    bool may_act_on(const Verification& verification);

    // What background threads read.
    std::vector<SurveyedTarget> living() const;
    void survey();
    void survey_targets();
    void survey_mappings();
    // Runs `work` on the background thread that `key` names, then `then` with its result here.
    template <typename Work, typename Then>
    bool in_background(std::uint64_t key, Work work, Then then);

    // Refaults.
    bool watch_refaults(std::uint32_t scheme, const SessionTarget& target,
                        const std::vector<ActionOutcome>& outcomes);
    void hasten_refaults(const TargetSurvey& survey);
    void forget_refaults(TargetId id);
    void look_for_refaults();
    struct Refaults;
    void take_refaults(const Refaults& refaults, const RefaultWatcher* from);

    // Rest.
    void rest();
    Result<void> wake();
    void look_whether_to_rest_on();
    std::string why_resting() const;

    EventLoop& loop_;
    std::unique_ptr<Monitor> monitor_;
    std::shared_ptr<Executor> executor_;
    Decider decider_;
    MachinePaths paths_;
    MonitorAttributes attributes_;
    std::optional<IntervalTuner> interval_tuner_;
    std::uint64_t interval_changes_ = 0;
    std::vector<std::shared_ptr<const Scheme>> schemes_;  // the policy's, for requests to keep
    ConditionNeeds needs_;
    ConditionsReader conditions_;
    std::shared_ptr<TargetSurveyor> surveyor_;  // jobs share it
    std::shared_ptr<PageScanner> scanner_;
    bool dry_run_;
    bool may_rest_;
    bool resident_;
    std::uint64_t policies_ = 0;  // that were replaced: what was planned by one of them is old
    std::function<void(const Explained&)> explain_;
    std::map<std::string, double> told_figures_;  // by their files
    std::vector<SessionTarget> targets_;
    std::map<TargetId, std::size_t> target_indices_;
    std::vector<SchemeTotals> totals_;
    std::uint64_t snapshots_ = 0;
    std::uint64_t regions_ = 0;
    bool started_ = false;
    bool sees_ = false;
    bool finishing_ = false;
    bool finished_ = false;
    std::size_t in_flight_ = 0;
    std::string why_finished_;
    EventLoop::Watch monitor_watch_ = 0;

    // What a child is before it is a target: the monitor names it, and it is not yet certain that
    // the pidfd that was opened by its pid is its own.
    struct Newcomer {
        bool asked_for = false;  // its pidfd
        std::shared_ptr<Process> process;
        Instant since{};  // when it was held
    };
    std::map<TargetId, Newcomer> newcomers_;
    std::optional<Instant> alone_since_;  // all targets that are known have exited
    std::vector<std::pair<TargetId, int>> letting_go_;

    Verifications verifications_;
    Alarm verification_alarm_;

    EventLoop::Watch survey_watch_ = 0;
    bool surveying_ = false;
    bool mapping_ = false;
    std::optional<Instant> mapped_at_;

    std::shared_ptr<RefaultWatcher> refaults_;  // the second background thread's
    Alarm refault_alarm_;

    std::optional<std::string> resting_;
    EventLoop::Watch rest_watch_ = 0;

    // Messages of actors that arrive after the session's end find it gone.
    std::shared_ptr<Session*> self_;
    Actors background_;
    Actors actors_;  // last: threads end before anything they use goes
};

}  // namespace damon_schemes

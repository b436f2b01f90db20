// SPDX-License-Identifier: MIT
// Policies at work on whatever processes fit their rules, for as long as it is not told to stop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/actions/executor.h"
#include "engine/actions/recall.h"
#include "engine/control/audit.h"
#include "engine/events/actors.h"
#include "engine/events/loop.h"
#include "engine/machine/memory.h"
#include "engine/monitors/monitor.h"
#include "engine/reports/daemon_status.h"
#include "engine/reports/decision.h"
#include "engine/session/session.h"
#include "engine/session/sight_check.h"
#include "engine/targets/discovery.h"
#include "engine/targets/process.h"
#include "schemes/policy/model.h"
#include "schemes/result.h"

namespace damon_schemes {

// One file of a folder of policies.
struct NamedPolicy {
    std::string name;  // the file's, for people
    std::string text;  // as read: the same text is the same policy
    Policy policy;
};

// Each policy has a session of its own: a monitoring thread, regions, quotas.  A process belongs to
// the first policy, in their order, that has a rule for it.  Everything runs on the loop's thread,
// but for looking for processes, which has a thread.
class Daemon {
  public:
    enum class Level { info, warning, error };
    struct Parts {
        MonitorFactory open_monitor;
        std::function<Result<std::unique_ptr<Executor>>(const Policy&)> make_executor;
        // Why policies may only observe here; unset: they may act.
        std::function<Result<void>()> may_act;
        // Looks for the canary; unset: it is taken for granted that the monitor sees.
        bool prove_sight = true;
        std::function<void(Level, const std::string&)> say;
        std::function<void(const AuditEntry&)> audit;  // each action; unset: nobody wants to know
        bool dry_run = false;
        Duration look_interval = std::chrono::seconds(1);
        Duration report_interval = std::chrono::minutes(1);
        Duration retry_interval = std::chrono::seconds(30);  // of what could not be watched
        Duration explain_patience = std::chrono::seconds(30);
        MachinePaths paths{};
    };

    // `loop` outlives the daemon.
    Daemon(EventLoop& loop, Parts parts);
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    // Errors: a policy that cannot be had here, by its name; nothing runs then.
    Result<void> start(std::vector<NamedPolicy> policies);
    // What has not changed goes on as it is.  What has keeps its targets with their regions and
    // ages, as far as they still fit.  Errors: as start(); all goes on as before then.
    Result<void> reload(std::vector<NamedPolicy> policies);
    // What is under way ends at its next chunk; then on_finished is called.
    void finish(const std::string& why);

    std::function<void()> on_finished;

    DaemonStatus status() const;

    // Orders (daemon_orders.cpp) -----------------------------------------------------------------

    // What an order is about: a policy, by its file's name (with or without its folder, with or
    // without ".toml"), or a process that is watched; neither: everything.
    struct Scope {
        std::string policy;
        std::optional<std::int32_t> pid;
    };
    struct Asker {
        std::int32_t pid = 0;
        std::uint32_t uid = 0;
    };
    // What follows returns what was done, in words.  Errors (usage): there is no such policy,
    // process, scheme or goal, or what the order says.

    // Nothing new is planned, what is under way ends at its next chunk, and monitoring goes on,
    // until resume(), or until `time` has passed.  In place of an earlier pause of the same.  It
    // goes on through reload(); a target's as long as it is watched.
    Result<std::string> pause(const Scope& scope, std::optional<Duration> time, const Asker& by);
    // Ends the pause of just that; without a scope all there are.
    Result<std::string> resume(const Scope& scope);

    // Has what is in swap of these targets brought back, one after another, and pauses them for
    // that time, or for as long as they are paused already.  Refused, unless forced, where less
    // than all of that and 2 % of the memory can be had; it stops there in any case, but for
    // `force`.
    struct ReleaseOrder {
        Scope scope;
        Duration pause = std::chrono::minutes(10);
        bool force = false;
    };
    struct Released {
        std::size_t targets = 0;
        Bytes bytes;  // in swap, as last surveyed
        std::string words;
    };
    Result<Released> release(const ReleaseOrder& order, const Asker& by);

    // The figure that a quota goal of that scheme goes by; it stands in for the goal's file,
    // wherever that policy goes by it, until the policy is replaced, or (nullopt) it is taken back.
    struct GoalOrder {
        std::string policy;
        std::string scheme;
        std::string file;  // which of several goals with a figure; may be empty where there is one
        std::optional<double> value;
    };
    Result<std::string> set_goal(const GoalOrder& order);

    // Why schemes would, or would not, act on a process that is watched: by the next decision,
    // which is explained and not carried out.  Called back once, on the loop's thread, at once or
    // within explain_patience; not any more once the daemon has gone.
    using Explained = std::function<void(Result<Decision>)>;
    void explain(std::int32_t pid, Explained callback);

  private:
    struct Service;
    // A target, and who has it.
    struct Place {
        Service* service = nullptr;
        const SessionTarget* target = nullptr;
    };
    struct Paused {
        Instant since{};
        std::optional<Instant> until;
        Asker by;
        bool released = false;
    };
    struct Looked;
    using Services = std::vector<std::unique_ptr<Service>>;

    Result<std::unique_ptr<Service>> begin(NamedPolicy policy);
    Result<void> prepare(const NamedPolicy& policy) const;
    std::vector<Discovery::Kept> kept_by(const std::vector<NamedPolicy>& policies) const;
    void prove_sight(Service& service);
    void sight_known(const Service* which, const SightCheck::Outcome& outcome);
    void look();
    void receive(Looked& looked);
    void take(Process process, std::uint64_t start_ticks, std::size_t rule);
    std::vector<Discovery::Newcomer> take_refused();
    void leave(std::int32_t pid);
    std::size_t rule_of_policy(std::size_t rule) const;
    std::optional<std::size_t> rule_of(const Service& service, const SessionTarget& target) const;
    void end(std::unique_ptr<Service> service, const std::string& why);
    void service_finished(const Service* service);
    void fail(const Service& service, const Error& error);
    void report();

    Result<Service*> service_named(const std::string& policy) const;
    std::optional<Place> place_of(std::int32_t pid) const;
    Result<std::vector<Place>> places_in(const Scope& scope) const;
    void apply_pauses(Service& service) const;
    void pause_target(const Place& place, const Paused& paused);
    void end_pauses(Instant now);
    std::optional<DaemonStatus::Paused> paused_now(const std::optional<Paused>& paused) const;
    std::optional<DaemonStatus::Paused> paused_now(const Service& service) const;
    std::optional<DaemonStatus::Paused> paused_now(std::int32_t pid) const;
    void recall_next();
    void explained(Service& service, const Session::Explained& explained);
    static void refuse_asking(EventLoop& loop, Service& service, const std::string& why);
    static bool lasts(const Paused& paused, Instant now) {
        return !paused.until || now < *paused.until;
    }
    void say(Level level, const std::string& text) const { parts_.say(level, text); }

    // A process that fits and could not be watched: another session may have it, or there is no
    // room.
    struct Refused {
        Discovery::Newcomer process;
        Instant again{};
    };
    // A process that is watched.
    struct Watched {
        Service* service = nullptr;
        TargetId id;
        std::uint64_t start_ticks = 0;
        std::size_t rule = 0;  // of its policy's
        Instant since = std::chrono::steady_clock::now();
    };
    struct PausedTarget {
        Paused paused;
        std::uint64_t start_ticks = 0;  // 0: not known, as it is a child that the monitor follows
    };
    struct Recalling {
        std::int32_t pid = 0;
        std::string name;
        Service* service = nullptr;
        TargetId id;
        Bytes keep_free;
    };

    EventLoop& loop_;
    Parts parts_;
    Services services_;
    Services ending_;
    std::vector<Service*> of_rules_;           // the service of each rule; null: it failed
    std::map<std::int32_t, Watched> watched_;  // by pid
    std::map<std::int32_t, Refused> refused_;  // likewise
    std::optional<Paused> all_paused_;
    std::map<std::string, Paused> paused_policies_;        // by name; also of those that are gone
    std::map<std::int32_t, PausedTarget> paused_targets_;  // by pid
    std::deque<Recalling> recalls_;
    bool recalling_ = false;
    std::shared_ptr<Discovery> discovery_;
    bool looking_ = false;
    bool anew_ = true;  // the next look finds all that fit, also what is watched already
    Instant began_ = std::chrono::steady_clock::now();
    EventLoop::Watch look_watch_ = 0;
    EventLoop::Watch report_watch_ = 0;
    bool finishing_ = false;
    std::shared_ptr<Daemon*> self_;  // messages that arrive after its end find it gone
    Actors looker_;                  // last: its thread ends before anything it uses goes
};

}  // namespace damon_schemes

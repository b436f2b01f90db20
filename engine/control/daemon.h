// SPDX-License-Identifier: MIT
// Policies at work on whatever processes fit their rules, for as long as it is not told to stop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/actions/executor.h"
#include "engine/events/actors.h"
#include "engine/events/loop.h"
#include "engine/machine/memory.h"
#include "engine/monitors/monitor.h"
#include "engine/reports/daemon_status.h"
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
        bool dry_run = false;
        Duration look_interval = std::chrono::seconds(1);
        Duration report_interval = std::chrono::minutes(1);
        Duration retry_interval = std::chrono::seconds(30);  // of what could not be watched
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

  private:
    struct Service;
    struct Looked;
    using Services = std::vector<std::unique_ptr<Service>>;

    Result<std::unique_ptr<Service>> begin(NamedPolicy policy);
    Result<void> prepare(const NamedPolicy& policy) const;
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
    };

    EventLoop& loop_;
    Parts parts_;
    Services services_;
    Services ending_;
    std::vector<Service*> of_rules_;           // the service of each rule; null: it failed
    std::map<std::int32_t, Watched> watched_;  // by pid
    std::map<std::int32_t, Refused> refused_;  // likewise
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

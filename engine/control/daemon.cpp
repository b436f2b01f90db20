// SPDX-License-Identifier: MIT
#include "engine/control/daemon.h"

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "engine/control/daemon_service.h"
#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

// Jobs of this key run one at a time; there are no others.
constexpr std::uint64_t looks = 1;

// A machine that is busy may keep the canary from running.
constexpr Duration sight_retry = std::chrono::minutes(1);

std::string counted(std::size_t count, const char* one) {
    return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

bool locks_memory(const Policy& policy) {
    return policy.has(Action::mlock) || policy.has(Action::munlock);
}

}  // namespace

// What one look for processes found.
struct Daemon::Looked {
    struct Newcomer {
        std::shared_ptr<Process> process;
        std::uint64_t start_ticks = 0;
        std::size_t rule = 0;
    };
    std::vector<Newcomer> newcomers;
    std::vector<std::int32_t> unfit;
    std::vector<std::int32_t> gone;  // of those that were refused before
    const Discovery* from = nullptr;
};

Daemon::Daemon(EventLoop& loop, Parts parts)
    : loop_(loop),
      parts_(std::move(parts)),
      self_(std::make_shared<Daemon*>(this)),
      looker_(1, 1) {}

Daemon::~Daemon() {
    *self_ = nullptr;
    for (const EventLoop::Watch watch : {look_watch_, report_watch_})
        if (watch) loop_.forget(watch);
    for (const auto& service : services_)
        for (const Service::Asking& asking : service->asking) loop_.forget(asking.late);
}

// What can be told without beginning anything.
Result<void> Daemon::prepare(const NamedPolicy& named) const {
    const auto refused = [&](const std::string& why) {
        return Error{ErrorKind::unsupported, named.name + ": " + why, 0};
    };
    if (named.policy.monitor.memory == WatchedMemory::physical)
        return refused(
            "monitor.memory is \"physical\", which goes by no process: 'damon-schemes apply' does "
            "that");
    if (locks_memory(named.policy))
        return refused(
            "the daemon does not lock memory: take mlock and munlock out, or use 'damon-schemes "
            "apply'");
    if (named.policy.targets.empty())
        return Error{
            ErrorKind::policy,
            named.name +
                ": it has no [[target]], so nothing would ever be watched; add a rule such "
                "as\n  [[target]]\n  cgroup = \"/system.slice/*\"",
            0};
    return {};
}

Result<std::unique_ptr<Daemon::Service>> Daemon::begin(NamedPolicy named) {
    const auto of_it = [&](const Error& error) {
        return Error{error.kind, named.name + ": " + error.message, error.code};
    };
    auto monitor = parts_.open_monitor();
    if (!monitor) return monitor.error();
    if ((*monitor)->alone())
        return Error{ErrorKind::unsupported,
                     "the kernel's own DAMON takes no targets while it runs, and those of a daemon "
                     "come and go: load the module damon_schemes ('damon-schemes doctor' says what "
                     "it needs)",
                     0};
    auto executor = parts_.make_executor(named.policy);
    if (!executor) return of_it(executor.error());
    Session::Parts parts;
    parts.monitor = std::move(*monitor);
    parts.executor = std::move(*executor);
    parts.dry_run = parts_.dry_run;
    parts.paths = parts_.paths;
    parts.resident = true;
    auto service = std::make_unique<Service>();
    service->session = std::make_unique<Session>(loop_, named.policy, std::move(parts));
    Service* const it = service.get();
    service->session->on_exit = [this](const SessionTarget& target) {
        watched_.erase(target.process.pid);
        paused_targets_.erase(target.process.pid);
    };
    if (parts_.audit)
        service->session->on_batch = [this, it](const Session::Batch& batch) {
            parts_.audit(audit_entry(it->named.name, batch));
        };
    service->session->on_error = [this, it](const Error& error) { fail(*it, error); };
    service->session->on_finished = [this, it] { service_finished(it); };
    if (auto started = service->session->start(); !started) return of_it(started.error());
    service->named = std::move(named);
    return service;
}

Result<void> Daemon::start(std::vector<NamedPolicy> policies) {
    auto looking = loop_.on_timer(parts_.look_interval, true, [this] { look(); });
    if (!looking) return looking.error();
    look_watch_ = *looking;
    auto reporting = loop_.on_timer(parts_.report_interval, true, [this] { report(); });
    if (!reporting) return reporting.error();
    report_watch_ = *reporting;
    return reload(std::move(policies));
}

// What is watched, by the rules of the policy that has it, if that stays.
std::vector<Discovery::Kept> Daemon::kept_by(const std::vector<NamedPolicy>& policies) const {
    std::map<std::string, std::pair<std::size_t, std::size_t>> rules;  // first, and how many
    std::size_t first = 0;
    for (const NamedPolicy& named : policies) {
        rules[named.name] = {first, named.policy.targets.size()};
        first += named.policy.targets.size();
    }
    std::vector<Discovery::Kept> kept;
    for (const auto& [pid, watched] : watched_) {
        const auto of_policy = rules.find(watched.service->named.name);
        if (of_policy != rules.end())
            kept.push_back(
                {pid, watched.start_ticks, of_policy->second.first, of_policy->second.second});
    }
    return kept;
}

Result<void> Daemon::reload(std::vector<NamedPolicy> policies) {
    std::vector<TargetSelector> rules;
    for (const NamedPolicy& named : policies) {
        if (auto ready = prepare(named); !ready) return ready;
        rules.insert(rules.end(), named.policy.targets.begin(), named.policy.targets.end());
    }
    auto discovery = Discovery::make(rules, parts_.paths.proc, kept_by(policies));
    if (!discovery) return discovery.error();

    // First all that can fail, which changes nothing; then what cannot.
    struct Next {
        Service* kept = nullptr;
        std::unique_ptr<Executor> executor;  // where what is kept has another policy
        std::unique_ptr<Service> begun;
    };
    std::vector<Next> next(policies.size());
    for (std::size_t i = 0; i < policies.size(); ++i) {
        const NamedPolicy& named = policies[i];
        const auto known =
            std::find_if(services_.begin(), services_.end(),
                         [&](const auto& service) { return service->named.name == named.name; });
        if (known == services_.end()) {
            auto begun = begin(named);
            if (!begun) return begun.error();
            next[i].begun = std::move(*begun);
            continue;
        }
        next[i].kept = known->get();
        if ((*known)->named.text == named.text) continue;
        if (auto may = (*known)->session->may_replace(named.policy); !may)
            return Error{may.error().kind, named.name + ": " + may.error().message,
                         may.error().code};
        auto executor = parts_.make_executor(named.policy);
        if (!executor)
            return Error{executor.error().kind, named.name + ": " + executor.error().message,
                         executor.error().code};
        next[i].executor = std::move(*executor);
    }

    Services services;
    for (std::size_t i = 0; i < policies.size(); ++i) {
        if (next[i].begun) {
            say(Level::info, policies[i].name + ": at work");
            services.push_back(std::move(next[i].begun));
            prove_sight(*services.back());
            continue;
        }
        const auto known =
            std::find_if(services_.begin(), services_.end(),
                         [&](const auto& service) { return service.get() == next[i].kept; });
        services.push_back(std::move(*known));
        services_.erase(known);
        if (!next[i].executor) continue;
        Service& service = *services.back();
        service.named = std::move(policies[i]);
        if (auto replaced =
                service.session->replace(service.named.policy, std::move(next[i].executor));
            !replaced)
            fail(service, replaced.error());
        else
            say(Level::info,
                service.named.name + ": replaced; targets keep their regions and ages");
        if (!service.session->acting() && !service.sight_check && !service.retry)
            prove_sight(service);
    }
    for (auto& service : services_) {
        say(Level::info, service->named.name + ": gone, and so are its targets");
        end(std::move(service), "its policy is gone");
    }
    services_ = std::move(services);
    of_rules_.clear();
    for (const auto& service : services_) apply_pauses(*service);
    for (const auto& service : services_)
        of_rules_.insert(of_rules_.end(), service->named.policy.targets.size(), service.get());
    discovery_ = std::move(*discovery);
    refused_.clear();
    anew_ = true;
    look();
    return {};
}

// Until it is proved that the monitor sees, the session decides and does not act.
void Daemon::prove_sight(Service& service) {
    const auto may =
        parts_.may_act && service.named.policy.acts() ? parts_.may_act() : Result<void>();
    if (!may) {
        service.observing = may.error().message;
        say(Level::warning, service.named.name + ": observes only: " + service.observing);
        return;
    }
    if (!parts_.prove_sight) {
        if (auto allowed = service.session->allow_acting(service.named.policy.monitor.tlb);
            !allowed)
            fail(service, allowed.error());
        return;
    }
    if (!service.named.policy.acts()) return;
    Service* const it = &service;
    service.sight_check =
        std::make_unique<SightCheck>(loop_, parts_.open_monitor, service.named.policy.monitor);
    // The check is still at work when it says so.
    const auto started = service.sight_check->start([this, it](const SightCheck::Outcome& outcome) {
        loop_.post([self = self_, it, outcome] {
            if (*self != nullptr) (*self)->sight_known(it, outcome);
        });
    });
    if (!started) fail(service, started.error());
}

void Daemon::sight_known(const Service* which, const SightCheck::Outcome& outcome) {
    const auto found = std::find_if(services_.begin(), services_.end(),
                                    [which](const auto& other) { return other.get() == which; });
    if (found == services_.end()) return;
    Service& service = **found;
    service.sight_check.reset();
    if (outcome.sees) {
        say(Level::info, service.named.name + ": sees, and may act");
        if (auto allowed = service.session->allow_acting(outcome.tlb); !allowed)
            fail(service, allowed.error());
        return;
    }
    service.observing = outcome.reason;
    say(Level::warning,
        service.named.name + ": observes only, and tries again in a minute: " + outcome.reason);
    service.retry = std::make_unique<Alarm>(loop_, [this, &service] { prove_sight(service); });
    if (auto rings = service.retry->ring_at(later(std::chrono::steady_clock::now(), sight_retry));
        !rings)
        fail(service, rings.error());
}

// Finding -----------------------------------------------------------------------------------------

void Daemon::look() {
    end_pauses(std::chrono::steady_clock::now());
    recall_next();
    if (looking_ || finishing_) return;
    auto job = [discovery = discovery_, again = take_refused(), loop = &loop_, self = self_,
                proc = parts_.paths.proc](const auto&) {
        auto looked = std::make_shared<Looked>();
        looked->from = discovery.get();
        auto found = discovery->look(std::chrono::steady_clock::now());
        for (const auto& newcomer : again) {
            if (auto process = open_newcomer(newcomer, proc))
                looked->newcomers.push_back({std::make_shared<Process>(std::move(*process)),
                                             newcomer.start_ticks, newcomer.rule});
            else
                looked->gone.push_back(newcomer.pid);
        }
        for (const auto& newcomer : found.newcomers)
            if (auto process = open_newcomer(newcomer, proc))
                looked->newcomers.push_back({std::make_shared<Process>(std::move(*process)),
                                             newcomer.start_ticks, newcomer.rule});
        looked->unfit = std::move(found.unfit);
        loop->post([self, looked] {
            if (*self != nullptr) (*self)->receive(*looked);
        });
    };
    looking_ = looker_.submit({looks, std::move(job)});
}

// Those whose time has come again.
std::vector<Discovery::Newcomer> Daemon::take_refused() {
    const Instant now = std::chrono::steady_clock::now();
    std::vector<Discovery::Newcomer> due;
    for (auto& [pid, refused] : refused_) {
        if (now < refused.again) continue;
        due.push_back(refused.process);
        refused.again = later(now, parts_.retry_interval);
    }
    return due;
}

void Daemon::receive(Looked& looked) {
    looking_ = false;
    if (finishing_) return;
    // Of rules that were replaced meanwhile.
    if (looked.from != discovery_.get()) return look();
    for (const std::int32_t pid : looked.gone) refused_.erase(pid);
    for (const std::int32_t pid : looked.unfit) leave(pid);
    std::set<std::int32_t> fitting;
    for (auto& newcomer : looked.newcomers) {
        fitting.insert(newcomer.process->pid);
        take(std::move(*newcomer.process), newcomer.start_ticks, newcomer.rule);
    }
    if (!std::exchange(anew_, false)) return;
    std::vector<std::int32_t> left;
    for (const auto& [pid, watched] : watched_)
        if (!fitting.contains(pid)) left.push_back(pid);
    for (const std::int32_t pid : left) leave(pid);
}

void Daemon::take(Process process, std::uint64_t start_ticks, std::size_t rule) {
    Service* const service = of_rules_.at(rule);
    if (service == nullptr) return;
    const std::int32_t pid = process.pid;
    if (const auto known = watched_.find(pid); known != watched_.end()) {
        if (known->second.service == service && known->second.start_ticks == start_ticks) {
            known->second.rule = rule_of_policy(rule);
            return;
        }
        leave(pid);
    }
    // What the monitor follows as a child is there already.
    for (const SessionTarget& target : service->session->targets())
        if (target.process.pid == pid && !target.exited) return;
    const std::string what = process.name + " (" + std::to_string(pid) + ")";
    if (auto added = service->session->add(std::move(process)); !added) {
        const auto [refused, first] = refused_.insert_or_assign(
            pid, Refused{{pid, start_ticks, rule},
                         later(std::chrono::steady_clock::now(), parts_.retry_interval)});
        if (first)
            say(Level::warning, service->named.name + ": " + what +
                                    " is not watched for now: " + added.error().message);
        return;
    }
    refused_.erase(pid);
    watched_[pid] = {service, service->session->targets().back().id, start_ticks,
                     rule_of_policy(rule)};
    say(Level::info, service->named.name + ": watches " + what);
    const auto paused = paused_targets_.find(pid);
    if (paused == paused_targets_.end()) return;
    // Another process has the pid now, or it is the one that was paused before it came here.
    if (paused->second.start_ticks != start_ticks)
        paused_targets_.erase(paused);
    else
        service->session->pause(watched_[pid].id, paused->second.paused.until);
}

void Daemon::leave(std::int32_t pid) {
    refused_.erase(pid);
    const auto known = watched_.find(pid);
    if (known == watched_.end()) return;
    say(Level::info, known->second.service->named.name + ": leaves " + std::to_string(pid) +
                         ", which its rules do not fit any more");
    known->second.service->session->remove(known->second.id);
    watched_.erase(known);
}

// The rules of all policies stand one after another.
std::size_t Daemon::rule_of_policy(std::size_t rule) const {
    const auto first = std::find(of_rules_.begin(), of_rules_.end(), of_rules_.at(rule));
    return rule - static_cast<std::size_t>(first - of_rules_.begin());
}

std::optional<std::size_t> Daemon::rule_of(const Service& service,
                                           const SessionTarget& target) const {
    const auto known = watched_.find(target.process.pid);
    if (known == watched_.end() || known->second.service != &service ||
        known->second.rule >= service.named.policy.targets.size())
        return std::nullopt;
    return known->second.rule;
}

// Ending ------------------------------------------------------------------------------------------

void Daemon::end(std::unique_ptr<Service> service, const std::string& why) {
    Service* const it = service.get();
    std::erase_if(watched_, [it](const auto& watched) { return watched.second.service == it; });
    it->sight_check.reset();
    it->retry.reset();
    refuse_asking(loop_, *it, "its policy has ended");
    std::erase_if(recalls_, [it](const Recalling& recall) { return recall.service == it; });
    ending_.push_back(std::move(service));
    it->session->finish(why);
}

// Called from within the session, which goes only after that.
void Daemon::service_finished(const Service* service) {
    loop_.post([self = self_, service] {
        Daemon* const daemon = *self;
        if (daemon == nullptr) return;
        std::erase_if(daemon->ending_, [service](const auto& it) { return it.get() == service; });
        if (daemon->finishing_ && daemon->ending_.empty() && daemon->on_finished)
            daemon->on_finished();
    });
}

// Its monitor failed.  The others go on.
void Daemon::fail(const Service& service, const Error& error) {
    say(Level::error, service.named.name + ": stopped: " + error.message);
    loop_.post([self = self_, it = &service] {
        Daemon* const daemon = *self;
        if (daemon == nullptr) return;
        const auto found = std::find_if(daemon->services_.begin(), daemon->services_.end(),
                                        [it](const auto& other) { return other.get() == it; });
        if (found == daemon->services_.end()) return;
        std::replace(daemon->of_rules_.begin(), daemon->of_rules_.end(), found->get(),
                     static_cast<Service*>(nullptr));
        std::unique_ptr<Service> failed = std::move(*found);
        daemon->services_.erase(found);
        daemon->end(std::move(failed), "it failed");
    });
}

void Daemon::finish(const std::string& why) {
    if (finishing_) return;
    finishing_ = true;
    for (EventLoop::Watch* const watch : {&look_watch_, &report_watch_})
        if (*watch) loop_.forget(std::exchange(*watch, 0));
    looker_.cancel(looks);
    for (auto& service : std::exchange(services_, {})) end(std::move(service), why);
    if (ending_.empty() && on_finished) on_finished();
}

// Telling -----------------------------------------------------------------------------------------

DaemonStatus Daemon::status() const {
    DaemonStatus status;
    status.elapsed = elapsed(began_, std::chrono::steady_clock::now());
    status.dry_run = parts_.dry_run;
    status.unwatched = refused_.size();
    status.paused = paused_now(all_paused_);
    status.releasing = recalls_.size() + (recalling_ ? 1 : 0);
    for (const auto& service : services_) {
        const Session& session = *service->session;
        DaemonStatus::OfPolicy of_policy;
        of_policy.name = service->named.name;
        if (!session.acting() && session.policy().acts()) of_policy.observing = service->observing;
        of_policy.resting = session.resting().value_or("");
        of_policy.paused = paused_now(*service);
        for (const SessionTarget& target : session.targets()) {
            if (target.exited) continue;
            DaemonStatus::Target of_target;
            of_target.pid = target.process.pid;
            of_target.name = target.process.name;
            of_target.braked = target.braked;
            of_target.paged_out = target.paged_out;
            of_target.refaulted = target.refaulted;
            of_target.paused = paused_now(target.process.pid);
            for (const auto& guarded : target.guarded)
                of_target.guarded.push_back(
                    {session.policy().schemes[guarded.scheme].name, guarded.pause.harm,
                     guarded.pause.measured,
                     elapsed(std::chrono::steady_clock::now(), guarded.pause.until)});
            of_target.rule = rule_of(*service, target);
            if (target.memory) {
                of_target.rss = target.memory->rss;
                of_target.swapped = target.memory->swapped;
            }
            of_policy.targets.push_back(std::move(of_target));
        }
        auto controls = session.controls();
        controls.resize(session.policy().schemes.size());
        for (std::size_t i = 0; i < session.policy().schemes.size(); ++i) {
            const Scheme& scheme = session.policy().schemes[i];
            DaemonStatus::OfScheme of_scheme;
            of_scheme.name = scheme.name;
            of_scheme.action = scheme.action;
            of_scheme.totals = session.totals()[i];
            of_scheme.tuned_age = controls[i].tuned_age;
            of_scheme.guard_pauses = controls[i].guard_pauses;
            of_scheme.controls = std::move(controls[i]);
            for (const QuotaGoal& goal : scheme.quota.goals) of_scheme.goals.push_back(goal.metric);
            of_policy.schemes.push_back(std::move(of_scheme));
        }
        of_policy.rules = session.policy().targets;
        of_policy.snapshots = session.snapshots();
        of_policy.regions = session.regions();
        of_policy.actor_time = session.actor_time();
        if (auto cost = session.monitor_cost()) of_policy.monitor = *cost;
        status.policies.push_back(std::move(of_policy));
    }
    return status;
}

void Daemon::report() {
    // What is told to leave a process alone has no meaning once that has gone.
    std::erase_if(paused_targets_, [&](const auto& paused) { return !place_of(paused.first); });
    for (const DaemonStatus::OfPolicy& policy : status().policies) {
        Bytes rss, paged_out;
        for (const auto& target : policy.targets) rss += target.rss.value_or(Bytes{});
        for (const auto& scheme : policy.schemes) paged_out += scheme.totals.paged_out;
        say(Level::info, policy.name + ": " + counted(policy.targets.size(), "target") + " with " +
                             readable(rss) + " in memory; " + readable(paged_out) +
                             " paged out since it began" +
                             (policy.observing.empty() ? "" : "; observing only"));
    }
}

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// What a daemon is told to do beyond its policies: pauses, memory brought back, figures, and why.
#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <utility>

#include "engine/control/daemon_service.h"
#include "engine/machine/memory.h"
#include "engine/reports/readable.h"
#include "engine/targets/procfs.h"

namespace damon_schemes {
namespace {

// Of all memory: what stays free of what is brought back.
constexpr std::uint64_t kept_free_part = 50;

Instant now() {
    return std::chrono::steady_clock::now();
}

Error usage(std::string message) {
    return {ErrorKind::usage, std::move(message), 0};
}

std::string who(const std::string& name, std::int32_t pid) {
    return printable(name) + " (" + std::to_string(pid) + ")";
}

std::string for_how_long(std::optional<Duration> time) {
    return time ? "for " + readable(*time) : std::string("until it is resumed");
}

// As people shorten it.
bool is_named(const std::string& file, const std::string& asked) {
    const std::filesystem::path path(file);
    return asked == file || asked == path.filename() || asked == path.stem();
}

// nullopt: one of the two has no end.
std::optional<Instant> later_of(std::optional<Instant> a, std::optional<Instant> b) {
    if (!a || !b) return std::nullopt;
    return std::max(*a, *b);
}

std::string number_in_words(double value) {
    std::array<char, 32> text{};
    const auto written = std::to_chars(text.data(), text.data() + text.size(), value);
    return {text.data(), written.ptr};
}

}  // namespace

// Whom an order is about -------------------------------------------------------------------------

Result<Daemon::Service*> Daemon::service_named(const std::string& policy) const {
    std::vector<Service*> fitting;
    std::string all;
    for (const auto& service : services_) {
        all += (all.empty() ? "" : ", ") + service->named.name;
        if (is_named(service->named.name, policy)) fitting.push_back(service.get());
    }
    if (fitting.size() == 1) return fitting.front();
    if (fitting.empty())
        return usage("there is no policy '" + printable(policy) +
                     "' at work; there are: " + (all.empty() ? "none" : all));
    return usage("'" + printable(policy) + "' may be any of " + std::to_string(fitting.size()) +
                 " policies: name one as a whole, of " + all);
}

std::optional<Daemon::Place> Daemon::place_of(std::int32_t pid) const {
    for (const auto& service : services_)
        for (const SessionTarget& target : service->session->targets())
            if (target.process.pid == pid && !target.exited) return Place{service.get(), &target};
    return std::nullopt;
}

Result<std::vector<Daemon::Place>> Daemon::places_in(const Scope& scope) const {
    std::vector<Place> places;
    if (scope.pid) {
        const auto place = place_of(*scope.pid);
        if (!place)
            return usage("process " + std::to_string(*scope.pid) +
                         " is not watched; 'damon-schemes top' lists what is");
        places.push_back(*place);
        return places;
    }
    Service* only = nullptr;
    if (!scope.policy.empty()) {
        const auto named = service_named(scope.policy);
        if (!named) return named.error();
        only = *named;
    }
    for (const auto& service : services_) {
        if (only != nullptr && service.get() != only) continue;
        for (const SessionTarget& target : service->session->targets())
            if (!target.exited) places.push_back({service.get(), &target});
    }
    return places;
}

// Pauses -----------------------------------------------------------------------------------------

Result<std::string> Daemon::pause(const Scope& scope, std::optional<Duration> time,
                                  const Asker& by) {
    const Instant at = now();
    const Paused paused{at, time ? std::optional(later(at, *time)) : std::nullopt, by, false};
    if (scope.pid) {
        const auto place = place_of(*scope.pid);
        if (!place) return places_in(scope).error();
        pause_target(*place, paused);
        return "paused " + who(place->target->process.name, *scope.pid) + " " + for_how_long(time);
    }
    if (!scope.policy.empty()) {
        const auto named = service_named(scope.policy);
        if (!named) return named.error();
        paused_policies_[(*named)->named.name] = paused;
        apply_pauses(**named);
        return "paused " + (*named)->named.name + " " + for_how_long(time);
    }
    all_paused_ = paused;
    for (const auto& service : services_) apply_pauses(*service);
    return "paused everything " + for_how_long(time);
}

Result<std::string> Daemon::resume(const Scope& scope) {
    const auto still = [&](const Service& service) {
        return paused_now(service) || all_paused_
                   ? std::string(
                         "; it stays paused as a part of what else is: see 'damon-schemes "
                         "status'")
                   : std::string();
    };
    if (scope.pid) {
        const auto place = place_of(*scope.pid);
        if (!place) return places_in(scope).error();
        const std::string name = who(place->target->process.name, *scope.pid);
        if (paused_targets_.erase(*scope.pid) == 0)
            return usage(name + " was not paused by itself" + still(*place->service));
        place->service->session->resume(place->target->id);
        return "resumed " + name + still(*place->service);
    }
    if (!scope.policy.empty()) {
        const auto named = service_named(scope.policy);
        if (!named) return named.error();
        if (paused_policies_.erase((*named)->named.name) == 0)
            return usage((*named)->named.name + " was not paused by itself" + still(**named));
        apply_pauses(**named);
        return "resumed " + (*named)->named.name + still(**named);
    }
    const std::size_t ended =
        (all_paused_ ? 1 : 0) + paused_policies_.size() + paused_targets_.size();
    all_paused_.reset();
    paused_policies_.clear();
    for (const auto& [pid, paused] : std::exchange(paused_targets_, {}))
        if (const auto place = place_of(pid)) place->service->session->resume(place->target->id);
    for (const auto& service : services_) apply_pauses(*service);
    if (ended == 0) return usage("nothing was paused");
    return "resumed everything: " + std::to_string(ended) +
           (ended == 1 ? " pause has ended" : " pauses have ended");
}

void Daemon::pause_target(const Place& place, const Paused& paused) {
    const std::int32_t pid = place.target->process.pid;
    const auto watched = watched_.find(pid);
    paused_targets_[pid] = {paused, watched == watched_.end() ? 0 : watched->second.start_ticks};
    place.service->session->pause(place.target->id, paused.until);
}

// All of a policy is paused by its own pause, and by that of everything.
void Daemon::apply_pauses(Service& service) const {
    const Instant at = now();
    std::optional<Paused> paused;
    if (all_paused_ && lasts(*all_paused_, at)) paused = all_paused_;
    const auto of_policy = paused_policies_.find(service.named.name);
    if (of_policy != paused_policies_.end() && lasts(of_policy->second, at)) {
        const auto until = of_policy->second.until;
        if (paused)
            paused->until = later_of(paused->until, until);
        else
            paused = of_policy->second;
    }
    if (paused)
        service.session->pause(std::nullopt, paused->until);
    else
        service.session->resume(std::nullopt);
}

// Schemes go by the time themselves; this is for people.
void Daemon::end_pauses(Instant at) {
    if (all_paused_ && !lasts(*all_paused_, at)) {
        all_paused_.reset();
        say(Level::info, "the pause of everything has ended");
    }
    std::erase_if(paused_policies_, [&](const auto& policy) {
        if (lasts(policy.second, at)) return false;
        say(Level::info, policy.first + ": its pause has ended");
        return true;
    });
    std::erase_if(paused_targets_, [&](const auto& target) {
        if (lasts(target.second.paused, at)) return false;
        say(Level::info, "the pause of process " + std::to_string(target.first) + " has ended");
        return true;
    });
}

std::optional<DaemonStatus::Paused> Daemon::paused_now(const std::optional<Paused>& paused) const {
    const Instant at = now();
    if (!paused || !lasts(*paused, at)) return std::nullopt;
    DaemonStatus::Paused told;
    told.ago = elapsed(paused->since, at);
    if (paused->until) told.left = elapsed(at, *paused->until);
    told.by_pid = paused->by.pid;
    told.by_uid = paused->by.uid;
    told.released = paused->released;
    return told;
}

std::optional<DaemonStatus::Paused> Daemon::paused_now(const Service& service) const {
    const auto found = paused_policies_.find(service.named.name);
    return found == paused_policies_.end() ? std::nullopt : paused_now(found->second);
}

std::optional<DaemonStatus::Paused> Daemon::paused_now(std::int32_t pid) const {
    const auto found = paused_targets_.find(pid);
    return found == paused_targets_.end() ? std::nullopt : paused_now(found->second.paused);
}

// Memory brought back ----------------------------------------------------------------------------

Result<Daemon::Released> Daemon::release(const ReleaseOrder& order, const Asker& by) {
    if (parts_.dry_run) return usage("this is a dry run: nothing was paged out by it");
    auto places = places_in(order.scope);
    if (!places) return places.error();
    std::erase_if(*places, [](const Place& place) {
        return !place.target->memory || place.target->memory->swapped.count == 0;
    });
    Released released;
    for (const Place& place : *places) released.bytes += place.target->memory->swapped;
    released.targets = places->size();
    if (released.targets == 0) return usage("nothing of that is in swap");

    Bytes keep_free;
    if (!order.force) {
        const auto text = read_file(parts_.paths.proc + "/meminfo");
        const auto machine = text ? parse_meminfo(*text) : std::nullopt;
        if (!machine)
            return usage("how much memory is free cannot be read; --force does it all the same");
        keep_free = {machine->total.count / kept_free_part};
        if (machine->available < keep_free + released.bytes)
            return usage(readable(released.bytes) + " would come back, and " +
                         readable(machine->available) + " of memory can be had, of which " +
                         readable(keep_free) +
                         " stay: name fewer with --pid or --policy, or say --force");
    }

    const Instant at = now();
    for (const Place& place : *places) {
        const std::int32_t pid = place.target->process.pid;
        Paused paused{at, later(at, order.pause), by, true};
        if (const auto before = paused_targets_.find(pid); before != paused_targets_.end())
            paused.until = later_of(paused.until, before->second.paused.until);
        pause_target(place, paused);
        std::erase_if(recalls_, [pid](const Recalling& recall) { return recall.pid == pid; });
        recalls_.push_back(
            {pid, place.target->process.name, place.service, place.target->id, keep_free});
    }
    recall_next();
    released.words = readable(released.bytes) + " of " + std::to_string(released.targets) +
                     (released.targets == 1 ? " process is" : " processes are") +
                     " on the way back into memory; paused for " + readable(order.pause);
    return released;
}

// One at a time: what is brought back competes with what programs wait for themselves.
void Daemon::recall_next() {
    if (recalling_ || finishing_) return;
    while (!recalls_.empty()) {
        const Recalling next = recalls_.front();
        const auto& targets = next.service->session->targets();
        const bool there = std::any_of(targets.begin(), targets.end(), [&](const auto& target) {
            return target.id == next.id && !target.exited;
        });
        if (!there) {
            recalls_.pop_front();
            continue;
        }
        recalling_ = next.service->session->recall(
            next.id, next.keep_free, [self = self_, next](const Recalled& recalled) {
                Daemon* const daemon = *self;
                if (daemon == nullptr) return;
                daemon->recalling_ = false;
                daemon->say(recalled.stopped.empty() ? Level::info : Level::warning,
                            who(next.name, next.pid) + ": " + readable(recalled.back) + " of the " +
                                readable(recalled.found) +
                                " that were looked at in swap are back in memory" +
                                (recalled.stopped.empty() ? "" : "; stopped: " + recalled.stopped));
                daemon->recall_next();
            });
        // Where so much waits that it was not taken, the next look for processes tries again.
        if (recalling_) recalls_.pop_front();
        return;
    }
}

// Figures ----------------------------------------------------------------------------------------

Result<std::string> Daemon::set_goal(const GoalOrder& order) {
    const auto named = service_named(order.policy);
    if (!named) return named.error();
    Service& service = **named;
    const auto& schemes = service.session->policy().schemes;
    const auto scheme = std::find_if(schemes.begin(), schemes.end(), [&](const Scheme& other) {
        return other.name == order.scheme;
    });
    if (scheme == schemes.end()) {
        std::string all;
        for (const Scheme& other : schemes) all += (all.empty() ? "" : ", ") + other.name;
        return usage(service.named.name + " has no scheme '" + printable(order.scheme) +
                     "'; there are: " + all);
    }
    std::vector<std::string> files;
    for (const QuotaGoal& goal : scheme->quota.goals)
        if (goal.metric == GoalMetric::figure && (order.file.empty() || goal.file == order.file))
            files.push_back(goal.file);
    if (files.empty())
        return usage("scheme '" + scheme->name + "' of " + service.named.name +
                     " has no quota goal with the metric \"figure\"" +
                     (order.file.empty() ? "" : " that is kept in " + printable(order.file)));
    if (std::any_of(files.begin(), files.end(),
                    [&](const std::string& file) { return file != files.front(); }))
        return usage("scheme '" + scheme->name +
                     "' has several goals with figures: name the file of "
                     "one with --file");
    service.session->tell_figure(files.front(), order.value);
    if (!order.value) return files.front() + " counts again for " + service.named.name;
    return number_in_words(*order.value) + " counts in place of what " + files.front() +
           " holds, for " + service.named.name + ", until it is replaced";
}

// Why --------------------------------------------------------------------------------------------

void Daemon::explain(std::int32_t pid, Explained callback) {
    const auto place = place_of(pid);
    if (!place) return callback(places_in({"", pid}).error());
    Service& service = *place->service;
    if (const auto& why = service.session->resting())
        return callback(usage(service.named.name + " rests, and nothing is monitored: " + *why));
    auto late = loop_.on_timer(parts_.explain_patience, false, [this, &service, pid] {
        // It is the first of those that wait for this process: they came in this order.
        const auto found = std::find_if(service.asking.begin(), service.asking.end(),
                                        [pid](const auto& asking) { return asking.pid == pid; });
        const auto asking = std::move(*found);
        service.asking.erase(found);
        loop_.forget(asking.late);
        asking.callback(Error{ErrorKind::runtime,
                              "no snapshot came within " + readable(parts_.explain_patience) +
                                  ": the policy's aggregation interval is longer, or the machine "
                                  "is busy; ask again",
                              0});
    });
    if (!late) return callback(late.error());
    const bool first = service.asking.empty();
    service.asking.push_back({pid, place->target->id, std::move(callback), *late});
    if (first)
        service.session->explain_next([this, &service](const Session::Explained& explained) {
            this->explained(service, explained);
        });
}

void Daemon::explained(Service& service, const Session::Explained& explained) {
    const Session& session = *service.session;
    const auto controls = session.controls();
    for (const Service::Asking& asking : std::exchange(service.asking, {})) {
        loop_.forget(asking.late);
        const auto watched = watched_.find(asking.pid);
        const Instant since = watched == watched_.end() ? service.since : watched->second.since;
        Decision decision =
            decision_on(asking.target,
                        {session.policy(), explained.snapshot, explained.conditions, explained.plan,
                         explained.explanation, controls, elapsed(since, now())});
        if (decision.snapshot.targets.empty()) {
            asking.callback(usage("process " + std::to_string(asking.pid) +
                                  " is in no snapshot yet, or has exited: ask again"));
            continue;
        }
        for (const SessionTarget& target : session.targets())
            if (target.id == asking.target && !decision.conditions.targets.empty())
                decision.conditions.targets.front().name = target.process.name;
        asking.callback(std::move(decision));
    }
}

void Daemon::refuse_asking(EventLoop& loop, Service& service, const std::string& why) {
    for (const Service::Asking& asking : std::exchange(service.asking, {})) {
        loop.forget(asking.late);
        asking.callback(Error{ErrorKind::runtime, why + " before it could be explained", 0});
    }
}

}  // namespace damon_schemes

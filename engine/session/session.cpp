// SPDX-License-Identifier: MIT
#include "engine/session/session.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "engine/actions/dry_run.h"
#include "engine/actions/idle_mark.h"
#include "engine/session/start_check.h"
#include "schemes/decide/machine_limits.h"
#include "schemes/quantity.h"

namespace damon_schemes {
namespace {

// What became of ranges whose turn never came.
std::vector<ActionOutcome> dropped(const std::vector<AddressRange>& ranges, bool unlock = false) {
    std::vector<ActionOutcome> outcomes;
    outcomes.reserve(ranges.size());
    for (const auto& range : ranges) {
        ActionOutcome outcome;
        outcome.asked = range.size();
        outcome.gaps[static_cast<std::size_t>(Gap::cancelled)] = range.size();
        outcome.unlock = unlock;
        outcomes.push_back(outcome);
    }
    return outcomes;
}

// What targets and figures are is of use for so long.
constexpr Duration survey_interval = std::chrono::milliseconds(500);
// Looks that come sooner than this after each other are taken together.
constexpr Duration least_look_interval = std::chrono::milliseconds(50);

// Jobs of one key run one at a time, so there are never more than one background thread each for
// what is read of targets, which hardly ever waits, and for what takes a target's mmap lock.
constexpr std::uint64_t surveys = 1;
constexpr std::uint64_t page_tables = 2;
constexpr std::size_t background_threads = 2;
constexpr std::size_t background_queue = 256;

constexpr std::size_t actor_threads = 2;
constexpr std::size_t actor_queue = 64;

// Beside the key of a target's actions, which is its id: what ends those does not end this.
std::uint64_t recall_of(TargetId target) {
    return target.value | std::uint64_t{1} << 63U;
}

Instant now() {
    return std::chrono::steady_clock::now();
}

Bytes size_of(const std::vector<AddressRange>& ranges) {
    Bytes size;
    for (const auto range : ranges) size += range.size();
    return size;
}

// What became of ranges whose pages could not be marked.
std::vector<ActionOutcome> unverified(const std::vector<AddressRange>& ranges, int error) {
    const bool gone = error == ESRCH;
    // Another program runs there now, or the monitor was stopped: their time has passed.
    const bool late = error == ESTALE || error == ENOENT || error == EAGAIN || error == ECANCELED;
    const Gap gap = gone ? Gap::unmapped : late ? Gap::cancelled : Gap::not_idle;
    std::vector<ActionOutcome> outcomes;
    for (const auto range : ranges) {
        ActionOutcome outcome;
        outcome.asked = range.size();
        outcome.gaps[static_cast<std::size_t>(gap)] = range.size();
        outcome.target_gone = gone;
        if (error != ECANCELED) outcome.last_errno = error;
        outcomes.push_back(outcome);
    }
    return outcomes;
}

Bytes advisable(const ActionOutcome& outcome) {
    Bytes bytes = outcome.asked;
    for (const auto gap : outcome.gaps) bytes -= gap;
    return bytes;
}

void add(SchemeTotals& totals, const ActionOutcome& outcome) {
    totals.advised += outcome.advised;
    totals.paged_out += outcome.paged_out;
    totals.calls += outcome.calls;
    totals.spent += outcome.spent;
    totals.verified += outcome.verified;
    (outcome.unlock ? totals.unlocked : totals.confirmed) += outcome.confirmed;
    totals.grown += outcome.grown;
    totals.remote += outcome.remote;
    if (outcome.last_errno != 0) ++totals.errors[outcome.last_errno];
    // What was to be unlocked was never planned to be locked, so its gaps are none of these.
    if (outcome.unlock) return;
    for (std::size_t i = 0; i < gap_count; ++i) totals.gaps[i] += outcome.gaps[i];
}

// Whether each byte was done or has a reason that will still hold for a while.  Without that, what
// filters leave of the coldest memory, and it alone, would have the quota at each turn.
bool was_looked_at(Action action, const ActionOutcome& outcome) {
    const auto in = [&](Gap gap) { return outcome.gaps[static_cast<std::size_t>(gap)]; };
    if (lasts(action)) return in(Gap::cancelled).count == 0;
    return in(Gap::filtered).count != 0 &&
           in(Gap::filtered) + in(Gap::absent) + in(Gap::unmapped) + in(Gap::special) ==
               outcome.asked;
}

// Whether what was to be unlocked is no longer locked by us, however that came.
bool released(const ActionOutcome& outcome) {
    Bytes settled = outcome.confirmed;
    for (const Gap gap : {Gap::unmapped, Gap::special, Gap::not_held})
        settled += outcome.gaps[static_cast<std::size_t>(gap)];
    return settled == outcome.asked;
}

}  // namespace

// Goes with a job and, when the job ends or is dropped, sends what became of its ranges back to the
// loop's thread, where it is made.
struct Session::Receipt {
    Receipt(EventLoop& loop_in, std::shared_ptr<Session*> session_in, std::uint32_t scheme_in,
            TargetId target_in, Instant planned_at_in, std::vector<AddressRange> ranges_in)
        : loop(loop_in),
          session(std::move(session_in)),
          scheme(scheme_in),
          target(target_in),
          planned_at(planned_at_in),
          policy((*session)->policies_),
          acting((*session)->schemes_[scheme]),
          ranges(std::move(ranges_in)),
          outcomes(dropped(ranges)) {}
    ~Receipt() {
        if (!due) return;
        loop.post([session_then = std::move(session), scheme_then = scheme, target_then = target,
                   planned_then = planned_at, policy_then = policy, acting_then = std::move(acting),
                   ranges_then = std::move(ranges), outcomes_then = std::move(outcomes)] {
            Session* session_now = *session_then;
            if (!session_now) return;
            --session_now->in_flight_;
            if (policy_then == session_now->policies_)
                session_now->receive(scheme_then, target_then, planned_then, ranges_then,
                                     outcomes_then);
            if (session_now->on_batch)
                session_now->on_batch(
                    {*acting_then, session_now->find(target_then), ranges_then, outcomes_then});
            session_now->finish_if_idle();
        });
    }
    Receipt(const Receipt&) = delete;
    Receipt& operator=(const Receipt&) = delete;

    EventLoop& loop;
    std::shared_ptr<Session*> session;
    std::uint32_t scheme;
    TargetId target;
    Instant planned_at;
    std::uint64_t policy;
    std::shared_ptr<const Scheme> acting;
    std::vector<AddressRange> ranges;
    std::vector<ActionOutcome> outcomes;
    bool due = true;
};

Session::Session(EventLoop& loop, Policy policy, Parts parts)
    : loop_(loop),
      monitor_(std::move(parts.monitor)),
      executor_(std::move(parts.executor)),
      decider_(std::move(policy)),
      paths_(std::move(parts.paths)),
      attributes_(decider_.policy().monitor),
      needs_(needs_of(decider_.policy())),
      conditions_(needs_, paths_),
      surveyor_(std::make_shared<TargetSurveyor>(needs_, paths_)),
      scanner_(monitor_->page_scanner()),
      dry_run_(parts.dry_run),
      may_rest_(parts.may_rest),
      resident_(parts.resident),
      totals_(decider_.policy().schemes.size()),
      verification_alarm_(loop_, [this] { pursue_verifications(); }),
      refaults_(std::make_shared<RefaultWatcher>(decider_.policy().refaults, paths_)),
      refault_alarm_(loop_, [this] { look_for_refaults(); }),
      self_(std::make_shared<Session*>(this)),
      background_(background_threads, background_queue),
      actors_(actor_threads, actor_queue) {
    for (const Scheme& scheme : decider_.policy().schemes)
        schemes_.push_back(std::make_shared<const Scheme>(scheme));
    if (attributes_.interval_goal) interval_tuner_.emplace(attributes_);
}

Session::~Session() {
    *self_ = nullptr;
    for (const EventLoop::Watch watch : {monitor_watch_, survey_watch_, rest_watch_})
        if (watch) loop_.forget(watch);
    for (const auto& target : targets_) {
        if (!target.exited) loop_.forget(target.watch);
    }
}

Result<void> Session::add(Process process) {
    auto id = monitor_->add_target(process.pid);
    if (!id) return id.error();
    // The pid was taken by number; the pidfd says whether it still is the process that was meant.
    if (!process.alive()) {
        (void)monitor_->remove_target(*id);
        return Error{ErrorKind::usage, "process " + std::to_string(process.pid) + " has exited", 0};
    }
    return keep(*id, std::move(process), /*child=*/false);
}

Result<void> Session::keep(TargetId id, Process process, bool child) {
    auto watch = loop_.on_readable(process.pidfd.get(), [this, id] { target_exited(id); });
    if (!watch) return watch.error();
    SessionTarget target;
    target.id = id;
    target.process = std::move(process);
    target.child = child;
    target.watch = *watch;
    target_indices_[id] = targets_.size();
    targets_.push_back(std::move(target));
    return {};
}

Result<void> Session::check() {
    return check(policy(), attributes_);
}

Result<void> Session::check(const Policy& policy, const MonitorAttributes& attributes) {
    if (policy.monitor.memory == WatchedMemory::physical) {
        return Error{ErrorKind::unsupported,
                     "monitor.memory is \"physical\": 'apply' alone does that, and no process is "
                     "looked at then; take it out of the policy to watch processes",
                     0};
    }
    std::vector<CheckedTarget> checked;
    for (const auto& target : targets_)
        if (!target.exited) checked.push_back({target.process.pid, target.process.name});
    if (auto controls = check_controls(policy, checked, scanner_ != nullptr, paths_); !controls)
        return controls;
    auto set = check_intervals(attributes);
    if (set) set = monitor_->set_attributes(attributes);
    if (!set && started_) (void)monitor_->set_attributes(attributes_);
    return set;
}

// What the intervals may come to be: better refused now than after hours.
Result<void> Session::check_intervals(const MonitorAttributes& attributes) {
    if (!attributes.interval_goal) return {};
    for (const Duration sampling : {attributes.interval_goal->min, attributes.interval_goal->max}) {
        const MonitorAttributes then = with_sampling_interval(attributes, sampling);
        auto set = monitor_->set_attributes(then);
        if (set) continue;
        if (set.error().kind != ErrorKind::policy) return set;
        return Error{set.error().kind,
                     "monitor.interval_goal may make the intervals " +
                         to_string(then.sampling_interval) + ", " +
                         to_string(then.aggregation_interval) + " and " +
                         to_string(then.update_interval) + ": " + set.error().message,
                     set.error().code};
    }
    return {};
}

Result<void> Session::start() {
    if (auto checked = check(); !checked) return checked;
    auto watch = loop_.on_readable(monitor_->descriptor(), [this] { take_snapshots(); });
    if (!watch) return watch.error();
    monitor_watch_ = *watch;
    auto surveying = loop_.on_timer(survey_interval, true, [this] { survey(); });
    if (!surveying) return surveying.error();
    survey_watch_ = *surveying;
    survey();
    started_ = true;
    return monitor_->start();
}

// What it takes to see was found out already.
MonitorAttributes Session::attributes_of(const Policy& policy) const {
    MonitorAttributes attributes = policy.monitor;
    if (sees_ && attributes.tlb == TlbPolicy::automatic) attributes.tlb = attributes_.tlb;
    return attributes;
}

Result<void> Session::may_replace(const Policy& policy) {
    if (auto checked = check(policy, attributes_of(policy)); !checked) return checked;
    return monitor_->set_attributes(attributes_);
}

Result<void> Session::replace(Policy policy, std::unique_ptr<Executor> executor) {
    const MonitorAttributes attributes = attributes_of(policy);
    if (auto checked = check(policy, attributes); !checked) return checked;

    ++policies_;
    verifications_.drop_all();
    for (SessionTarget& target : targets_) {
        if (!target.exited) actors_.cancel(target.id.value);
        target.braked = false;
        target.guarded.clear();
    }
    std::vector<SchemeTotals> totals(policy.schemes.size());
    for (std::size_t i = 0; i < totals.size(); ++i) {
        for (std::size_t former = 0; former < schemes_.size(); ++former)
            if (schemes_[former]->name == policy.schemes[i].name &&
                schemes_[former]->action == policy.schemes[i].action)
                totals[i] = totals_[former];
    }
    totals_ = std::move(totals);
    schemes_.clear();
    for (const Scheme& scheme : policy.schemes)
        schemes_.push_back(std::make_shared<const Scheme>(scheme));
    attributes_ = attributes;
    interval_tuner_.reset();
    if (attributes_.interval_goal) interval_tuner_.emplace(attributes_);
    needs_ = needs_of(policy);
    conditions_ = ConditionsReader(needs_, paths_);
    surveyor_ = std::make_shared<TargetSurveyor>(needs_, paths_);
    mapped_at_.reset();
    refaults_ = std::make_shared<RefaultWatcher>(policy.refaults, paths_);
    executor_ = std::move(executor);
    Pauses pauses = decider_.pauses();
    decider_ = Decider(std::move(policy));
    decider_.keep(std::move(pauses));
    told_figures_.clear();
    if (!resting_) return {};
    if (auto started = wake(); !started) fail(started.error());
    return {};
}

Result<void> Session::allow_acting(TlbPolicy tlb) {
    if (attributes_.tlb != tlb) {
        auto attributes = attributes_;
        attributes.tlb = tlb;
        if (auto set = monitor_->set_attributes(attributes); !set) return set;
        attributes_ = attributes;
    }
    sees_ = true;
    return {};
}

void Session::hold_lock(std::uint32_t scheme, std::int32_t pid, AddressRange range) {
    for (const auto& target : targets_)
        if (target.process.pid == pid) decider_.hold_lock(scheme, target.id, range, now());
}

void Session::pause(std::optional<TargetId> target, std::optional<Instant> until) {
    decider_.pause({target, until});
    for (const SessionTarget& each : targets_)
        if (!each.exited && (!target || each.id == *target)) stop_acting_on(each);
}

void Session::resume(std::optional<TargetId> target) {
    decider_.resume(target);
}

void Session::tell_figure(const std::string& file, std::optional<double> value) {
    if (!value) {
        told_figures_.erase(file);
        return;
    }
    told_figures_[file] = *value;
    conditions_.know_figure(file, *value);
}

// Goes with the job, and says what came of it also where the job is dropped.
struct Session::Recollection {
    explicit Recollection(EventLoop& loop_in) : loop(loop_in) {
        recalled.stopped = "it was told to stop";
    }
    ~Recollection() {
        if (!done) return;
        loop.post([done_then = std::move(done), recalled_then = std::move(recalled)] {
            done_then(recalled_then);
        });
    }
    Recollection(const Recollection&) = delete;
    Recollection& operator=(const Recollection&) = delete;

    EventLoop& loop;
    std::function<void(const Recalled&)> done;
    Recalled recalled;
};

bool Session::recall(TargetId id, Bytes keep_free, std::function<void(const Recalled&)> done) {
    const SessionTarget* target = find(id);
    if (!target || target->exited || finishing_) return false;
    forget_refaults(id);
    ActionRequest request;
    request.pid = target->process.pid;
    request.pidfd = target->process.pidfd.get();
    request.target_name = target->process.name;
    request.target = id;
    request.generation = target->generation.value_or(0);
    const auto recollection = std::make_shared<Recollection>(loop_);
    // Set once the job is taken: what is not taken tells nothing.
    const bool taken =
        actors_.submit({recall_of(id), [recollection, executor = executor_, request, keep_free,
                                        paths = paths_](const std::function<bool()>& cancelled) {
                            recollection->recalled = damon_schemes::recall(
                                request, *executor, keep_free, cancelled, paths);
                        }});
    if (taken) recollection->done = std::move(done);
    return taken;
}

void Session::finish(const std::string& why) {
    if (finishing_) return;
    finishing_ = true;
    why_finished_ = why;
    (void)monitor_->stop();
    for (const EventLoop::Watch watch : {survey_watch_, rest_watch_})
        if (watch) loop_.forget(watch);
    survey_watch_ = 0;
    rest_watch_ = 0;
    refault_alarm_.cancel();
    verification_alarm_.cancel();
    verifications_.drop_all();
    background_.cancel(surveys);
    background_.cancel(page_tables);
    for (const auto& target : targets_) {
        actors_.cancel(target.id.value);
        actors_.cancel(recall_of(target.id));
    }
    finish_if_idle();
}

void Session::fail(const Error& error) {
    if (on_error) on_error(error);
    finish(error.message);
}

void Session::finish_if_idle() {
    if (!finishing_ || finished_ || in_flight_ > 0) return;
    finished_ = true;
    if (on_finished) on_finished();
}

SessionTarget* Session::find(TargetId id) {
    const auto found = target_indices_.find(id);
    return found == target_indices_.end() ? nullptr : &targets_[found->second];
}

void Session::take_snapshots() {
    for (;;) {
        auto snapshot = monitor_->take_snapshot();
        if (!snapshot) {
            fail(snapshot.error());
            return;
        }
        if (!*snapshot) return;
        if (finishing_) continue;
        if (policy().monitor.children) {
            meet_children(**snapshot);
            finish_if_all_exited((*snapshot)->time);
        }
        if (!finishing_) decide(**snapshot);
    }
}

void Session::decide(const Snapshot& snapshot) {
    follow_generations(snapshot);
    Conditions conditions = conditions_.at(snapshot.time);
    conditions.sees = sees_;
    if (explain_) return explain(snapshot, std::move(conditions));

    const Plan plan = decider_.decide(snapshot, conditions);
    ++snapshots_;
    regions_ = 0;
    for (const auto& target : snapshot.targets) regions_ += target.regions.size();
    for (std::size_t i = 0; i < totals_.size(); ++i) {
        const SchemeTally& tally = plan.schemes[i];
        totals_[i].matched_regions = tally.matched_regions;
        totals_[i].matched = tally.matched;
        totals_[i].held_back = tally.held_back;
        totals_[i].planned += tally.planned;
        totals_[i].quota_exceeded += tally.quota_exceeded ? 1 : 0;
    }
    follow_brakes();
    follow_guards();
    if (on_decision) on_decision(snapshot, plan);
    submit(snapshot, plan);
    if (may_rest_ && !finishing_ && !resting_ && decider_.all_rest(conditions, snapshot.time))
        rest();
    if (!finishing_ && !resting_) tune_intervals(snapshot);
}

void Session::tune_intervals(const Snapshot& snapshot) {
    if (!interval_tuner_) return;
    const auto attributes = interval_tuner_->look(snapshot, attributes_);
    if (!attributes) return;
    if (auto set = monitor_->set_attributes(*attributes); !set) {
        fail(set.error());
        return;
    }
    attributes_ = *attributes;
    ++interval_changes_;
}

void Session::explain(const Snapshot& snapshot, Conditions conditions) {
    conditions.sees = true;
    Explanation explanation;
    const Plan plan = decider_.decide(snapshot, conditions, &explanation);
    for (const PlannedRange& planned : plan.ranges) {
        ActionReport dropped;
        dropped.scheme = planned.scheme;
        dropped.target = snapshot.targets[planned.target].id;
        dropped.range = planned.range;
        dropped.time = snapshot.time;
        dropped.unlock = planned.unlock;
        decider_.report(dropped);
    }
    // Whoever asks may ask again, or end the session.
    const auto callback = std::exchange(explain_, nullptr);
    callback({snapshot, conditions, plan, explanation});
}

// A target that runs another program has other memory at the addresses that are under way.
void Session::follow_generations(const Snapshot& snapshot) {
    for (const auto& seen : snapshot.targets) {
        SessionTarget* target = find(seen.id);
        if (!target || target->generation == seen.generation) continue;
        const bool first = !target->generation;
        target->generation = seen.generation;
        if (first) continue;
        verifications_.drop_older(seen.id, seen.generation);
        actors_.cancel(seen.id.value);
        actors_.cancel(recall_of(seen.id));
        conditions_.forget_mappings(seen.id);
        mapped_at_.reset();
        (void)in_background(
            page_tables,
            [refaults = refaults_, id = seen.id, generation = seen.generation](const auto&) {
                refaults->forget_older(id, generation);
                return 0;
            },
            [](int) {});
    }
}

// What was planned for it is left, too.
void Session::stop_acting_on(const SessionTarget& target) {
    verifications_.drop(target.id);
    actors_.cancel(target.id.value);
}

// The brake comes first: what was planned before it was put on is left, too.
void Session::follow_brakes() {
    const auto braked = decider_.braked();
    for (auto& target : targets_) {
        const bool was = target.braked;
        target.braked = std::any_of(
            braked.begin(), braked.end(),
            [&](const Decider::BrakedTarget& other) { return other.target == target.id; });
        if (!target.braked || was) continue;
        stop_acting_on(target);
    }
}

// Likewise, as soon as a scheme has to leave a target alone.
void Session::follow_guards() {
    const auto guarded = decider_.guarded();
    for (auto& target : targets_) {
        const auto before = std::exchange(target.guarded, {});
        for (const Decider::GuardedTarget& other : guarded)
            if (other.target == target.id) target.guarded.push_back({other.scheme, other.pause});
        const bool more = std::any_of(
            target.guarded.begin(), target.guarded.end(), [&](const SessionTarget::Guarded& now) {
                return std::none_of(before.begin(), before.end(),
                                    [&](const auto& then) { return then.scheme == now.scheme; });
            });
        if (!more) continue;
        stop_acting_on(target);
    }
}

// One job for the ranges of one scheme in one target, which stand together in the plan.
void Session::submit(const Snapshot& snapshot, const Plan& plan) {
    for (std::size_t first = 0; first < plan.ranges.size();) {
        std::size_t last = first;
        while (last < plan.ranges.size() && plan.ranges[last].scheme == plan.ranges[first].scheme &&
               plan.ranges[last].target == plan.ranges[first].target &&
               plan.ranges[last].unlock == plan.ranges[first].unlock) {
            ++last;
        }
        if (acts(policy().schemes[plan.ranges[first].scheme].action))
            submit_job(snapshot, plan, first, last);
        first = last;
    }
}

void Session::submit_job(const Snapshot& snapshot, const Plan& plan, std::size_t first,
                         std::size_t last) {
    const std::uint32_t which = plan.ranges[first].scheme;
    const TargetId id = snapshot.targets[plan.ranges[first].target].id;
    std::vector<AddressRange> ranges;
    for (std::size_t i = first; i < last; ++i) ranges.push_back(plan.ranges[i].range);
    // A quota that starts behind its last address goes round: the executor wants them sorted.
    std::sort(ranges.begin(), ranges.end());
    const SessionTarget* target = find(id);
    const bool unlock = plan.ranges[first].unlock;
    if (!target || target->exited) {
        receive(which, id, plan.time, ranges, dropped(ranges, unlock));
        return;
    }
    ActionRequest request = request_for(which, *target);
    request.ranges = std::move(ranges);
    request.unlock = unlock;
    if (request.only_idle) {
        plan_verification(std::move(request), which, plan.time, plan.schemes[which].idle);
        return;
    }

    const auto receipt =
        std::make_shared<Receipt>(loop_, self_, which, id, plan.time, request.ranges);
    receipt->outcomes = dropped(receipt->ranges, unlock);
    auto job = [receipt, executor = executor_, request, planned_at = plan.time, dry_run = dry_run_,
                limit = snapshot.aggregation_interval](const std::function<bool()>& cancelled) {
        // What changes nothing does no harm however late.
        const bool stale = !dry_run && now() - planned_at > limit;
        if (!stale && !cancelled()) receipt->outcomes = executor->execute(request, cancelled);
    };
    // A job that is not taken, or is dropped from the queue, hands in its receipt all the same.
    ++in_flight_;
    (void)actors_.submit({id.value, std::move(job)});
}

ActionRequest Session::request_for(std::uint32_t scheme, const SessionTarget& target) const {
    ActionRequest request;
    request.scheme = schemes_[scheme];
    request.action = request.scheme->action;
    request.split_huge_pages = request.scheme->split_huge_pages;
    request.pid = target.process.pid;
    request.pidfd = target.process.pidfd.get();
    request.target_name = target.process.name;
    if (const TargetSurvey* survey = conditions_.survey(target.id)) {
        if (!survey->name.empty()) request.target_name = survey->name;
        request.cgroup = survey->cgroup;
    }
    request.scanner = scanner_;
    request.target = target.id;
    request.generation = target.generation.value_or(0);
    // In a dry run nothing is verified: clearing an Accessed bit is an effect.
    request.only_idle = request.scheme->verify && !dry_run_;
    request.tell_what_left = request.action == Action::pageout && !dry_run_;
    return request;
}

void Session::receive(std::uint32_t scheme, TargetId target, Instant planned_at,
                      const std::vector<AddressRange>& ranges,
                      const std::vector<ActionOutcome>& outcomes) {
    SessionTarget* known = find(target);
    for (const ActionOutcome& outcome : outcomes)
        if (known != nullptr) known->paged_out += outcome.paged_out;
    const bool watched =
        known && !known->exited && !finishing_ && watch_refaults(scheme, *known, outcomes);
    for (std::size_t i = 0; i < outcomes.size() && i < ranges.size(); ++i) {
        const ActionOutcome& outcome = outcomes[i];
        damon_schemes::add(totals_[scheme], outcome);
        ActionReport report;
        report.scheme = scheme;
        report.target = target;
        report.range = ranges[i];
        report.looked = was_looked_at(schemes_[scheme]->action, outcome);
        report.unlock = outcome.unlock;
        if (dry_run_) {
            const Bytes bytes = advisable(outcome);
            report.advised = bytes;
            report.spent = assumed_cost(bytes);
            report.time = planned_at;
            report.released = true;
        } else {
            report.advised = outcome.advised;
            report.spent = outcome.spent;
            report.time = now();
            // Where nobody looks whether it comes back, it says nothing of how much does.
            report.paged_out = watched ? size_of(outcome.left) : Bytes{};
            report.released = released(outcome);
        }
        decider_.report(report);
        for (const AddressRange range : outcome.locked)
            decider_.hold_lock(scheme, target, range, report.time);
        if (on_action) on_action(scheme, target, ranges[i], outcome);
    }
}

void Session::target_exited(TargetId id) {
    SessionTarget* target = find(id);
    if (!target || target->exited) return;
    leave(*target);
    if (on_exit) on_exit(*target);
    finish_if_all_exited({});
}

void Session::remove(TargetId id) {
    SessionTarget* target = find(id);
    if (!target || target->exited) return;
    leave(*target);
    finish_if_all_exited({});
}

void Session::leave(SessionTarget& target) {
    const TargetId id = target.id;
    target.exited = true;
    loop_.forget(target.watch);
    verifications_.drop(id);
    actors_.cancel(id.value);
    actors_.cancel(recall_of(id));
    decider_.resume(id);
    conditions_.forget(id);
    forget_refaults(id);
    (void)monitor_->remove_target(id);
    if (target.child || resident_) let_go(id, 0);
}

// Nobody has anything of it any more.
void Session::forget(TargetId id) {
    conditions_.forget_for_good(id);
    std::erase_if(targets_, [id](const SessionTarget& target) { return target.id == id; });
    target_indices_.clear();
    for (std::size_t i = 0; i < targets_.size(); ++i) target_indices_[targets_[i].id] = i;
}

// Where children are followed, one may have become a target that no snapshot has told of yet: a
// snapshot of afterwards (`seen_at`) says so.
void Session::finish_if_all_exited(std::optional<Instant> seen_at) {
    if (resident_) return;
    const bool any_left = std::any_of(targets_.begin(), targets_.end(),
                                      [](const SessionTarget& t) { return !t.exited; });
    if (any_left || !newcomers_.empty() || targets_.empty()) {
        alone_since_.reset();
        return;
    }
    if (policy().monitor.children && !resting_) {
        if (!alone_since_) alone_since_ = now();
        if (!seen_at || *seen_at <= *alone_since_) return;
    }
    finish(targets_.size() == 1 ? "the target has exited" : "every target has exited");
}

// Children ----------------------------------------------------------------------------------------

struct Session::Held {
    std::shared_ptr<Process> process;  // null: it could not be held
    bool refused = false;
    Instant since{};
};

// Children that the monitor follows.  It names a pid, which may be another process's by the time a
// pidfd of it is open.  But if a snapshot of afterwards says that the target lives, it had the pid
// all the time, and the pidfd is its own.  Until then it is none of the session's targets, and the
// snapshot is without it.
void Session::meet_children(Snapshot& snapshot) {
    let_go_further();
    std::erase_if(newcomers_, [&](const auto& newcomer) {
        return std::none_of(snapshot.targets.begin(), snapshot.targets.end(),
                            [&](const TargetSnapshot& seen) { return seen.id == newcomer.first; });
    });
    std::erase_if(snapshot.targets, [&](const TargetSnapshot& seen) {
        if (find(seen.id)) return false;
        if (seen.exited || seen.pid <= 0) {
            newcomers_.erase(seen.id);
            (void)monitor_->remove_target(seen.id);
            return true;
        }
        Newcomer& newcomer = newcomers_[seen.id];
        if (!newcomer.process || snapshot.time < newcomer.since) {
            if (!newcomer.asked_for) hold(seen.id, seen.pid);
            return true;
        }
        Process process = std::move(*newcomer.process);
        newcomers_.erase(seen.id);
        if (!keep(seen.id, std::move(process), /*child=*/true)) return true;
        if (on_child) on_child(targets_.back());
        return false;
    });
}

// Reading what a process is may wait for it, so the loop's thread does not.
void Session::hold(TargetId id, std::int32_t pid) {
    newcomers_[id].asked_for = in_background(
        surveys,
        [pid, proc = paths_.proc](const auto&) {
            Held child;
            child.refused = refusal(pid, proc).has_value();
            if (auto process = open_process(pid); process && !child.refused)
                child.process = std::make_shared<Process>(std::move(*process));
            child.since = now();
            return child;
        },
        [this, id](const Held& child) { held(id, child); });
}

void Session::held(TargetId id, const Held& child) {
    const auto newcomer = newcomers_.find(id);
    if (newcomer == newcomers_.end() || finishing_) return;
    if (child.refused) {
        // One that is removed alive does not come back.
        newcomers_.erase(newcomer);
        (void)monitor_->remove_target(id);
        return;
    }
    newcomer->second = {child.process != nullptr, child.process, child.since};
}

// There may be thousands of children in a session's life.  What held one that has exited is given
// back once nobody can use it any more: jobs of one key run in order, so when one has run on each
// thread that may have had it, the others before it have, too.
void Session::let_go(TargetId id, int step) {
    const auto next = [self = self_, id, step] {
        if (*self != nullptr) (*self)->let_go(id, step + 1);
    };
    bool taken = false;
    switch (step) {
        case 0:
        case 1:
            taken = actors_.submit({step == 0 ? id.value : recall_of(id),
                                    [loop = &loop_, next](const auto&) { loop->post(next); }});
            break;
        case 2:
        case 3:
            taken = in_background(
                step == 2 ? surveys : page_tables, [](const auto&) { return 0; },
                [next](int) { next(); });
            break;
        default:
            if (resident_) return forget(id);
            if (SessionTarget* target = find(id)) target->process.pidfd = Descriptor();
            return;
    }
    if (!taken) letting_go_.emplace_back(id, step);
}

void Session::let_go_further() {
    for (const auto& [id, step] : std::exchange(letting_go_, {})) let_go(id, step);
}

// Verification ------------------------------------------------------------------------------------

void Session::plan_verification(ActionRequest request, std::uint32_t scheme, Instant planned_at,
                                Duration idle) {
    for (auto& portion : portions_of(request.ranges)) {
        Verification verification;
        verification.request = request;
        verification.request.ranges = std::move(portion);
        verification.scheme = scheme;
        verification.planned_at = planned_at;
        verification.idle = idle;
        verification.receipt = std::make_shared<Receipt>(loop_, self_, scheme, request.target,
                                                         planned_at, verification.request.ranges);
        ++in_flight_;
        verifications_.plan(std::move(verification), now());
    }
    pursue_verifications();
}

void Session::pursue_verifications() {
    if (finishing_) verifications_.drop_all();
    for (auto& due : verifications_.take_due(now())) {
        // What is dropped here hands in its receipt.
        if (!may_act_on(due.verification)) continue;
        if (due.step == Verifications::Step::mark) {
            submit_mark(std::move(due.verification));
        } else {
            submit_act(std::move(due.verification));
        }
    }
    if (const auto next = verifications_.next()) {
        if (auto armed = verification_alarm_.ring_at(*next); !armed) fail(armed.error());
    }
}

// Much may have changed since it was planned.
bool Session::may_act_on(const Verification& verification) {
    const SessionTarget* target = find(verification.request.target);
    if (!target || target->exited || target->braked || resting_) return false;
    if (decider_.pauses().active(target->id, now())) return false;
    if (target->generation != verification.request.generation) return false;
    return !passed_limit(policy().limits, verification.request.action, conditions_.last());
}

void Session::submit_mark(Verification verification) {
    const std::uint64_t key = verification.request.target.value;
    const auto shared = std::make_shared<Verification>(std::move(verification));
    auto job = [shared, paths = paths_, loop = &loop_,
                self = self_](const std::function<bool()>& cancelled) {
        const auto marked = clear_accessed(shared->request, cancelled, paths);
        if (!marked) {
            auto& outcomes = std::static_pointer_cast<Receipt>(shared->receipt)->outcomes;
            outcomes = unverified(shared->request.ranges, marked.error().code);
            return;
        }
        // A message that nobody takes any more must not answer: it goes with the loop.
        std::static_pointer_cast<Receipt>(shared->receipt)->due = false;
        loop->post([shared, self, at = now()] {
            Session* session = *self;
            if (!session) return;
            const auto policy = std::static_pointer_cast<Receipt>(shared->receipt)->policy;
            const auto receipt = std::make_shared<Receipt>(
                session->loop_, self, shared->scheme, shared->request.target, shared->planned_at,
                shared->request.ranges);
            receipt->policy = policy;
            shared->receipt = receipt;
            if (policy != session->policies_) return;
            session->verifications_.marked(std::move(*shared), at);
            session->pursue_verifications();
        });
    };
    (void)actors_.submit({key, std::move(job)});
}

void Session::submit_act(Verification verification) {
    const std::uint64_t key = verification.request.target.value;
    auto job = [shared = std::make_shared<Verification>(std::move(verification)),
                executor = executor_](const std::function<bool()>& cancelled) {
        if (elapsed(shared->planned_at, now()) > longest_verification || cancelled()) return;
        std::static_pointer_cast<Receipt>(shared->receipt)->outcomes =
            executor->execute(shared->request, cancelled);
    };
    (void)actors_.submit({key, std::move(job)});
}

// Background --------------------------------------------------------------------------------------

template <typename Work, typename Then>
bool Session::in_background(std::uint64_t key, Work work, Then then) {
    return background_.submit({key, [work = std::move(work), then = std::move(then), loop = &loop_,
                                     self = self_](const std::function<bool()>& cancelled) {
                                   loop->post([self, then, result = work(cancelled)] {
                                       if (*self != nullptr) then(result);
                                   });
                               }});
}

std::vector<SurveyedTarget> Session::living() const {
    std::vector<SurveyedTarget> living;
    for (const auto& target : targets_) {
        if (!target.exited)
            living.push_back({target.id, target.process.pid, target.process.pidfd.get()});
    }
    return living;
}

void Session::survey() {
    let_go_further();
    survey_targets();
    const bool due = !mapped_at_ || now() - *mapped_at_ >= policy().monitor.update_interval;
    if (needs_.mappings && due) survey_mappings();
}

void Session::survey_targets() {
    if (surveying_) return;
    struct Surveyed {
        std::vector<TargetSurvey> targets;
        MachineSurvey machine;
    };
    surveying_ = in_background(
        surveys,
        [targets = living(), surveyor = surveyor_, needs = needs_,
         paths = paths_](const auto& cancelled) {
            Surveyed surveyed;
            surveyor->keep_only(targets);
            for (const SurveyedTarget& target : targets) {
                if (cancelled()) break;
                if (!surveyor->due(target.id)) continue;
                if (auto survey = surveyor->survey(target, now()))
                    surveyed.targets.push_back(std::move(*survey));
            }
            if (!cancelled()) surveyed.machine = survey_of_machine(needs, paths);
            return surveyed;
        },
        [this](const Surveyed& surveyed) {
            surveying_ = false;
            for (const TargetSurvey& survey : surveyed.targets) {
                hasten_refaults(survey);
                if (SessionTarget* target = find(survey.id)) target->memory = survey.memory;
                conditions_.know(survey);
            }
            conditions_.know(surveyed.machine);
            for (const auto& [file, value] : told_figures_) conditions_.know_figure(file, value);
        });
}

void Session::survey_mappings() {
    if (mapping_) return;
    using Mapped = std::pair<TargetId, std::shared_ptr<const std::vector<MappedArea>>>;
    mapped_at_ = now();
    mapping_ = in_background(
        page_tables,
        [targets = living(), paths = paths_](const auto& cancelled) {
            std::vector<Mapped> mapped;
            for (const SurveyedTarget& target : targets) {
                if (cancelled()) break;
                if (auto areas = mapped_areas_of(target, paths))
                    mapped.emplace_back(target.id, std::move(areas));
            }
            return mapped;
        },
        [this](const std::vector<Mapped>& mapped) {
            mapping_ = false;
            for (const auto& [id, areas] : mapped) conditions_.know(id, areas);
        });
}

// Refaults ----------------------------------------------------------------------------------------

struct Session::Refaults {
    std::vector<RefaultReport> reports;
    std::optional<Instant> next;
};

// Whether what left memory is watched from now on.
bool Session::watch_refaults(std::uint32_t scheme, const SessionTarget& target,
                             const std::vector<ActionOutcome>& outcomes) {
    std::vector<AddressRange> left;
    for (const auto& outcome : outcomes)
        left.insert(left.end(), outcome.left.begin(), outcome.left.end());
    if (left.empty()) return false;
    const Bytes bytes = size_of(left);
    const bool taken = in_background(
        page_tables,
        [refaults = refaults_, scheme, generation = target.generation.value_or(0), time = now(),
         watched = SurveyedTarget{target.id, target.process.pid, target.process.pidfd.get()},
         left = std::move(left)](const auto&) {
            Refaults found;
            found.reports = refaults->watch(scheme, watched, generation, left, time);
            found.next = refaults->next_due();
            return found;
        },
        [this, from = refaults_.get()](const Refaults& found) { take_refaults(found, from); });
    if (taken) totals_[scheme].watched += bytes;
    return taken;
}

// Looks come ever more seldom, and a target that waits for its memory is not to wait for them, too:
// its major faults say that what it needs may be coming back.
void Session::hasten_refaults(const TargetSurvey& survey) {
    const auto& guard = policy().limits.guard;
    const TargetSurvey* const before = conditions_.survey(survey.id);
    if (!guard || !guard->refaults || before == nullptr || !before->memory || !survey.memory)
        return;
    const std::uint64_t faults = survey.memory->major_faults;
    const Duration passed = elapsed(before->time, survey.time);
    if (passed <= Duration::zero() || faults <= before->memory->major_faults) return;
    const double rate = static_cast<double>(faults - before->memory->major_faults) * 4096 /
                        std::chrono::duration<double>(passed).count();
    // Half, as a survey need not fall together with the second that the guard goes by.
    if (rate < static_cast<double>(guard->refaults->count) / 2) return;
    (void)in_background(
        page_tables,
        [refaults = refaults_, id = survey.id](const auto&) {
            refaults->hasten(id, now());
            Refaults found;
            found.reports = refaults->look(now());
            found.next = refaults->next_due();
            return found;
        },
        [this, from = refaults_.get()](const Refaults& found) { take_refaults(found, from); });
}

void Session::forget_refaults(TargetId id) {
    (void)in_background(
        page_tables,
        [refaults = refaults_, id](const auto&) {
            refaults->forget(id);
            return 0;
        },
        [](int) {});
}

void Session::look_for_refaults() {
    if (finishing_) return;
    const bool taken = in_background(
        page_tables,
        [refaults = refaults_](const auto&) {
            Refaults found;
            found.reports = refaults->look(now());
            found.next = refaults->next_due();
            return found;
        },
        [this, from = refaults_.get()](const Refaults& found) { take_refaults(found, from); });
    // So much is waiting that this look has to wait, too.
    if (!taken) take_refaults({{}, later(now(), survey_interval)}, refaults_.get());
}

void Session::take_refaults(const Refaults& refaults, const RefaultWatcher* from) {
    if (from != refaults_.get()) return;  // of a policy that was replaced
    for (const RefaultReport& report : refaults.reports) {
        totals_[report.scheme].refaulted += report.bytes;
        if (SessionTarget* target = find(report.target)) target->refaulted += report.bytes;
        decider_.report(report);
    }
    if (finishing_ || !refaults.next) return;
    const Instant next = std::max(*refaults.next, later(now(), least_look_interval));
    if (auto armed = refault_alarm_.ring_at(next); !armed) fail(armed.error());
}

// Rest --------------------------------------------------------------------------------------------

// Where nothing may be acted on for a while there is nothing to monitor for.  Regions and their
// ages stay; what is under way ends or is dropped.
void Session::rest() {
    resting_ = why_resting();
    verifications_.drop_all();
    auto looking =
        loop_.on_timer(decider_.longest_rest(), true, [this] { look_whether_to_rest_on(); });
    if (!looking) {
        fail(looking.error());
        return;
    }
    rest_watch_ = *looking;
    if (auto stopped = monitor_->stop(); !stopped) fail(stopped.error());
}

void Session::look_whether_to_rest_on() {
    Conditions conditions = conditions_.at(now());
    conditions.sees = sees_;
    if (decider_.all_rest(conditions, now())) {
        resting_ = why_resting();
        return;
    }
    if (auto started = wake(); !started) fail(started.error());
}

Result<void> Session::wake() {
    resting_.reset();
    loop_.forget(rest_watch_);
    rest_watch_ = 0;
    return monitor_->start();
}

std::string Session::why_resting() const {
    const auto phrase = [](SchemeControls::Rest rest, const char* what) -> std::string {
        switch (rest) {
            case SchemeControls::Rest::too_much_free:
                return std::string("enough ") + what + " is free";
            case SchemeControls::Rest::too_little_free:
                return std::string("too little ") + what + " is free";
            case SchemeControls::Rest::not_measured:
                return std::string("how much ") + what + " is free is not known";
            case SchemeControls::Rest::no:
                break;
        }
        return "";
    };
    for (const SchemeControls& controls : decider_.controls()) {
        for (const auto& [rest, what] :
             {std::pair(controls.free_memory, "memory"), std::pair(controls.free_swap, "swap")}) {
            if (!rest) continue;
            if (auto text = phrase(*rest, what); !text.empty()) return text;
        }
    }
    return "by the schemes' watermarks";
}

}  // namespace damon_schemes

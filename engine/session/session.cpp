// SPDX-License-Identifier: MIT
#include "engine/session/session.h"

#include <algorithm>
#include <utility>

namespace damon_schemes {
namespace {

// What became of ranges whose turn never came.
std::vector<ActionOutcome> dropped(const std::vector<AddressRange>& ranges) {
    std::vector<ActionOutcome> outcomes;
    outcomes.reserve(ranges.size());
    for (const auto& range : ranges) {
        ActionOutcome outcome;
        outcome.asked = range.size();
        outcome.gaps[static_cast<std::size_t>(Gap::cancelled)] = range.size();
        outcomes.push_back(outcome);
    }
    return outcomes;
}

Instant now() {
    return std::chrono::steady_clock::now();
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
    for (std::size_t i = 0; i < gap_count; ++i) totals.gaps[i] += outcome.gaps[i];
}

}  // namespace

// Goes with a job and, when the job ends or is dropped, sends what became of its ranges back to the
// loop's thread.
struct Session::Receipt {
    Receipt(EventLoop& loop_in, std::shared_ptr<Session*> session_in, std::uint32_t scheme_in,
            TargetId target_in, std::vector<AddressRange> ranges_in)
        : loop(loop_in),
          session(std::move(session_in)),
          scheme(scheme_in),
          target(target_in),
          ranges(std::move(ranges_in)),
          outcomes(dropped(ranges)) {}
    ~Receipt() {
        loop.post([session_then = std::move(session), scheme_then = scheme, target_then = target,
                   ranges_then = std::move(ranges), outcomes_then = std::move(outcomes)] {
            Session* session_now = *session_then;
            if (!session_now) return;
            --session_now->in_flight_;
            session_now->receive(scheme_then, target_then, ranges_then, outcomes_then);
            session_now->finish_if_idle();
        });
    }
    Receipt(const Receipt&) = delete;
    Receipt& operator=(const Receipt&) = delete;

    EventLoop& loop;
    std::shared_ptr<Session*> session;
    std::uint32_t scheme;
    TargetId target;
    std::vector<AddressRange> ranges;
    std::vector<ActionOutcome> outcomes;
};

Session::Session(EventLoop& loop, Policy policy, Parts parts)
    : loop_(loop),
      monitor_(std::move(parts.monitor)),
      executor_(std::move(parts.executor)),
      decider_(std::move(policy)),
      conditions_(std::move(parts.paths)),
      dry_run_(parts.dry_run),
      totals_(decider_.policy().schemes.size()),
      self_(std::make_shared<Session*>(this)) {}

Session::~Session() {
    *self_ = nullptr;
    if (monitor_watch_) loop_.forget(monitor_watch_);
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
    auto watch =
        loop_.on_readable(process.pidfd.get(), [this, target = *id] { target_exited(target); });
    if (!watch) return watch.error();
    targets_.push_back({*id, std::move(process), false, false, *watch});
    return {};
}

Result<void> Session::start() {
    auto attributes = monitor_->set_attributes(policy().monitor);
    if (!attributes) return attributes;
    auto watch = loop_.on_readable(monitor_->descriptor(), [this] { take_snapshots(); });
    if (!watch) return watch.error();
    monitor_watch_ = *watch;
    return monitor_->start();
}

Result<void> Session::allow_acting(TlbPolicy tlb) {
    auto attributes = policy().monitor;
    if (attributes.tlb != tlb) {
        attributes.tlb = tlb;
        if (auto set = monitor_->set_attributes(attributes); !set) return set;
    }
    sees_ = true;
    return {};
}

void Session::finish(const std::string& why) {
    if (finishing_) return;
    finishing_ = true;
    why_finished_ = why;
    (void)monitor_->stop();
    for (const auto& target : targets_) actors_.cancel(target.id.value);
    finish_if_idle();
}

void Session::finish_if_idle() {
    if (!finishing_ || finished_ || in_flight_ > 0) return;
    finished_ = true;
    if (on_finished) on_finished();
}

SessionTarget* Session::find(TargetId id) {
    const auto found = std::find_if(targets_.begin(), targets_.end(),
                                    [id](const SessionTarget& t) { return t.id == id; });
    return found == targets_.end() ? nullptr : &*found;
}

void Session::take_snapshots() {
    for (;;) {
        auto snapshot = monitor_->take_snapshot();
        if (!snapshot) {
            const Error error = snapshot.error();
            if (on_error) on_error(error);
            finish(error.message);
            return;
        }
        if (!*snapshot) return;
        if (!finishing_) decide(**snapshot);
    }
}

void Session::decide(const Snapshot& snapshot) {
    std::vector<ConditionsReader::Watched> watched;
    for (const auto& target : targets_) {
        if (!target.exited) watched.push_back({target.id, target.process.pid});
    }
    Conditions conditions = conditions_.at(snapshot.time, watched);
    conditions.sees = sees_;

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
    for (auto& target : targets_) target.braked = false;
    for (const auto& braked : decider_.braked()) {
        if (auto* target = find(braked.target)) target->braked = true;
    }
    if (on_decision) on_decision(snapshot, plan);
    submit(snapshot, plan);
}

// One job for the ranges of one scheme in one target, which stand together in the plan.
void Session::submit(const Snapshot& snapshot, const Plan& plan) {
    for (std::size_t first = 0; first < plan.ranges.size();) {
        std::size_t last = first;
        while (last < plan.ranges.size() && plan.ranges[last].scheme == plan.ranges[first].scheme &&
               plan.ranges[last].target == plan.ranges[first].target) {
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
    const Scheme& scheme = policy().schemes[which];
    const TargetId id = snapshot.targets[plan.ranges[first].target].id;
    ActionRequest request;
    request.action = scheme.action;
    request.split_huge_pages = scheme.split_huge_pages;
    for (std::size_t i = first; i < last; ++i) request.ranges.push_back(plan.ranges[i].range);
    // A quota that starts behind its last address goes round: the executor wants them sorted.
    std::sort(request.ranges.begin(), request.ranges.end());
    const SessionTarget* target = find(id);
    if (!target || target->exited) {
        receive(which, id, request.ranges, dropped(request.ranges));
        return;
    }
    request.pid = target->process.pid;
    request.pidfd = target->process.pidfd.get();

    const auto receipt = std::make_shared<Receipt>(loop_, self_, which, id, request.ranges);
    auto job = [receipt, executor = executor_, request, planned_at = plan.time,
                limit = snapshot.aggregation_interval](const std::function<bool()>& cancelled) {
        const bool stale = now() - planned_at > limit;
        if (!stale && !cancelled()) receipt->outcomes = executor->execute(request, cancelled);
    };
    // A job that is not taken, or is dropped from the queue, hands in its receipt all the same.
    ++in_flight_;
    (void)actors_.submit({id.value, std::move(job)});
}

void Session::receive(std::uint32_t scheme, TargetId target,
                      const std::vector<AddressRange>& ranges,
                      const std::vector<ActionOutcome>& outcomes) {
    for (std::size_t i = 0; i < outcomes.size() && i < ranges.size(); ++i) {
        const ActionOutcome& outcome = outcomes[i];
        damon_schemes::add(totals_[scheme], outcome);
        const Bytes advised = dry_run_ ? advisable(outcome) : outcome.advised;
        decider_.report({scheme, target, ranges[i], advised, outcome.spent, now()});
        if (on_action) on_action(scheme, target, ranges[i], outcome);
    }
}

void Session::target_exited(TargetId id) {
    SessionTarget* target = find(id);
    if (!target || target->exited) return;
    target->exited = true;
    loop_.forget(target->watch);
    actors_.cancel(id.value);
    (void)monitor_->remove_target(id);
    const bool any_left = std::any_of(targets_.begin(), targets_.end(),
                                      [](const SessionTarget& t) { return !t.exited; });
    if (!any_left)
        finish(targets_.size() == 1 ? "the target has exited" : "every target has exited");
}

}  // namespace damon_schemes

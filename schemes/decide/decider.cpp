// SPDX-License-Identifier: MIT
#include "schemes/decide/decider.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "schemes/decide/region_matcher.h"
#include "schemes/decide/scheme_state.h"
#include "schemes/decide/spending.h"
#include "schemes/decide/unlocking.h"
#include "schemes/decide/watched_targets.h"

namespace damon_schemes {

namespace {

// Decisions are made once in an aggregation interval, so a hold may as well end at a whole one;
// then what was acted on in one interval is held until one time, and is remembered as one range.
Instant at_the_next_step(Instant when, Duration interval) {
    const Duration step = std::min(interval, shortest_hold);
    const Duration past = when.time_since_epoch() % step;
    return past == Duration::zero() ? when
                                    : later(when, past > Duration::zero() ? step - past : -past);
}

std::vector<SchemeState> states_of(const Policy& policy) {
    std::vector<SchemeState> states;
    states.reserve(policy.schemes.size());
    for (std::uint32_t i = 0; i < policy.schemes.size(); ++i) states.emplace_back(policy, i);
    return states;
}

}  // namespace

struct Decider::State {
    explicit State(Policy given)
        : policy(std::move(given)),
          schemes(states_of(policy)),
          targets(schemes.size()),
          matcher(schemes) {}

    void hold_returned(const TargetSnapshot& target, TargetState& of_target);

    Policy policy;
    std::vector<SchemeState> schemes;
    WatchedTargets targets;
    RegionMatcher matcher;
    Pauses pauses;
    struct LockedBefore {
        std::uint32_t scheme;
        TargetId target;
        AddressRange range;
    };
    std::vector<LockedBefore> locked_before;  // until their targets are in a snapshot
    Instant now{};
    Duration interval{1};  // the last snapshot's, never 0
    // Kept for their memory.
    std::vector<AddressRange> returned;
    std::vector<AddressRange> free;
};

// What has come into memory was used just now: to pageout it is young, whatever its regions say.
void Decider::State::hold_returned(const TargetSnapshot& target, TargetState& of_target) {
    returned.clear();
    of_target.returned.begin();
    for (const Region& region : target.regions)
        of_target.returned.look(region, [&](AddressRange range) {
            if (!returned.empty() && returned.back().end == range.start)
                returned.back().end = range.end;
            else
                returned.push_back(range);
        });
    of_target.returned.finish();
    if (returned.empty()) return;
    for (SchemeState& scheme : schemes) {
        const Duration rest = scheme.min_age().value_or(Duration::zero());
        if (scheme.scheme->action != Action::pageout || rest == Duration::zero()) continue;
        ActedRanges& acted = of_target.acted[scheme.index];
        free.clear();
        std::size_t cursor = 0;
        for (const AddressRange& range : returned)
            acted.for_each_free(range, cursor, [&](AddressRange part) { free.push_back(part); });
        for (const AddressRange& range : free)
            acted.settle(range, at_the_next_step(later(now, rest), interval));
    }
}

Decider::Decider(Policy policy) : state_(std::make_unique<State>(std::move(policy))) {}
Decider::~Decider() = default;
Decider::Decider(Decider&&) noexcept = default;
Decider& Decider::operator=(Decider&&) noexcept = default;

Plan Decider::decide(const Snapshot& snapshot, const Conditions& conditions,
                     Explanation* explanation) {
    State& state = *state_;
    state.now = snapshot.time;
    state.interval = std::max(snapshot.aggregation_interval, Duration(1));
    if (explanation != nullptr) explanation->verdicts.clear();

    const bool changed = state.targets.follow(snapshot, conditions, state.policy.limits);
    std::erase_if(state.locked_before, [&](const State::LockedBefore& lock) {
        TargetState* target = state.targets.find(lock.target);
        if (target != nullptr) target->held[lock.scheme].hold(lock.range, state.now);
        return target != nullptr;
    });
    for (SchemeState& scheme : state.schemes) {
        if (changed && scheme.tuner) scheme.tuner->forget();
        scheme.begin(state.policy, conditions, state.now, explanation);
    }

    state.matcher.begin(state.interval, state.now);
    for (std::size_t t = 0; t < snapshot.targets.size(); ++t) {
        const TargetSnapshot& target = snapshot.targets[t];
        if (target.exited) continue;
        TargetState& of_target = state.targets.at(t);
        of_target.paused = state.pauses.active(target.id, state.now);
        state.hold_returned(target, of_target);
        for (SchemeState& scheme : state.schemes) {
            scheme.blocked =
                scheme.what_blocks(target, of_target, conditions, state.policy.limits, state.now);
            scheme.cursor = 0;
        }
        state.matcher.match(target, of_target, static_cast<std::uint32_t>(t), explanation);
    }
    state.matcher.finish();
    if (conditions.sees)
        for (SchemeState& scheme : state.schemes) scheme.track_spells(snapshot, state.targets);

    Plan plan;
    plan.sequence = snapshot.sequence;
    plan.time = snapshot.time;
    plan.schemes.reserve(state.schemes.size());
    for (SchemeState& scheme : state.schemes) {
        spend(scheme, state.policy, state.targets, snapshot, plan);
        plan_unlocks(scheme, state.policy, conditions, state.targets, snapshot, plan);
        plan.schemes.push_back(scheme.tally);
        scheme.explanation = nullptr;
    }
    state.targets.forget_conditions();
    if (explanation != nullptr) explanation->sort();
    return plan;
}

void Decider::report(const ActionReport& report) {
    State& state = *state_;
    if (report.scheme >= state.schemes.size()) return;
    SchemeState& scheme = state.schemes[report.scheme];
    const Duration spent = std::max(report.spent, Duration::zero());
    // A range that was dropped before anything was tried is soon tried again, and says nothing
    // about what trying costs.
    const bool tried = report.advised.count != 0 || spent > Duration::zero();
    // An instant that the report leaves out, or that lies before the plan, is no reason to do it
    // again at once.
    const Instant when = std::max(report.time, state.now);
    if (report.unlock) {
        if (TargetState* target = state.targets.find(report.target))
            target->held[report.scheme].settle(report.range, report.released, when);
        return;
    }
    ActedRanges::Settled settled;
    if (TargetState* target = state.targets.find(report.target)) {
        const Instant until = at_the_next_step(
            later(when, tried || report.looked ? scheme.hold() : shortest_hold), state.interval);
        settled = target->acted[report.scheme].settle(report.range, until);
        if (scheme.scheme->action == Action::pageout)
            target->departed.note(when, std::max(report.advised, report.paged_out));
        if (scheme.scheme->action == Action::munlock && report.advised.count != 0)
            for (HeldLocks& held : target->held) held.release(report.range);
    }
    if (!report.range.empty() && tried) scheme.quota.measure(report.range.size(), spent);
    scheme.quota.settle(settled.charge.window, settled.planned, settled.charge.estimate,
                        report.advised, spent);
    scheme.refaults.paged_out(when, report.paged_out, scheme.min_age().value_or(Duration::zero()));
}

void Decider::hold_lock(std::uint32_t scheme, TargetId target, AddressRange range, Instant time) {
    State& state = *state_;
    if (scheme >= state.schemes.size()) return;
    if (TargetState* known = state.targets.find(target))
        known->held[scheme].hold(range, std::max(time, state.now));
    else
        state.locked_before.push_back({scheme, target, range});
}

void Decider::report(const RefaultReport& report) {
    State& state = *state_;
    if (report.scheme >= state.schemes.size()) return;
    state.schemes[report.scheme].refaults.came_back(report.time, report.away, report.bytes);
    if (TargetState* target = state.targets.find(report.target))
        target->guards[report.scheme].came_back(report.bytes);
}

bool Decider::all_rest(const Conditions& conditions, Instant now) {
    bool all = !state_->schemes.empty();
    for (SchemeState& scheme : state_->schemes) {
        scheme.watermarks.look(conditions, now);
        all &= scheme.watermarks.held_back() == Reason::watermark;
    }
    return all;
}

Duration Decider::longest_rest() const {
    std::optional<Duration> shortest;
    for (const Scheme& scheme : state_->policy.schemes)
        if (scheme.watermarks)
            shortest = std::min(shortest.value_or(Duration::max()), scheme.watermarks->interval);
    return shortest.value_or(Watermarks{}.interval);
}

std::vector<SchemeControls> Decider::controls() const {
    std::vector<SchemeControls> controls;
    const std::vector<BrakedTarget> on_brake = braked();
    for (const SchemeState& scheme : state_->schemes) {
        controls.push_back(scheme.controls(state_->now));
        if (!scheme.acting) continue;
        controls.back().paused = state_->pauses.active(state_->now);
        for (const BrakedTarget& target : on_brake)
            controls.back().braked.push_back({target.target, target.until});
        controls.back().guard_pauses = state_->targets.guard_pauses(scheme.index);
    }
    for (const GuardedTarget& target : guarded())
        controls[target.scheme].guarded.push_back({target.target, target.pause});
    return controls;
}

std::vector<Decider::GuardedTarget> Decider::guarded() const {
    std::vector<GuardedTarget> guarded;
    if (!state_->policy.limits.guard) return guarded;
    for (const TargetState& target : state_->targets.states())
        for (const SchemeState& scheme : state_->schemes)
            if (const HarmGuard& guard = target.guards[scheme.index];
                scheme.acting && guard.active(state_->now))
                guarded.push_back({target.id, scheme.index, *guard.pause()});
    return guarded;
}

std::vector<Decider::BrakedTarget> Decider::braked() const {
    std::vector<BrakedTarget> braked;
    if (!state_->policy.limits.brake) return braked;
    for (const TargetState& target : state_->targets.states())
        if (target.brake.active(state_->now)) braked.push_back({target.id, *target.brake.until()});
    return braked;
}

void Decider::pause(const Pauses::Pause& pause) {
    state_->pauses.pause(pause);
}

void Decider::resume(std::optional<TargetId> target) {
    state_->pauses.resume(target);
}

const Pauses& Decider::pauses() const {
    return state_->pauses;
}

void Decider::keep(Pauses pauses) {
    state_->pauses = std::move(pauses);
}

const Policy& Decider::policy() const {
    return state_->policy;
}

}  // namespace damon_schemes

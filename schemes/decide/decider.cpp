// SPDX-License-Identifier: MIT
#include "schemes/decide/decider.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "schemes/decide/acted_ranges.h"
#include "schemes/decide/fault_brake.h"
#include "schemes/decide/quota_window.h"

namespace damon_schemes {

namespace {

// A scheme that acted on memory, or tried to and was refused, leaves it for its age.min; but at
// least for so long, or a scheme without one would act on the same memory at every snapshot.
constexpr Duration shortest_hold = std::chrono::seconds(1);
// How long a planned range may stay unreported: an actor can wait for a slow swap device for long,
// but a report that never comes must not hold memory for good.
constexpr Duration longest_flight = std::chrono::seconds(60);

constexpr std::uint64_t any = std::numeric_limits<std::uint64_t>::max();

// The access pattern with all bounds as plain numbers, ages in aggregation intervals.
struct Pattern {
    std::uint64_t min_size = 0, max_size = any;
    std::uint32_t min_ppm = 0, max_ppm = std::numeric_limits<std::uint32_t>::max();
    std::uint64_t min_age = 0, max_age = any;
};

Pattern pattern_of(const Scheme& scheme, Duration interval) {
    Pattern pattern;
    if (scheme.size.min) pattern.min_size = scheme.size.min->count;
    if (scheme.size.max) pattern.max_size = scheme.size.max->count;
    if (scheme.frequency.min) pattern.min_ppm = scheme.frequency.min->ppm;
    if (scheme.frequency.max) pattern.max_ppm = scheme.frequency.max->ppm;
    // age × interval >= min  ⇔  age >= ⌈min / interval⌉, and <= likewise with ⌊ ⌋.
    const auto intervals = [&](Duration age) {
        return static_cast<std::uint64_t>(std::max(age, Duration::zero()) / interval);
    };
    if (scheme.age.min) {
        pattern.min_age = intervals(*scheme.age.min);
        if (scheme.age.min->count() % interval.count() > 0) ++pattern.min_age;
    }
    if (scheme.age.max) pattern.max_age = intervals(*scheme.age.max);
    return pattern;
}

// Decisions are made once in an aggregation interval, so a hold may as well end at a whole one;
// then what was acted on in one interval is held until one time, and is remembered as one range.
Instant at_the_next_step(Instant when, Duration interval) {
    const Duration step = std::min(interval, shortest_hold);
    const Duration past = when.time_since_epoch() % step;
    return past == Duration::zero() ? when
                                    : later(when, past > Duration::zero() ? step - past : -past);
}

// Bytes by what became of them: where a region's way ends, in the order of the checks.
enum Verdict : std::size_t {
    is_unknown,
    misses_size,
    misses_frequency,
    misses_age,
    matches,
    verdict_count
};

struct Part {
    std::uint32_t target = 0;  // index into the snapshot's targets
    AddressRange range;
};

struct TargetState {
    TargetId id;
    std::uint64_t generation = 0;
    std::uint64_t last_seen = 0;  // number of the decide() call
    FaultBrake brake;
    std::vector<ActedRanges> acted;  // parallel to the policy's schemes
};

// Behind the last address that an exhausted quota let through.
struct Position {
    TargetId target;
    std::uint64_t address = 0;
};

struct SchemeState {
    explicit SchemeState(const Scheme& scheme)
        : hold(std::max(scheme.age.min.value_or(Duration::zero()), shortest_hold)),
          acting(acts(scheme.action)),
          // What is not in memory cannot leave it, but it can be brought in.
          needs_presence(scheme.action != Action::willneed),
          quota(scheme.quota) {}

    Duration hold;
    bool acting;
    bool needs_presence;
    QuotaWindow quota;
    std::optional<Position> resume;

    // For one decide() call; kept for their memory.
    Pattern pattern;
    std::array<std::uint64_t, verdict_count> bytes{};
    std::uint64_t matched_regions = 0;
    std::array<std::uint64_t, reason_count> held{};
    std::vector<Part> candidates;
    // For one target of it.
    std::optional<Reason> blocked;
    std::size_t cursor = 0;
};

}  // namespace

struct Decider::State {
    explicit State(Policy given) : policy(std::move(given)) {
        schemes.reserve(policy.schemes.size());
        for (const Scheme& scheme : policy.schemes) schemes.emplace_back(scheme);
        matching.reserve(schemes.size());
    }

    void follow_targets(const Snapshot& snapshot, const Conditions& conditions);
    std::optional<Reason> what_blocks(const Scheme& scheme, const TargetSnapshot& target,
                                      const TargetState& state, const Conditions& conditions,
                                      Instant now) const;
    void match(const TargetSnapshot& target, TargetState& state, std::uint32_t index);
    std::size_t winner() const;
    void take(std::size_t index, const Region& region, TargetState& state, std::uint32_t target);
    void spend(std::size_t index, const Snapshot& snapshot, Plan& plan);
    TargetState* find(TargetId id);

    Policy policy;
    std::vector<SchemeState> schemes;
    std::vector<TargetState> targets;      // sorted by id
    std::vector<std::size_t> of_snapshot;  // index into targets for each target of the snapshot
    std::vector<std::size_t> matching;     // schemes that act and match the region at hand
    std::uint64_t calls = 0;
    Instant now{};
    Duration interval{1};  // the last snapshot's, never 0
};

TargetState* Decider::State::find(TargetId id) {
    const auto found = std::lower_bound(
        targets.begin(), targets.end(), id,
        [](const TargetState& state, TargetId wanted) { return state.id < wanted; });
    return found != targets.end() && found->id == id ? &*found : nullptr;
}

// Adopts the snapshot's targets: forgets those that are gone and what was known of replaced address
// spaces, lets holds expire, and looks at the faults.
void Decider::State::follow_targets(const Snapshot& snapshot, const Conditions& conditions) {
    for (const TargetSnapshot& target : snapshot.targets) {
        if (target.exited) continue;
        TargetState* state = find(target.id);
        if (state == nullptr) {
            TargetState fresh;
            fresh.id = target.id;
            fresh.generation = target.generation;
            fresh.acted.resize(schemes.size());
            const auto at = std::lower_bound(
                targets.begin(), targets.end(), target.id,
                [](const TargetState& other, TargetId id) { return other.id < id; });
            state = &*targets.insert(at, std::move(fresh));
        }
        state->last_seen = calls;
        if (state->generation != target.generation) {
            state->generation = target.generation;
            state->brake.forget_rate();
            for (ActedRanges& acted : state->acted) acted.clear();
        }
        const std::size_t limit = std::max<std::size_t>(4096, 2 * target.regions.size());
        for (ActedRanges& acted : state->acted)
            if (!acted.empty()) acted.expire(now, limit);
    }
    std::erase_if(targets, [&](const TargetState& state) { return state.last_seen != calls; });

    if (policy.limits.brake) {
        for (const Conditions::TargetFaults& faults : conditions.faults)
            if (TargetState* state = find(faults.target))
                state->brake.observe(now, faults.major_faults, *policy.limits.brake);
    }

    of_snapshot.clear();
    for (const TargetSnapshot& target : snapshot.targets) {
        const TargetState* state = find(target.id);
        of_snapshot.push_back(state == nullptr ? targets.size()
                                               : static_cast<std::size_t>(state - targets.data()));
    }
}

std::optional<Reason> Decider::State::what_blocks(const Scheme& scheme,
                                                  const TargetSnapshot& target,
                                                  const TargetState& state,
                                                  const Conditions& conditions, Instant at) const {
    if (target.unseen_accesses && !scheme.allow_unseen_accesses) return Reason::unseen_accesses;
    if (target.denied) return Reason::target_denied;
    if (!conditions.sees) return Reason::observing_only;
    if (policy.limits.brake && state.brake.active(at)) return Reason::brake;
    if (scheme.action == Action::pageout && policy.limits.min_free_swap && conditions.free_swap &&
        *conditions.free_swap < *policy.limits.min_free_swap)
        return Reason::swap_low;
    return std::nullopt;
}

// Which of the matching schemes has the region?  The first in the file, except that pageout goes
// before cold: what leaves memory needs no place in the list of what may leave it.
std::size_t Decider::State::winner() const {
    const std::size_t first = matching.front();
    if (policy.schemes[first].action != Action::cold) return first;
    for (const std::size_t index : matching)
        if (policy.schemes[index].action == Action::pageout) return index;
    return first;
}

// Hands a region that the scheme matches on to its candidates, without what it may not have.
void Decider::State::take(std::size_t index, const Region& region, TargetState& state,
                          std::uint32_t target) {
    SchemeState& scheme = schemes[index];
    std::uint64_t free_bytes = 0;
    const auto add = [&](AddressRange part) {
        free_bytes += part.size().count;
        if (scheme.needs_presence && region.nothing_present()) {
            scheme.held[static_cast<std::size_t>(Reason::nothing_present)] += part.size().count;
        } else if (scheme.blocked) {
            scheme.held[static_cast<std::size_t>(*scheme.blocked)] += part.size().count;
        } else if (!scheme.candidates.empty() && scheme.candidates.back().target == target &&
                   scheme.candidates.back().range.end == part.start) {
            scheme.candidates.back().range.end = part.end;
        } else {
            scheme.candidates.push_back({target, part});
        }
    };
    state.acted[index].for_each_free(region.range, scheme.cursor, add);
    scheme.held[static_cast<std::size_t>(Reason::recently_acted)] +=
        region.range.size().count - free_bytes;
}

void Decider::State::match(const TargetSnapshot& target, TargetState& state, std::uint32_t index) {
    for (const Region& region : target.regions) {
        if (region.range.empty()) continue;
        const std::uint64_t bytes = region.range.size().count;
        if (!region.known()) {
            for (SchemeState& scheme : schemes) scheme.bytes[is_unknown] += bytes;
            continue;
        }
        const std::uint32_t ppm = frequency(region).ppm;
        matching.clear();
        bool contested = false;
        for (std::size_t i = 0; i < schemes.size(); ++i) {
            SchemeState& scheme = schemes[i];
            const Pattern& pattern = scheme.pattern;
            if (bytes < pattern.min_size || bytes > pattern.max_size) {
                scheme.bytes[misses_size] += bytes;
            } else if (ppm < pattern.min_ppm || ppm > pattern.max_ppm) {
                scheme.bytes[misses_frequency] += bytes;
            } else if (region.age < pattern.min_age || region.age > pattern.max_age) {
                scheme.bytes[misses_age] += bytes;
            } else {
                scheme.bytes[matches] += bytes;
                ++scheme.matched_regions;
                if (!scheme.acting) continue;
                // A scheme that may not act on this target now leaves it to the others.
                if (scheme.blocked) {
                    take(i, region, state, index);
                } else {
                    contested = !matching.empty();
                    matching.push_back(i);
                }
            }
        }
        if (matching.empty()) continue;
        const std::size_t winning = contested ? winner() : matching.front();
        for (const std::size_t i : matching) {
            if (i == winning)
                take(i, region, state, index);
            else
                schemes[i].held[static_cast<std::size_t>(Reason::other_scheme)] += bytes;
        }
    }
}

// Plans as many of the scheme's candidates as its quota allows, going round from where an exhausted
// quota stopped the last time.
void Decider::State::spend(std::size_t index, const Snapshot& snapshot, Plan& plan) {
    SchemeState& scheme = schemes[index];
    SchemeTally& tally = plan.schemes[index];
    const std::size_t count = scheme.candidates.size();
    if (count == 0) return;
    const auto allowance = scheme.quota.allowance();
    std::uint64_t left = allowance ? allowance->bytes.count : any;

    std::size_t first = 0;
    if (scheme.resume) {
        // Targets come in the snapshot's order, which need not be that of their ids.
        std::size_t at = 0;
        while (at < snapshot.targets.size() && snapshot.targets[at].id != scheme.resume->target)
            ++at;
        if (at < snapshot.targets.size()) {
            const auto found = std::partition_point(
                scheme.candidates.begin(), scheme.candidates.end(), [&](const Part& part) {
                    return part.target < at ||
                           (part.target == at && part.range.end <= scheme.resume->address);
                });
            first = static_cast<std::size_t>(found - scheme.candidates.begin()) % count;
            // The part that the quota was exhausted in may have grown together with what follows:
            // begin in its middle, and come to its first half last.
            Part& part = scheme.candidates[first];
            if (part.target == at && part.range.start < scheme.resume->address &&
                part.range.end > scheme.resume->address && left < any) {
                const Part behind{part.target, {scheme.resume->address, part.range.end}};
                part.range.end = scheme.resume->address;
                scheme.candidates.insert(
                    scheme.candidates.begin() + static_cast<std::ptrdiff_t>(first) + 1, behind);
                ++first;
            }
        }
    }

    const std::size_t parts = scheme.candidates.size();
    std::uint64_t held = 0;
    std::uint64_t planned = 0;
    bool stopped = false;
    for (std::size_t i = 0; i < parts; ++i) {
        const Part& part = scheme.candidates[(first + i) % parts];
        const std::uint64_t wanted = part.range.size().count;
        // The region that straddles the limit is cut at it; nothing behind it is let through, so
        // that the next window finds it in its turn.
        const std::uint64_t granted = stopped ? 0 : std::min(wanted, left);
        if (granted != 0) {
            left -= left == any ? 0 : granted;
            planned += granted;
            plan.ranges.push_back({static_cast<std::uint32_t>(index),
                                   part.target,
                                   {part.range.start, part.range.start + granted}});
            ++tally.planned_ranges;
        }
        if (granted < wanted) {
            held += wanted - granted;
            stopped = true;
        }
    }
    tally.planned = {planned};
    if (stopped) {
        tally.quota_exceeded = true;
        if (planned != 0) {
            const PlannedRange& last = plan.ranges.back();
            scheme.resume = {snapshot.targets[last.target].id, last.range.end};
        }
        scheme.held[static_cast<std::size_t>(allowance->limit)] += held;
    }

    const std::size_t first_range = plan.ranges.size() - tally.planned_ranges;
    const Instant until = later(now, std::max(scheme.hold, longest_flight));
    std::uint32_t adding_to = std::numeric_limits<std::uint32_t>::max();
    ActedRanges* acted = nullptr;
    for (std::size_t i = first_range; i < plan.ranges.size(); ++i) {
        const PlannedRange& range = plan.ranges[i];
        if (range.target != adding_to) {
            if (acted != nullptr) acted->end_adding();
            acted = &targets[of_snapshot[range.target]].acted[index];
            adding_to = range.target;
        }
        const Duration estimate = scheme.quota.charge(range.range.size());
        acted->add_in_flight(range.range, until, {scheme.quota.window(), estimate});
    }
    if (acted != nullptr) acted->end_adding();
}

Decider::Decider(Policy policy) : state_(std::make_unique<State>(std::move(policy))) {}
Decider::~Decider() = default;
Decider::Decider(Decider&&) noexcept = default;
Decider& Decider::operator=(Decider&&) noexcept = default;

Plan Decider::decide(const Snapshot& snapshot, const Conditions& conditions) {
    State& state = *state_;
    ++state.calls;
    state.now = snapshot.time;
    state.interval = std::max(snapshot.aggregation_interval, Duration(1));
    state.follow_targets(snapshot, conditions);

    for (std::size_t i = 0; i < state.schemes.size(); ++i) {
        SchemeState& scheme = state.schemes[i];
        scheme.quota.advance(state.now);
        scheme.pattern = pattern_of(state.policy.schemes[i], state.interval);
        scheme.bytes.fill(0);
        scheme.held.fill(0);
        scheme.matched_regions = 0;
        scheme.candidates.clear();
    }

    for (std::size_t t = 0; t < snapshot.targets.size(); ++t) {
        const TargetSnapshot& target = snapshot.targets[t];
        if (target.exited) continue;
        TargetState& target_state = state.targets[state.of_snapshot[t]];
        for (std::size_t i = 0; i < state.schemes.size(); ++i) {
            state.schemes[i].blocked = state.what_blocks(state.policy.schemes[i], target,
                                                         target_state, conditions, state.now);
            state.schemes[i].cursor = 0;
        }
        state.match(target, target_state, static_cast<std::uint32_t>(t));
    }

    Plan plan;
    plan.sequence = snapshot.sequence;
    plan.time = snapshot.time;
    plan.schemes.resize(state.schemes.size());
    for (std::size_t i = 0; i < state.schemes.size(); ++i) {
        state.spend(i, snapshot, plan);
        const SchemeState& scheme = state.schemes[i];
        SchemeTally& tally = plan.schemes[i];
        tally.matched_regions = scheme.matched_regions;
        tally.matched = {scheme.bytes[matches]};
        for (std::size_t reason = 0; reason < reason_count; ++reason)
            tally.held_back[reason] = {scheme.held[reason]};
        const auto hold_back = [&](Reason reason, Verdict verdict) {
            tally.held_back[static_cast<std::size_t>(reason)] = {scheme.bytes[verdict]};
        };
        hold_back(Reason::unknown, is_unknown);
        hold_back(Reason::size, misses_size);
        hold_back(Reason::frequency, misses_frequency);
        hold_back(Reason::age, misses_age);
    }
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
    ActedRanges::Settled settled;
    if (TargetState* target = state.find(report.target)) {
        // An instant that the report leaves out, or that lies before the plan, is no reason to do
        // it again at once.
        const Instant from = std::max(report.time, state.now);
        const Instant until =
            at_the_next_step(later(from, tried ? scheme.hold : shortest_hold), state.interval);
        settled = target->acted[report.scheme].settle(report.range, until);
    }
    if (!report.range.empty() && tried) scheme.quota.measure(report.range.size(), spent);
    scheme.quota.settle(settled.charge.window, settled.planned, settled.charge.estimate,
                        report.advised, spent);
}

std::vector<Decider::BrakedTarget> Decider::braked() const {
    std::vector<BrakedTarget> braked;
    if (!state_->policy.limits.brake) return braked;
    for (const TargetState& target : state_->targets)
        if (target.brake.active(state_->now)) braked.push_back({target.id, *target.brake.until()});
    return braked;
}

const Policy& Decider::policy() const {
    return state_->policy;
}

}  // namespace damon_schemes

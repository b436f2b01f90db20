// SPDX-License-Identifier: MIT
#include "schemes/decide/scheme_state.h"

#include <algorithm>

#include "schemes/decide/access_pattern.h"
#include "schemes/decide/machine_limits.h"
#include "schemes/decide/memory_floor.h"

namespace damon_schemes {

namespace {

// Flags are set, and locks taken away, wherever something is mapped.
constexpr bool asks_for_presence(Action action) {
    return action != Action::willneed && !flags_huge_pages(action) && action != Action::munlock;
}

}  // namespace

SchemeState::SchemeState(const Policy& policy, std::uint32_t which)
    : scheme(&policy.schemes[which]),
      index(which),
      acting(acts(scheme->action)),
      needs_presence(asks_for_presence(scheme->action)),
      filtering(acting && !scheme->filters.empty()),
      needs_mappings(filtering && ask_for_mappings(scheme->filters)),
      needs_cgroup(filtering && ask_for_cgroup(scheme->filters)),
      needs_target(filtering && ask_for_target(scheme->filters)),
      keeps_floor(scheme->action == Action::pageout && any(scheme->floor)),
      keeps_lock_budget(scheme->action == Action::mlock && scheme->lock.target),
      watermarks(scheme->watermarks),
      quota(scheme->quota, grain_of(scheme->action)),
      goals(scheme->quota),
      refaults(policy.refaults.window) {
    if (scheme->tune) {
        tuner.emplace(*scheme->tune, scheme->age.min.value_or(Duration::zero()),
                      policy.refaults.window);
        spells.emplace(policy.refaults.window);
        tracker.emplace(policy.refaults.window);
    }
}

std::optional<Duration> SchemeState::min_age() const {
    return tuner ? tuner->age() : scheme->age.min;
}

std::optional<Duration> SchemeState::region_age() const {
    // Each page is asked for it then, which says more.
    if (scheme->verify && scheme->verify->of_age) return std::nullopt;
    return min_age();
}

Duration SchemeState::hold() const {
    Duration rest = scheme->cool_down ? *scheme->cool_down : min_age().value_or(Duration::zero());
    // A huge page, or a flag, stays as it is as a rule.
    if (!scheme->cool_down && lasts(scheme->action)) rest = std::max(rest, lasting_hold);
    return std::max(rest, shortest_hold);
}

// Whether the next application is due; if so, when the one after it is: a whole number of intervals
// later, so that a snapshot that comes late does not put off all that follow.
bool SchemeState::has_come(Instant now) {
    const Duration every = std::max(*scheme->apply_interval, Duration(1));
    // More than an interval ahead: the clock was set back, or another recording begins.
    if (!next_apply || elapsed(now, *next_apply) > every) {
        next_apply = later(now, every);
        return true;
    }
    if (now < *next_apply) return false;
    next_apply = later(*next_apply, elapsed(*next_apply, now) / every * every);
    next_apply = later(*next_apply, every);
    return true;
}

void SchemeState::begin(const Policy& policy, const Conditions& conditions, Instant now,
                        Explanation* explain) {
    quota.advance(now);
    watermarks.look(conditions, now);
    if (tuner && tuner->look(now, refaults, *spells)) spells->forget();

    resting = watermarks.held_back();
    const std::optional<Reason> limited = passed_limit(policy.limits, scheme->action, conditions);
    const bool at_work = conditions.sees && !resting && !limited;
    if (goals.any()) {
        const bool by_refaults = scheme->quota.has_goal(GoalMetric::refaults);
        goals.look(conditions, now, by_refaults ? refaults.share(now) : std::nullopt, at_work);
        if (!goals.measured()) resting = Reason::unmeasured;
    }
    const auto& guard = policy.limits.guard;
    if (acting && guard && guard->figure && !conditions.figure_in(guard->figure->file))
        resting = Reason::unmeasured;
    if (limited) resting = limited;

    // A scheme that rests applies nothing, so it is due when it has rested.
    due = true;
    if (scheme->apply_interval && conditions.sees && !resting) due = has_come(now);

    tally = {};
    if (scheme->verify) tally.idle = scheme->verify->idle_at(min_age());
    explanation = explain;
    candidates.clear();
    least_score.reset();
}

std::optional<Reason> SchemeState::what_blocks(const TargetSnapshot& target,
                                               const TargetState& state,
                                               const Conditions& conditions, const Limits& limits,
                                               Instant now) const {
    if (target.unseen_accesses && !scheme->allow_unseen_accesses) return Reason::unseen_accesses;
    if (target.denied) return Reason::target_denied;
    if (!conditions.sees) return Reason::observing_only;
    if (state.paused) return Reason::paused;
    if (limits.brake && state.brake.active(now)) return Reason::brake;
    if (limits.guard && state.guards[index].active(now)) return Reason::guard;
    if (resting && *resting <= Reason::unmeasured) return resting;

    static const Conditions::Target nothing{};
    const Conditions::Target& known = state.conditions != nullptr ? *state.conditions : nothing;
    if (((scheme->min_rss || keeps_floor) && !known.rss) ||
        (keeps_floor && scheme->floor.share && !known.swapped) ||
        (needs_mappings && !known.mappings) || (needs_cgroup && !known.cgroup) ||
        (needs_target && state.conditions == nullptr) ||
        (acting && limits.guard && limits.guard->pressure && !known.cgroup_stalled))
        return Reason::unmeasured;
    if (resting) return resting;
    if (scheme->min_rss && *known.rss < *scheme->min_rss) return Reason::small_target;
    return std::nullopt;
}

// Whether it may act on the target, as far as that does not pass: what would become of its memory
// can be told then.
bool SchemeState::knows(const TargetSnapshot& target, const TargetState& state) const {
    if (target.exited || target.denied) return false;
    if (target.unseen_accesses && !scheme->allow_unseen_accesses) return false;
    const Conditions::Target* known = state.conditions;
    if (known == nullptr)
        return !scheme->min_rss && !needs_mappings && !needs_cgroup && !needs_target;
    return !(needs_mappings && !known->mappings) && !(needs_cgroup && !known->cgroup) &&
           !(scheme->min_rss && (!known->rss || *known->rss < *scheme->min_rss));
}

FilterFacts SchemeState::facts_of(const FilterPiece& piece, const TargetState& state) const {
    FilterFacts facts;
    facts.range = piece.range;
    if (state.conditions != nullptr) {
        facts.target_name = state.conditions->name;
        facts.cgroup = state.conditions->cgroup;
    }
    if (needs_mappings) {
        facts.mapping = piece.mapping;
        facts.unmapped = piece.mapping == nullptr;
    }
    return facts;
}

// The share of a range that the filters do not reject.
double SchemeState::allowed_share(AddressRange range, const TargetState& state) {
    if (!filtering) return 1;
    static const std::vector<MappedArea> none;
    cut_for_filters(scheme->filters, range, needs_mappings ? *state.conditions->mappings : none,
                    pieces_);
    std::uint64_t allowed = 0;
    for (const FilterPiece& piece : pieces_)
        if (judge(scheme->filters, facts_of(piece, state)).kind != FilterVerdict::Kind::rejected)
            allowed += piece.range.size().count;
    return static_cast<double>(allowed) / static_cast<double>(range.size().count);
}

void SchemeState::track_spells(const Snapshot& snapshot, WatchedTargets& targets) {
    if (!tuner) return;
    // Of any age: what else it asks for.
    const AccessPattern pattern(*scheme, Duration::zero(), Duration::max());
    const bool verifying = scheme->verify.has_value();
    tracker->begin(snapshot);
    for (std::size_t t = 0; t < snapshot.targets.size(); ++t) {
        const TargetSnapshot& target = snapshot.targets[t];
        if (target.exited) continue;
        const TargetState& state = targets.at(t);
        if (!knows(target, state)) continue;
        tracker->begin_target(target.id, target.generation);
        for (const Region& region : target.regions) {
            if (region.range.empty()) continue;
            const Share found = verifying ? sampled_frequency(region) : frequency(region);
            const bool matching =
                region.known() && pattern.first_missed(region.range.size().count, found.ppm, 0) ==
                                      AccessPattern::none_missed;
            tracker->look(region, matching ? allowed_share(region.range, state) : 0, found.ppm > 0);
        }
    }
    tracker->finish(*spells);
}

void SchemeState::tell(const RegionPart& part, std::optional<Reason> reason,
                       std::optional<std::uint32_t> other) const {
    explanation->verdicts.push_back({index, part.target, part.region, part.range, reason, other});
}

SchemeControls SchemeState::controls(Instant now) const {
    SchemeControls controls;
    controls.free_memory = watermarks.free_memory();
    controls.free_swap = watermarks.free_swap();
    controls.next_apply = next_apply;
    controls.quota_bytes = scheme->quota.bytes;
    controls.bytes_left = quota.bytes_left();
    controls.quota_time = scheme->quota.time;
    controls.time_left = quota.time_left();
    controls.bytes_per_second = quota.bytes_per_second();
    controls.goals = goals.standing();
    controls.goal_bytes = goals.bytes();
    controls.least_score = least_score;
    if (tuner) {
        controls.tuned_age = tuner->age();
        controls.mean_tuned_age = tuner->mean_age();
        const Duration half = std::max(tuner->age() / 2, scheme->tune->min);
        if (half < tuner->age())
            controls.half_age_share =
                spells->share(half, tuner->age(), refaults.share_with(now, tuner->age()));
    }
    controls.refault_share = refaults.share(now);
    controls.refaulted = refaults.came_back();
    controls.watched = refaults.paged_out();
    return controls;
}

}  // namespace damon_schemes

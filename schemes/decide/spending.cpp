// SPDX-License-Identifier: MIT
#include "schemes/decide/spending.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "schemes/decide/candidates.h"
#include "schemes/decide/memory_floor.h"

namespace damon_schemes {

namespace {

constexpr std::uint64_t page = 4096;
// How long a planned range may stay unreported: an actor can wait for a slow swap device for long,
// but a report that never comes must not hold memory for good.
constexpr Duration longest_flight = std::chrono::seconds(60);

// How much of a target a scheme may still page out.  What is planned already, by whichever scheme,
// has left as far as this is concerned.
std::uint64_t room_above_floor(const SchemeState& scheme, const Policy& policy,
                               const TargetState& target, Instant now) {
    const Conditions::Target& known = *target.conditions;
    const Bytes rss = *known.rss;
    std::uint64_t taken = kept_by(scheme.scheme->floor, rss, known.swapped.value_or(Bytes{})).count;
    const auto take = [&](Bytes bytes) { taken += std::min(bytes.count, ~taken); };
    take(target.departed.lately(now));
    for (std::size_t i = 0; i < policy.schemes.size(); ++i)
        if (policy.schemes[i].action == Action::pageout) take(target.acted[i].in_flight());
    return taken < rss.count ? (rss.count - taken) / page * page : 0;
}

void note(SchemeState& scheme, const Candidates::Shortage& shortage, Reason reason) {
    scheme.count_held(reason, shortage.held);
    if (shortage.position) scheme.resume = shortage.position;
    if (scheme.scheme->quota.priority.any()) scheme.least_score = shortage.least_score;
}

// How much of a target a scheme may still lock.  What is planned already, by whichever scheme, is
// locked as far as this is concerned.
std::uint64_t room_in_lock_budget(const SchemeState& scheme, const Policy& policy,
                                  const TargetState& target) {
    Bytes taken;
    for (std::size_t i = 0; i < policy.schemes.size(); ++i)
        if (policy.schemes[i].action == Action::mlock)
            taken += target.held[i].size() + target.acted[i].in_flight();
    const Bytes most = *scheme.scheme->lock.target;
    return taken < most ? (most - taken).count / page * page : 0;
}

// Grants each target's candidates no more than `room(target)` bytes.
template <typename Room>
void limit_each_target(SchemeState& scheme, const Snapshot& snapshot, Reason reason, Room room) {
    const std::vector<Candidate>& parts = scheme.candidates.parts();
    for (std::size_t begin = 0; begin < parts.size();) {
        const std::uint32_t target = parts[begin].target;
        std::size_t end = begin;
        while (end < parts.size() && parts[end].target == target) ++end;
        if (const auto shortage =
                scheme.candidates.limit(begin, end, room(target), *scheme.scheme, snapshot))
            note(scheme, *shortage, reason);
        begin = end;
    }
}

// What was granted before a limit, to explain what it took.
class Grants {
  public:
    explicit Grants(const SchemeState& scheme) : scheme_(scheme) {
        if (scheme.explanation == nullptr) return;
        for (const Candidate& part : scheme.candidates.parts()) granted_.push_back(part.granted);
    }
    void tell_what_was_taken(Reason reason) {
        for (std::size_t i = 0; i < granted_.size(); ++i) {
            const Candidate& part = scheme_.candidates.parts()[i];
            const std::uint64_t start = part.range.start;
            if (part.granted < granted_[i])
                scheme_.tell(
                    {part.target, part.region, {start + part.granted, start + granted_[i]}},
                    reason);
            granted_[i] = part.granted;
        }
    }

  private:
    const SchemeState& scheme_;
    std::vector<std::uint64_t> granted_;
};

// Puts into the plan what was granted, in turn, neighbours as one range.
void emit(SchemeState& scheme, Plan& plan) {
    SchemeTally& tally = scheme.tally;
    for (std::size_t i = 0; i < scheme.candidates.parts().size(); ++i) {
        const Candidate& part = scheme.candidates.in_turn(i);
        if (part.granted == 0) continue;
        const AddressRange range{part.range.start, part.range.start + part.granted};
        tally.planned += range.size();
        if (scheme.explanation != nullptr) scheme.tell({part.target, part.region, range}, {});
        if (tally.planned_ranges != 0 && plan.ranges.back().target == part.target &&
            plan.ranges.back().range.end == range.start) {
            plan.ranges.back().range.end = range.end;
        } else {
            plan.ranges.push_back({scheme.index, part.target, range});
            ++tally.planned_ranges;
        }
    }
}

// Charges the scheme's ranges, and holds them until they are reported.
void put_in_flight(SchemeState& scheme, WatchedTargets& targets, const Plan& plan) {
    const std::size_t first = plan.ranges.size() - scheme.tally.planned_ranges;
    const Instant until = later(plan.time, std::max(scheme.hold(), longest_flight));
    std::uint32_t adding_to = std::numeric_limits<std::uint32_t>::max();
    ActedRanges* acted = nullptr;
    for (std::size_t i = first; i < plan.ranges.size(); ++i) {
        const PlannedRange& range = plan.ranges[i];
        if (range.target != adding_to) {
            if (acted != nullptr) acted->end_adding();
            acted = &targets.at(range.target).acted[scheme.index];
            adding_to = range.target;
        }
        const Duration estimate = scheme.quota.charge(range.range.size());
        acted->add_in_flight(range.range, until, {scheme.quota.window(), estimate});
    }
    if (acted != nullptr) acted->end_adding();
}

}  // namespace

void spend(SchemeState& scheme, const Policy& policy, WatchedTargets& targets,
           const Snapshot& snapshot, Plan& plan) {
    Candidates& candidates = scheme.candidates;
    if (candidates.empty()) return;
    if (!scheme.due) {
        for (const Candidate& part : candidates.parts()) scheme.hold_back(part, Reason::not_due);
        return;
    }
    const auto allowance = scheme.quota.allowance(scheme.goals.bytes());
    if (scheme.resume)
        candidates.begin_at(*scheme.resume, snapshot,
                            allowance || scheme.keeps_floor || scheme.keeps_lock_budget);
    Grants grants(scheme);
    if (scheme.keeps_floor) {
        limit_each_target(scheme, snapshot, Reason::floor, [&](std::uint32_t target) {
            return room_above_floor(scheme, policy, targets.at(target), snapshot.time);
        });
        grants.tell_what_was_taken(Reason::floor);
    }
    if (scheme.keeps_lock_budget) {
        limit_each_target(scheme, snapshot, Reason::lock_budget, [&](std::uint32_t target) {
            return room_in_lock_budget(scheme, policy, targets.at(target));
        });
        grants.tell_what_was_taken(Reason::lock_budget);
    }
    if (allowance) {
        const auto shortage = candidates.limit(0, candidates.parts().size(), allowance->bytes.count,
                                               *scheme.scheme, snapshot);
        if (shortage) note(scheme, *shortage, allowance->limit);
        scheme.tally.quota_exceeded = shortage.has_value();
        grants.tell_what_was_taken(allowance->limit);
    }
    emit(scheme, plan);
    put_in_flight(scheme, targets, plan);
}

}  // namespace damon_schemes

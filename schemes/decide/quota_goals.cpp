// SPDX-License-Identifier: MIT
#include "schemes/decide/quota_goals.h"

#include <algorithm>
#include <cmath>

namespace damon_schemes {

namespace {

constexpr double page = 4096;
constexpr double first_bytes = 1 << 20;
constexpr double most_bytes = 1024.0 * 1024 * 1024 * 1024;
// Metrics are measured less often than the shortest windows follow each other.
constexpr Duration shortest_step = std::chrono::seconds(1);

double target_of(const QuotaGoal& goal) {
    return goal.metric == GoalMetric::figure ? goal.figure : goal.share.ppm / 1e6;
}

Duration step_of(Duration window) {
    if (window <= Duration::zero()) return shortest_step;
    if (window >= shortest_step) return window;
    return window * ((shortest_step.count() + window.count() - 1) / window.count());
}

}  // namespace

QuotaGoals::QuotaGoals(const Quota& quota)
    : goals_(quota.goals),
      tuner_(quota.tuner),
      most_(quota.bytes ? std::max(static_cast<double>(quota.bytes->count), page) : most_bytes),
      bytes_(std::min(first_bytes, most_)),
      step_(step_of(quota.per)) {
    for (const QuotaGoal& goal : goals_) standing_.push_back({{}, target_of(goal), {}});
}

void QuotaGoals::StallMeter::measure(std::optional<Duration> stalled, Duration passed) {
    if (stalled && last && *stalled >= *last && passed > Duration::zero()) {
        const double grown =
            static_cast<double>(stalled->count()) - static_cast<double>(last->count());
        share = std::min(1.0, grown / static_cast<double>(passed.count()));
    }
    if (!stalled) share.reset();
    last = stalled;
}

// Steps follow each other from the first look on, as windows do.
bool QuotaGoals::enter_window(Instant now) {
    if (!origin_ || now < *origin_) {
        origin_ = now;
        steps_ = 0;
        return true;
    }
    const std::int64_t steps = elapsed(*origin_, now) / step_;
    if (steps <= steps_) return false;
    steps_ = steps;
    return true;
}

void QuotaGoals::measure_stalls(const Conditions& conditions, Duration passed) {
    machine_.measure(conditions.stalled, passed);
    for (OfTarget& known : cgroups_) known.seen = false;
    for (const Conditions::Target& target : conditions.targets) {
        const auto at =
            std::lower_bound(cgroups_.begin(), cgroups_.end(), target.id,
                             [](const OfTarget& known, TargetId id) { return known.target < id; });
        const auto known = at != cgroups_.end() && at->target == target.id
                               ? at
                               : cgroups_.insert(at, {target.id, {}, false});
        known->seen = true;
        known->meter.measure(target.cgroup_stalled, passed);
    }
    std::erase_if(cgroups_, [](const OfTarget& known) { return !known.seen; });
}

std::optional<double> QuotaGoals::current(const QuotaGoal& goal, const Conditions& conditions,
                                          std::optional<double> refaults) const {
    switch (goal.metric) {
        case GoalMetric::pressure:
            return machine_.share;
        case GoalMetric::cgroup_pressure: {
            std::optional<double> highest;
            for (const OfTarget& known : cgroups_)
                if (known.meter.share) highest = std::max(highest.value_or(0), *known.meter.share);
            return highest;
        }
        case GoalMetric::refaults:
            return refaults.value_or(0);
        case GoalMetric::free_memory:
            if (conditions.free_memory) return conditions.free_memory->ppm / 1e6;
            return std::nullopt;
        case GoalMetric::figure:
            for (const Conditions::Figure& figure : conditions.figures)
                if (figure.file == goal.file && figure.value && std::isfinite(*figure.value))
                    return figure.value;
            return std::nullopt;
    }
    return std::nullopt;
}

void QuotaGoals::look(const Conditions& conditions, Instant now, std::optional<double> refaults,
                      bool at_work) {
    if (!any()) return;
    const bool first = !origin_;
    const bool entered = enter_window(now);
    if (entered) {
        measure_stalls(conditions, elapsed(stepped_, now));
        stepped_ = now;
    }

    measured_ = true;
    std::optional<double> score;
    for (std::size_t i = 0; i < goals_.size(); ++i) {
        const QuotaGoal& goal = goals_[i];
        SchemeControls::Goal& standing = standing_[i];
        standing.current = current(goal, conditions, refaults);
        standing.score.reset();
        if (standing.current && standing.target > 0) {
            standing.score = std::max(0.0, *standing.current / standing.target);
            score = std::max(score.value_or(0), *standing.score);
        }
        // Of a pressure there is no share yet in the first window, though it is measured.
        const bool readable =
            goal.metric == GoalMetric::pressure ? conditions.stalled.has_value()
            : goal.metric == GoalMetric::cgroup_pressure
                ? std::any_of(conditions.targets.begin(), conditions.targets.end(),
                              [](const auto& target) { return target.cgroup_stalled.has_value(); })
                : standing.current.has_value();
        if (!readable) {
            measured_ = false;
            standing.current.reset();
            standing.score.reset();
        }
    }
    if (entered && at_work && measured_ && score && (!first || tuner_ == GoalTuner::temporal))
        move(*score);
}

void QuotaGoals::move(double score) {
    if (tuner_ == GoalTuner::temporal) {
        unlimited_ = score < 1;
        bytes_ = 0;
    } else {
        bytes_ = std::clamp(bytes_ * (2 - score), std::min(page, most_), most_);
    }
}

std::optional<Bytes> QuotaGoals::bytes() const {
    if (!any() || unlimited_) return std::nullopt;
    return Bytes{static_cast<std::uint64_t>(bytes_)};
}

}  // namespace damon_schemes

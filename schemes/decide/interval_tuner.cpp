// SPDX-License-Identifier: MIT
#include "schemes/decide/interval_tuner.h"

#include <algorithm>
#include <cmath>

namespace damon_schemes {

namespace {

constexpr double least_factor = 0.25;
constexpr double greatest_factor = 2;
constexpr double near = 4.0 / 3;  // within it, up or down, nothing moves
constexpr double clear = 2;       // beyond it, it is no chance

struct Accesses {
    double events = 0;
    double most = 0;
};

Accesses accesses_in(const Snapshot& snapshot) {
    Accesses sum;
    for (const TargetSnapshot& target : snapshot.targets) {
        if (target.exited || target.unseen_accesses) continue;
        for (const Region& region : target.regions) {
            if (!region.known()) continue;
            const double bytes_of_a_look =
                static_cast<double>(region.range.size().count) / region.sampled;
            sum.events += bytes_of_a_look * region.accessed;
            sum.most +=
                bytes_of_a_look * (region.sampled - std::min(region.absent, region.sampled));
        }
    }
    return sum;
}

}  // namespace

IntervalTuner::IntervalTuner(const MonitorAttributes& begin)
    : begin_(begin),
      goal_(begin.interval_goal.value_or(IntervalGoal{})),
      wanted_(goal_.accesses.ppm / 1e6) {}

bool IntervalTuner::is_due(double share, bool whole) {
    if (share > wanted_ * clear) return true;
    if (!whole) return false;
    const Side side = share > wanted_ * near   ? Side::above
                      : share < wanted_ / near ? Side::below
                                               : Side::within;
    const bool again = side != Side::within && side == last_;
    last_ = side;
    return again || share < wanted_ / clear;
}

std::optional<MonitorAttributes> IntervalTuner::look(const Snapshot& snapshot,
                                                     const MonitorAttributes& in_force) {
    if (snapshot.sampling_interval != in_force.sampling_interval ||
        snapshot.aggregation_interval != in_force.aggregation_interval)
        return std::nullopt;
    const Accesses seen = accesses_in(snapshot);
    if (seen.most <= 0) return std::nullopt;
    events_ += seen.events;
    most_ += seen.most;
    ++snapshots_;
    const bool whole = snapshots_ >= goal_.aggregations;
    // Of a window that is not whole yet: its share if nothing more is accessed in it.
    const double share =
        events_ / most_ * std::min(1.0, static_cast<double>(snapshots_) / goal_.aggregations);
    if (whole) share_ = share;
    const bool due = is_due(share, whole);
    if (!whole && !due) return std::nullopt;
    snapshots_ = 0;
    events_ = most_ = 0;
    if (!due) return std::nullopt;

    last_ = Side::within;
    const double factor =
        share > 0 ? std::clamp(wanted_ / share, least_factor, greatest_factor) : greatest_factor;
    using Microseconds = std::chrono::microseconds;
    const auto now = std::chrono::duration_cast<Microseconds>(in_force.sampling_interval);
    const Duration next =
        std::clamp<Duration>(Microseconds(std::llround(static_cast<double>(now.count()) * factor)),
                             goal_.min, goal_.max);
    if (next == in_force.sampling_interval) return std::nullopt;

    // From where it began, so that no rounding adds up.
    const MonitorAttributes intervals = with_sampling_interval(begin_, next);
    MonitorAttributes attributes = in_force;
    attributes.sampling_interval = intervals.sampling_interval;
    attributes.aggregation_interval = intervals.aggregation_interval;
    attributes.update_interval = intervals.update_interval;
    return attributes;
}

}  // namespace damon_schemes

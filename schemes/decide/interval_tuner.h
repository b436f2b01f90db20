// SPDX-License-Identifier: MIT
// Moves the monitor's intervals after the accesses that its snapshots find.
#pragma once

#include <cstdint>
#include <optional>

#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// The share of looks that found their page accessed is held near the goal, as DAMON's auto-tuning
// of intervals does since Linux 6.16 (Documentation/mm/damon/design.rst): of bytes × looks at what
// is in memory, bytes × looks that found an access, over so many snapshots as the goal says.  What
// was not looked at, what is not in memory and targets that others map count for neither.
//
// How likely a page is accessed within a sampling interval grows with the interval's length, but
// never by a greater factor: so the interval × goal/share lies between the old one and the right
// one, if the program goes on as it is.  That is the next one, except that it is at most twice the
// old one and at least a quarter of it, since a program does not always go on as it is.  An
// interval that is too long costs more than one that is too short: until it ends nothing is seen,
// while short ones are soon over.  So more than twice the goal is acted on as soon as it is
// certain, without waiting for the remaining snapshots.
//
// Within three quarters and four thirds of the goal nothing moves; outside of that, but within half
// and double, only after two times in a row, for it may be chance.
class IntervalTuner {
  public:
    // `begin` has an interval_goal.
    explicit IntervalTuner(const MonitorAttributes& begin);

    // `in_force` are the attributes that the monitor has.  New ones, if a step is due; the caller
    // gives them to the monitor.  Snapshots of other intervals than are in force say nothing.
    std::optional<MonitorAttributes> look(const Snapshot& snapshot,
                                          const MonitorAttributes& in_force);

    // As the last whole window had it; nullopt: none was looked at yet.
    std::optional<double> share() const { return share_; }

  private:
    enum class Side : std::uint8_t { within, above, below };

    bool is_due(double share, bool whole);

    MonitorAttributes begin_;
    IntervalGoal goal_;
    double wanted_;
    // The window under way.
    std::uint32_t snapshots_ = 0;
    double events_ = 0;         // bytes × share of the looks that found an access
    double most_ = 0;           // bytes × share of the looks that found something in memory
    Side last_ = Side::within;  // of the goal, the window before
    std::optional<double> share_;
};

}  // namespace damon_schemes

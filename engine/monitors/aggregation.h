// SPDX-License-Identifier: MIT
// Mainline DAMON's events, in the order of time → whole snapshots.  At the end of an aggregation
// interval a kdamond tells of each region of each target in an event of its own.  No system call,
// no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "schemes/observation.h"

namespace damon_schemes {

// One event damon:damon_aggregated.
struct AggregatedRegion {
    Instant time{};
    std::uint64_t target = 0;   // its place among the targets
    std::uint32_t regions = 0;  // that target has so many
    AddressRange range;
    std::uint32_t nr_accesses = 0;
    std::uint32_t age = 0;
};

// Feed it in the order of time, then take what is whole.  One thread.
class Aggregation {
  public:
    // The targets in their places.  Whatever was under way is forgotten, as lost; what was taken
    // and what was lost goes on being counted.
    void begin(std::vector<std::pair<TargetId, std::int32_t>> targets, Duration sampling_interval,
               Duration aggregation_interval);
    // The first interval that is told of whole is the next.
    void restart();

    void add(const AggregatedRegion& region);
    // Events are missing here: what is under way is not whole, and perhaps what begins next.
    void lose();
    // A target runs another program from here on.  What was seen in this interval may be of either,
    // and no age is older than this.
    void exec(std::int32_t pid);
    // The first thread of a target has ended.  Mainline finds its memory through that thread: from
    // here on it sees nothing of it, and would call all of it idle.
    void end(std::int32_t pid);

    // The oldest whole snapshot that was not taken yet.
    std::optional<Snapshot> take();
    std::uint64_t lost() const { return lost_; }
    std::uint32_t regions() const { return regions_; }  // in the newest whole one
    std::uint64_t looks() const { return looks_; }      // sampling intervals of the whole ones
    std::uint32_t nominal_looks() const { return nominal_; }  // in one aggregation interval

  private:
    struct Target {
        TargetId id;
        std::int32_t pid = 0;
        std::uint64_t generation = 1;
        bool blind = false;                       // its first thread has ended
        bool expected = true;                     // it has regions, or nothing is known yet
        std::optional<std::uint32_t> since_exec;  // whole intervals
        bool exec_now = false;                    // in the interval under way
        bool blind_now = false;
        std::uint32_t announced = 0;  // regions of this interval
        std::vector<Region> regions;
    };

    bool begins_anew(const AggregatedRegion& region) const;
    bool whole() const;
    void finish();
    void drop();
    void clear();
    TargetSnapshot snapshot_of(Target& target);
    Target* find(std::int32_t pid);

    std::vector<Target> targets_;
    Duration sampling_{};
    Duration aggregation_{};
    std::uint32_t nominal_ = 1;
    std::deque<Snapshot> ready_;
    std::uint64_t sequence_ = 0;
    std::uint64_t lost_ = 0;
    std::uint64_t looks_ = 0;
    std::uint32_t regions_ = 0;
    std::optional<Instant> previous_;  // the end of the interval before
    // The interval under way.
    std::optional<AggregatedRegion> last_;
    bool broken_ = false;
    bool finished_ = false;  // told of whole: the next event begins another
    bool uncertain_ = true;  // events before its first one may be missing
    bool missing_ = false;   // some are, and of no interval that was begun
};

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// A policy on a recording: what would have been done when, decided by the same code as live, and
// what the recording says would have come of it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/actions/dry_run.h"
#include "engine/actions/mappings.h"
#include "engine/recordings/recording.h"
#include "engine/simulation/out_ranges.h"
#include "schemes/decide/decider.h"

namespace damon_schemes {

struct SimulationOptions {
    // Of the swap that what leaves memory goes to: as it fills, limits.min_free_swap has its
    // effect.  nullopt: it never fills.
    std::optional<Bytes> swap;
    // What acting on a page would cost; quotas of time are held against it.
    Duration page_cost = assumed_page_cost;
};

// How soon what had left memory was seen accessed.
enum class CameBack : std::uint8_t { within_10_seconds, within_a_minute, later, count_ };
inline constexpr std::size_t came_back_count = static_cast<std::size_t>(CameBack::count_);

struct SimulatedScheme {
    std::string name;
    Action action = Action::stat;
    std::uint64_t quota_exceeded = 0;  // snapshots in which a quota cut the plan short
    Bytes planned;                     // in all
    Bytes paged_out;                   // of a pageout scheme: what was present and not out already
    Duration spent{};                  // at the assumed price
    Bytes matched_mean;                // a snapshot
    std::array<Bytes, reason_count> held_back_mean{};  // a snapshot: what held how much back
};

// One moment of the course; the figures are those at its end.
struct SimulatedMoment {
    Duration at{};   // since the first snapshot
    Bytes out;       // is out of memory
    Bytes left;      // has left it so far, counted each time
    Bytes returned;  // has come back so far
    bool operator==(const SimulatedMoment&) const = default;
};

struct SimulationResult {
    // Controls of the policy that need more than a recording has, a sentence each: "cold: …".
    std::vector<std::string> left_out;
    std::uint64_t snapshots = 0;
    Duration length{};
    std::vector<SimulatedScheme> schemes;
    Bytes left;                                     // memory, counted each time it left
    std::array<Bytes, came_back_count> returned{};  // of that, by how soon
    Bytes out_mean, out_peak, out_at_end;
    Bytes present_mean;                   // in memory as recorded, by the looks that found a page
    std::vector<SimulatedMoment> course;  // at most Simulator::max_moments of them
};

// Feed it a recording's events in their order.  What left memory stays in the snapshots, which were
// recorded without that: a region that is out may be planned again, and then counts once.  Memory
// comes back when its region is seen accessed, all of what is out of it: more than would really,
// where only a part of the region was used.  Nothing is known of what the program would have done
// had it been slower.  One thread.
class Simulator {
  public:
    static constexpr std::size_t max_moments = 512;

    explicit Simulator(Policy policy, SimulationOptions options = {});

    void see(const RecordedTarget& target);
    // The plan for it, as a live dry run would have made it.
    const Plan& see(const Snapshot& snapshot);

    SimulationResult result() const;

  private:
    struct TargetState {
        std::uint64_t generation = 0;
        std::string name;
        std::optional<std::vector<Mapping>> mappings;          // nullopt: not known
        std::shared_ptr<const std::vector<MappedArea>> areas;  // likewise, for filters
        OutRanges out;
    };
    struct SchemeSums {
        std::uint64_t quota_exceeded = 0;
        Bytes planned, paged_out;
        Duration spent{};
        double matched = 0;
        std::array<double, reason_count> held_back{};
    };

    Conditions conditions() const;
    void bring_back(const Snapshot& snapshot);
    void carry_out(const Snapshot& snapshot);
    void carry_out(const TargetSnapshot& target, const PlannedRange& planned, Instant time);
    Bytes advisable(const TargetState& state, AddressRange range) const;
    void note_moment(Instant time);
    Bytes out() const;

    std::vector<std::string> left_out_;
    SimulationOptions options_;
    Decider decider_;
    bool filters_ = false;          // some scheme has any
    bool mappings_missed_ = false;  // a filter asked for mappings that the recording does not have
    std::map<TargetId, TargetState> targets_;
    std::vector<SchemeSums> sums_;
    Plan plan_;
    std::uint64_t snapshots_ = 0;
    std::optional<Instant> first_;
    Instant last_{};
    Bytes left_;
    std::array<Bytes, came_back_count> returned_{};
    Bytes out_peak_;
    double out_sum_ = 0, present_sum_ = 0;
    std::vector<SimulatedMoment> course_;
    std::uint64_t moment_snapshots_ = 1;  // snapshots that one moment stands for
};

}  // namespace damon_schemes

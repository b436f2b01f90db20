// SPDX-License-Identifier: MIT
// Which memory was idle in the last snapshot, and what became of it in the next one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "schemes/decide/idle_spells.h"
#include "schemes/observation.h"

namespace damon_schemes {

// Reads idle spells from consecutive snapshots: begin(), for each target begin_target() and then
// look() at its regions in order, finish().  Linear in regions, and nothing is allocated once as
// many were seen before.
//
// A spell is memory's, not a region's, for regions are merged and split: what a region of the last
// snapshot and one of this have in common went on, for one step, from the age that the former had.
// Where monitors merge regions of different ages their ages become a mean, and it goes on from that
// one: age thresholds are compared with nothing else.
class SpellTracker {
  public:
    explicit SpellTracker(Duration window) : window_(window) {}

    void begin(const Snapshot& snapshot);
    void begin_target(TargetId target, std::uint64_t generation);
    // `matching`: the share of the region's bytes that would match if only it were old enough.
    // `accessed`: something in it was used since the last snapshot.
    void look(const Region& region, double matching, bool accessed);
    // Hands what was seen to `spells`.
    void finish(IdleSpells& spells);

  private:
    struct Idle {
        AddressRange range;
        std::uint32_t age = 0;  // in intervals of its snapshot
        float share = 0;        // of its bytes: matching, and in memory
    };
    struct Target {
        TargetId id;
        std::uint64_t generation = 0;
        std::size_t first = 0;  // its regions end where the next target's begin
    };
    struct Seen {
        Instant time{};
        Duration interval{};
        std::vector<Target> targets;
        std::vector<Idle> regions;
    };
    // Of one age, in bytes.
    struct Outcome {
        std::uint32_t age = 0;
        double stayed = 0;
        double accessed = 0;
    };
    void count(std::uint32_t age, double bytes, bool accessed);

    Duration window_;
    Seen last_;
    Seen now_;
    Duration step_{};         // from the last snapshot to this one; 0: it says nothing
    std::size_t target_ = 0;  // where the next target is looked for among the last
    std::size_t next_ = 0;    // of the last snapshot's regions
    std::size_t behind_ = 0;  // the last one of the target
    // Most regions are young or of an age with their neighbours.
    std::array<Outcome, 64> young_{};
    std::vector<Outcome> old_;
};

}  // namespace damon_schemes

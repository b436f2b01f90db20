// SPDX-License-Identifier: MIT
// The memory that a scheme may have, and the choice among it where it may not have all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "schemes/decide/priority.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

struct RegionPart {
    std::uint32_t target = 0;  // index into the snapshot's targets
    std::uint32_t region = 0;  // index into the target's regions
    AddressRange range;
};

struct Candidate : RegionPart {
    // So many bytes from its start are still to be had: all of them before the choice.
    std::uint64_t granted = 0;
    std::uint32_t score = 0;
};

// In the order of the snapshot's targets and of addresses.  Kept from decision to decision for its
// memory; not thread-safe.
class Candidates {
  public:
    void clear() {
        parts_.clear();
        first_ = 0;
        ranked_ = false;
    }
    // In order.
    void add(const RegionPart& part);
    bool empty() const { return parts_.empty(); }
    const std::vector<Candidate>& parts() const { return parts_; }

    // Behind the last address that an exhausted limit let through.
    struct Position {
        TargetId target;
        std::uint64_t address = 0;
    };
    // Where there is something to choose, those of equal score have their turn from there on: to
    // the end, and then round from the beginning.  The part that it lies in is cut at it where
    // `cut` says so, and its first half comes last.
    void begin_at(const Position& position, const Snapshot& snapshot, bool cut);
    // In turn.
    const Candidate& in_turn(std::size_t n) const { return parts_[(first_ + n) % parts_.size()]; }

    struct Shortage {
        std::uint64_t held = 0;         // bytes that are not granted any more
        std::uint32_t least_score = 0;  // what scores less has nothing, what scores more has all
        // Behind what was granted last of those with this score; nullopt: nothing was.
        std::optional<Position> position;
    };
    // Grants no more than so many bytes to the parts [begin, end): the highest scores first, equal
    // ones in turn, the one that straddles the limit cut at it.  nullopt: there is enough for all.
    std::optional<Shortage> limit(std::size_t begin, std::size_t end, std::uint64_t most,
                                  const Scheme& scheme, const Snapshot& snapshot);

  private:
    void rank(const Scheme& scheme, const Snapshot& snapshot);

    std::vector<Candidate> parts_;
    std::size_t first_ = 0;
    bool ranked_ = false;
    std::vector<std::uint64_t> bytes_of_score_;  // all 0 but in limit()
};

}  // namespace damon_schemes

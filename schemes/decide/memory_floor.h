// SPDX-License-Identifier: MIT
// What a target keeps in memory, whatever matches.
#pragma once

#include <cstdint>
#include <optional>

#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

inline bool any(const Floor& floor) {
    return floor.rss || floor.share;
}

// The greater of the two; the share is rounded up.
Bytes kept_by(const Floor& floor, Bytes rss, Bytes swapped);

// Bytes that left a target a short while ago: what its RSS was measured before may still be in it.
class DepartedBytes {
  public:
    void note(Instant when, Bytes bytes);
    // What left in the last second, and up to two: a reading of RSS is at most a second old.
    Bytes lately(Instant now) const;

  private:
    std::int64_t second_ = 0;
    std::uint64_t in_it_ = 0;
    std::uint64_t before_it_ = 0;
};

}  // namespace damon_schemes

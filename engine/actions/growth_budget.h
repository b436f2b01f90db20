// SPDX-License-Identifier: MIT
// What collapses have added to each target's memory, and what they may.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>

#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// Whether the 2 MiB that start at this address (aligned to 2 MiB) are a huge page now.
using StillHuge = std::function<bool(std::uint64_t block)>;

// A huge page takes 2 MiB also where less was in memory before.  What it added counts for as long
// as it is one: what was split, unmapped or paged out since has given it back.  Any thread.
class GrowthBudget {
  public:
    // So much may be added to the target now; nullopt: no limit.  Where that is less than `wanted`,
    // it is looked at what collapses before this left of their huge pages, at most once a second.
    // `rss`: of the target; where it is not known, a limit by share lets nothing through.
    std::optional<Bytes> room(TargetId target, std::uint64_t generation, const Growth& growth,
                              std::optional<Bytes> rss, Bytes wanted, const StillHuge& still_huge);
    // A collapse of this block added so much.
    void add(TargetId target, std::uint64_t generation, std::uint64_t block, Bytes grown);
    Bytes added(TargetId target) const;

  private:
    struct Grown {
        std::uint64_t generation = 0;
        std::map<std::uint64_t, Bytes> blocks;
        Bytes total;
        std::optional<Instant> looked;
    };
    Grown& of(TargetId target, std::uint64_t generation);

    mutable std::mutex mutex_;
    std::map<TargetId, Grown> targets_;
};

}  // namespace damon_schemes

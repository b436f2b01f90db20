// SPDX-License-Identifier: MIT
// Which scheme has which memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "schemes/decide/access_pattern.h"
#include "schemes/decide/candidates.h"
#include "schemes/decide/explanation.h"
#include "schemes/decide/filters.h"
#include "schemes/decide/scheme_state.h"
#include "schemes/decide/watched_targets.h"
#include "schemes/observation.h"

namespace damon_schemes {

// Finds for each region the schemes that match it, and hands it to the candidates of the one that
// has it: the first in the file that does not reject it by its filters and is not blocked, except
// that pageout goes before cold.  What nobody may have is held back with its reason.
class RegionMatcher {
  public:
    // `schemes` outlives it.
    explicit RegionMatcher(std::vector<SchemeState>& schemes);

    void begin(Duration interval, Instant now);
    // The schemes know what blocks them for this target.  `index` is the target's in the snapshot.
    void match(const TargetSnapshot& target, TargetState& state, std::uint32_t index,
               Explanation* explanation);
    // Adds what no region of any target brought further to the schemes' counts.
    void finish();

  private:
    // One scheme's pattern, and what became of regions at it.  Small, for every region passes it.
    struct Sieve {
        AccessPattern pattern;
        bool acting = false;
        bool verifying =
            false;  // looks at every page before it acts: where the hit is, it will see
        std::uint64_t matched = 0;
        std::uint64_t matched_regions = 0;
        std::array<std::uint64_t, first_reason_of_matching> missed{};
    };
    using Indices = std::vector<std::size_t>;

    bool sift(const RegionPart& whole, const Region& region, TargetState& state,
              Explanation* explanation);
    void cut(const Region& region, const TargetState& state);
    void filter(const RegionPart& part, const FilterPiece& piece, const Region& region,
                TargetState& state);
    std::size_t winner(const Indices& able) const;
    void contest(const Indices& able, const RegionPart& part, const Region& region,
                 TargetState& state);
    void take(std::size_t index, const RegionPart& part, const Region& region, TargetState& state,
              const FilterVerdict* rejected = nullptr);

    void keep_locks(const Region& region, TargetState& state);

    std::vector<SchemeState>& schemes_;
    Indices locking_;  // those that may hold locks
    Instant now_{};
    std::vector<Filter> address_filters_;  // of all schemes: where regions are cut
    // Kept for their memory.
    std::vector<Sieve> sieves_;  // parallel to the schemes
    Indices matching_;           // schemes that act and match the region at hand
    Indices unrejected_;         // those whose filters do not reject the piece at hand
    std::vector<FilterPiece> pieces_;
};

}  // namespace damon_schemes

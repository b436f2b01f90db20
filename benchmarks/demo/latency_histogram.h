// SPDX-License-Identifier: MIT
// How long requests took, in constant memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "schemes/observation.h"

namespace damon_schemes::demo {

// Counts by power of two, each cut into 32 equal parts, so that a percentile is at most 1/32 (3 %)
// above the true value and never below it.  Holds 0 ns to about 18 minutes; longer counts as that.
// Not thread-safe.
class LatencyHistogram {
  public:
    void add(Duration latency);
    void add(const LatencyHistogram& other);
    std::uint64_t count() const { return count_; }

    // The least value that at least `share` (0 to 1) of all counted do not exceed, as precise as
    // said above; zero where nothing was counted.
    Duration percentile(double share) const;

  private:
    static constexpr unsigned part_bits = 5;
    static constexpr std::uint64_t parts = 1U << part_bits;
    static constexpr unsigned powers = 36;  // up to 2^(36 + part_bits - 1) ns
    static constexpr std::size_t buckets = powers * parts;

    static std::size_t bucket_of(std::uint64_t ns);
    static std::uint64_t greatest_of(std::size_t bucket);

    std::array<std::uint64_t, buckets> counts_{};
    std::uint64_t count_ = 0;
};

}  // namespace damon_schemes::demo

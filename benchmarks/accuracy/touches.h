// SPDX-License-Identifier: MIT
// Which units of an area were touched in one slot of time, in few bytes: as runs where these are
// few, else as a bitmap.  A unit is what one Accessed bit speaks for: a base or a huge page.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace damon_schemes::accuracy {

// Units [first, last) of an area.
struct UnitRun {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    constexpr bool operator==(const UnitRun&) const = default;
};

// A bitmap of units: bit unit % 64 of word unit / 64.
using Bitmap = std::span<std::uint64_t>;
constexpr std::size_t words_of(std::uint64_t units) {
    return static_cast<std::size_t>((units + 63) / 64);
}
void set_units(Bitmap bitmap, UnitRun run);

// What encode_touches() needs at most.
constexpr std::size_t longest_touches(std::uint64_t units) {
    return words_of(units) * 8 + 1;
}
// Returns the bytes written to `into`, which has longest_touches() of the bitmap's units; 0 where
// nothing was touched.  Calls no allocator: a workload records while it is watched.
std::size_t encode_touches(std::span<const std::uint64_t> bitmap, std::span<std::uint8_t> into);

// The same of runs that rise and do not touch each other, appended; nothing where there are none.
void encode_runs(std::span<const UnitRun> runs, std::vector<std::uint8_t>& into);

// Hands out encoded runs in rising order, none touching the next.  The bytes must outlive it.  What
// cannot be decoded ends it.
class TouchReader {
  public:
    TouchReader() = default;
    explicit TouchReader(std::span<const std::uint8_t> encoded);
    std::optional<UnitRun> next();

  private:
    std::optional<std::uint64_t> next_number();
    std::uint64_t next_bit(std::uint64_t from, bool set) const;

    std::span<const std::uint8_t> bytes_;  // behind the first, which names the form
    bool bitmap_ = false;
    std::size_t at_ = 0;      // runs: the next byte
    std::uint64_t unit_ = 0;  // behind the last run
};

}  // namespace damon_schemes::accuracy

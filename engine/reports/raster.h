// SPDX-License-Identifier: MIT
// A stretch of memory over a stretch of time, in cells of equal size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "schemes/observation.h"

namespace damon_schemes {

enum class CellState : std::uint8_t {
    unknown,  // not looked at: never to be taken for cold
    absent,   // nothing in memory there, or not mapped
    known,    // something was there; accessed or not
};

// A cell shows the hottest region within its addresses, averaged over its time, so that a small hot
// part is not drowned by the cold around it.  Where a cell has any that is known, present comes
// before unknown, and unknown before absent.
class Raster {
  public:
    // As many rows as asked for or fewer: a row is a whole number of pages.
    Raster(AddressRange range, Instant from, Instant to, std::size_t columns, std::size_t rows);

    // Regions sorted by address; they may reach out of the raster on either side.
    void add(const std::vector<Region>& regions, Instant from, Instant to,
             Duration aggregation_interval);

    struct View {
        CellState state = CellState::unknown;
        double frequency = 0;  // 0 to 1; > 0 where any look found it accessed
        Duration age{};        // of the hottest region, when it was seen last
    };
    View at(std::size_t column, std::size_t row) const;

    std::size_t columns() const { return columns_; }
    std::size_t rows() const { return rows_; }
    AddressRange range() const { return range_; }
    Bytes row_size() const { return {row_size_}; }
    AddressRange addresses_of(std::size_t row) const;
    Instant from() const { return from_; }
    Instant to() const { return to_; }
    Instant start_of(std::size_t column) const;  // of the one behind the last: to()

  private:
    struct Cell {
        float heat = 0;   // sum of shares, each times its time in the cell
        float known = 0;  // time
        float unknown = 0;
        float age = 0;  // milliseconds
    };
    struct Found {  // in one snapshot, for one row
        std::uint32_t ppm = 0;
        std::uint32_t age = 0;
        std::uint8_t rank = 0;  // 0 nothing, 1 absent, 2 unknown, 3 known
    };

    AddressRange range_;
    Instant from_;
    Instant to_;
    std::size_t columns_;
    std::size_t rows_;
    std::uint64_t row_size_;
    double column_time_;         // nanoseconds
    std::vector<Cell> cells_;    // column by column
    std::vector<float> looked_;  // for each column: time that snapshots covered
    std::vector<Found> found_;
};

}  // namespace damon_schemes

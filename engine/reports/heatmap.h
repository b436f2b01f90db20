// SPDX-License-Identifier: MIT
// How hot a target's memory was, over time and addresses, as a picture for the terminal.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/reports/cell_painter.h"
#include "schemes/observation.h"

namespace damon_schemes {

// Gathers the snapshots of one target.  Memory is bounded, however long it runs: when the time no
// longer fits, columns are joined in pairs, and when the addresses do not, rows are.  A cell shows
// the hottest region within its addresses, averaged over the snapshots in its time, so that a small
// hot part is not drowned in the cold around it.  Addresses where nothing was ever in memory are
// left out.  Not thread-safe.
class Heatmap {
  public:
    static constexpr std::size_t max_columns = 128;
    static constexpr std::size_t max_rows = 256;

    explicit Heatmap(std::string title) : title_(std::move(title)) {}

    // Snapshots in the order of their time.  `duration` and `time` are the snapshot's.  A new
    // generation of the address space (an exec) starts the map afresh.
    void add(const TargetSnapshot& target, Instant time, Duration duration);

    // Several lines, each ended by a newline, none wider than the style's width.
    std::string draw(const HeatmapStyle& style) const;

    // Rows and columns in use, for those who ask what it costs.
    std::size_t rows() const { return rows_.size(); }
    std::size_t columns() const { return columns_; }

  private:
    struct Cell {
        float heat = 0;             // sum over `known` snapshots of the hottest region's share
        std::uint32_t known = 0;    // snapshots that knew something present here
        std::uint32_t unknown = 0;  // snapshots in which it was only unknown
        bool operator==(const Cell&) const = default;
    };
    struct Row {
        std::uint64_t number = 0;  // address >> row_shift_
        std::vector<Cell> cells;   // one a column, grown as columns come
    };
    struct RowNumbers {
        std::uint64_t first = 0;
        std::uint64_t last = 0;  // inclusive
    };
    struct Span;  // rows drawn together
    struct Area {
        AddressRange range;
        std::string name;
    };

    static Cell hotter(const Cell& a, const Cell& b);
    RowNumbers rows_of(AddressRange range) const;
    void fit_time(Instant time);
    void fit_addresses(const TargetSnapshot& target);
    std::size_t rows_with(const TargetSnapshot& target) const;
    void join_columns();
    void join_rows();
    std::vector<Span> spans(std::size_t rows) const;
    Area area_of(AddressRange range) const;

    std::string title_;
    std::uint64_t generation_ = 0;
    std::optional<Instant> origin_;
    Duration column_time_{};
    Duration covered_{};  // from the origin to the end of the last snapshot
    std::size_t columns_ = 0;
    std::vector<std::uint32_t> snapshots_;  // per column
    unsigned row_shift_ = 12;               // a row is 2^row_shift_ bytes
    std::vector<Row> rows_;                 // by number
    std::vector<AddressRange> areas_;       // of the last snapshot: runs of adjoining regions
    bool restarted_ = false;
    bool saw_unknown_ = false;
};

}  // namespace damon_schemes

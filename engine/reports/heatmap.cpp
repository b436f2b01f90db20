// SPDX-License-Identifier: MIT
#include "engine/reports/heatmap.h"

#include <algorithm>
#include <limits>

#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

constexpr std::size_t most_spans = 6;

}  // namespace

// Rows that are drawn together, with no large hole within.
struct Heatmap::Span {
    std::uint64_t first = 0;  // row number
    std::uint64_t last = 0;   // inclusive
    std::uint64_t per_line = 1;
    std::uint64_t count() const { return last - first + 1; }
    std::uint64_t lines() const { return (count() + per_line - 1) / per_line; }
};

Heatmap::Cell Heatmap::hotter(const Cell& a, const Cell& b) {
    if ((a.known != 0) != (b.known != 0)) return a.known != 0 ? a : b;
    if (a.known == 0) return a.unknown >= b.unknown ? a : b;
    return double{a.heat} / a.known >= double{b.heat} / b.known ? a : b;
}

void Heatmap::add(const TargetSnapshot& target, Instant time, Duration duration) {
    if (target.regions.empty()) return;  // it has exited, or was not looked at at all
    if (target.generation != generation_) {
        restarted_ = restarted_ || !rows_.empty();
        rows_.clear();
        snapshots_.clear();
        columns_ = 0;
        row_shift_ = 12;
        origin_.reset();
        covered_ = {};
        saw_unknown_ = false;
        generation_ = target.generation;
    }
    duration = std::max(duration, Duration(1));
    if (!origin_) {
        origin_ = time - duration;
        // Of two intervals, so that one that comes a little late leaves no column empty.
        column_time_ = duration * 2;
    }
    if (time <= *origin_) return;
    fit_time(time);
    fit_addresses(target);
    covered_ = std::max(covered_, time - *origin_);

    const auto column = static_cast<std::size_t>((time - *origin_ - Duration(1)) / column_time_);
    // One of an interval that is longer than a column has those, too, that lie wholly in it.
    const Duration begun = std::max(time - *origin_ - duration, Duration::zero());
    const auto first = std::min(
        column, static_cast<std::size_t>((begun + column_time_ - Duration(1)) / column_time_));
    if (column >= columns_) {
        columns_ = column + 1;
        snapshots_.resize(columns_);
    }
    for (std::size_t i = first; i <= column; ++i) ++snapshots_[i];

    areas_.clear();
    std::vector<Cell> hottest(rows_.size());  // of this snapshot, for each row
    std::size_t begin = 0;                    // rows before it lie before all that is to come
    for (const Region& region : target.regions) {
        if (region.range.empty()) continue;
        if (!areas_.empty() && areas_.back().end == region.range.start)
            areas_.back().end = region.range.end;
        else
            areas_.push_back(region.range);
        saw_unknown_ = saw_unknown_ || !region.known();
        if (region.nothing_present()) continue;
        Cell cell;
        if (region.known()) {
            cell.known = 1;
            cell.heat = static_cast<float>(frequency(region).ppm) / 1e6F;
        } else {
            cell.unknown = 1;
        }
        const RowNumbers covered = rows_of(region.range);
        while (begin < rows_.size() && rows_[begin].number < covered.first) ++begin;
        // Two regions may share a row, so the next one starts looking at the same place.
        for (std::size_t i = begin; i < rows_.size() && rows_[i].number <= covered.last; ++i)
            hottest[i] = hotter(hottest[i], cell);
    }
    for (std::size_t i = 0; i < rows_.size(); ++i) {
        if (hottest[i] == Cell{}) continue;
        std::vector<Cell>& cells = rows_[i].cells;
        if (cells.size() <= column) cells.resize(column + 1);
        for (std::size_t j = first; j <= column; ++j) {
            cells[j].heat += hottest[i].heat;
            cells[j].known += hottest[i].known;
            cells[j].unknown += hottest[i].unknown;
        }
    }
}

Heatmap::RowNumbers Heatmap::rows_of(AddressRange range) const {
    return {range.start >> row_shift_, (range.end - 1) >> row_shift_};
}

void Heatmap::fit_time(Instant time) {
    while (static_cast<std::uint64_t>((time - *origin_ - Duration(1)) / column_time_) >=
           max_columns)
        join_columns();
}

void Heatmap::join_columns() {
    auto half = [](auto& values, auto join) {
        for (std::size_t i = 0; i < values.size(); i += 2)
            values[i / 2] = i + 1 < values.size() ? join(values[i], values[i + 1]) : values[i];
        values.resize((values.size() + 1) / 2);
    };
    for (Row& row : rows_) {
        half(row.cells, [](const Cell& a, const Cell& b) {
            return Cell{a.heat + b.heat, a.known + b.known, a.unknown + b.unknown};
        });
    }
    half(snapshots_, [](std::uint32_t a, std::uint32_t b) { return a + b; });
    columns_ = snapshots_.size();
    column_time_ *= 2;
}

// How many rows there would be with those that the snapshot's present memory needs; max_rows + 1 if
// more than that.
std::size_t Heatmap::rows_with(const TargetSnapshot& target) const {
    std::uint64_t count = rows_.size();
    std::uint64_t next = 0;  // rows below are counted
    std::size_t there = 0;
    for (const Region& region : target.regions) {
        if (region.range.empty() || !region.known() || region.nothing_present()) continue;
        const RowNumbers covered = rows_of(region.range);
        const std::uint64_t first = std::max(covered.first, next);
        if (covered.last < first) continue;
        next = covered.last + 1;
        std::uint64_t needed = next - first;
        while (there < rows_.size() && rows_[there].number < first) ++there;
        for (; there < rows_.size() && rows_[there].number <= covered.last; ++there) --needed;
        if (needed > max_rows || count + needed > max_rows) return max_rows + 1;
        count += needed;
    }
    return static_cast<std::size_t>(count);
}

void Heatmap::fit_addresses(const TargetSnapshot& target) {
    while (rows_with(target) > max_rows) join_rows();
    if (rows_with(target) == rows_.size()) return;
    for (const Region& region : target.regions) {
        if (region.range.empty() || !region.known() || region.nothing_present()) continue;
        const RowNumbers covered = rows_of(region.range);
        for (std::uint64_t number = covered.first; number <= covered.last; ++number) {
            const auto place =
                std::lower_bound(rows_.begin(), rows_.end(), number,
                                 [](const Row& row, std::uint64_t n) { return row.number < n; });
            if (place == rows_.end() || place->number != number) rows_.insert(place, {number, {}});
        }
    }
}

void Heatmap::join_rows() {
    std::vector<Row> joined;
    for (Row& row : rows_) {
        row.number >>= 1;
        if (joined.empty() || joined.back().number != row.number) {
            joined.push_back(std::move(row));
            continue;
        }
        std::vector<Cell>& into = joined.back().cells;
        if (into.size() < row.cells.size()) into.resize(row.cells.size());
        for (std::size_t i = 0; i < row.cells.size(); ++i) into[i] = hotter(into[i], row.cells[i]);
    }
    rows_ = std::move(joined);
    ++row_shift_;
}

// Cuts the rows at the largest holes: those that would waste a noticeable part of the picture.
std::vector<Heatmap::Span> Heatmap::spans(std::size_t rows) const {
    struct Hole {
        std::uint64_t after;  // the last row before it
        std::uint64_t size;
    };
    std::vector<Hole> holes;
    std::optional<std::uint64_t> previous;
    for (const Row& row : rows_) {
        const std::uint64_t number = row.number;
        if (previous && number - *previous > 1)
            holes.push_back({*previous, number - *previous - 1});
        previous = number;
    }
    std::stable_sort(holes.begin(), holes.end(),
                     [](const Hole& a, const Hole& b) { return a.size > b.size; });
    const std::uint64_t noticeable = std::max<std::uint64_t>(1, rows_.size() / 32);
    std::vector<std::uint64_t> cuts;
    for (const Hole& hole : holes) {
        if (cuts.size() + 1 == most_spans) break;
        if (hole.size >= noticeable) cuts.push_back(hole.after);
    }
    std::sort(cuts.begin(), cuts.end());

    std::vector<Span> result;
    std::uint64_t total = 0;
    for (auto row = rows_.begin(); row != rows_.end();) {
        Span span;
        span.first = row->number;
        const std::uint64_t end = result.size() < cuts.size()
                                      ? cuts[result.size()]
                                      : std::numeric_limits<std::uint64_t>::max();
        for (; row != rows_.end() && row->number <= end; ++row) span.last = row->number;
        total += span.count();
        result.push_back(span);
    }
    // Lines by size; everyone gets one.
    for (Span& span : result) {
        const auto share =
            std::max<std::uint64_t>(1, span.count() * rows / std::max(total, std::uint64_t{1}));
        span.per_line = (span.count() + share - 1) / share;
    }
    return result;
}

// The rows are coarser than the areas: what of these addresses a monitor has regions for, and its
// name.
Heatmap::Area Heatmap::area_of(AddressRange range) const {
    std::size_t first = areas_.size();
    std::size_t last = 0;
    for (std::size_t i = 0; i < areas_.size(); ++i) {
        if (areas_[i].end <= range.start || range.end <= areas_[i].start) continue;
        first = std::min(first, i);
        last = i;
    }
    if (first == areas_.size()) return {range, "memory that is no longer watched"};
    const AddressRange seen = {std::max(range.start, areas_[first].start),
                               std::min(range.end, areas_[last].end)};
    // A monitor leaves the two largest holes of an address space out; what is left is these three.
    static constexpr std::array<const char*, 3> names = {"program and heap", "mapped memory",
                                                         "stack"};
    if (first != last) {
        return {seen, "areas " + std::to_string(first + 1) + " to " + std::to_string(last + 1)};
    }
    if (areas_.size() == names.size()) return {seen, names[first]};
    if (areas_.size() == 1) return {seen, "memory"};
    return {seen, "area " + std::to_string(first + 1) + " of " + std::to_string(areas_.size())};
}

std::string Heatmap::draw(const HeatmapStyle& style) const {
    const std::size_t width = std::max<std::size_t>(style.width, 40);
    const std::size_t columns = width - cell_label_columns;
    std::string out =
        shortened("Heat map of " + printable(title_) + ", " + readable(covered_), width) + "\n";
    if (restarted_)
        out +=
            shortened("From its last exec on; earlier addresses mean nothing now.", width) + "\n";
    if (rows_.empty() || columns_ == 0) {
        const char* reason = saw_unknown_ ? "No memory was looked at often enough to be drawn."
                                          : "Nothing was seen in memory.";
        return out + shortened(reason, width) + "\n";
    }

    const double column_share = static_cast<double>(covered_.count()) /
                                static_cast<double>(column_time_.count()) /
                                static_cast<double>(columns);  // data columns a drawn one
    for (const Span& span : spans(std::max<std::size_t>(style.rows, 1))) {
        const Area area = area_of({span.first << row_shift_, (span.last + 1) << row_shift_});
        std::string head = area.name + ": " + readable(area.range.size());
        if (span.lines() > 1) {
            head += ", a line is " + readable(Bytes{span.per_line << row_shift_});
        }
        out += shortened(head, width) + "\n";
        for (std::uint64_t line = 0; line < span.lines(); ++line) {
            const std::uint64_t first = span.first + line * span.per_line;
            const std::uint64_t last = std::min(first + span.per_line - 1, span.last);
            CellPainter painter(style);
            for (std::size_t x = 0; x < columns; ++x) {
                const auto from = static_cast<std::size_t>(static_cast<double>(x) * column_share);
                const auto to = std::max(
                    from + 1, static_cast<std::size_t>(static_cast<double>(x + 1) * column_share));
                Cell cell;
                std::uint32_t taken = 0;
                for (std::size_t c = from; c < std::min(to, columns_); ++c) taken += snapshots_[c];
                for (const Row& row : rows_) {
                    if (row.number < first || row.number > last) continue;
                    Cell summed;
                    for (std::size_t c = from; c < std::min(to, row.cells.size()); ++c) {
                        summed.heat += row.cells[c].heat;
                        summed.known += row.cells[c].known;
                        summed.unknown += row.cells[c].unknown;
                    }
                    cell = hotter(cell, summed);
                }
                if (cell.known != 0) {
                    painter.put(double{cell.heat} / cell.known);
                } else if (cell.unknown != 0 || taken == 0) {
                    painter.put_unknown();
                } else {
                    painter.put_blank();
                }
            }
            const std::string text = painter.finish();
            std::string label = cell_label(std::max(first << row_shift_, area.range.start)) + " |";
            if (!text.empty()) label += ' ';
            out += label + text + "\n";
        }
    }

    out += time_axis({}, covered_, columns) + cell_legend(style);
    for (const std::string& line :
         wrapped("A cell shows the hottest region within its addresses, averaged over its time (" +
                     readable(covered_ / static_cast<std::int64_t>(columns)) + ").",
                 width))
        out += line + "\n";
    return out;
}

}  // namespace damon_schemes

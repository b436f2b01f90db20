// SPDX-License-Identifier: MIT
#include "engine/reports/raster.h"

#include <algorithm>
#include <cmath>

namespace damon_schemes {
namespace {

constexpr std::uint64_t page = 4096;
constexpr double longest_age = 9e12;  // milliseconds: what a duration can say

double nanoseconds(Duration duration) {
    return static_cast<double>(duration.count());
}

}  // namespace

Raster::Raster(AddressRange range, Instant from, Instant to, std::size_t columns, std::size_t rows)
    : range_(range),
      from_(from),
      to_(std::max(to, later(from, Duration(1)))),
      columns_(std::max<std::size_t>(columns, 1)) {
    const std::uint64_t size = std::max<std::uint64_t>(range.empty() ? 0 : range.size().count, 1);
    rows = std::max<std::size_t>(rows, 1);
    row_size_ = (size - 1) / rows + 1;
    // Not where that would lie behind the end of all addresses.
    const std::uint64_t aligned = (row_size_ + (page - 1)) / page * page;
    if (aligned >= row_size_) row_size_ = aligned;
    rows_ = static_cast<std::size_t>((size - 1) / row_size_ + 1);
    column_time_ = nanoseconds(elapsed(from_, to_)) / static_cast<double>(columns_);
    cells_.resize(columns_ * rows_);
    looked_.resize(columns_);
    found_.resize(rows_);
}

void Raster::add(const std::vector<Region>& regions, Instant from, Instant to,
                 Duration aggregation_interval) {
    if (to <= from_ || from >= to_ || to <= from) return;
    std::fill(found_.begin(), found_.end(), Found{});
    auto region = std::partition_point(regions.begin(), regions.end(), [this](const Region& one) {
        return one.range.end <= range_.start;
    });
    std::uint64_t shared = 0;    // where the last region ended,
    std::size_t shared_row = 0;  // and in which row that address is
    for (; region != regions.end() && region->range.start < range_.end; ++region) {
        const std::uint64_t start = std::max(region->range.start, range_.start);
        const std::uint64_t end = std::min(region->range.end, range_.end);
        if (end <= start) continue;
        // Adjoining regions share a border: one division for both.
        const std::size_t first =
            start == shared ? shared_row
                            : static_cast<std::size_t>((start - range_.start) / row_size_);
        const std::uint64_t offset = end - range_.start;
        shared = end;
        shared_row = static_cast<std::size_t>(offset / row_size_);
        const std::size_t last = offset % row_size_ == 0 ? shared_row - 1 : shared_row;
        const Found here = {frequency(*region).ppm, region->age,
                            static_cast<std::uint8_t>(!region->known()            ? 2
                                                      : region->nothing_present() ? 1
                                                                                  : 3)};
        for (std::size_t row = first; row <= last; ++row) {
            Found& there = found_[row];
            if (here.rank > there.rank || (here.rank == there.rank && here.ppm > there.ppm))
                there = here;
            else if (here.rank == there.rank && here.ppm == there.ppm)
                there.age = std::min(there.age, here.age);
        }
    }

    const double begin = nanoseconds(elapsed(from_, from));
    const double finish = nanoseconds(elapsed(from_, std::min(to, to_)));
    const double interval = nanoseconds(aggregation_interval) / 1e6;
    for (auto column = static_cast<std::size_t>(begin / column_time_); column < columns_;
         ++column) {
        const double left = static_cast<double>(column) * column_time_;
        const double time = std::min(finish, left + column_time_) - std::max(begin, left);
        if (left >= finish) break;
        if (time <= 0) continue;
        const auto weight = static_cast<float>(time);
        looked_[column] += weight;
        Cell* cell = &cells_[column * rows_];
        for (const Found& found : found_) {
            if (found.rank == 3) {
                cell->known += weight;
                cell->heat += static_cast<float>(found.ppm) * 1e-6F * weight;
                cell->age = static_cast<float>(found.age * interval);
            } else if (found.rank == 2) {
                cell->unknown += weight;
            }
            ++cell;
        }
    }
}

Raster::View Raster::at(std::size_t column, std::size_t row) const {
    const Cell& cell = cells_[column * rows_ + row];
    if (cell.known > 0) {
        const double share = std::min(1.0, double{cell.heat} / double{cell.known});
        return {CellState::known, share,
                Duration(std::llround(std::min(double{cell.age}, longest_age) * 1e6))};
    }
    if (cell.unknown > 0 || looked_[column] <= 0) return {CellState::unknown, 0, {}};
    return {CellState::absent, 0, {}};
}

AddressRange Raster::addresses_of(std::size_t row) const {
    const std::uint64_t start = range_.start + row * row_size_;
    return {start, range_.end - start <= row_size_ ? range_.end : start + row_size_};
}

Instant Raster::start_of(std::size_t column) const {
    if (column >= columns_) return to_;
    return later(from_, Duration(static_cast<std::int64_t>(
                            std::llround(column_time_ * static_cast<double>(column)))));
}

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/grid.h"

#include <algorithm>

namespace damon_schemes::parsec {

Grid::Grid(Ledger& ledger, std::size_t intervals, std::size_t bands) : ledger_(&ledger) {
    const std::size_t nodes = intervals + 1;
    const std::size_t row_bytes = nodes * sizeof(double);
    const std::size_t rows_a_band = (nodes + bands - 1) / bands;
    for (std::size_t first = 0; first < nodes; first += rows_a_band) {
        const auto band = ledger.allocate(row_bytes * (rows_a_band + rows_a_band / 2), page_bytes);
        bands_.push_back(band);
        for (std::size_t i = 0; i < std::min(rows_a_band, nodes - first); ++i)
            rows_.push_back(reinterpret_cast<double*>(band.data() + i * row_bytes));
    }
}

Grid::~Grid() {
    for (const auto band : bands_) ledger_->release(band);
}

void Grid::fill(double value) const {
    for (std::size_t i = 0; i < rows_.size(); ++i) std::fill_n(row(i), rows_.size(), value);
}

}  // namespace damon_schemes::parsec

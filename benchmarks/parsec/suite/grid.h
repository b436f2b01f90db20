// SPDX-License-Identifier: MIT
// Values on the nodes of a square grid, in bands of rows that are allocated separately, as
// partitions of a grid are that each belong to another processor: SPLASH-2's "non-contiguous
// partitions".
//
// Each band has room for the largest partition that the processor may be given, half as much again
// as it is given.  That room is never touched, and lies within the huge pages of what is.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "benchmarks/parsec/suite/ledger.h"

namespace damon_schemes::parsec {

class Grid {
  public:
    // So many intervals a side, so one node more; zero everywhere.  The ledger outlives it.
    Grid(Ledger& ledger, std::size_t intervals, std::size_t bands);
    ~Grid();
    Grid(Grid&& other) noexcept = default;
    Grid& operator=(Grid&&) = delete;

    std::size_t intervals() const { return rows_.size() - 1; }
    // The width of one.
    double step() const { return 1.0 / static_cast<double>(intervals()); }
    // Touched as a whole.
    double* row(std::size_t i) const {
        ledger_->touch(rows_[i], rows_.size() * sizeof(double));
        return rows_[i];
    }
    void fill(double value) const;
    // value(i, j) gives that of each node within the boundary, the boundary's is 0.
    template <class Value>
    void set(Value&& value) const {
        fill(0);
        for (std::size_t i = 1; i < intervals(); ++i) {
            double* const at = row(i);
            for (std::size_t j = 1; j < intervals(); ++j) at[j] = value(i, j);
        }
    }

  private:
    Ledger* ledger_;
    std::vector<std::span<std::byte>> bands_;
    std::vector<double*> rows_;
};

}  // namespace damon_schemes::parsec

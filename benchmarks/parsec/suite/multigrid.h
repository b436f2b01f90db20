// SPDX-License-Identifier: MIT
// Poisson's equation on the unit square, by multigrid: V-cycles with red-black Gauss-Seidel
// smoothing, full weighting and bilinear interpolation (Brandt, 1977).
#pragma once

#include <cstddef>
#include <vector>

#include "benchmarks/parsec/suite/grid.h"

namespace damon_schemes::parsec {

class Multigrid {
  public:
    // Best with many factors of two among the intervals.
    Multigrid(Ledger& ledger, std::size_t intervals, std::size_t bands);

    struct Outcome {
        unsigned cycles = 0;
        double residual = 0;  // root mean square
    };
    // Makes u, from what it is, so that its Laplacian is f, until the residual is at most so much
    // or there were so many cycles.  u's boundary stays.
    Outcome solve(const Grid& u, const Grid& f, double tolerance, unsigned most_cycles = 50);

  private:
    struct Level {
        Grid u, f, residual;
    };

    void cycle(std::size_t level, const Grid& u, const Grid& f);
    void solve_coarsest(const Grid& u, const Grid& f);

    Grid residual_;              // of the finest level
    std::vector<Level> levels_;  // the coarser ones
};

// Returns the root mean square of f less u's Laplacian, which is left in `residual`.
double take_residual(const Grid& u, const Grid& f, const Grid& residual);

}  // namespace damon_schemes::parsec

// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/multigrid.h"

#include <cmath>

namespace damon_schemes::parsec {
namespace {

constexpr std::size_t coarsest = 8;

void smooth(const Grid& u, const Grid& f) {
    const std::size_t n = u.intervals();
    const double h2 = u.step() * u.step();
    for (std::size_t colour = 0; colour < 2; ++colour) {
        for (std::size_t i = 1; i < n; ++i) {
            const double* const above = u.row(i - 1);
            double* const own = u.row(i);
            const double* const below = u.row(i + 1);
            const double* const source = f.row(i);
            for (std::size_t j = 1 + (i + colour) % 2; j < n; j += 2) {
                own[j] = 0.25 * (above[j] + below[j] + own[j - 1] + own[j + 1] - h2 * source[j]);
            }
        }
    }
}

// A coarse node gets the mean of the nine fine ones around it, the nearer ones weighing more.
void restrict_to(const Grid& coarse, const Grid& fine) {
    for (std::size_t i = 1; i < coarse.intervals(); ++i) {
        const double* const above = fine.row(2 * i - 1);
        const double* const own = fine.row(2 * i);
        const double* const below = fine.row(2 * i + 1);
        double* const to = coarse.row(i);
        for (std::size_t j = 1; j < coarse.intervals(); ++j) {
            const std::size_t k = 2 * j;
            to[j] = (4 * own[k] + 2 * (above[k] + below[k] + own[k - 1] + own[k + 1]) +
                     above[k - 1] + above[k + 1] + below[k - 1] + below[k + 1]) /
                    16;
        }
    }
}

void add_interpolated(const Grid& fine, const Grid& coarse) {
    const std::size_t n = coarse.intervals();
    for (std::size_t i = 0; i < n; ++i) {
        const double* const above = coarse.row(i);
        const double* const below = coarse.row(i + 1);
        double* const own = fine.row(2 * i);
        double* const between = fine.row(2 * i + 1);
        for (std::size_t j = 0; j < n; ++j) {
            own[2 * j] += above[j];
            own[2 * j + 1] += 0.5 * (above[j] + above[j + 1]);
            between[2 * j] += 0.5 * (above[j] + below[j]);
            between[2 * j + 1] += 0.25 * (above[j] + above[j + 1] + below[j] + below[j + 1]);
        }
    }
}

}  // namespace

double take_residual(const Grid& u, const Grid& f, const Grid& residual) {
    const std::size_t n = u.intervals();
    const double by_h2 = 1 / (u.step() * u.step());
    double sum = 0;
    for (std::size_t i = 1; i < n; ++i) {
        const double* const above = u.row(i - 1);
        const double* const own = u.row(i);
        const double* const below = u.row(i + 1);
        const double* const source = f.row(i);
        double* const to = residual.row(i);
        for (std::size_t j = 1; j < n; ++j) {
            to[j] =
                source[j] - (above[j] + below[j] + own[j - 1] + own[j + 1] - 4 * own[j]) * by_h2;
            sum += to[j] * to[j];
        }
    }
    return std::sqrt(sum / static_cast<double>((n - 1) * (n - 1)));
}

Multigrid::Multigrid(Ledger& ledger, std::size_t intervals, std::size_t bands)
    : residual_(ledger, intervals, bands) {
    for (std::size_t n = intervals; n % 2 == 0 && n > coarsest;) {
        n /= 2;
        levels_.push_back({Grid(ledger, n, bands), Grid(ledger, n, bands), Grid(ledger, n, bands)});
    }
}

void Multigrid::solve_coarsest(const Grid& u, const Grid& f) {
    // An error loses a factor of about 1 - 10/n^2 a sweep: enough for a tenth of it to be left.
    const std::size_t sweeps = 4 + u.intervals() * u.intervals() / 4;
    for (std::size_t i = 0; i < sweeps; ++i) smooth(u, f);
}

// `level` counts from the finest, whose grids are not among levels_.
void Multigrid::cycle(std::size_t level, const Grid& u, const Grid& f) {
    if (level == levels_.size()) {
        solve_coarsest(u, f);
        return;
    }
    const Grid& residual = level == 0 ? residual_ : levels_[level - 1].residual;
    const Level& coarser = levels_[level];
    smooth(u, f);
    smooth(u, f);
    take_residual(u, f, residual);
    restrict_to(coarser.f, residual);
    coarser.u.fill(0);
    cycle(level + 1, coarser.u, coarser.f);
    add_interpolated(u, coarser.u);
    smooth(u, f);
}

Multigrid::Outcome Multigrid::solve(const Grid& u, const Grid& f, double tolerance,
                                    unsigned most_cycles) {
    Outcome outcome;
    outcome.residual = take_residual(u, f, residual_);
    while (outcome.residual > tolerance && outcome.cycles < most_cycles) {
        cycle(0, u, f);
        outcome.residual = take_residual(u, f, residual_);
        ++outcome.cycles;
    }
    return outcome;
}

}  // namespace damon_schemes::parsec

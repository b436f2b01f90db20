// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/ocean.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace damon_schemes::parsec {
namespace {

using testing::HasSubstr;

class OceanTest : public testing::Test {
  protected:
    // The greatest error for a problem whose solution is known.
    double error(std::size_t intervals) {
        Grid found(ledger_, intervals, 4);
        Grid source(ledger_, intervals, 4);
        const double h = found.step() * std::numbers::pi;
        const auto exact = [h](std::size_t i, std::size_t j) {
            return std::sin(h * static_cast<double>(i)) * std::sin(h * static_cast<double>(j));
        };
        source.set([&](std::size_t i, std::size_t j) {
            return -2 * std::numbers::pi * std::numbers::pi * exact(i, j);
        });
        Multigrid solver(ledger_, intervals, 4);
        EXPECT_LE(solver.solve(found, source, 1e-9).residual, 1e-9);
        double worst = 0;
        for (std::size_t i = 0; i <= intervals; ++i)
            for (std::size_t j = 0; j <= intervals; ++j)
                worst = std::max(worst, std::abs(found.row(i)[j] - exact(i, j)));
        return worst;
    }

    Ledger ledger_{{.ages = {}, .ticking = false, .hot_on_huge = {}}};
};

TEST_F(OceanTest, LeavesRoomBehindEachBandUntouched) {
    const Grid grid(ledger_, 511, 8);
    const std::size_t row = 512 * sizeof(double);
    grid.fill(1);
    const auto distance = reinterpret_cast<std::uintptr_t>(grid.row(64)) -
                          reinterpret_cast<std::uintptr_t>(grid.row(0));
    EXPECT_GE(distance, 96 * row);
    EXPECT_EQ(ledger_.close().touched_bytes, 512 * row);
}

TEST_F(OceanTest, SolvesToTheSecondOrder) {
    const double coarse = error(32);
    const double fine = error(64);
    EXPECT_LT(coarse, 2e-3);
    EXPECT_NEAR(coarse / fine, 4, 0.4);
}

TEST_F(OceanTest, SolvesWhereTheCoarsestGridIsOdd) {
    EXPECT_LT(error(100), 2e-4);
}

TEST_F(OceanTest, GainsADigitInACycle) {
    Grid found(ledger_, 128, 8);
    Grid source(ledger_, 128, 8);
    Grid residual(ledger_, 128, 8);
    source.set([](std::size_t i, std::size_t j) { return i * 7 % 13 < j * 11 % 17 ? 1.0 : -1.0; });
    Multigrid solver(ledger_, 128, 8);
    const double before = take_residual(found, source, residual);
    EXPECT_LT(solver.solve(found, source, 0, 4).residual, before * 1e-3);
}

TEST_F(OceanTest, VerifiesItsSolver) {
    Ocean ocean(ledger_, {.intervals = 96});
    EXPECT_EQ(ocean.verify_solver(), "");
}

TEST_F(OceanTest, ChangesItsEnergyByTheWorkOfWindAndFrictionAlone) {
    Ocean ocean(ledger_, {.intervals = 128});
    ocean.start();
    const double first = ocean.energy();
    ocean.advance(400);
    EXPECT_EQ(ocean.check(), "");
    EXPECT_GT(ocean.departure(), 0);
    const double work = ocean.expected_energy() - first;
    EXPECT_GT(std::abs(work), 1e-3 * first);
    EXPECT_NEAR(ocean.energy() - first, work, 0.05 * std::abs(work));
}

TEST_F(OceanTest, ChecksThatTheStreamFunctionBelongsToTheVorticity) {
    Ocean ocean(ledger_, {.intervals = 64});
    ocean.start();
    ocean.advance(3);
    ASSERT_EQ(ocean.check(), "");
    ocean.stream().row(30)[30] += 0.01;
    EXPECT_THAT(ocean.check(), HasSubstr("residual"));
}

}  // namespace
}  // namespace damon_schemes::parsec

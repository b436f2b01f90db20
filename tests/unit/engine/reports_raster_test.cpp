// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "engine/reports/raster.h"
#include "phase_recording.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using namespace phase_recording;

constexpr std::uint64_t mib = 1ULL << 20;

Raster raster(std::size_t columns, std::size_t rows, Duration length = 1s) {
    return Raster({heap, heap + 16 * mib}, Instant(0s), Instant(length), columns, rows);
}

TEST(Raster, ACellShowsTheHottestRegionInIt) {
    Raster cells = raster(1, 2);
    cells.add({region(heap, mebibytes(1), 0), region(heap + mib, kibibytes(4), looks),
               region(heap + mib + 4096, Bytes{15 * mib - 4096}, 0, 30)},
              Instant(0s), Instant(1s), 100ms);
    EXPECT_DOUBLE_EQ(cells.at(0, 0).frequency, 1);
    EXPECT_EQ(cells.at(0, 0).age, 100ms);
    EXPECT_EQ(cells.at(0, 1).frequency, 0);
    EXPECT_EQ(cells.at(0, 1).state, CellState::known);
    EXPECT_NEAR(std::chrono::duration<double>(cells.at(0, 1).age).count(), 3, 1e-6);
}

TEST(Raster, UnknownColdAndAbsentAreThreeStates) {
    Raster cells = raster(1, 4);
    cells.add({region(heap, mebibytes(4), 0), unknown(heap + 4 * mib, mebibytes(4)),
               absent(heap + 8 * mib, mebibytes(4))},
              Instant(0s), Instant(1s), 100ms);
    EXPECT_EQ(cells.at(0, 0).state, CellState::known);
    EXPECT_EQ(cells.at(0, 1).state, CellState::unknown);
    EXPECT_EQ(cells.at(0, 2).state, CellState::absent);
    EXPECT_EQ(cells.at(0, 3).state, CellState::absent);  // no region: not mapped
}

TEST(Raster, TimeThatNoSnapshotCoversIsUnknown) {
    Raster cells = raster(4, 1);
    cells.add({region(heap, mebibytes(16), 10)}, Instant(0s), Instant(250ms), 100ms);
    cells.add({region(heap, mebibytes(16), 20)}, Instant(750ms), Instant(1s), 100ms);
    EXPECT_DOUBLE_EQ(cells.at(0, 0).frequency, 0.5);
    EXPECT_EQ(cells.at(1, 0).state, CellState::unknown);
    EXPECT_EQ(cells.at(2, 0).state, CellState::unknown);
    EXPECT_DOUBLE_EQ(cells.at(3, 0).frequency, 1);
}

TEST(Raster, AveragesByTheTimeThatASnapshotSpeaksFor) {
    Raster cells = raster(2, 1);
    cells.add({region(heap, mebibytes(16), 20)}, Instant(0s), Instant(100ms), 100ms);
    cells.add({region(heap, mebibytes(16), 0)}, Instant(100ms), Instant(700ms), 100ms);
    EXPECT_NEAR(cells.at(0, 0).frequency, 0.2, 1e-6);
    EXPECT_EQ(cells.at(1, 0).frequency, 0);
}

TEST(Raster, ARegionEndsWhereItEnds) {
    Raster cells = raster(1, 16);
    cells.add({region(heap + 3 * mib, mebibytes(2), looks)}, Instant(0s), Instant(1s), 100ms);
    for (std::size_t row = 0; row < 16; ++row)
        EXPECT_EQ(cells.at(0, row).frequency > 0, row == 3 || row == 4) << row;
}

TEST(Raster, ARowIsAWholeNumberOfPages) {
    const Raster cells({heap, heap + 10 * 4096}, Instant(0s), Instant(1s), 1, 4);
    EXPECT_EQ(cells.row_size(), Bytes{3 * 4096});
    EXPECT_EQ(cells.rows(), 4U);
    EXPECT_EQ(cells.addresses_of(3), (AddressRange{heap + 9 * 4096, heap + 10 * 4096}));
    EXPECT_EQ(Raster({heap, heap + 8192}, Instant(0s), Instant(1s), 1, 400).rows(), 2U);
}

TEST(Raster, RegionsThatReachOutOfItAreCut) {
    Raster cells = raster(1, 4);
    cells.add({region(heap - 64 * mib, mebibytes(68), 10), region(heap + 4 * mib, mebibytes(4), 0),
               region(heap + 8 * mib, mebibytes(800), 20)},
              Instant(0s) - 5s, Instant(100s), 100ms);
    EXPECT_DOUBLE_EQ(cells.at(0, 0).frequency, 0.5);
    EXPECT_DOUBLE_EQ(cells.at(0, 1).frequency, 0);
    EXPECT_DOUBLE_EQ(cells.at(0, 2).frequency, 1);
    EXPECT_DOUBLE_EQ(cells.at(0, 3).frequency, 1);
}

TEST(Raster, EvenTheRarestAccessIsNotShownAsNever) {
    Raster cells = raster(1, 1, 1h);
    for (int i = 0; i < 36'000; ++i)
        cells.add({region(heap, mebibytes(16), i == 0 ? 1 : 0)}, Instant(i * 100ms),
                  Instant((i + 1) * 100ms), 100ms);
    EXPECT_GT(cells.at(0, 0).frequency, 0);
    EXPECT_LT(cells.at(0, 0).frequency, 1e-5);
}

}  // namespace
}  // namespace damon_schemes

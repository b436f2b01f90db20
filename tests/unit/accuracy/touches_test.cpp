// SPDX-License-Identifier: MIT
#include "benchmarks/accuracy/touches.h"

#include <gtest/gtest.h>

#include <vector>

namespace damon_schemes::accuracy {
namespace {

std::vector<UnitRun> decoded(std::span<const std::uint8_t> bytes) {
    std::vector<UnitRun> runs;
    TouchReader reader(bytes);
    while (const auto run = reader.next()) runs.push_back(*run);
    return runs;
}

std::vector<UnitRun> there_and_back(std::uint64_t units, const std::vector<UnitRun>& runs,
                                    std::size_t* length = nullptr) {
    std::vector<std::uint64_t> bitmap(words_of(units));
    for (const UnitRun& run : runs) set_units(bitmap, run);
    std::vector<std::uint8_t> bytes(longest_touches(units));
    const std::size_t used = encode_touches(bitmap, bytes);
    if (length != nullptr) *length = used;
    return decoded(std::span(bytes).first(used));
}

TEST(Touches, NothingTouchedTakesNoByte) {
    std::size_t length = 1;
    EXPECT_TRUE(there_and_back(1000, {}, &length).empty());
    EXPECT_EQ(length, 0U);
}

TEST(Touches, RunsComeBackAcrossTheBordersOfWords) {
    const std::vector<UnitRun> runs = {{0, 1},     {5, 64},    {65, 128},
                                       {190, 194}, {256, 320}, {999, 1000}};
    EXPECT_EQ(there_and_back(1000, runs), runs);
}

TEST(Touches, AWholeAreaIsOneRunInFewBytes) {
    std::size_t length = 0;
    EXPECT_EQ(there_and_back(1 << 20, {{0, 1 << 20}}, &length),
              (std::vector<UnitRun>{{0, 1 << 20}}));
    EXPECT_LT(length, 10U);
}

TEST(Touches, ManyScatteredUnitsTakeNoMoreThanABitmap) {
    std::vector<UnitRun> runs;
    for (std::uint64_t unit = 1; unit < 64 * 1024; unit += 2) runs.push_back({unit, unit + 1});
    std::size_t length = 0;
    EXPECT_EQ(there_and_back(64 * 1024, runs, &length), runs);
    EXPECT_EQ(length, longest_touches(64 * 1024));
}

TEST(Touches, RunsOfASimulationComeBackFromFarAddresses) {
    const std::vector<UnitRun> runs = {{3, 4}, {1ULL << 40, (1ULL << 40) + 7}};
    std::vector<std::uint8_t> bytes;
    encode_runs(runs, bytes);
    EXPECT_EQ(decoded(bytes), runs);
}

TEST(Touches, BytesThatAreCutEndTheRuns) {
    std::vector<std::uint8_t> bytes;
    encode_runs(std::vector<UnitRun>{{1, 2}, {1000, 2000}}, bytes);
    bytes.pop_back();
    EXPECT_EQ(decoded(bytes), (std::vector<UnitRun>{{1, 2}}));
    EXPECT_TRUE(decoded(std::vector<std::uint8_t>{7, 1, 1}).empty());
}

}  // namespace
}  // namespace damon_schemes::accuracy

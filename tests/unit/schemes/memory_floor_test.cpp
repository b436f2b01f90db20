// SPDX-License-Identifier: MIT
#include "schemes/decide/memory_floor.h"

#include <gtest/gtest.h>

#include <limits>

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;

Instant at(Duration since) {
    return Instant(10s + since);
}

TEST(MemoryFloor, IsTheGreaterOfSizeAndShare) {
    EXPECT_EQ(kept_by({mebibytes(64), {}}, mebibytes(100), mebibytes(300)), mebibytes(64));
    EXPECT_EQ(kept_by({{}, Share{200'000}}, mebibytes(100), mebibytes(300)), mebibytes(80));
    EXPECT_EQ(kept_by({mebibytes(64), Share{200'000}}, mebibytes(100), mebibytes(300)),
              mebibytes(80));
    EXPECT_EQ(kept_by({mebibytes(96), Share{200'000}}, mebibytes(100), mebibytes(300)),
              mebibytes(96));
    EXPECT_EQ(kept_by({}, mebibytes(100), mebibytes(300)), Bytes{});
}

TEST(MemoryFloor, RoundsItsShareUpAndOverflowsNothing) {
    EXPECT_EQ(kept_by({{}, Share{1}}, Bytes{1}, Bytes{}), Bytes{1});
    EXPECT_EQ(kept_by({{}, Share{1'000'000}}, Bytes{1ULL << 62}, Bytes{1ULL << 62}),
              Bytes{1ULL << 63});
}

TEST(DepartedBytes, CountForASecondAtLeastAndForTwoAtMost) {
    for (Duration offset{}; offset < 1s; offset += 130ms) {
        DepartedBytes departed;
        departed.note(at(offset), mebibytes(3));
        EXPECT_EQ(departed.lately(at(offset)), mebibytes(3));
        EXPECT_EQ(departed.lately(at(offset + 1s - 1ns)), mebibytes(3));
        EXPECT_EQ(departed.lately(at(offset + 2s)), Bytes{});
    }
}

TEST(DepartedBytes, AddUp) {
    DepartedBytes departed;
    departed.note(at(0s), mebibytes(1));
    departed.note(at(900ms), mebibytes(2));
    departed.note(at(1s), mebibytes(4));
    EXPECT_EQ(departed.lately(at(1s)), mebibytes(7));
    EXPECT_EQ(departed.lately(at(2s)), mebibytes(4));
    departed.note(at(5s), mebibytes(8));
    EXPECT_EQ(departed.lately(at(5s)), mebibytes(8));
    departed.note(at(5s), Bytes{std::numeric_limits<std::uint64_t>::max()});
    EXPECT_GE(departed.lately(at(5s)), mebibytes(8));
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

TEST(Readable, SizesTakeTheUnitThatLeavesUpToFourDigits) {
    EXPECT_EQ(readable(Bytes{0}), "0 B");
    EXPECT_EQ(readable(Bytes{1023}), "1023 B");
    EXPECT_EQ(readable(Bytes{1024}), "1.0 KiB");
    EXPECT_EQ(readable(kibibytes(1023)), "1023.0 KiB");
    EXPECT_EQ(readable(mebibytes(412) + kibibytes(307)), "412.3 MiB");
    EXPECT_EQ(readable(mebibytes(1229)), "1.2 GiB");
    EXPECT_EQ(readable(Bytes{1ULL << 40}), "1.0 TiB");
    EXPECT_EQ(readable(Bytes{std::numeric_limits<std::uint64_t>::max()}), "16777216.0 TiB");
}

TEST(Readable, ASizeIsNeverShownAs1024OfAUnit) {
    EXPECT_EQ(readable(mebibytes(1024) - Bytes{1}), "1.0 GiB");
    EXPECT_EQ(readable(kibibytes(1024) - Bytes{1}), "1.0 MiB");
}

TEST(Readable, ChangesCarryTheirSign) {
    EXPECT_EQ(readable_change(0), "0 B");
    EXPECT_EQ(readable_change(3 << 20), "+3.0 MiB");
    EXPECT_EQ(readable_change(-(12 << 20)), "-12.0 MiB");
    EXPECT_EQ(readable_change(std::numeric_limits<std::int64_t>::min()), "-8388608.0 TiB");
}

TEST(Readable, DurationsTakeTheUnitThatSuits) {
    EXPECT_EQ(readable(0ns), "0 ns");
    EXPECT_EQ(readable(999ns), "999 ns");
    EXPECT_EQ(readable(350us), "350 us");
    EXPECT_EQ(readable(999'600ns), "1.0 ms");
    EXPECT_EQ(readable(3400us), "3.4 ms");
    EXPECT_EQ(readable(Duration(999'960us)), "1.0 s");
    EXPECT_EQ(readable(60s), "60.0 s");
    EXPECT_EQ(readable(200s), "3 min 20 s");
    EXPECT_EQ(readable(2h + 5min + 59s), "2 h 5 min");
    EXPECT_EQ(readable(-3400us), "-3.4 ms");
}

TEST(Readable, ClocksCountWholeSeconds) {
    EXPECT_EQ(readable_clock(0s), "0:00");
    EXPECT_EQ(readable_clock(42s + 999ms), "0:42");
    EXPECT_EQ(readable_clock(12min + 5s), "12:05");
    EXPECT_EQ(readable_clock(1h + 2min + 3s), "1:02:03");
}

TEST(Readable, SmallSharesAreNotRoundedToNothing) {
    EXPECT_EQ(readable_percent(0, 10), "0 %");
    EXPECT_EQ(readable_percent(1e-6, 1), "< 0.01 %");
    EXPECT_EQ(readable_percent(0.0003, 1), "0.03 %");
    EXPECT_EQ(readable_percent(0.042, 1), "4.2 %");
    EXPECT_EQ(readable_percent(0.61, 1), "61 %");
    EXPECT_EQ(readable_percent(1, 0), "-");
}

TEST(Readable, CountsAreGroupedByThousands) {
    EXPECT_EQ(readable(std::uint64_t{0}), "0");
    EXPECT_EQ(readable(std::uint64_t{999}), "999");
    EXPECT_EQ(readable(std::uint64_t{1000}), "1,000");
    EXPECT_EQ(readable(std::uint64_t{1234567}), "1,234,567");
}

TEST(Readable, EscapeSequencesOfANameDoNotReachTheTerminal) {
    EXPECT_EQ(printable("a\x1b[2Jb\n\x7f"), "a?[2Jb??");
    EXPECT_EQ(printable("caf\xc3\xa9"), "caf\xc3\xa9");
}

TEST(Readable, CuttingCountsCodePointsAndLeavesThemWhole) {
    EXPECT_EQ(columns_of("caf\xc3\xa9"), 4U);
    EXPECT_EQ(shortened("short", 5), "short");
    EXPECT_EQ(shortened("a longer text", 8), "a lon...");
    EXPECT_EQ(shortened("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 4), "\xc3\xa9...");
    EXPECT_EQ(shortened("text", 2), "te");
    EXPECT_EQ(shortened("text", 0), "");
}

TEST(Readable, WrappingBreaksAtSpacesAndKeepsLongWordsWhole) {
    EXPECT_THAT(wrapped("one two  three", 7), ElementsAre("one two", "three"));
    EXPECT_THAT(wrapped("incomprehensibilities are rare", 8),
                ElementsAre("incomprehensibilities", "are rare"));
    EXPECT_TRUE(wrapped("", 8).empty());
}

}  // namespace
}  // namespace damon_schemes

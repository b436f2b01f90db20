// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "engine/reports/heatmap.h"
#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

constexpr std::uint32_t looks = 20;

Region region(std::uint64_t start, Bytes size, std::uint32_t accessed) {
    return {{start, start + size.count}, looks, accessed, 0, 1};
}
Region absent(std::uint64_t start, Bytes size) {
    return {{start, start + size.count}, looks, 0, looks, 1};
}
Region unknown(std::uint64_t start, Bytes size) {
    return {{start, start + size.count}, 0, 0, 0, 1};
}

TargetSnapshot seen(std::vector<Region> regions, std::uint64_t generation = 1) {
    TargetSnapshot target;
    target.generation = generation;
    target.regions = std::move(regions);
    return target;
}

// Snapshots every 100 ms; the i-th (from 1) is what `at` says.
template <typename At>
Heatmap recorded(int count, At at) {
    Heatmap map("program (pid 42)");
    for (int i = 1; i <= count; ++i) map.add(at(i), Instant(i * 100ms), 100ms);
    return map;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

// The part right of the border, of the line that starts at this address.
std::string row_at(const std::string& picture, const std::string& address) {
    for (const std::string& line : lines_of(picture)) {
        if (line.find(address + " |") == std::string::npos) continue;
        const std::size_t start = line.find('|') + 2;
        return start < line.size() ? line.substr(start) : "";
    }
    return "no such row";
}

constexpr std::uint64_t heap = 0x55d000000000;

TEST(Heatmap, DrawsTimeToTheRightAndAddressesDownwards) {
    const Heatmap map = recorded(100, [](int i) {
        return seen({
            region(heap, mebibytes(1), 20),
            region(heap + 0x100000, mebibytes(1), 10),
            region(heap + 0x200000, mebibytes(1), i <= 50 ? 0 : 20),
            i <= 50 ? region(heap + 0x300000, mebibytes(1), 0)
                    : absent(heap + 0x300000, mebibytes(1)),
        });
    });
    HeatmapStyle style;
    style.width = 65;
    style.rows = 4;
    EXPECT_EQ(map.draw(style),
              "Heat map of program (pid 42), 10.0 s\n"
              "memory: 4.0 MiB, a line is 1.0 MiB\n"
              "55d000000000 | @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\n"
              "55d000100000 | ++++++++++++++++++++++++++++++++++++++++++++++++++\n"
              "55d000200000 | .........................@@@@@@@@@@@@@@@@@@@@@@@@@\n"
              "55d000300000 | .........................\n"
              "             +-+---------+---------+---------+---------+---------\n"
              "               0         2 s       4 s       6 s       8 s\n"
              "accessed: never . seldom :-=+*#%@ always\n"
              "blank: not in memory   ? not looked at\n"
              "A cell shows the hottest region within its addresses, averaged\n"
              "over its time (200.0 ms).\n");
}

TEST(Heatmap, LabelsTheThreeAreasAndLeavesTheGapsOut) {
    const Heatmap map = recorded(10, [](int) {
        return seen({region(heap, mebibytes(8), 0), region(0x7f0000000000, mebibytes(4), 5),
                     region(0x7ffc00000000, kibibytes(132), 20)});
    });
    const std::string picture = map.draw({});
    EXPECT_THAT(picture, HasSubstr("program and heap: 8.0 MiB"));
    EXPECT_THAT(picture, HasSubstr("mapped memory: 4.0 MiB"));
    EXPECT_THAT(picture, HasSubstr("stack: 132.0 KiB\n"));
    EXPECT_LT(lines_of(picture).size(), 40U);
}

TEST(Heatmap, UnknownColdAndAbsentLookDifferent) {
    const Heatmap map = recorded(60, [](int i) {
        if (i <= 20) return seen({region(heap, mebibytes(1), 0)});
        if (i <= 40) return seen({unknown(heap, mebibytes(1))});
        return seen({absent(heap, mebibytes(1))});
    });
    HeatmapStyle style;
    style.width = 45;
    style.rows = 1;
    EXPECT_EQ(row_at(map.draw(style), "55d000000000"), "..........??????????");
}

TEST(Heatmap, TimeWithoutSnapshotsIsUnknownNotCold) {
    Heatmap map("program");
    for (int i = 1; i <= 60; ++i) {
        if (i > 20 && i <= 40) continue;
        map.add(seen({region(heap, mebibytes(1), 20)}), Instant(i * 100ms), 100ms);
    }
    HeatmapStyle style;
    style.width = 45;
    style.rows = 1;
    EXPECT_EQ(row_at(map.draw(style), "55d000000000"), "@@@@@@@@@@??????????@@@@@@@@@@");
}

// As where intervals have a goal, and grow.
TEST(Heatmap, AnIntervalThatIsLongerThanAColumnFillsAllOfIt) {
    Heatmap map("program");
    const auto hot = seen({region(heap, mebibytes(1), 20)});
    for (int i = 1; i <= 20; ++i) map.add(hot, Instant(i * 100ms), 100ms);
    map.add(seen({region(heap, mebibytes(1), 0)}), Instant(3s), 1s);
    map.add(hot, Instant(5s), 2s);
    HeatmapStyle style;
    style.width = 40;
    style.rows = 1;
    EXPECT_EQ(row_at(map.draw(style), "55d000000000"), "@@@@@@@@@@.....@@@@@@@@@@");
}

TEST(Heatmap, ASmallHotPartIsNotDrownedInALargeColdOne) {
    const Heatmap map = recorded(50, [](int) {
        const std::uint64_t middle = heap + (512ULL << 20);
        return seen({region(heap, mebibytes(512), 0), region(middle, kibibytes(4), 20),
                     region(middle + 4096, mebibytes(512), 0)});
    });
    HeatmapStyle style;
    style.rows = 4;
    EXPECT_THAT(map.draw(style), HasSubstr("@@@@@@@@@@@@@@@@"));
}

TEST(Heatmap, EvenTheRarestAccessIsNotShownAsNever) {
    const Heatmap map =
        recorded(400, [](int i) { return seen({region(heap, mebibytes(1), i == 1 ? 1 : 0)}); });
    HeatmapStyle style;
    style.width = 45;
    style.rows = 1;
    EXPECT_EQ(row_at(map.draw(style), "55d000000000"), ":.............................");
}

TEST(Heatmap, MemoryStaysBoundedHoweverLongAndWide) {
    Heatmap map("program");
    for (int i = 1; i <= 20'000; ++i) {
        std::vector<Region> regions;
        std::uint64_t at = heap + static_cast<std::uint64_t>(i) * 0x10000;
        for (int k = 0; k < 20; ++k, at += 0x40000000)
            regions.push_back(region(at, mebibytes(1000), static_cast<std::uint32_t>(k)));
        map.add(seen(std::move(regions)), Instant(i * 100ms), 100ms);
        ASSERT_LE(map.rows(), Heatmap::max_rows);
        ASSERT_LE(map.columns(), Heatmap::max_columns);
    }
    EXPECT_GE(map.columns(), Heatmap::max_columns / 2);
    EXPECT_THAT(map.draw({}), HasSubstr("33 min 20 s"));
}

TEST(Heatmap, JoiningColumnsKeepsWhenThingsHappened) {
    const Heatmap map = recorded(
        6400, [](int i) { return seen({region(heap, mebibytes(1), i <= 3200 ? 20 : 0)}); });
    HeatmapStyle style;
    style.width = 45;
    style.rows = 1;
    EXPECT_EQ(row_at(map.draw(style), "55d000000000"), "@@@@@@@@@@@@@@@...............");
}

TEST(Heatmap, AnAddressSpaceOfNothingTakesNoRows) {
    const Heatmap map = recorded(10, [](int) {
        return seen({absent(0x10000000000, Bytes{1ULL << 44}),
                     region(0x7f0000000000, kibibytes(8), 3),
                     unknown(0x7f0000002000, Bytes{1ULL << 40})});
    });
    EXPECT_EQ(map.rows(), 2U);
    EXPECT_THAT(map.draw({}), HasSubstr("7f0000000000 | "));
}

TEST(Heatmap, AnExecStartsAfresh) {
    const Heatmap map = recorded(60, [](int i) {
        return i <= 30 ? seen({region(heap, mebibytes(1), 20)}, 1)
                       : seen({region(0x56000000000, mebibytes(1), 0)}, 2);
    });
    const std::string picture = map.draw({});
    EXPECT_THAT(picture, HasSubstr("From its last exec on"));
    EXPECT_THAT(picture, HasSubstr("3.0 s"));
    EXPECT_THAT(picture, Not(HasSubstr("55d000000000")));
    EXPECT_THAT(picture, HasSubstr(" 56000000000 | "));
}

TEST(Heatmap, SaysSoWhereThereIsNothingToDraw) {
    EXPECT_EQ(Heatmap("program").draw({}),
              "Heat map of program, 0 ns\nNothing was seen in memory.\n");
    const Heatmap blind = recorded(5, [](int) { return seen({unknown(heap, mebibytes(4))}); });
    EXPECT_EQ(blind.draw({}),
              "Heat map of program (pid 42), 500.0 ms\n"
              "No memory was looked at often enough to be drawn.\n");
}

TEST(Heatmap, ATargetThatHasExitedLeavesThePictureAsItWas) {
    Heatmap map = recorded(20, [](int) { return seen({region(heap, mebibytes(1), 20)}); });
    const std::string before = map.draw({});
    TargetSnapshot exited = seen({});
    exited.exited = true;
    map.add(exited, Instant(2100ms), 100ms);
    EXPECT_EQ(map.draw({}), before);
}

TEST(Heatmap, FitsTheWidthItIsGiven) {
    const Heatmap map = recorded(333, [](int i) {
        return seen({region(heap, mebibytes(100), static_cast<std::uint32_t>(i) % 20),
                     region(0x7f0000000000, mebibytes(40), 5),
                     region(0x7ffc00000000, kibibytes(132), 20)});
    });
    for (std::size_t width = 40; width <= 200; width += 7) {
        for (const bool unicode : {false, true}) {
            HeatmapStyle style;
            style.width = width;
            style.unicode = unicode;
            for (const std::string& line : lines_of(map.draw(style)))
                EXPECT_LE(columns_of(line), width) << line;
        }
    }
}

TEST(Heatmap, WithoutColourThereIsNoEscapeAndWithItEachLineEndsIt) {
    const Heatmap map = recorded(20, [](int i) {
        return seen({region(heap, mebibytes(1), static_cast<std::uint32_t>(i))});
    });
    HeatmapStyle style;
    EXPECT_THAT(map.draw(style), Not(HasSubstr("\x1b")));
    style.colour = true;
    for (const std::string& line : lines_of(map.draw(style))) {
        if (line.find("\x1b[38;5;") != std::string::npos) {
            EXPECT_TRUE(line.ends_with("\x1b[0m")) << line;
        }
    }
}

TEST(Heatmap, UnicodeUsesShades) {
    const Heatmap map = recorded(20, [](int) {
        return seen({region(heap, mebibytes(1), 20), region(heap + 0x100000, mebibytes(1), 0)});
    });
    HeatmapStyle style;
    style.unicode = true;
    style.rows = 2;
    const std::string picture = map.draw(style);
    EXPECT_THAT(row_at(picture, "55d000000000"), HasSubstr("\u2588\u2588"));
    EXPECT_THAT(row_at(picture, "55d000100000"), HasSubstr("\u00b7\u00b7"));
}

TEST(Heatmap, ANameWithEscapesDoesNotReachTheTerminal) {
    EXPECT_THAT(Heatmap("evil\x1b[2J").draw({}), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace damon_schemes

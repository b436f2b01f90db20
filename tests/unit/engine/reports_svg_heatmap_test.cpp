// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <regex>
#include <set>

#include "engine/reports/svg_heatmap.h"
#include "phase_recording.h"

namespace damon_schemes {
namespace {

using namespace phase_recording;
using testing::HasSubstr;
using testing::Not;

struct Panel {
    std::uint64_t start = 0;
    std::uint64_t row_bytes = 0;
    double from = 0;  // seconds
    double to = 0;
    double columns = 0;
    std::map<std::pair<int, int>, std::string> cells;  // (column, row) → class

    std::string at(double seconds, std::uint64_t address) const {
        const int column = static_cast<int>((seconds - from) / (to - from) * columns);
        const int row = static_cast<int>((address - start) / row_bytes);
        const auto cell = cells.find({column, row});
        return cell == cells.end() ? "" : cell->second;
    }
};

// Fails where rectangles overlap.
std::map<std::string, Panel> panels_of(const std::string& svg) {
    static const std::regex head(
        "<svg class=\"area\"[^>]* viewBox=\"0 0 ([0-9]+) ([0-9]+)\"[^>]* data-area=\"([^\"]*)\" "
        "data-start=\"0x([0-9a-f]+)\" data-row-bytes=\"([0-9]+)\" data-from-ns=\"([0-9]+)\" "
        "data-to-ns=\"([0-9]+)\">");
    static const std::regex rect(
        "<rect x=\"([0-9]+)\" y=\"([0-9]+)\" width=\"([0-9]+)\" height=\"([0-9]+)\" "
        "class=\"([^\"]+)\"");
    std::map<std::string, Panel> panels;
    for (std::sregex_iterator it(svg.begin(), svg.end(), head), end; it != end; ++it) {
        Panel& panel = panels[(*it)[3]];
        panel.columns = std::stod((*it)[1]);
        panel.start = std::stoull((*it)[4], nullptr, 16);
        panel.row_bytes = std::stoull((*it)[5]);
        panel.from = std::stod((*it)[6]) / 1e9;
        panel.to = std::stod((*it)[7]) / 1e9;
        const auto begin = static_cast<std::size_t>(it->position() + it->length());
        const std::string body = svg.substr(begin, svg.find("</svg>", begin) - begin);
        for (std::sregex_iterator r(body.begin(), body.end(), rect); r != end; ++r) {
            const int x = std::stoi((*r)[1]);
            const int y = std::stoi((*r)[2]);
            for (int i = x; i < x + std::stoi((*r)[3]); ++i)
                for (int k = y; k < y + std::stoi((*r)[4]); ++k)
                    EXPECT_TRUE(panel.cells.emplace(std::pair(i, k), (*r)[5]).second);
        }
    }
    return panels;
}

std::string svg_of(const Recorded& recorded) {
    ReportRequest request;
    request.kind = ReportKind::heatmap;
    request.format = ReportFormat::svg;
    request.selection.target = 1;
    return report_of(recorded, request);
}

TEST(SvgHeatmap, TheHotBandIsWhereTheDataHasIt) {
    const auto panels = panels_of(svg_of(phases()));
    ASSERT_TRUE(panels.contains("heap"));
    const Panel& panel = panels.at("heap");
    EXPECT_EQ(panel.start, heap);
    const std::uint64_t mib = mebibytes(1).count;
    for (int phase = 0; phase < 8; ++phase) {
        const double middle = phase + (phase == 4 ? 0.75 : 0.5);
        for (std::uint64_t offset = 2; offset < 64; offset += 4) {
            const bool hot = offset / 8 == static_cast<std::uint64_t>(phase);
            EXPECT_EQ(panel.at(middle, heap + offset * mib), hot ? "h8" : "h0")
                << phase << " " << offset;
        }
    }
}

TEST(SvgHeatmap, ASmallHotPartUnknownMemoryAndGapsInTimeAreSeen) {
    const auto panels = panels_of(svg_of(phases()));
    const Panel& panel = panels.at("mmap");
    const std::uint64_t gib = mebibytes(1024).count;
    EXPECT_EQ(panel.at(1, mapped + gib), "h8");
    EXPECT_EQ(panel.at(1, mapped + 2 * gib), "h0");
    EXPECT_EQ(panel.at(1, mapped + 4 * gib + mebibytes(40).count), "u");
    EXPECT_EQ(panel.at(4.25, mapped + 2 * gib), "u");
    EXPECT_EQ(panels.at("stack").at(1, stack), "h4");
}

TEST(SvgHeatmap, WhatIsNotInMemoryIsBlank) {
    Recorded recorded;
    for (int number = 1; number <= 10; ++number) {
        recorded.events.emplace_back(snapshot(
            number,
            {seen(1, {number <= 5 ? region(heap, mebibytes(1), 0) : absent(heap, mebibytes(1)),
                      region(heap + mebibytes(1).count, mebibytes(1), 5)})}));
    }
    const auto panels = panels_of(svg_of(recorded));
    const Panel& panel = panels.at("memory");
    EXPECT_EQ(panel.at(0.25, heap), "h0");
    EXPECT_EQ(panel.at(0.75, heap), "");
    EXPECT_EQ(panel.at(0.75, heap + mebibytes(1).count), "h2");
}

TEST(SvgHeatmap, LargeGapsAreLeftOutAndMarked) {
    const std::string svg = svg_of(phases());
    EXPECT_THAT(svg, HasSubstr("41.2 TiB of addresses left out"));
    for (const auto& [name, panel] : panels_of(svg)) EXPECT_LE(panel.cells.size(), 205U * 190U);
}

TEST(SvgHeatmap, SaysWhatItIsAndNeedsNothingElse) {
    const std::string svg = svg_of(phases());
    EXPECT_TRUE(svg.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg "));
    EXPECT_THAT(svg, HasSubstr("viewBox=\"0 0 1000 "));
    EXPECT_THAT(svg, HasSubstr("<title id=\"title\">Heat map of memory accesses: program"));
    EXPECT_THAT(svg, HasSubstr("<desc id=\"desc\">"));
    EXPECT_THAT(svg, HasSubstr(">4 s</text>"));
    EXPECT_THAT(svg, HasSubstr(">+16 MiB</text>"));
    for (const char* reference : {"href", "<script", "@import", "src="})
        EXPECT_THAT(svg, Not(HasSubstr(reference)));
    const std::regex outer("(https?:|url\\(([^#]))");
    std::string rest = svg;
    rest.erase(rest.find("http://www.w3.org/2000/svg"), 26);
    EXPECT_FALSE(std::regex_search(rest, outer));
}

TEST(SvgHeatmap, ANameThatLooksLikeMarkupOrIsNoTextStaysAName) {
    Recorded recorded = phases();
    std::get<RecordedTarget>(recorded.events.front()).name = "<b>&\"\x01\xff";
    const std::string svg = svg_of(recorded);
    EXPECT_THAT(svg, HasSubstr("&lt;b&gt;&amp;&quot;?\uFFFD (pid 42)"));
}

TEST(SvgHeatmap, AnEmptyRecordingIsAPicture) {
    ReportRequest request;
    request.kind = ReportKind::heatmap;
    request.format = ReportFormat::svg;
    const std::string svg = report_of({}, request);
    EXPECT_THAT(svg, HasSubstr("No snapshot is in the recording"));
    EXPECT_TRUE(svg.ends_with("</svg>\n"));
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// The cells, the legend and the axis of time of a heat map in the terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "schemes/observation.h"

namespace damon_schemes {

struct HeatmapStyle {
    std::size_t width = 80;  // columns, the labels included; less than 40 is taken for 40
    std::size_t rows = 24;   // of the map itself, all areas together
    bool colour = false;     // ANSI escapes, 256 colours
    bool unicode = false;    // shades instead of ASCII letters
};

// Columns of "7ffc12345000 | ".
inline constexpr std::size_t cell_label_columns = 15;
// "7ffc12345000", right-aligned in twelve columns.
std::string cell_label(std::uint64_t address);

// One line.  Joins what would repeat the same escape over and over.
class CellPainter {
  public:
    explicit CellPainter(const HeatmapStyle& style)
        : colour_(style.colour), unicode_(style.unicode) {}
    // Present; the share of looks that found it accessed, from 0 to 1: only 0 looks like never.
    void put(double share);
    void put_unknown();
    void put_blank() { line_ += ' '; }  // not in memory
    void put_text(std::string_view text);
    // Levels of "seldom" to "always", each that looks different.
    void put_scale();
    std::string finish();

  private:
    void put(std::string_view glyph, int colour);

    bool colour_;
    bool unicode_;
    int current_ = -1;
    std::string line_;
};

// Two lines, "+----+---" and the marks below it, for times that begin `from` after zero.
std::string time_axis(Duration from, Duration length, std::size_t columns);
// One line, or two where the style is narrower than 80.
std::string cell_legend(const HeatmapStyle& style);

}  // namespace damon_schemes

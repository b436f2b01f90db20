// SPDX-License-Identifier: MIT
#include "engine/reports/cell_painter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "engine/reports/axis.h"

namespace damon_schemes {
namespace {

constexpr std::size_t levels = 8;

// Index 0 is "present and never accessed"; then ever hotter.
constexpr std::array<std::string_view, levels + 1> ascii_glyphs = {".", ":", "-", "=", "+",
                                                                   "*", "#", "%", "@"};
constexpr std::array<std::string_view, levels + 1> unicode_glyphs = {
    "\u00b7", ":", "\u2591", "\u2591", "\u2592", "\u2592", "\u2593", "\u2593", "\u2588"};
// Of the 256-colour palette: grey, then blue through green and yellow to red.
constexpr std::array<int, levels + 1> colours = {240, 25, 31, 36, 70, 142, 178, 202, 196};
constexpr int unknown_colour = 134;
constexpr int text_colour = 250;

std::size_t level_of(double share) {
    if (share <= 0) return 0;
    const auto level = static_cast<std::size_t>(std::ceil(share * levels));
    return std::clamp<std::size_t>(level, 1, levels);
}

std::string_view glyph_of(std::size_t level, bool unicode) {
    return unicode ? unicode_glyphs[level] : ascii_glyphs[level];
}

}  // namespace

std::string cell_label(std::uint64_t address) {
    std::array<char, 20> text{};
    std::snprintf(text.data(), text.size(), "%12llx", static_cast<unsigned long long>(address));
    return text.data();
}

void CellPainter::put(std::string_view glyph, int colour) {
    if (colour_ && colour != current_) {
        line_ += "\x1b[38;5;" + std::to_string(colour) + "m";
        current_ = colour;
    }
    line_ += glyph;
}

void CellPainter::put(double share) {
    const std::size_t level = level_of(share);
    put(glyph_of(level, unicode_), colours[level]);
}

void CellPainter::put_unknown() {
    put("?", unknown_colour);
}

void CellPainter::put_text(std::string_view text) {
    put(text, text_colour);
}

void CellPainter::put_scale() {
    for (std::size_t level = 1; level <= levels; ++level) {
        if (level == 1 || colour_ || glyph_of(level, unicode_) != glyph_of(level - 1, unicode_))
            put(glyph_of(level, unicode_), colours[level]);
    }
}

std::string CellPainter::finish() {
    if (current_ >= 0) line_ += "\x1b[0m";
    current_ = -1;
    // Without colours, spaces at the end are nothing.
    if (!colour_) line_.erase(line_.find_last_not_of(' ') + 1);
    return std::move(line_);
}

std::string time_axis(Duration from, Duration length, std::size_t columns) {
    std::string axis(cell_label_columns - 2, ' ');
    std::string marks(cell_label_columns, ' ');
    axis += "+-";
    // Marks at least ten columns apart.
    std::size_t next = 0;
    const Duration to = later(Instant(from), length).time_since_epoch();
    for (const Duration at : time_marks(from, to, static_cast<double>(columns) / 10)) {
        const auto x = static_cast<std::size_t>(
            (static_cast<double>(at.count()) - static_cast<double>(from.count())) /
            static_cast<double>(std::max(length, Duration(1)).count()) *
            static_cast<double>(columns));
        if (x >= columns) break;
        if (x < next) continue;  // of rounding, with times beyond all proportion
        axis.append(x - next, '-');
        axis += '+';
        next = x + 1;
        const std::string text = time_mark(at);
        if (x + text.size() > columns) continue;
        marks.resize(cell_label_columns + x, ' ');
        marks += text;
    }
    axis.append(columns - next, '-');
    return axis + "\n" + marks + "\n";
}

std::string cell_legend(const HeatmapStyle& style) {
    CellPainter legend(style);
    legend.put_text("accessed: never ");
    legend.put(0.0);
    legend.put_text(" seldom ");
    legend.put_scale();
    legend.put_text(" always");
    std::string text;
    if (style.width >= 80) {
        legend.put_text("  blank: not in memory  ");
    } else {
        text = legend.finish() + "\n";
        legend.put_text("blank: not in memory   ");
    }
    legend.put_unknown();
    legend.put_text(" not looked at");
    return text + legend.finish() + "\n";
}

}  // namespace damon_schemes

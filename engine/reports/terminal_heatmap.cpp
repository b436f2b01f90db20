// SPDX-License-Identifier: MIT
#include "engine/reports/terminal_heatmap.h"

#include <algorithm>

#include "engine/reports/axis.h"
#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

constexpr std::size_t least_width = 40;

std::string rows_of(const Raster& raster, const HeatmapStyle& style) {
    std::string text;
    for (std::size_t row = 0; row < raster.rows(); ++row) {
        CellPainter painter(style);
        for (std::size_t column = 0; column < raster.columns(); ++column) {
            const Raster::View view = raster.at(column, row);
            if (view.state == CellState::known)
                painter.put(view.frequency);
            else if (view.state == CellState::unknown)
                painter.put_unknown();
            else
                painter.put_blank();
        }
        const std::string cells = painter.finish();
        text += cell_label(raster.addresses_of(row).start) + " |" + (cells.empty() ? "" : " ") +
                cells + "\n";
    }
    return text;
}

std::string draw(const AccessMap& map, const LifeMap& life, const HeatmapStyle& style) {
    auto line = [&style](const std::string& text) { return shortened(text, style.width) + "\n"; };
    std::string text =
        line("Heat map of " + title_of(map, life) + ", " + readable(since(life.from, life.to)));
    if (life.unseen_accesses)
        text += line("Others map this memory, too: what they access is not seen.");
    if (life.areas.empty()) {
        return text + line(life.saw_unknown ? "No memory was looked at often enough to be drawn."
                                            : "Nothing was seen in memory.");
    }
    for (std::size_t i = 0; i < life.areas.size(); ++i) {
        const DrawnArea& area = life.areas[i];
        std::string head = area.area.name + ": " + readable(area.area.range.size());
        if (area.raster.rows() > 1) head += ", a line is " + size_mark(area.raster.row_size());
        if (i != 0) {
            const std::uint64_t gap = area.area.range.start - life.areas[i - 1].area.range.end;
            head += " (" + size_mark({gap}) + " above left out)";
        }
        text += line(head) + rows_of(area.raster, style);
    }
    const std::size_t columns = life.areas.front().raster.columns();
    const Duration length = since(life.from, life.to);
    text += time_axis(since(map.beginning, life.from), length, columns) + cell_legend(style);
    for (const std::string& part :
         wrapped("A cell shows the hottest region within its addresses, averaged over its time (" +
                     readable(length / static_cast<std::int64_t>(columns)) + ").",
                 style.width))
        text += part + "\n";
    return text;
}

}  // namespace

AccessMapShape terminal_heatmap_shape(const HeatmapStyle& style) {
    AccessMapShape shape;
    shape.columns = std::max(style.width, least_width) - cell_label_columns;
    shape.rows_together = std::max<std::size_t>(style.rows, 1);
    return shape;
}

std::string terminal_heatmap(const AccessMap& map, const HeatmapStyle& wanted) {
    HeatmapStyle style = wanted;
    style.width = std::max(style.width, least_width);
    if (map.lives.empty()) return "No snapshot was selected: there is nothing to draw.\n";
    std::string text;
    for (const LifeMap& life : map.lives)
        text += (text.empty() ? "" : "\n") + draw(map, life, style);
    return text;
}

}  // namespace damon_schemes

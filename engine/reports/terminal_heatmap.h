// SPDX-License-Identifier: MIT
// The heat maps of a recording for the terminal: as that of a running session (heatmap.h), but each
// area has a scale of its own, because here the areas are known before anything is drawn.
#pragma once

#include <string>

#include "engine/reports/access_map.h"
#include "engine/reports/cell_painter.h"

namespace damon_schemes {

// The rasters that terminal_heatmap() draws in a style: a cell of theirs is a character.
AccessMapShape terminal_heatmap_shape(const HeatmapStyle& style);

// Lines, none wider than the style's width; `map` was made for the same style.
std::string terminal_heatmap(const AccessMap& map, const HeatmapStyle& style);

}  // namespace damon_schemes

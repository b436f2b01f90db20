// SPDX-License-Identifier: MIT
// The heat maps of a recording as one SVG picture, for a page, a document or a print.
#pragma once

#include <string>

#include "engine/reports/access_map.h"

namespace damon_schemes {

// How large the rasters should be that svg_heatmap() draws.
AccessMapShape svg_heatmap_shape();

// Whole and by itself: no font, script or file of elsewhere, so it also shows as an <img>.  Each
// area is a nested <svg> whose rectangles are in cells of its raster, with classes h0 (never
// accessed) to h8 (always) and u (not looked at); what was not in memory stays blank.  Alike
// neighbours are one rectangle.
std::string svg_heatmap(const AccessMap& map);

}  // namespace damon_schemes

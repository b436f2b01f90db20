// SPDX-License-Identifier: MIT
// The heat maps of a recording as one page of HTML that shows everything by itself, offline: zoom,
// what is under the pointer, a choice of target and area.
#pragma once

#include <string>

#include "engine/reports/access_map.h"

namespace damon_schemes {

// How large the rasters should be that html_heatmap() packs.
AccessMapShape html_heatmap_shape();

// heatmap_page.html with the data in it.
std::string html_heatmap(const AccessMap& map);

// Runs along the columns of (length, code, age in ms), numbers in 7 bits a byte from the lowest on;
// codes as heatmap_page.html has them, and an age only where there is something.
std::string packed(const Raster& raster);

}  // namespace damon_schemes

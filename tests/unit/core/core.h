// SPDX-License-Identifier: MIT
// The module's core, which is C, and the few literals its tests are written with.
#pragma once

extern "C" {
#include "core/adjust.h"
#include "core/layout.h"
#include "core/random.h"
#include "core/region.h"
#include "core/runs.h"
#include "core/search.h"
}

#include <cstdint>
#include <utility>
#include <vector>

namespace damon_schemes::core {

using Borders = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

inline Borders borders(const ds_region* regions, std::uint32_t nr) {
    Borders result;
    for (std::uint32_t i = 0; i < nr; i++) result.emplace_back(regions[i].start, regions[i].end);
    return result;
}

inline Borders borders(const std::vector<ds_region>& regions) {
    return borders(regions.data(), static_cast<std::uint32_t>(regions.size()));
}

inline std::vector<ds_region> regions_of(const Borders& borders) {
    std::vector<ds_region> result;
    for (const auto& [start, end] : borders) result.push_back(ds_region_new(start, end));
    return result;
}

inline ds_layout layout_of(const Borders& borders) {
    ds_layout layout{};
    for (const auto& [start, end] : borders) layout.ranges[layout.nr++] = {start, end};
    return layout;
}

}  // namespace damon_schemes::core

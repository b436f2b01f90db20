// SPDX-License-Identifier: MIT
// Which memory goes first where a quota does not let all of it through.
#pragma once

#include <cstdint>

#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

inline constexpr std::uint32_t greatest_score = 1000;

// 0 to greatest_score, the greater the earlier: the mean of three subscores, weighted as the
// priority says.
//   frequency  the share of the looks that found it accessed
//   age        log2 of the age, below the middle for a region that was never accessed (the longer
//              so, the colder) and above it for one that was (the longer so, the hotter)
//   size       log2 of the region's size
// Frequency and age count from the hot end for what brings memory in or keeps it there (willneed,
// mlock) and what makes it fast (collapse, hugepage), from the cold end for the others; the larger
// region is always first.  The logarithms are finer than whole bits, so that 12 s and 15 s differ.
std::uint32_t score_of(const Priority& priority, Action action, const Region& region);

}  // namespace damon_schemes

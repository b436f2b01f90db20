// SPDX-License-Identifier: MIT
// What did the person mean who wrote this word?
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace damon_schemes {

// The candidate that a slip of the pen leads to `word` from: missing, extra, wrong and swapped
// letters (Damerau-Levenshtein distance, optimal string alignment), about one slip per three
// letters; none if nothing is near enough.  Case does not count.
std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates);

}  // namespace damon_schemes

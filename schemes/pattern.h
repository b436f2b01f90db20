// SPDX-License-Identifier: MIT
// The patterns of policies: names and paths, with wildcards.
#pragma once

#include <string_view>

namespace damon_schemes {

// '*' stands for any text, '?' for any character; slashes are nothing special.
bool matches_pattern(std::string_view text, std::string_view pattern);
// Whether it may fit more than the one text that is like it.
bool has_wildcards(std::string_view pattern);

}  // namespace damon_schemes

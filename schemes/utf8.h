// SPDX-License-Identifier: MIT
// Characters of several bytes.
#pragma once

#include <cstddef>
#include <string_view>

namespace damon_schemes {

// Bytes of the UTF-8 sequence that a text begins with (RFC 3629: no overlong forms, no surrogates,
// nothing above U+10FFFF); 0: it begins with none, or is empty.
std::size_t utf8_length(std::string_view text);

}  // namespace damon_schemes

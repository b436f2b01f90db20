// SPDX-License-Identifier: MIT
// May this text be given to the TOML parser at all?
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace damon_schemes {

// Where in a text; lines and columns from 1, columns in characters (not bytes).
struct TextFault {
    std::uint32_t line = 0;  // 0: the text as a whole
    std::uint32_t column = 0;
    std::string message;
    std::string suggestion;
};

// toml++ 3.3 recurses over nested keys, and so crashes on keys some 60,000 deep; and it says little
// about binary files, or about quotation marks that an editor made pretty.  So look first: at most
// max_policy_bytes, UTF-8, no control characters, ASCII outside of quotes and comments, and nothing
// nested deeper than max_policy_depth, counting table headers, dotted keys, arrays and inline
// tables together. One pass, no recursion, no memory.
std::optional<TextFault> find_text_fault(std::string_view text);

}  // namespace damon_schemes

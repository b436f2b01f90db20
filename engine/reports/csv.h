// SPDX-License-Identifier: MIT
// Lines of comma-separated values, as RFC 4180 has them but with plain newlines.
#pragma once

#include <string>
#include <string_view>

namespace damon_schemes {

// As it stands, or in quotes where it holds a comma, a quote or a line's end.
std::string csv_field(std::string_view text);

// An address, a number or a share as programs read it back.
std::string csv_number(double value);

}  // namespace damon_schemes

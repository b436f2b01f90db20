// SPDX-License-Identifier: MIT
// A number that a user keeps in a file.  Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace damon_schemes {

// One finite decimal number, white space around it; nullopt: anything else.
std::optional<double> parse_figure(std::string_view text);
// nullopt: there is no regular file of that name, it cannot be read, or is no such number.  Whoever
// keeps the file had better replace it by rename(2): what is written in place may be read half
// written.
std::optional<double> figure_in(const std::string& file);

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// Figures rounded for people to read; schemes/quantity.h has the exact ones.  Pure; ASCII.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "schemes/observation.h"

namespace damon_schemes {

// "0 B", "4.0 KiB", "412.3 MiB", "1.2 GiB": one decimal, at most 10 characters up to 9999.9 TiB.
std::string readable(Bytes bytes);
// The same with a sign where there is something to sign: "-12.0 MiB", "+3.0 KiB", "0 B".
std::string readable_change(std::int64_t bytes);
// "350 us", "3.4 ms", "12.3 s", "3 min 20 s", "2 h 5 min".
std::string readable(Duration duration);
// A look and a snapshot: "every 40.0 ms/800.0 ms".
std::string readable(const Intervals& intervals);
// "0:42", "12:05", "1:02:03": whole seconds, as a running clock shows them.
std::string readable_clock(Duration duration);
// part/whole in percent: "0 %", "0.03 %", "4.2 %", "61 %"; "-" where the whole is nothing.
std::string readable_percent(double part, double whole);
// "1,234,567".
std::string readable(std::uint64_t count);

// With control characters taken out ("?" for each): a process may call itself anything, escape
// sequences included.
std::string printable(std::string_view text);

// Columns a text takes on a terminal: its code points, each taken for one column wide.
std::size_t columns_of(std::string_view text);
// Cut to at most that many columns, "..." at the end where something was cut off.
std::string shortened(std::string_view text, std::size_t columns);
// Filled up with spaces to that many columns: on its right, and cut where it is longer, or on its
// left, and never cut, as a figure must not be.
std::string left(std::string_view text, std::size_t columns);
std::string right(std::string_view text, std::size_t columns);
// Broken at spaces into lines of at most that many columns; a longer word has a line of its own.
std::vector<std::string> wrapped(std::string_view text, std::size_t columns);

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// What the other end of an output can show.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace damon_schemes {

enum class ColourChoice { automatic, always, never };

struct Terminal {
    bool interactive = false;  // a terminal on which a line can be written anew
    bool colour = false;
    bool unicode = false;  // the locale says UTF-8
    std::size_t width = 80;
    std::size_t height = 24;
};

// The variables that count, as they stand; nullopt: not set.
struct TerminalEnvironment {
    std::optional<std::string> no_color;  // set and not empty: no colour (https://no-color.org)
    std::optional<std::string> term;
    std::optional<std::string> columns;
    std::optional<std::string>
        locale;  // LC_ALL, else LC_CTYPE, else LANG; an empty one does not count
    static TerminalEnvironment current();
};

// Width: the terminal's own, else COLUMNS, else 80; never less than 40, nor more than 500.  Height:
// the terminal's own, else 24.
// Colour, if automatic: on a terminal that is not "dumb", and NO_COLOR is not set.
Terminal terminal_of(int descriptor, ColourChoice choice = ColourChoice::automatic,
                     const TerminalEnvironment& environment = TerminalEnvironment::current());

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include "engine/reports/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace damon_schemes {
namespace {

constexpr std::size_t least_width = 40;
constexpr std::size_t greatest_width = 500;

std::optional<std::string> variable(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr) return std::nullopt;
    return std::string(value);
}

std::optional<std::size_t> number(const std::optional<std::string>& text) {
    if (!text) return std::nullopt;
    std::size_t value = 0;
    const char* end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data(), end, value);
    if (error != std::errc{} || stop != end || value == 0) return std::nullopt;
    return value;
}

bool says_utf8(std::string locale) {
    std::transform(locale.begin(), locale.end(), locale.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
}

}  // namespace

TerminalEnvironment TerminalEnvironment::current() {
    TerminalEnvironment environment{variable("NO_COLOR"), variable("TERM"), variable("COLUMNS"),
                                    std::nullopt};
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        environment.locale = variable(name);
        if (environment.locale && !environment.locale->empty()) break;
    }
    return environment;
}

Terminal terminal_of(int descriptor, ColourChoice choice, const TerminalEnvironment& environment) {
    Terminal terminal;
    const bool dumb = !environment.term || environment.term->empty() || *environment.term == "dumb";
    const bool tty = isatty(descriptor) == 1;
    terminal.interactive = tty && !dumb;
    const bool refused = environment.no_color && !environment.no_color->empty();
    terminal.colour = choice == ColourChoice::always ||
                      (choice == ColourChoice::automatic && terminal.interactive && !refused);
    terminal.unicode = environment.locale && says_utf8(*environment.locale);
    winsize size{};
    std::optional<std::size_t> width;
    if (tty && ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col != 0) {
        width = size.ws_col;
        if (size.ws_row != 0) terminal.height = size.ws_row;
    }
    if (!width) width = number(environment.columns);
    terminal.width = std::clamp(width.value_or(80), least_width, greatest_width);
    return terminal;
}

}  // namespace damon_schemes

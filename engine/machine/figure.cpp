// SPDX-License-Identifier: MIT
#include "engine/machine/figure.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>

#include "engine/targets/process.h"

namespace damon_schemes {

std::optional<double> parse_figure(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    const auto last = text.find_last_not_of(blanks);
    text = text.substr(0, last == std::string_view::npos ? 0 : last + 1);
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number))
        return std::nullopt;
    return number;
}

std::optional<double> figure_in(const std::string& path) {
    // A pipe that nobody writes to must not hold anybody up.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat kind {};
    if (!file || ::fstat(file.get(), &kind) != 0 || !S_ISREG(kind.st_mode)) return std::nullopt;
    std::array<char, 256> text{};
    ssize_t got = -1;
    do {
        got = ::read(file.get(), text.data(), text.size());
    } while (got < 0 && errno == EINTR);
    // A file that fills all of it is no single number.
    if (got <= 0 || static_cast<std::size_t>(got) == text.size()) return std::nullopt;
    return parse_figure({text.data(), static_cast<std::size_t>(got)});
}

}  // namespace damon_schemes

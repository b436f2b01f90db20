// SPDX-License-Identifier: MIT
#include "engine/reports/readable.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace damon_schemes {
namespace {

std::string with_decimals(double value, int decimals) {
    std::array<char, 64> text;
    std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
    return text.data();
}

std::string two_digits(std::int64_t value) {
    return (value < 10 ? "0" : "") + std::to_string(value);
}

bool starts_code_point(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
}

}  // namespace

std::string readable(Bytes bytes) {
    static constexpr std::array<const char*, 5> units = {"B", "KiB", "MiB", "GiB", "TiB"};
    if (bytes.count < 1024) return std::to_string(bytes.count) + " B";
    double value = static_cast<double>(bytes.count);
    std::size_t unit = 0;
    // 1023.95 would be shown as 1024.0: it belongs to the next unit.
    while (value >= 1023.95 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    return with_decimals(value, 1) + " " + units[unit];
}

std::string readable_change(std::int64_t bytes) {
    if (bytes == 0) return "0 B";
    const auto magnitude =
        bytes < 0 ? ~static_cast<std::uint64_t>(bytes) + 1 : static_cast<std::uint64_t>(bytes);
    return (bytes < 0 ? "-" : "+") + readable(Bytes{magnitude});
}

std::string readable(Duration duration) {
    const double nanoseconds = static_cast<double>(duration.count());
    if (duration < Duration(0)) return "-" + readable(-duration);
    if (duration < std::chrono::microseconds(1)) return std::to_string(duration.count()) + " ns";
    if (nanoseconds < 999.5e3) return with_decimals(nanoseconds / 1e3, 0) + " us";
    if (nanoseconds < 999.95e6) return with_decimals(nanoseconds / 1e6, 1) + " ms";
    if (nanoseconds < 99.95e9) return with_decimals(nanoseconds / 1e9, 1) + " s";
    const auto seconds = static_cast<std::int64_t>(std::llround(nanoseconds / 1e9));
    if (seconds < 3600)
        return std::to_string(seconds / 60) + " min " + std::to_string(seconds % 60) + " s";
    return std::to_string(seconds / 3600) + " h " + std::to_string(seconds % 3600 / 60) + " min";
}

std::string readable(const Intervals& intervals) {
    return "every " + readable(intervals.sampling) + "/" + readable(intervals.aggregation);
}

std::string readable_clock(Duration duration) {
    const std::int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
    const std::int64_t hours = seconds / 3600;
    const std::int64_t minutes = seconds % 3600 / 60;
    if (hours == 0) return std::to_string(minutes) + ":" + two_digits(seconds % 60);
    return std::to_string(hours) + ":" + two_digits(minutes) + ":" + two_digits(seconds % 60);
}

std::string readable_percent(double part, double whole) {
    if (!(whole > 0)) return "-";
    const double percent = part / whole * 100;
    const double magnitude = std::abs(percent);
    if (percent == 0) return "0 %";
    if (magnitude < 0.005) return percent < 0 ? "> -0.01 %" : "< 0.01 %";
    return with_decimals(percent, magnitude < 0.995 ? 2 : magnitude < 9.95 ? 1 : 0) + " %";
}

std::string readable(std::uint64_t count) {
    std::string digits = std::to_string(count);
    for (std::size_t place = digits.size(); place > 3;) {
        place -= 3;
        digits.insert(place, ",");
    }
    return digits;
}

std::string printable(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) c = '?';
    }
    return result;
}

std::size_t columns_of(std::string_view text) {
    std::size_t columns = 0;
    for (const char byte : text) columns += starts_code_point(byte) ? 1U : 0U;
    return columns;
}

std::string shortened(std::string_view text, std::size_t columns) {
    if (columns_of(text) <= columns) return std::string(text);
    const std::string_view mark = columns > 3 ? "..." : "";
    const std::size_t kept = columns - mark.size();
    std::size_t seen = 0;
    std::size_t end = 0;
    for (; end < text.size(); ++end) {
        if (starts_code_point(text[end]) && seen++ == kept) break;
    }
    return std::string(text.substr(0, end)) + std::string(mark);
}

std::string left(std::string_view text, std::size_t columns) {
    std::string cut = shortened(text, columns);
    cut.append(columns - std::min(columns, columns_of(cut)), ' ');
    return cut;
}

std::string right(std::string_view text, std::size_t columns) {
    const std::size_t used = columns_of(text);
    return std::string(columns > used ? columns - used : 0, ' ') + std::string(text);
}

std::vector<std::string> wrapped(std::string_view text, std::size_t columns) {
    std::vector<std::string> lines;
    std::string line;
    std::size_t place = 0;
    while (place < text.size()) {
        const std::size_t space = text.find(' ', place);
        const std::size_t end = space == std::string_view::npos ? text.size() : space;
        const std::string_view word = text.substr(place, end - place);
        place = end + 1;
        if (word.empty()) continue;
        if (!line.empty() && columns_of(line) + 1 + columns_of(word) > columns) {
            lines.push_back(std::move(line));
            line.clear();
        }
        if (!line.empty()) line += ' ';
        line += word;
    }
    if (!line.empty()) lines.push_back(std::move(line));
    return lines;
}

}  // namespace damon_schemes

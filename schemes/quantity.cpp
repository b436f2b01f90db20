// SPDX-License-Identifier: MIT
#include "schemes/quantity.h"

#include <array>
#include <cstdint>
#include <limits>
#include <span>

namespace damon_schemes {

namespace {

// The product of two 64-bit numbers needs twice as many bits.
__extension__ typedef unsigned __int128 Wide;

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::uint64_t kilo = 1024;
constexpr std::array<Unit, 15> size_units{{
    {"", 1},
    {"B", 1},
    {"byte", 1},
    {"bytes", 1},
    {"KiB", kilo},
    {"MiB", kilo << 10},
    {"GiB", kilo << 20},
    {"TiB", kilo << 30},
    {"PiB", kilo << 40},
    {"K", kilo},
    {"M", kilo << 10},
    {"G", kilo << 20},
    {"T", kilo << 30},
    {"P", kilo << 40},
    {"EiB", kilo << 50},
}};
constexpr std::array<Unit, 7> duration_units{{
    {"ns", 1},
    {"us", 1'000},
    {"\xc2\xb5s", 1'000},
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"min", 60'000'000'000},
    {"h", 3'600'000'000'000},
}};
constexpr std::array<Unit, 1> share_units{{{"%", 10'000}}};

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_word(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (lower(a[i]) != lower(b[i])) return false;
    return true;
}

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// "128", "1.5": a number and what follows it.
struct Split {
    std::string_view whole, fraction, unit;
};

std::optional<Split> split(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size() && is_digit(text[at])) ++at;
    Split parts;
    parts.whole = text.substr(0, at);
    if (at < text.size() && text[at] == '.') {
        const std::size_t start = ++at;
        while (at < text.size() && is_digit(text[at])) ++at;
        parts.fraction = text.substr(start, at - start);
        if (parts.fraction.empty()) return std::nullopt;
    }
    if (parts.whole.empty()) return std::nullopt;
    parts.unit = trimmed(text.substr(at));
    return parts;
}

enum class Scaling { exact, too_large, too_small };

// whole.fraction × factor, rounded down.  too_small: a number above 0 that comes to 0.
Scaling scale(const Split& parts, std::uint64_t factor, std::uint64_t limit,
              std::uint64_t& result) {
    Wide value = 0;
    for (const char c : parts.whole) {
        value = value * 10 + static_cast<unsigned>(c - '0');
        if (value > limit) return Scaling::too_large;
    }
    value *= factor;
    // 18 digits behind the point are finer than any unit here; the rest cannot matter.
    Wide part = 0;
    Wide power = 1;
    bool nonzero = false;
    for (std::size_t i = 0; i < parts.fraction.size(); ++i) {
        const auto digit = static_cast<unsigned>(parts.fraction[i] - '0');
        nonzero = nonzero || digit != 0;
        if (i >= 18) continue;
        part = part * 10 + digit;
        power *= 10;
    }
    value += part * factor / power;
    if (value > limit) return Scaling::too_large;
    result = static_cast<std::uint64_t>(value);
    return value == 0 && nonzero ? Scaling::too_small : Scaling::exact;
}

std::uint64_t greatest_common_part(std::uint64_t value, std::span<const Unit> units,
                                   std::string_view& name) {
    std::uint64_t factor = 1;
    for (const Unit& unit : units)
        // A tenth of the unit has to come out whole, so that one digit behind the point says all.
        if (unit.factor > factor && value >= unit.factor &&
            (value % unit.factor == 0 || value % unit.factor * 10 % unit.factor == 0)) {
            factor = unit.factor;
            name = unit.name;
        }
    return factor;
}

std::string with_unit(std::uint64_t value, std::uint64_t factor, std::string_view unit) {
    std::string text = std::to_string(value / factor);
    if (const std::uint64_t rest = value % factor; rest != 0) {
        text += '.';
        text += static_cast<char>('0' + rest * 10 / factor);
    }
    return text.append(unit);
}

}  // namespace

QuantityReading<Bytes> parse_bytes(std::string_view given) {
    const std::string_view text = trimmed(given);
    if (text.starts_with('-'))
        return {{}, "a size cannot be negative", "write a size such as \"4KiB\""};
    const auto parts = split(text);
    if (!parts)
        return {
            {}, "a size is a number with a unit", "write a size such as \"4KiB\" or \"1.5GiB\""};
    for (const Unit& unit : size_units) {
        if (!same_word(parts->unit, unit.name)) continue;
        std::uint64_t bytes = 0;
        switch (scale(*parts, unit.factor, std::numeric_limits<std::int64_t>::max(), bytes)) {
            case Scaling::too_large:
                return {{}, "this size is too large", "a size is less than 8EiB"};
            case Scaling::too_small:
                return {{}, "this size is less than one byte", "write a size such as \"4KiB\""};
            case Scaling::exact:
                return {Bytes{bytes}, {}, {}};
        }
    }
    static constexpr std::string_view prefixes = "kmgtp";
    if (parts->unit.size() == 2 && lower(parts->unit[1]) == 'b' &&
        prefixes.find(lower(parts->unit[0])) != std::string_view::npos) {
        const char prefix = static_cast<char>(lower(parts->unit[0]) - 'a' + 'A');
        return {{},
                std::string("'") + std::string(parts->unit) +
                    "' means powers of 1000 to some and of 1024 to others",
                std::string("write '") + prefix + "iB', which is a power of 1024"};
    }
    return {{},
            "'" + std::string(parts->unit) + "' is not a unit of size",
            "the units are B, KiB, MiB, GiB and TiB"};
}

QuantityReading<Duration> parse_duration(std::string_view given) {
    const std::string_view text = trimmed(given);
    if (text.starts_with('-'))
        return {{}, "a duration cannot be negative", "write a duration such as \"100ms\""};
    const auto parts = split(text);
    if (!parts)
        return {{},
                "a duration is a number with a unit",
                "write a duration such as \"100ms\" or \"10s\""};
    for (const Unit& unit : duration_units) {
        if (!same_word(parts->unit, unit.name)) continue;
        std::uint64_t nanoseconds = 0;
        switch (scale(*parts, unit.factor, static_cast<std::uint64_t>(longest_duration.count()),
                      nanoseconds)) {
            case Scaling::too_large:
                return {{}, "this duration is too long", "a duration is at most 8760h (365 days)"};
            case Scaling::too_small:
                return {{},
                        "this duration is less than a nanosecond",
                        "write a duration such as \"100ms\""};
            case Scaling::exact:
                return {Duration(static_cast<Duration::rep>(nanoseconds)), {}, {}};
        }
    }
    const std::string number(text.substr(
        0, static_cast<std::size_t>(
               parts->unit.empty() ? text.size()
                                   : static_cast<std::size_t>(parts->unit.data() - text.data()))));
    if (parts->unit.empty())
        return {{}, "a duration needs a unit", "write \"" + number + "ms\" or \"" + number + "s\""};
    std::string suggestion = "the units are us, ms, s, min and h";
    for (const auto& [written, meant] :
         std::array<std::array<std::string_view, 2>, 8>{{{"m", "min"},
                                                         {"sec", "s"},
                                                         {"secs", "s"},
                                                         {"seconds", "s"},
                                                         {"minutes", "min"},
                                                         {"hours", "h"},
                                                         {"msec", "ms"},
                                                         {"usec", "us"}}})
        if (same_word(parts->unit, written))
            suggestion = "did you mean '" + std::string(meant) + "'?";
    return {{}, "'" + std::string(parts->unit) + "' is not a unit of time", suggestion};
}

QuantityReading<Share> parse_share(std::string_view given) {
    const std::string_view text = trimmed(given);
    if (text.starts_with('-'))
        return {{}, "a share cannot be negative", "write a share such as \"5%\""};
    const auto parts = split(text);
    if (!parts)
        return {{},
                "a share is a number with a percent sign",
                "write a share such as \"5%\" or \"0.5%\""};
    if (parts->unit.empty())
        return {
            {},
            "a share needs a percent sign, because 0.05 could mean two things",
            "write \"" + std::string(text) + "%\" if " + std::string(text) + " of 100 is meant"};
    if (parts->unit != "%")
        return {{},
                "'" + std::string(parts->unit) + "' is not a unit of a share",
                "write a share such as \"5%\""};
    std::uint64_t ppm = 0;
    switch (scale(*parts, share_units[0].factor, 1'000'000, ppm)) {
        case Scaling::too_large:
            return {{}, "a share cannot be more than 100%", "write at most \"100%\""};
        case Scaling::too_small:
            return {
                {}, "this share is less than one part per million", "write at least \"0.0001%\""};
        case Scaling::exact:
            break;
    }
    return {Share{static_cast<std::uint32_t>(ppm)}, {}, {}};
}

std::string to_string(Bytes bytes) {
    std::string_view name = "B";
    const std::uint64_t factor = greatest_common_part(bytes.count, size_units, name);
    return with_unit(bytes.count, factor, name);
}

std::string to_string(Duration duration) {
    if (duration < Duration::zero()) {
        // The most negative duration has no positive counterpart.
        if (duration == Duration::min()) duration += Duration(1);
        return "-" + to_string(-duration);
    }
    if (duration == Duration::zero()) return "0s";
    const auto value = static_cast<std::uint64_t>(duration.count());
    std::string_view name = "ns";
    const std::uint64_t factor = greatest_common_part(value, duration_units, name);
    return with_unit(value, factor, name);
}

std::string to_string(Share share) {
    std::string text = std::to_string(share.ppm / 10'000);
    if (std::uint32_t rest = share.ppm % 10'000; rest != 0) {
        std::string digits = std::to_string(rest);
        digits.insert(0, 4 - digits.size(), '0');
        digits.erase(digits.find_last_not_of('0') + 1);
        text += '.' + digits;
    }
    return text + '%';
}

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// Sizes, durations and shares as people write them: "128MiB", "10ms", "5%".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "schemes/observation.h"

namespace damon_schemes {

// What a text means, or why it means nothing.
template <typename T>
struct QuantityReading {
    std::optional<T> value;
    std::string
        message;  // where there is no value: what is wrong, e.g. "a size needs a number first"
    std::string suggestion;  // what to write instead; may be empty

    explicit operator bool() const { return value.has_value(); }
};

// Units are B, KiB, MiB, GiB, TiB, and K, M, G, T for the same powers of 1024, as the kernel means
// them; none means bytes.  KB, MB and so on are refused: half of their readers take them for powers
// of 1000. Fractions are fine ("1.5GiB") and rounded down to whole bytes.  Case and space before
// the unit do not matter; neither do they below.
QuantityReading<Bytes> parse_bytes(std::string_view text);

// Units are ns, us (or µs), ms, s, min, h; there must be one.
QuantityReading<Duration> parse_duration(std::string_view text);
// The longest that parse_duration() takes: sums of a few never overflow.
inline constexpr Duration longest_duration = std::chrono::hours(24 * 365);

// A percentage with its sign, at most 100%; to the part per million, rounded down.
QuantityReading<Share> parse_share(std::string_view text);

// The shortest text that parses to the same value: "1536MiB" is "1.5GiB", 4097 bytes are "4097B".
std::string to_string(Bytes bytes);
std::string to_string(Duration duration);
std::string to_string(Share share);

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include "schemes/decide/priority.h"

#include <algorithm>
#include <bit>

namespace damon_schemes {

namespace {

// Subscores run from 0 to 1,000,000.
constexpr std::uint64_t whole = 1'000'000;
constexpr std::uint64_t half = whole / 2;
// Ages of 2^24 intervals (19 days of 100 ms) and more, and sizes of 2^36 pages (256 TiB), are all
// the same: the range is no wider than it has to be, for the steps of a score to be narrow.
constexpr std::uint64_t age_bits = 24;
constexpr std::uint64_t size_bits = 36;
constexpr std::uint64_t page = 4096;

// log2(value) in units of 2^-16: the whole part exact, the rest on a straight line between powers
// of two, which keeps the order.
std::uint64_t log2_of(std::uint64_t value) {
    if (value <= 1) return 0;
    const auto bits = static_cast<std::uint64_t>(std::bit_width(value)) - 1;
    const std::uint64_t rest = value - (std::uint64_t{1} << bits);
    return (bits << 16) + (bits > 16 ? rest >> (bits - 16) : rest << (16 - bits));
}

std::uint64_t part_of(std::uint64_t log, std::uint64_t bits, std::uint64_t scale) {
    return std::min(log, bits << 16) * scale / (bits << 16);
}

}  // namespace

std::uint32_t score_of(const Priority& priority, Action action, const Region& region) {
    if (!priority.any()) return 0;
    const std::uint64_t often = frequency(region).ppm;
    const std::uint64_t age = part_of(log2_of(std::uint64_t{region.age} + 1), age_bits, half);
    const std::uint64_t lasting = region.accessed == 0 ? half - age : half + age;
    const std::uint64_t size =
        part_of(log2_of(std::max(region.range.size().count, page) / page), size_bits, whole);
    const bool hottest_first = goes_for_hot(action);
    const auto turned = [&](std::uint64_t hot) { return hottest_first ? hot : whole - hot; };
    const std::uint64_t weights = std::uint64_t{priority.size} + priority.frequency + priority.age;
    const std::uint64_t sum = priority.size * size +
                              priority.frequency * turned(std::min(often, whole)) +
                              priority.age * turned(lasting);
    return static_cast<std::uint32_t>(sum / weights * greatest_score / whole);
}

}  // namespace damon_schemes

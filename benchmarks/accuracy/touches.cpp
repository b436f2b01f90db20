// SPDX-License-Identifier: MIT
#include "benchmarks/accuracy/touches.h"

#include <array>
#include <bit>
#include <cstring>

namespace damon_schemes::accuracy {
namespace {

constexpr std::uint8_t as_runs = 1, as_bitmap = 2;
constexpr std::size_t longest_number = 10;  // seven bits a byte, as in recordings

std::size_t put_number(std::span<std::uint8_t> into, std::size_t at, std::uint64_t value) {
    while (value >= 0x80) {
        into[at++] = static_cast<std::uint8_t>(value | 0x80);
        value >>= 7;
    }
    into[at++] = static_cast<std::uint8_t>(value);
    return at;
}

// The first unit from `from` on whose bit is `set`; the bitmap's end where there is none.
std::uint64_t find_bit(std::span<const std::uint64_t> bitmap, std::uint64_t from, bool set) {
    const std::uint64_t flip = set ? 0 : ~std::uint64_t{0};
    for (std::size_t word = from / 64; word < bitmap.size(); ++word) {
        std::uint64_t bits = bitmap[word] ^ flip;
        if (word == from / 64) bits &= ~std::uint64_t{0} << (from % 64);
        if (bits != 0) return word * 64 + static_cast<unsigned>(std::countr_zero(bits));
    }
    return bitmap.size() * 64;
}

}  // namespace

void set_units(Bitmap bitmap, UnitRun run) {
    if (run.first >= run.last) return;
    const std::size_t first = run.first / 64, last = (run.last - 1) / 64;
    const std::uint64_t from = ~std::uint64_t{0} << (run.first % 64);
    const std::uint64_t to = ~std::uint64_t{0} >> (63 - (run.last - 1) % 64);
    if (first == last) {
        bitmap[first] |= from & to;
        return;
    }
    bitmap[first] |= from;
    for (std::size_t word = first + 1; word < last; ++word) bitmap[word] = ~std::uint64_t{0};
    bitmap[last] |= to;
}

std::size_t encode_touches(std::span<const std::uint64_t> bitmap, std::span<std::uint8_t> into) {
    std::size_t used = bitmap.size();
    while (used > 0 && bitmap[used - 1] == 0) --used;
    if (used == 0) return 0;
    const std::span<const std::uint64_t> set = bitmap.first(used);
    const std::size_t most = used * 8 + 1;
    std::size_t at = 0;
    into[at++] = as_runs;
    std::uint64_t behind = 0;
    for (std::uint64_t first = find_bit(set, 0, true); first < used * 64;
         first = find_bit(set, behind, true)) {
        const std::uint64_t last = find_bit(set, first, false);
        if (at + 2 * longest_number > most) {
            into[0] = as_bitmap;
            std::memcpy(&into[1], set.data(), used * 8);
            return most;
        }
        at = put_number(into, at, first - behind);
        at = put_number(into, at, last - first);
        behind = last;
    }
    return at;
}

void encode_runs(std::span<const UnitRun> runs, std::vector<std::uint8_t>& into) {
    if (runs.empty()) return;
    into.push_back(as_runs);
    std::uint64_t behind = 0;
    for (const UnitRun& run : runs) {
        std::array<std::uint8_t, 2 * longest_number> numbers{};
        std::size_t length = put_number(numbers, 0, run.first - behind);
        length = put_number(numbers, length, run.last - run.first);
        into.insert(into.end(), numbers.begin(),
                    numbers.begin() + static_cast<std::ptrdiff_t>(length));
        behind = run.last;
    }
}

TouchReader::TouchReader(std::span<const std::uint8_t> encoded) {
    if (encoded.empty()) return;
    bitmap_ = encoded[0] == as_bitmap;
    if (bitmap_ || encoded[0] == as_runs) bytes_ = encoded.subspan(1);
}

std::optional<std::uint64_t> TouchReader::next_number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; at_ < bytes_.size() && shift < 64; shift += 7) {
        const std::uint8_t byte = bytes_[at_++];
        value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
        if ((byte & 0x80) == 0) return value;
    }
    return std::nullopt;
}

std::uint64_t TouchReader::next_bit(std::uint64_t from, bool set) const {
    const std::uint64_t end = bytes_.size() / 8 * 64;
    const std::uint64_t flip = set ? 0 : ~std::uint64_t{0};
    for (std::uint64_t word = from / 64; word < end / 64; ++word) {
        std::uint64_t bits = 0;
        std::memcpy(&bits, &bytes_[word * 8], 8);
        bits ^= flip;
        if (word == from / 64) bits &= ~std::uint64_t{0} << (from % 64);
        if (bits != 0) return word * 64 + static_cast<unsigned>(std::countr_zero(bits));
    }
    return end;
}

std::optional<UnitRun> TouchReader::next() {
    if (bitmap_) {
        const std::uint64_t first = next_bit(unit_, true);
        if (first >= bytes_.size() / 8 * 64) return std::nullopt;
        unit_ = next_bit(first, false);
        return UnitRun{first, unit_};
    }
    const auto gap = next_number();
    const auto length = gap ? next_number() : std::nullopt;
    if (!length) return std::nullopt;
    const std::uint64_t first = unit_ + *gap;
    unit_ = first + *length;
    return UnitRun{first, unit_};
}

}  // namespace damon_schemes::accuracy

// SPDX-License-Identifier: MIT
// Numbers in as few bytes as they need: seven bits a byte, the lowest first, the highest bit set in
// all but the last (LEB128).  Signed numbers are folded first (0, -1, 1, -2, … become 0, 1, 2, 3).
// Plain functions; recordings are read at tens of millions of numbers a second.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace damon_schemes {

inline constexpr std::size_t longest_varint = 10;

constexpr std::uint64_t folded(std::int64_t value) {
    return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unfolded(std::uint64_t value) {
    return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

// Writes at `at`, where there is room for the longest, and returns what is behind it.
inline std::uint8_t* put_varint(std::uint8_t* at, std::uint64_t value) {
    while (value >= 0x80) {
        *at++ = static_cast<std::uint8_t>(value | 0x80);
        value >>= 7;
    }
    *at++ = static_cast<std::uint8_t>(value);
    return at;
}

// Bytes that are yet to be read.  What fails leaves it anywhere.
struct ByteCursor {
    const std::uint8_t* at = nullptr;
    const std::uint8_t* end = nullptr;
    std::size_t left() const { return static_cast<std::size_t>(end - at); }
};

// false: the bytes end within the number, or it has more than 64 bits.
inline bool take_varint(ByteCursor& from, std::uint64_t& value) {
    if (from.at == from.end) return false;
    std::uint64_t byte = *from.at++;
    value = byte & 0x7f;
    for (unsigned shift = 7; byte >= 0x80; shift += 7) {
        if (from.at == from.end || shift > 63) return false;
        byte = *from.at++;
        if (shift == 63 && byte > 1) return false;
        value |= (byte & 0x7f) << shift;
    }
    return true;
}

// `count` numbers, each handed to `store(index, value)`.  Eight at a time where each is one byte
// long, which most are.
template <typename Store>
bool take_varints(ByteCursor& from, std::size_t count, const Store& store) {
    constexpr std::size_t batch = 8;
    std::size_t index = 0;
    while (index < count) {
        if (count - index >= batch && from.left() >= batch) {
            std::uint64_t bytes;
            std::memcpy(&bytes, from.at, batch);
            if ((bytes & 0x8080808080808080U) == 0) {
                for (std::size_t i = 0; i < batch; ++i) store(index + i, std::uint64_t{from.at[i]});
                from.at += batch;
                index += batch;
                continue;
            }
        }
        const std::size_t stop = count - index < batch ? count : index + batch;
        for (; index < stop; ++index) {
            std::uint64_t value;
            if (!take_varint(from, value)) return false;
            store(index, value);
        }
    }
    return true;
}

}  // namespace damon_schemes

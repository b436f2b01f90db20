// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/sha1.h"

#include <bit>
#include <cstring>

namespace damon_schemes::parsec {
namespace {

constexpr std::size_t block_bytes = 64;

using State = std::array<std::uint32_t, 5>;

void add_block(State& state, const std::byte* block) {
    std::uint32_t words[80];
    for (int t = 0; t < 16; ++t) {
        std::uint32_t word = 0;
        for (int i = 0; i < 4; ++i)
            word = word << 8 | std::to_integer<std::uint32_t>(block[4 * t + i]);
        words[t] = word;
    }
    for (int t = 16; t < 80; ++t)
        words[t] = std::rotl(words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16], 1);
    auto [a, b, c, d, e] = state;
    for (int t = 0; t < 80; ++t) {
        std::uint32_t mixed = 0;
        std::uint32_t constant = 0;
        if (t < 20) {
            mixed = (b & c) | (~b & d);
            constant = 0x5a827999;
        } else if (t < 40) {
            mixed = b ^ c ^ d;
            constant = 0x6ed9eba1;
        } else if (t < 60) {
            mixed = (b & c) | (b & d) | (c & d);
            constant = 0x8f1bbcdc;
        } else {
            mixed = b ^ c ^ d;
            constant = 0xca62c1d6;
        }
        const std::uint32_t next = std::rotl(a, 5) + mixed + e + constant + words[t];
        e = d;
        d = c;
        c = std::rotl(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

}  // namespace

Sha1 sha1_of(std::span<const std::byte> data) {
    State state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    const std::size_t whole = data.size() / block_bytes * block_bytes;
    for (std::size_t at = 0; at < whole; at += block_bytes) add_block(state, data.data() + at);
    // What is left, a set bit, zeroes, and the length in bits.
    std::byte tail[2 * block_bytes] = {};
    const std::size_t left = data.size() - whole;
    if (left != 0) std::memcpy(tail, data.data() + whole, left);
    tail[left] = std::byte{0x80};
    const std::size_t end = left + 9 <= block_bytes ? block_bytes : 2 * block_bytes;
    const std::uint64_t bits = std::uint64_t{data.size()} * 8;
    for (std::size_t i = 0; i < 8; ++i) tail[end - 1 - i] = static_cast<std::byte>(bits >> 8 * i);
    for (std::size_t at = 0; at < end; at += block_bytes) add_block(state, tail + at);
    Sha1 hash;
    for (std::size_t i = 0; i < hash.size(); ++i)
        hash[i] = static_cast<std::uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
    return hash;
}

}  // namespace damon_schemes::parsec

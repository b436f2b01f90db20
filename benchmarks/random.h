// SPDX-License-Identifier: MIT
// Numbers that a seed repeats.
#pragma once

#include <cstdint>

namespace damon_schemes::bench {

// splitmix64 (Steele, Lea and Flood, 2014): any seed will do, and streams of neighbouring seeds
// have nothing in common.
class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15ULL;
        std::uint64_t x = state_;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
        return x ^ (x >> 31);
    }
    // 0 <= result < bound; bound > 0.
    std::uint64_t below(std::uint64_t bound) { return next() % bound; }
    bool one_in(std::uint64_t n) { return below(n) == 0; }

  private:
    std::uint64_t state_;
};

}  // namespace damon_schemes::bench

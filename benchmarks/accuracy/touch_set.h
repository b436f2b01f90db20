// SPDX-License-Identifier: MIT
// The places that one access of a phase touches, in the order of their addresses.
#pragma once

#include <cstdint>
#include <vector>

#include "benchmarks/accuracy/phase_file.h"
#include "schemes/observation.h"

namespace damon_schemes::accuracy {

// splitmix64 (Steele, Lea and Flood, 2014): any seed will do, and streams of neighbouring seeds
// have nothing in common.
class Dice {
  public:
    explicit Dice(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15ULL;
        std::uint64_t x = state_;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
        return x ^ (x >> 31);
    }
    // 0 <= result < bound; bound > 0.
    std::uint64_t below(std::uint64_t bound) { return next() % bound; }

  private:
    std::uint64_t state_;
};

class TouchSet {
  public:
    // `size`: of the area in this phase.  `seed` is the run's; with the file's own it places spots.
    TouchSet(const Access& access, Bytes size, std::uint64_t seed);

    // Of one round; at least 1.
    std::uint64_t touches() const { return touches_; }
    // Of a touch below touches(): bytes from the area's beginning.  It is a multiple of 8.
    std::uint64_t offset(std::uint64_t touch) const {
        const std::uint64_t at = touch * stride_;
        return starts_[at / piece_] + at % piece_;
    }
    // All of it, from the area's beginning, sorted and disjoint; gaps that strides leave included.
    std::vector<AddressRange> ranges() const;

  private:
    std::vector<std::uint64_t> starts_;  // of pieces of equal size
    std::uint64_t piece_ = 0, stride_ = 0, touches_ = 0;
};

}  // namespace damon_schemes::accuracy

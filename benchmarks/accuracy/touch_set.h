// SPDX-License-Identifier: MIT
// The places that one access of a phase touches, in the order of their addresses.
#pragma once

#include <cstdint>
#include <vector>

#include "benchmarks/accuracy/phase_file.h"
#include "schemes/observation.h"

namespace damon_schemes::accuracy {

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

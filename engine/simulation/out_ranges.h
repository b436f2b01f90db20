// SPDX-License-Identifier: MIT
// Which memory of one target would be out of memory, and since when.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "schemes/observation.h"

namespace damon_schemes {

// Disjoint ranges.  Bytes count what was present of a range, which may be less than its size; a
// part of a range has its part of them.
class OutRanges {
  public:
    // The parts of the range that are not out yet go out, with `bytes` spread evenly over the whole
    // range; returns how many of them those parts have.
    Bytes add(AddressRange range, Bytes bytes, Instant since);

    // What of the range is out comes back.
    using Back = std::function<void(Bytes bytes, Instant since)>;
    void take(AddressRange range, const Back& back);

    // Leaves what lies within the ranges, which are sorted and disjoint, and drops the rest.
    void keep_within(const std::vector<AddressRange>& ranges);
    void clear();

    Bytes bytes() const { return bytes_; }
    std::size_t ranges() const { return parts_.size(); }

  private:
    struct Part {
        std::uint64_t end = 0;
        Bytes bytes;
        Instant since;
    };
    using Parts = std::map<std::uint64_t, Part>;  // by start

    // Cuts the part that reaches across the address, if there is one, in two.
    void cut_at(std::uint64_t address);
    Parts::iterator drop(Parts::iterator part);

    Parts parts_;
    Bytes bytes_;
};

}  // namespace damon_schemes

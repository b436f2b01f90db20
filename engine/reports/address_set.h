// SPDX-License-Identifier: MIT
// A set of addresses as ranges.  Bounded: where more ranges come than it may keep, the smallest
// holes between them are closed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "schemes/observation.h"
#include "schemes/range_set.h"

namespace damon_schemes {

class AddressSet {
  public:
    static constexpr std::size_t default_most = 4096;
    explicit AddressSet(std::size_t most = default_most) : most_(most) {}

    // Cheap where ranges come in ascending order, as a snapshot's do, and are in the set already.
    void add(AddressRange range);
    void add(const AddressSet& other);
    void remove(AddressRange range) { set_.remove(range); }
    // What of it lies in the other one.
    AddressSet cut_to(const AddressSet& other) const;
    AddressSet cut_to(AddressRange range) const;

    // Sorted; neither touching nor overlapping.
    const std::vector<AddressRange>& ranges() const { return set_.ranges(); }
    bool empty() const { return set_.empty(); }
    Bytes size() const { return set_.size(); }

  private:
    AddressSet(std::size_t most, const RangeSet& ranges);
    void close_smallest_holes();

    std::size_t most_;
    RangeSet set_;
};

}  // namespace damon_schemes

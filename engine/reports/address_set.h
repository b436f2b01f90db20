// SPDX-License-Identifier: MIT
// A set of addresses as ranges.  Bounded: where more ranges come than it may keep, the smallest
// holes between them are closed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "schemes/observation.h"

namespace damon_schemes {

class AddressSet {
  public:
    static constexpr std::size_t default_most = 4096;
    explicit AddressSet(std::size_t most = default_most) : most_(most) {}

    // Cheap where ranges come in ascending order, as a snapshot's do, and are in the set already.
    void add(AddressRange range);
    void add(const AddressSet& other);
    void remove(AddressRange range);
    // What of it lies in the other one.
    AddressSet cut_to(const AddressSet& other) const;
    AddressSet cut_to(AddressRange range) const;

    // Sorted; neither touching nor overlapping.
    const std::vector<AddressRange>& ranges() const { return ranges_; }
    bool empty() const { return ranges_.empty(); }
    Bytes size() const;

  private:
    void close_smallest_holes();

    std::size_t most_;
    std::size_t cursor_ = 0;  // where the last range went
    std::vector<AddressRange> ranges_;
};

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// A set of addresses, exact: sorted ranges that neither touch nor overlap.  Not thread-safe.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "schemes/observation.h"

namespace damon_schemes {

class RangeSet {
  public:
    RangeSet() = default;
    explicit RangeSet(const std::vector<AddressRange>& ranges) {
        for (const AddressRange range : ranges) add(range);
    }

    // Cheap where ranges come in ascending order, as a snapshot's do, also if they are in the set
    // already.
    void add(AddressRange range);
    void add(const RangeSet& other) {
        for (const AddressRange range : other.ranges_) add(range);
    }
    void remove(AddressRange range);
    void remove(const RangeSet& other) {
        for (const AddressRange range : other.ranges_) remove(range);
    }
    RangeSet within(AddressRange range) const;
    RangeSet within(const RangeSet& other) const;
    RangeSet without(const RangeSet& other) const;

    const std::vector<AddressRange>& ranges() const& { return ranges_; }
    std::vector<AddressRange> ranges() && { return std::move(ranges_); }
    bool empty() const { return ranges_.empty(); }
    Bytes size() const;
    bool operator==(const RangeSet& other) const { return ranges_ == other.ranges_; }

  private:
    std::vector<AddressRange> ranges_;
    std::size_t cursor_ = 0;  // where the last range went
};

}  // namespace damon_schemes

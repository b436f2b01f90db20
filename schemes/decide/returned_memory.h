// SPDX-License-Identifier: MIT
// Memory that was gone and is there again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "schemes/observation.h"

namespace damon_schemes {

// Memory comes (back) into memory because it is used, and a monitor need not see that: it looks at
// pages that are there, and finds the next use at the earliest.  Until then the region's age still
// counts from the last use before it left, and a scheme would page it out again at once.
//
// How many looks in a row found no page is kept of what is gone.  Where some find one now, it has
// come back if that many would hardly have missed so much of it: memory that is sparse for long
// does not come back whenever a look hits it.
//
// Of one target; look() at the regions of each snapshot in order, between begin() and finish().
// Nothing is allocated once as much was gone before.
class ReturnedMemory {
  public:
    void begin() { next_ = 0; }
    // Hands each part of the region that has come back to `returned`.
    template <typename Returned>
    void look(const Region& region, Returned&& returned) {
        if (region.range.empty()) return;
        const bool gone = region.nothing_present();
        double looks = 0;  // × bytes
        for (; next_ < gone_.size(); ++next_) {
            const Gone& was = gone_[next_];
            if (was.range.start >= region.range.end) break;
            const AddressRange both{std::max(was.range.start, region.range.start),
                                    std::min(was.range.end, region.range.end)};
            if (!both.empty()) {
                if (gone)
                    looks += was.looks * static_cast<double>(both.size().count);
                else if (!region.known())
                    still_gone_.push_back({both, was.looks});
                else if (missed(region, was.looks) >= surely)
                    returned(both);
            }
            if (was.range.end > region.range.end) break;  // it goes on in the next region
        }
        if (gone)
            still_gone_.push_back(
                {region.range,
                 std::min(looks / static_cast<double>(region.range.size().count) + region.sampled,
                          most_looks)});
    }
    void finish() {
        std::swap(gone_, still_gone_);
        still_gone_.clear();
    }
    void clear() { gone_.clear(); }

  private:
    struct Gone {
        AddressRange range;
        double looks = 0;  // that found nothing, in a row; a mean where regions are merged
    };
    // By chance it happens once in 3,000 times (e^-8).
    static constexpr double surely = 8;
    static constexpr double most_looks = 1e6;

    // How many pages so many looks should have found, were it always like this.
    static double missed(const Region& region, double looks) {
        return looks * (1 - static_cast<double>(region.absent) / region.sampled);
    }

    std::vector<Gone> gone_;  // disjoint, in order
    std::vector<Gone> still_gone_;
    std::size_t next_ = 0;
};

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// Which addresses of one target one mlock scheme has locked, and since when they no longer are as
// it asks for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "schemes/observation.h"

namespace damon_schemes {

// What was locked stays so until it has cooled: its frequency was not the scheme's in any snapshot
// for a while.  Size and age do not count for that: borders of regions move, and an age that starts
// anew says nothing of cold.  Addresses here may be more than what is really locked (a part of them
// was refused, say); who unlocks knows that.  Sorted and disjoint; not thread-safe.
class HeldLocks {
  public:
    // It was locked.
    void hold(AddressRange range, Instant now);
    // It is as the scheme asks for; of what is not held, nothing is noted.
    void keep(AddressRange range, Instant now);
    // Appends what was not kept for so long.  It is being unlocked then, until it is settled.
    void take_cooled(Instant now, Duration age, std::vector<AddressRange>& cooled);
    // An unlock was reported: it is no longer held, or still is and is tried again after an age.
    void settle(AddressRange range, bool released, Instant now);

    // Somebody else unlocked it.
    void release(AddressRange range) { carve(range); }

    // Hands what of the range is not held to `take_free`, and what is to `take_held`, in order.
    template <typename TakeFree, typename TakeHeld>
    void divide(AddressRange range, TakeFree&& take_free, TakeHeld&& take_held) const {
        std::uint64_t position = range.start;
        auto record =
            std::partition_point(records_.begin(), records_.end(),
                                 [&](const Record& each) { return each.range.end <= range.start; });
        for (; record != records_.end() && record->range.start < range.end; ++record) {
            if (position < record->range.start)
                take_free(AddressRange{position, record->range.start});
            position = std::min(record->range.end, range.end);
            take_held(AddressRange{std::max(record->range.start, range.start), position});
        }
        if (position < range.end) take_free(AddressRange{position, range.end});
    }

    void clear() { records_.clear(); }
    bool empty() const { return records_.empty(); }
    Bytes size() const;
    std::size_t ranges() const { return records_.size(); }

  private:
    struct Record {
        AddressRange range;
        Instant kept{};  // when it was last as the scheme asks for
        bool unlocking = false;
    };
    // Takes the range out, and returns what was in it.
    std::vector<Record> carve(AddressRange range);
    void insert(const Record& record);

    std::vector<Record> records_;
};

}  // namespace damon_schemes

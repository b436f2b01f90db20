// SPDX-License-Identifier: MIT
// Which addresses of one target one scheme has planned or acted on so recently that it must leave
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "schemes/observation.h"

namespace damon_schemes {

// Every applied action resets the age of what it was applied to.  The monitor does not know what
// was applied, so the decider remembers: a range is held until a point in time, and counts as young
// until then.  Sorted and disjoint; not thread-safe.
class ActedRanges {
  public:
    // What a quota has to know again when a planned range is reported.
    struct Charge {
        std::int64_t window = 0;  // the quota's window it was planned in
        Duration estimate{};      // the time charged for it
    };

    // Drops what is held no longer, and joins neighbours that are held until the same time.  Holds
    // at most `limit` ranges that are not in flight afterwards: beyond that, the ones closest to
    // each other are joined over their gaps, until the later of their times, which can only make
    // the scheme wait longer for what lies in between.
    void expire(Instant now, std::size_t limit);

    // Adds ranges that do not overlap anything held, in any order; they are in flight until
    // settled.
    void add_in_flight(AddressRange range, Instant until, Charge charge);
    void end_adding();  // after the last add_in_flight() of a plan

    struct Settled {
        Bytes planned;  // bytes of the range that were in flight; the rest of it was not known
        Charge charge;  // sums of their estimates; the latest window
    };
    // The range was reported: hold it until then, whatever was known of it.
    Settled settle(AddressRange range, Instant until);

    void clear() {
        records_.clear();
        sorted_ = 0;
        in_flight_ = 0;
    }
    Bytes in_flight() const { return {in_flight_}; }  // planned, and not reported yet
    bool empty() const { return records_.empty(); }
    std::size_t size() const { return records_.size(); }

    // Hands each part of `range` that is not held to `take`, in order.  `cursor` starts at 0 and is
    // passed on between calls with ascending ranges, so that a sweep over all regions is linear.
    template <typename Take>
    void for_each_free(AddressRange range, std::size_t& cursor, Take&& take) const {
        while (cursor < records_.size() && records_[cursor].range.end <= range.start) ++cursor;
        std::uint64_t position = range.start;
        for (std::size_t i = cursor; i < records_.size(); ++i) {
            const AddressRange& held = records_[i].range;
            if (held.start >= range.end) break;
            if (held.start > position) take(AddressRange{position, held.start});
            position = held.end;
        }
        if (position < range.end) take(AddressRange{position, range.end});
    }

  private:
    struct Record {
        AddressRange range;
        Instant until{};
        Charge charge;
        bool in_flight = false;
    };
    void coarsen(std::size_t limit);

    std::vector<Record> records_;
    std::size_t sorted_ = 0;  // records before this one are in order
    std::uint64_t in_flight_ = 0;
};

}  // namespace damon_schemes

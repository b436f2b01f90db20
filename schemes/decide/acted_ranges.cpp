// SPDX-License-Identifier: MIT
#include "schemes/decide/acted_ranges.h"

#include <algorithm>
#include <array>
#include <utility>

namespace damon_schemes {

namespace {

constexpr auto by_start = [](const auto& a, const auto& b) {
    return a.range.start < b.range.start;
};

}  // namespace

void ActedRanges::expire(Instant now, std::size_t limit) {
    std::size_t kept = 0;
    std::size_t settled = 0;
    for (const Record& record : records_) {
        if (record.until <= now) {
            if (record.in_flight) in_flight_ -= record.range.size().count;
            continue;
        }
        if (kept != 0) {
            Record& last = records_[kept - 1];
            if (!last.in_flight && !record.in_flight && last.range.end == record.range.start &&
                last.until == record.until) {
                last.range.end = record.range.end;
                continue;
            }
        }
        settled += record.in_flight ? 0 : 1;
        records_[kept++] = record;
    }
    records_.resize(kept);
    if (settled > limit) coarsen(limit);
    sorted_ = records_.size();
}

// Joins settled neighbours over gaps of at most a power of two, the smallest that leaves `limit` or
// fewer; two that something in flight lies between stay apart.
void ActedRanges::coarsen(std::size_t limit) {
    std::array<std::size_t, 65> gaps{};  // by the number of bits of the gap
    const auto bits_of = [](std::uint64_t gap) {
        std::size_t bits = 0;
        for (; gap != 0; gap >>= 1) ++bits;
        return bits;
    };
    std::size_t settled = 0;
    for (std::size_t i = 0; i < records_.size(); ++i) {
        if (records_[i].in_flight) continue;
        ++settled;
        if (i != 0 && !records_[i - 1].in_flight)
            ++gaps[bits_of(records_[i].range.start - records_[i - 1].range.end)];
    }
    std::size_t widest = 0;
    for (; widest < gaps.size() - 1 && settled > limit; ++widest) settled -= gaps[widest];
    std::size_t kept = 0;
    for (std::size_t i = 0; i < records_.size(); ++i) {
        const Record record = records_[i];
        if (kept != 0) {
            Record& last = records_[kept - 1];
            if (!last.in_flight && !record.in_flight &&
                bits_of(record.range.start - last.range.end) < widest) {
                last.range.end = record.range.end;
                last.until = std::max(last.until, record.until);
                continue;
            }
        }
        records_[kept++] = record;
    }
    records_.resize(kept);
}

void ActedRanges::add_in_flight(AddressRange range, Instant until, Charge charge) {
    records_.push_back({range, until, charge, true});
    in_flight_ += range.size().count;
}

void ActedRanges::end_adding() {
    const auto middle = records_.begin() + static_cast<std::ptrdiff_t>(sorted_);
    std::sort(middle, records_.end(), by_start);
    std::inplace_merge(records_.begin(), middle, records_.end(), by_start);
    sorted_ = records_.size();
}

ActedRanges::Settled ActedRanges::settle(AddressRange range, Instant until) {
    Settled settled;
    if (range.empty()) return settled;
    const auto first =
        std::partition_point(records_.begin(), records_.end(),
                             [&](const Record& record) { return record.range.end <= range.start; });

    // Reports are of whole planned ranges as a rule: nothing has to move.
    if (first != records_.end() && first->range == range) {
        if (first->in_flight) settled = {range.size(), first->charge};
        in_flight_ -= settled.planned.count;
        *first = {range, until, {}, false};
        return settled;
    }

    const auto last = std::find_if(first, records_.end(), [&](const Record& record) {
        return record.range.start >= range.end;
    });
    std::array<Record, 3> pieces;
    std::size_t count = 0;
    const auto piece_of = [](const Record& record, AddressRange part) {
        Record piece = record;
        piece.range = part;
        const long double share = static_cast<long double>(part.size().count) /
                                  static_cast<long double>(record.range.size().count);
        piece.charge.estimate = Duration(static_cast<Duration::rep>(
            static_cast<long double>(record.charge.estimate.count()) * share));
        return piece;
    };
    if (first != last && first->range.start < range.start)
        pieces[count++] = piece_of(*first, {first->range.start, range.start});
    pieces[count++] = {range, until, {}, false};
    for (auto record = first; record != last; ++record) {
        if (!record->in_flight) continue;
        const Record covered = piece_of(*record, {std::max(record->range.start, range.start),
                                                  std::min(record->range.end, range.end)});
        settled.planned += covered.range.size();
        settled.charge.estimate += covered.charge.estimate;
        settled.charge.window = std::max(settled.charge.window, covered.charge.window);
    }
    if (first != last && std::prev(last)->range.end > range.end)
        pieces[count++] = piece_of(*std::prev(last), {range.end, std::prev(last)->range.end});
    in_flight_ -= settled.planned.count;
    const auto at = records_.erase(first, last);
    records_.insert(at, pieces.begin(), pieces.begin() + static_cast<std::ptrdiff_t>(count));
    sorted_ = records_.size();
    return settled;
}

}  // namespace damon_schemes

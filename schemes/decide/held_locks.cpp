// SPDX-License-Identifier: MIT
#include "schemes/decide/held_locks.h"

#include <algorithm>
#include <iterator>

namespace damon_schemes {

std::vector<HeldLocks::Record> HeldLocks::carve(AddressRange range) {
    std::vector<Record> taken;
    if (range.empty()) return taken;
    const auto first =
        std::partition_point(records_.begin(), records_.end(),
                             [&](const Record& record) { return record.range.end <= range.start; });
    auto last = first;
    std::vector<Record> rest;
    for (; last != records_.end() && last->range.start < range.end; ++last) {
        Record inside = *last;
        if (last->range.start < range.start) {
            rest.push_back(*last);
            rest.back().range.end = range.start;
            inside.range.start = range.start;
        }
        if (range.end < last->range.end) {
            rest.push_back(*last);
            rest.back().range.start = range.end;
            inside.range.end = range.end;
        }
        taken.push_back(inside);
    }
    const auto at = records_.erase(first, last);
    records_.insert(at, rest.begin(), rest.end());
    return taken;
}

// What is alike on either side is one record with it.
void HeldLocks::insert(const Record& record) {
    const auto alike = [&](const Record& other) {
        return other.kept == record.kept && other.unlocking == record.unlocking;
    };
    auto next = std::partition_point(records_.begin(), records_.end(), [&](const Record& other) {
        return other.range.end <= record.range.start;
    });
    if (next != records_.begin()) {
        const auto before = std::prev(next);
        if (before->range.end == record.range.start && alike(*before)) {
            before->range.end = record.range.end;
            if (next != records_.end() && next->range.start == record.range.end && alike(*next)) {
                before->range.end = next->range.end;
                records_.erase(next);
            }
            return;
        }
    }
    if (next != records_.end() && next->range.start == record.range.end && alike(*next)) {
        next->range.start = record.range.start;
        return;
    }
    records_.insert(next, record);
}

void HeldLocks::hold(AddressRange range, Instant now) {
    if (range.empty()) return;
    carve(range);
    insert({range, now, false});
}

void HeldLocks::keep(AddressRange range, Instant now) {
    for (Record& record : carve(range)) {
        record.kept = now;
        insert(record);
    }
}

void HeldLocks::take_cooled(Instant now, Duration age, std::vector<AddressRange>& cooled) {
    for (Record& record : records_) {
        if (record.unlocking || elapsed(record.kept, now) < age) continue;
        record.unlocking = true;
        if (!cooled.empty() && cooled.back().end == record.range.start)
            cooled.back().end = record.range.end;
        else
            cooled.push_back(record.range);
    }
}

void HeldLocks::settle(AddressRange range, bool released, Instant now) {
    for (const Record& record : carve(range)) {
        // What was locked anew meanwhile is held on.
        if (released && record.unlocking) continue;
        insert({record.range, record.unlocking ? now : record.kept, false});
    }
}

Bytes HeldLocks::size() const {
    Bytes size;
    for (const Record& record : records_) size += record.range.size();
    return size;
}

}  // namespace damon_schemes

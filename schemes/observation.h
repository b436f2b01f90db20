// SPDX-License-Identifier: MIT
// The plain values that every part of the project speaks: what a monitor saw.  No system call, no
// clock.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace damon_schemes {

// A number of bytes.  A type of its own so that bytes, pages and kibibytes cannot be mixed up.
struct Bytes {
    std::uint64_t count = 0;

    constexpr auto operator<=>(const Bytes&) const = default;
    constexpr Bytes& operator+=(Bytes other) {
        count += other.count;
        return *this;
    }
    constexpr Bytes& operator-=(Bytes other) {
        count -= other.count;
        return *this;
    }
    friend constexpr Bytes operator+(Bytes a, Bytes b) { return {a.count + b.count}; }
    friend constexpr Bytes operator-(Bytes a, Bytes b) { return {a.count - b.count}; }
};

constexpr Bytes kibibytes(std::uint64_t n) {
    return {n << 10};
}
constexpr Bytes mebibytes(std::uint64_t n) {
    return {n << 20};
}

// Durations and instants are nanoseconds; an instant counts from any fixed origin of the monitor's
// (CLOCK_MONOTONIC for a live one).
using Duration = std::chrono::nanoseconds;
using Instant = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

// The sum, held at the ends of what an instant can say: snapshots may come from a file.
constexpr Instant later(Instant from, Duration by) {
    const auto a = from.time_since_epoch().count();
    const auto b = by.count();
    if (b > 0 && a > Instant::max().time_since_epoch().count() - b) return Instant::max();
    if (b < 0 && a < Instant::min().time_since_epoch().count() - b) return Instant::min();
    return Instant(Duration(a + b));
}

// How long after `from` is `to`?  Zero where it is not after it.
constexpr Duration elapsed(Instant from, Instant to) {
    const auto a = from.time_since_epoch().count();
    const auto b = to.time_since_epoch().count();
    if (b <= a) return Duration::zero();
    if (a < 0 && b > Duration::max().count() + a) return Duration::max();
    return Duration(b - a);
}

// A share of a whole, 0 to 1, in parts per million so that it compares exactly ("5%" is 50'000).
struct Share {
    std::uint32_t ppm = 0;
    constexpr auto operator<=>(const Share&) const = default;
};

// Addresses [start, end) of one address space.
struct AddressRange {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    constexpr auto operator<=>(const AddressRange&) const = default;
    constexpr Bytes size() const { return {end - start}; }
    constexpr bool empty() const { return end <= start; }
};

// What maps a region, where the monitor tells.
enum class RegionKind : std::uint8_t {
    any,        // not told apart
    anonymous,  // private memory without a file, neither of the next two
    heap,       // of brk(2)
    stack,      // of the first thread
    file,       // a file's; its private pages that were written are anonymous, and yet counted here
    shared,     // shared memory without a file on a disk
};

// Adjacent memory that was used alike in one aggregation interval.
struct Region {
    AddressRange range;
    std::uint32_t sampled = 0;   // looks completed; 0: unknown, never to be taken for cold
    std::uint32_t accessed = 0;  // of those, looks that found the page accessed
    std::uint32_t absent = 0;    // of those, looks that found no page there
    std::uint32_t age = 0;       // aggregation intervals for which it has been as it is
    // Something in it had been accessed when its tables were searched last: which of its pages, and
    // how often, samples have to tell.
    bool hit = false;
    RegionKind kind = RegionKind::any;

    constexpr bool operator==(const Region&) const = default;
    constexpr bool known() const { return sampled != 0; }
    constexpr bool nothing_present() const { return sampled != 0 && absent == sampled; }
};

// How often samples found a known region accessed: accessed/sampled, rounded to the nearest part
// per million, but never to 0 where any look found it accessed.
constexpr Share sampled_frequency(const Region& region) {
    if (region.sampled == 0 || region.accessed == 0) return {0};
    const auto ppm =
        (std::uint64_t{region.accessed} * 1'000'000 + region.sampled / 2) / region.sampled;
    return {static_cast<std::uint32_t>(ppm == 0 ? 1 : ppm)};
}

// How often a known region was accessed, as far as anybody can tell: as samples say, but not 0
// where a search found an access that they did not.
constexpr Share frequency(const Region& region) {
    const Share sampled = sampled_frequency(region);
    return sampled.ppm == 0 && region.sampled != 0 && region.hit ? Share{1} : sampled;
}

// Which target, for the life of one monitor.
struct TargetId {
    std::uint64_t value = 0;
    constexpr auto operator<=>(const TargetId&) const = default;
};

// One target in one snapshot.  Regions are sorted by address and do not overlap.
struct TargetSnapshot {
    TargetId id;
    std::int32_t pid = 0;
    std::uint64_t generation = 0;  // grows at each exec: addresses of an older one mean nothing
    bool exited = false;
    bool unseen_accesses = false;  // others map its memory (KVM): "not accessed" may be untrue
    bool denied = false;           // runs a program now that may not be watched
    std::vector<Region> regions;

    bool operator==(const TargetSnapshot&) const = default;
};

// How often a monitor looks, and over how long it counts.
struct Intervals {
    Duration sampling{};
    Duration aggregation{};
    constexpr bool operator==(const Intervals&) const = default;
};

// What a monitor saw in one aggregation interval.
struct Snapshot {
    std::uint64_t sequence = 0;  // from 1; numbers left out were lost
    std::uint64_t lost = 0;      // snapshots lost so far
    Instant time{};              // when the interval ended
    Duration duration{};         // its true length
    Duration sampling_interval{};
    Duration aggregation_interval{};  // the unit of a region's age
    std::uint32_t passes = 0;         // sampling passes made in it
    std::vector<TargetSnapshot> targets;

    bool operator==(const Snapshot&) const = default;
};

}  // namespace damon_schemes

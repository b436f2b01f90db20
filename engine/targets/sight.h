// SPDX-License-Identifier: MIT
// Whether a monitor sees: what it reported of memory that is known to be used all the time.  No
// system call.
#pragma once

#include <cstdint>
#include <string_view>

#include "schemes/observation.h"

namespace damon_schemes {

// The share of samples of the canary's memory that must have found it accessed before a session may
// act.
inline constexpr Share required_sight{900'000};
// Fewer samples than this prove nothing either way.
inline constexpr std::uint64_t required_samples = 40;

enum class SightVerdict {
    too_few_samples,
    not_seen,  // "not accessed" means nothing here: nothing may be acted on
    seen,
};
std::string_view name_of(SightVerdict verdict);

// What was seen of the area in one or more snapshots.
struct Sight {
    std::uint64_t samples = 0;
    std::uint64_t accessed = 0;

    Share share() const;  // 0 without samples
    SightVerdict verdict() const;

    constexpr bool operator==(const Sight&) const = default;
    constexpr Sight& operator+=(const Sight& other) {
        samples += other.samples;
        accessed += other.accessed;
        return *this;
    }
};

// Samples of those of the target's regions that lie within the area as a whole; a region that
// reaches beyond it was sampled outside of it as well, and says nothing.  Regions take some
// snapshots to fit the area, so a session adds up what successive snapshots show, and waits while
// there are too few samples.
Sight sight_of(const Snapshot& snapshot, TargetId target, AddressRange area);

}  // namespace damon_schemes

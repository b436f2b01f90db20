// SPDX-License-Identifier: MIT
// What is to be done after a snapshot, and why everything else is not.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// Why memory that a snapshot showed is not acted on.  The order is the order of the checks: a
// region counts for the first that holds it back.
enum class Reason : std::uint8_t {
    unknown,       // never looked at in this interval
    size,          // the region's size does not match
    frequency,     // accessed more, or less, often than the scheme asks for
    age,           // not so for long enough, or too long
    other_scheme,  // another scheme that matches it too has it (docs/policy.md, 'Several schemes')
    recently_acted,   // this scheme acted on it, or tried to, and its age counts anew from then;
                      // or, for pageout, it has come into memory since
    already_locked,   // this scheme has it locked
    nothing_present,  // every look found no page there (never holds back willneed, which brings
                      // pages in)
    unseen_accesses,  // others map the target's memory, and the policy does not allow for that
    target_denied,    // may not be watched (any more)
    observing_only,   // the session has not proved that it sees
    paused,           // somebody told the schemes to leave it alone for a while
    brake,            // the target's major faults rose: left alone for a while
    guard,            // the target paid for what the scheme did: left alone for a while
    headroom_low,     // too little of memory and swap together can still be had
    swap_low,         // too little swap is free
    zram_poor,        // zram saves too little of what it is given
    unmeasured,       // a control of the policy needs a figure of the machine that is not known
    watermark,        // the scheme rests by its watermarks
    small_target,     // the target has less in memory than min_rss
    filter,           // the scheme's filters reject it
    not_due,          // the apply interval has not passed yet
    floor,            // the target keeps this much in memory
    lock_budget,      // so much of the target is locked already
    quota_bytes,      // the window's bytes are used up
    quota_time,       // the window's time is used up
    quota_goal,       // the goals allow no more in this window
    count_,
};
inline constexpr std::size_t reason_count = static_cast<std::size_t>(Reason::count_);
std::string_view name_of(Reason reason);  // stable, for --json: "quota_bytes"
std::string_view explanation_of(
    Reason reason);  // for people: "the quota of bytes for this window is used up"

// Memory of one target that one scheme wants acted on.
struct PlannedRange {
    std::uint32_t scheme = 0;  // index into the policy's schemes
    std::uint32_t target = 0;  // index into the snapshot's targets
    AddressRange range;
    bool unlock = false;  // of an mlock scheme: what it locked has cooled
};

// What one scheme found in one snapshot, all targets together.  Every byte of every region is in
// `matched` or held back for unknown, size, frequency or age; of a scheme that acts, every matched
// byte is in `planned` or held back for one of the other reasons.
struct SchemeTally {
    std::uint64_t matched_regions = 0;  // met size, frequency and age
    Bytes matched;
    std::uint64_t planned_ranges = 0;
    Bytes planned;
    bool quota_exceeded = false;
    std::array<Bytes, reason_count> held_back{};  // bytes per reason
    Duration idle{};  // with verify: for so long each planned page has to stay idle before it goes
};

// Ranges are grouped by scheme, in the policy's order; within a scheme by target and address,
// starting behind the last address that an exhausted quota let through.  What a scheme unlocks
// again stands behind that, and is in no tally.
struct Plan {
    std::uint64_t sequence = 0;  // of the snapshot
    Instant time{};  // of the snapshot; a plan older than an aggregation interval is stale
    std::vector<PlannedRange> ranges;
    std::vector<SchemeTally> schemes;  // parallel to the policy's
};

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// What one scheme did in a session: what outcomes add up to, for status lines and summaries.
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "engine/actions/executor.h"
#include "schemes/decide/plan.h"
#include "schemes/observation.h"

namespace damon_schemes {

struct SchemeTotals {
    std::uint64_t matched_regions = 0;            // in the newest snapshot
    Bytes matched;                                // likewise
    std::array<Bytes, reason_count> held_back{};  // likewise: what kept how much of it back
    std::uint64_t quota_exceeded = 0;             // snapshots in which a quota cut the plan short
    Bytes planned;                                // since the start, as is all that follows
    Bytes advised;                                // what the system calls said they did
    Bytes paged_out;                              // what really left memory
    std::array<Bytes, gap_count> gaps{};          // where the rest of what was planned is
    std::uint64_t calls = 0;
    Duration spent{};  // in the acting system calls
    Verified verified;
    Bytes confirmed;     // of collapses, flags and locks: what a look afterwards found done
    Bytes grown;         // by collapses: was not in memory before
    Bytes unlocked;      // by mlock schemes, of what they had locked
    RemoteTally remote;  // where targets made the calls themselves
    Bytes watched;       // left for swap, and was looked after for refaults
    Bytes refaulted;     // of that, was back in memory within refaults.window
    std::map<int, std::uint64_t> errors;  // errno of calls that failed → ranges that met it last
};

}  // namespace damon_schemes

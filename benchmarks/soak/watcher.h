// SPDX-License-Identifier: MIT
// Processes that watch victims through sessions, and treat their sessions badly.
#pragma once

#include <cstdint>

#include "benchmarks/soak/ledger.h"

namespace damon_schemes::soak {

// Opens sessions, changes them from two threads at once, reads fast or slowly, and ends in one of
// many ways; most are killed before they get to it.  Any answer that the ABI does not allow is a
// failure in the ledger.
[[noreturn]] void live_as_watcher(Ledger* ledger, std::uint64_t seed);

// A session on one process of its own that nobody disturbs: its snapshots must go on coming, and
// show what is hot.
[[noreturn]] void live_as_steady_watcher(Ledger* ledger);

}  // namespace damon_schemes::soak

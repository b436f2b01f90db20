// SPDX-License-Identifier: MIT
// A process that is watched, and does to its address space whatever a process can.
#pragma once

#include <cstdint>

#include "benchmarks/soak/ledger.h"

namespace damon_schemes::soak {

// A new process that lives as a victim, if there is a place for it.
void bear_victim(Ledger* ledger, int ledger_descriptor);

// Until it has had enough.  Its seed comes from its argument after an exec.
[[noreturn]] void live_as_victim(Ledger* ledger, int ledger_descriptor, std::uint64_t seed);

}  // namespace damon_schemes::soak

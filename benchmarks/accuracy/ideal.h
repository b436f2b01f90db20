// SPDX-License-Identifier: MIT
// The truth of a phase file on a machine that is never too slow, without running it: for
// simulations, of address spaces larger than any memory.
//
// An access with a share of time touches all of its places in every slot; one with a round touches
// as many places in a slot as come due in it, at random places where its order is that.  Processes
// are pids 1, 2, ...; new memory is not touched for being mapped.
#pragma once

#include <cstdint>

#include "benchmarks/accuracy/phase_file.h"
#include "benchmarks/accuracy/truth.h"

namespace damon_schemes::accuracy {

struct IdealOptions {
    std::uint64_t seed = 1;
    Instant begin{};
    Duration slot = std::chrono::milliseconds(10);
    std::uint64_t address = std::uint64_t{1} << 40;  // of the first area
    std::uint64_t gap = 4 << 20;                     // unmapped, between areas
};

Truth ideal_truth(const PhaseFile& file, const IdealOptions& options);

}  // namespace damon_schemes::accuracy

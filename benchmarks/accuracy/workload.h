// SPDX-License-Identifier: MIT
// Uses memory as a phase file says, and writes down what it really touched.
//
// Time is real time: a slow machine makes fewer touches in a phase, not a longer phase.  What is
// written down is what was done, slot by slot, as it was done.  Nothing is allocated meanwhile: the
// record lies in memory of its own, which the truth names as excluded.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "benchmarks/accuracy/phase_file.h"
#include "benchmarks/accuracy/truth.h"

namespace damon_schemes::accuracy {

struct WorkloadOptions {
    std::uint64_t seed = 1;
    Duration slot = std::chrono::milliseconds(10);
    std::string folder = "/tmp";  // for areas that are files, and for what children tell
};

// Belongs to one thread, of a process without others: it forks.
class Workload {
  public:
    // Maps the areas and touches every page of them once.  Throws std::runtime_error where the
    // machine cannot do it, as where it makes no huge pages.
    Workload(PhaseFile file, WorkloadOptions options);
    ~Workload();
    Workload(const Workload&) = delete;
    Workload& operator=(const Workload&) = delete;

    // What of an area is mapped now, by its number in the phase file.
    AddressRange mapped(std::size_t area) const;
    // All phases, from now on, children included.  Once.  Throws like the constructor.
    Truth run();

  private:
    class Program;
    std::unique_ptr<Program> program_;
};

}  // namespace damon_schemes::accuracy

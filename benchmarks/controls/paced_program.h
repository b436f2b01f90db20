// SPDX-License-Identifier: MIT
// A program that touches each of its pages at a pace that is set beforehand, and says how long that
// took it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "schemes/observation.h"

namespace damon_schemes::bench {

template <typename Shared>
class SharingChild;

// For `length` each page is touched once in its period; zero: never.
struct PacedPhase {
    Duration length{};
    std::vector<Duration> periods;  // one a page
};

// Phases follow each other, from the first again after the last.  All have as many pages.
using Pacing = std::vector<PacedPhase>;

// So many pages of one period behind what is there already.
void append(PacedPhase& phase, std::size_t pages, Duration period);

// A child process; killed and reaped when it goes.  Its memory is all there before it begins, and
// holds what can be checked.
class PacedProgram {
  public:
    explicit PacedProgram(const Pacing& pacing);
    ~PacedProgram();
    PacedProgram(const PacedProgram&) = delete;
    PacedProgram& operator=(const PacedProgram&) = delete;

    pid_t pid() const;

    struct Progress {
        std::uint64_t touches = 0;
        Duration touching{};      // time that they took it, with every wait for a page
        std::uint64_t wrong = 0;  // pages that did not hold what was written to them
    };
    Progress progress() const;

  private:
    struct Shared;
    [[noreturn]] static void live(const Pacing& pacing, Shared& shared);

    std::unique_ptr<SharingChild<Shared>> child_;
};

}  // namespace damon_schemes::bench

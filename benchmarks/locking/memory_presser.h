// SPDX-License-Identifier: MIT
// A program that uses more memory than there is, over and over.
#pragma once

#include <cstdint>
#include <memory>

#include "schemes/observation.h"

namespace damon_schemes::bench {

template <typename Shared>
class SharingChild;

// A child process; killed and reaped when it goes.
class MemoryPresser {
  public:
    // Begins at once: fills so much memory, then uses one page after the other, round and round.
    // Throws std::runtime_error.
    explicit MemoryPresser(Bytes size);
    ~MemoryPresser();
    MemoryPresser(const MemoryPresser&) = delete;
    MemoryPresser& operator=(const MemoryPresser&) = delete;

    bool running() const;
    bool filled() const;
    std::uint64_t pages_used() const;  // since it was filled

  private:
    struct Shared;
    [[noreturn]] static void live(Bytes size, Shared& shared);

    std::unique_ptr<SharingChild<Shared>> child_;
};

}  // namespace damon_schemes::bench

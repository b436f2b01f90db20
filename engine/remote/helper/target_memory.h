// SPDX-License-Identifier: MIT
// /proc/PID/mem of a target, for reading.  It stays with the address space that the process had
// when it was opened: after an exec nothing can be read by it any more, which tells the two apart.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "engine/remote/x86_64.h"

namespace damon_schemes::helper {

class TargetMemory {
  public:
    explicit TargetMemory(int descriptor) : descriptor_(descriptor) {}

    enum class Found : std::uint8_t {
        yes,
        no,        // something else is there, or nothing
        replaced,  // the address space is no more
    };
    Found call_instruction_at(std::uint64_t address) const;
    // The length of a call's time-out in ns; 0: it has none, or it cannot be read.
    std::uint64_t length_of(const architecture::Timeout& timeout) const;
    bool read(std::uint64_t address, void* to, std::size_t size) const;

  private:
    int descriptor_;  // borrowed
};

}  // namespace damon_schemes::helper

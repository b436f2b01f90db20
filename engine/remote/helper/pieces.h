// SPDX-License-Identifier: MIT
// How much memory one call may be given, so that it ends in time: learnt from what calls took.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/remote/remote_caller.h"

namespace damon_schemes::helper {

class Pieces {
  public:
    // Bytes, whole pages, at least one: what is expected to be done within `ns`; where not even a
    // page is, what takes at most twice as long as that page.
    std::uint64_t size(RemoteOperation operation, std::uint64_t ns) const;
    // What a call takes at least.
    std::uint64_t least_ns(RemoteOperation operation) const {
        return rates_[of(operation)].call_ns;
    }
    void learn(RemoteOperation operation, std::uint64_t bytes, std::uint64_t ns);

  private:
    static constexpr std::size_t of(RemoteOperation operation) {
        return static_cast<std::size_t>(operation);
    }
    struct Rate {
        std::uint64_t call_ns = 20'000;     // of a call on a page
        std::uint64_t page_ns = 1'000;      // of each further one
        std::uint64_t largest = 256 << 10;  // not more than a multiple of what was tried before
    };
    Rate rates_[static_cast<std::size_t>(RemoteOperation::munlock) + 1] = {};
};

}  // namespace damon_schemes::helper

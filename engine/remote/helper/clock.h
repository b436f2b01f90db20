// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <ctime>

namespace damon_schemes::helper {

// CLOCK_MONOTONIC, in ns.
inline std::uint64_t now_ns() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace damon_schemes::helper

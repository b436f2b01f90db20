// SPDX-License-Identifier: MIT
// The result file that the kernel writes, taken apart by hand.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace damon_schemes::vm {

struct ResultRegion {
    std::uint64_t start = 0, end = 0;
    std::uint32_t nr_accesses = 0;
};

struct ResultTarget {
    std::int32_t pid = 0;
    std::vector<ResultRegion> regions;
};

struct ResultInterval {
    std::int64_t seconds = 0, nanoseconds = 0;
    std::vector<ResultTarget> targets;
};

// Whether it begins with the header of version 1, and is whole records behind that, is checked:
// throws std::runtime_error otherwise.
std::vector<ResultInterval> parse_result(const std::string& bytes);

}  // namespace damon_schemes::vm

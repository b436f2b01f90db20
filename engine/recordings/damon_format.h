// SPDX-License-Identifier: MIT
// DAMON's record files, as its patches up to v16 and its user-space tool have them: the machine's
// byte order, nothing aligned.
//
//     versions 1 and 2:  char magic[16], s32 version
//     then, each aggregation interval:  s64 seconds, s64 nanoseconds, u32 targets
//         each target:  u64 pid (version 0), s32 pid (1) or u64 id (2); u32 regions
//             each region:  u64 start, u64 end, u32 nr_accesses
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string_view>

#include "schemes/observation.h"

namespace damon_schemes {

inline constexpr std::string_view damon_magic = "damon_recfmt_ver";
inline constexpr std::size_t damon_header_size = 16 + 4;
inline constexpr std::size_t damon_snapshot_size = 8 + 8 + 4;
inline constexpr std::size_t damon_region_size = 8 + 8 + 4;

// An id of version 0 or 2 that can be a pid is taken for one (PID_MAX_LIMIT of 64-bit kernels).
inline constexpr std::uint64_t greatest_pid = std::uint64_t{1} << 22;

// The greatest nr_accesses: looks in an aggregation interval.
inline std::uint32_t looks_in(Duration aggregation, Duration sampling) {
    if (sampling <= Duration::zero()) return 1;
    return static_cast<std::uint32_t>(std::clamp<Duration::rep>(
        aggregation / sampling, 1, std::numeric_limits<std::int32_t>::max()));
}

}  // namespace damon_schemes

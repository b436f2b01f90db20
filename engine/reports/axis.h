// SPDX-License-Identifier: MIT
// Round steps and short marks for the axes of pictures.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schemes/observation.h"

namespace damon_schemes {

// The least round step of time that cuts `total` into at most `most` parts.
Duration round_step(Duration total, double most);
// The same of bytes: powers of two; and of counts: 1, 2, 5 times a power of ten.
Bytes round_step(Bytes total, double most);
std::uint64_t round_step(std::uint64_t total, double most);

// The round times from `from` to `to` that are at least a `most`-th of that apart.
std::vector<Duration> time_marks(Duration from, Duration to, double most);
// The multiples of `step` from 0 to `greatest`.
std::vector<std::uint64_t> multiples(std::uint64_t step, std::uint64_t greatest);

// "0", "20 s", "1:30", "5 min", "2 h"; with "ms" where it is less than a second.
std::string time_mark(Duration at);
// readable() without a decimal where there is none to show: "64 MiB", "1.5 GiB".
std::string size_mark(Bytes bytes);

}  // namespace damon_schemes

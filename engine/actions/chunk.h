// SPDX-License-Identifier: MIT
// How memory is cut into pieces that one system call may take.  Plain functions, any thread.
#pragma once

#include <functional>

#include "schemes/observation.h"

namespace damon_schemes {

inline constexpr Bytes huge_page_size = mebibytes(2);
// Each range of a call holds the target's mmap lock for its whole length, so a target that maps
// memory meanwhile waits that long.
inline constexpr Bytes largest_chunk = mebibytes(4);
inline constexpr Bytes smallest_chunk = kibibytes(256);

// Whether a huge page backs any of the 2 MiB that start at this address (aligned to 2 MiB).
using HugePageAt = std::function<bool(std::uint64_t block)>;

struct Untorn {
    AddressRange range;  // may be empty
    Bytes cut;           // what was taken off at either end
};
// Takes off either end what would tear a huge page in two; the inside of a range tears none.  Asks
// at most twice, and only for ends that are not aligned to 2 MiB.
Untorn without_torn_huge_pages(AddressRange range, const HugePageAt& huge_page_at);

// The first chunk of a non-empty range: at most `limit` (between smallest_chunk and largest_chunk),
// except that it ends at a 2 MiB border where it would else end within a huge page.
AddressRange first_chunk(AddressRange range, Bytes limit, const HugePageAt& huge_page_at);

// How much a call should take so that it lasts about 20 ms, from what the last one did.
Bytes next_chunk_limit(Bytes limit, Bytes done, Duration spent);

}  // namespace damon_schemes

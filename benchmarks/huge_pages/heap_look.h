// SPDX-License-Identifier: MIT
// What a sparse heap takes of the machine, and which of its hot memory huge pages hold.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "benchmarks/huge_pages/heap_layout.h"
#include "benchmarks/huge_pages/sparse_heap.h"
#include "engine/actions/pagemap.h"
#include "engine/targets/process.h"
#include "schemes/observation.h"

namespace damon_schemes::bench {

struct HeapLook {
    // Of the machine: MemTotal - MemFree, as the published evaluation counts, less what lies free
    // in the processors' own lists, which MemFree leaves out (each collapse frees hundreds of pages
    // into them, and khugepaged makes the kernel keep them long).  It holds zram's own memory, and
    // the engine's.
    Bytes used;
    Bytes in_lists;  // free pages in the processors' lists
    Bytes available;
    Bytes zram;
    // Of the program.
    Bytes rss;
    Bytes swapped;
    Bytes anonymous_huge;  // AnonHugePages: what is mapped by entries of 2 MiB
    std::uint64_t minor_faults = 0;
    std::uint64_t major_faults = 0;
    // Of its heap.
    Bytes huge_blocks;  // of 2 MiB that one huge page holds
    Bytes hot;          // in the phase that it is in
    Bytes hot_on_huge;  // of that, what those hold
    std::uint64_t accesses = 0;

    nlohmann::json json() const;
};

// The free pages that processors keep in lists of their own, by /proc/zoneinfo's text.
Bytes pages_in_lists(std::string_view zoneinfo);

// Needs root: frames' flags say what is a huge page.
class HeapWatch {
  public:
    // Borrowed, both.  Throws std::runtime_error.
    HeapWatch(const SparseHeap& heap, const HeapLayout& layout);
    HeapLook look();

  private:
    bool is_huge(AddressRange block);

    const SparseHeap& heap_;
    const HeapLayout& layout_;
    Descriptor folder_;
    std::optional<Pagemap> pagemap_;
    std::optional<FrameFlags> flags_;
};

}  // namespace damon_schemes::bench

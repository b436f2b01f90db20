// SPDX-License-Identifier: MIT
// A program that lets a sparse heap grow, and uses what is hot of it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "benchmarks/huge_pages/heap_layout.h"
#include "schemes/observation.h"

namespace damon_schemes::bench {

template <typename Shared>
class SharingChild;

// A child process; killed and reaped when it goes.  Its pages hold what can be checked.  It asks
// for no huge pages: that is left to the machine's setting, and to who watches it.
class SparseHeap {
  public:
    // The heap is mapped when it returns, and nothing of it is used.  `layout` is borrowed.
    // Throws std::runtime_error.
    explicit SparseHeap(const HeapLayout& layout);
    ~SparseHeap();
    SparseHeap(const SparseHeap&) = delete;
    SparseHeap& operator=(const SparseHeap&) = delete;

    pid_t pid() const;
    int pidfd() const;
    // Where the first block begins, at a multiple of its size.
    std::uint64_t base() const;

    // Lets it grow, its blocks in random order, evenly in that time; what is hot in the first phase
    // is used from then on.
    void begin(Duration growth);
    bool grown() const;
    // From now on that phase's; the heap has grown.
    void enter(std::size_t phase);
    std::size_t phase() const;

    struct Progress {
        std::uint64_t accesses = 0;  // to hot pages
        std::uint64_t wrong = 0;     // of those, pages that did not hold what was written to them
    };
    Progress progress() const;
    // Ends the accesses, reads every used page, and says how many did not hold what was written.
    // It does nothing after that.
    std::uint64_t check();

  private:
    struct Shared;
    [[noreturn]] static void live(const HeapLayout& layout, Shared& shared);

    std::unique_ptr<SharingChild<Shared>> child_;
};

}  // namespace damon_schemes::bench

// SPDX-License-Identifier: MIT
// Where the used pages of a large, sparsely filled heap are, and which of them are hot when.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "schemes/observation.h"

namespace damon_schemes::bench {

inline constexpr Bytes block_size = mebibytes(2);  // what one huge page holds
inline constexpr Bytes page_size = kibibytes(4);
inline constexpr std::size_t pages_of_block = block_size.count / page_size.count;

// Objects that are used together lie together, as allocators place them that reuse what was freed
// last: most hot pages are in dense blocks.  Some blocks are dense and hot at another time.  What
// is sparse is what remained of blocks in which most was freed again.
struct HeapShape {
    std::size_t hot_blocks = 16;  // in each phase
    std::size_t sparse_blocks = 460;
    // Pages used of a block, from one at random to the other.
    std::size_t dense_least = pages_of_block * 8 / 10;
    std::size_t dense_most = pages_of_block;
    std::size_t sparse_least = 1;
    std::size_t sparse_most = pages_of_block / 2;
    // Hot pages that strayed into sparse blocks, of 1,000 hot ones, and into how many blocks at
    // most.
    std::size_t strays_per_mille = 20;
    std::size_t stray_blocks = 64;
    std::uint64_t seed = 1;
};

// What is hot in one phase; sorted, both.
struct HotSet {
    std::vector<std::uint32_t> pages;
    std::vector<std::uint32_t> blocks;  // those that are hot and dense

    Bytes bytes() const { return {pages.size() * page_size.count}; }
};

struct HeapLayout {
    static constexpr std::size_t phase_count = 2;

    std::size_t blocks = 0;
    std::vector<std::uint32_t> used;  // page numbers from the heap's begin, sorted
    // Of the dense blocks another half each; the strays are hot all the time.
    std::array<HotSet, phase_count> hot;

    Bytes heap_bytes() const { return {blocks * block_size.count}; }
    Bytes used_bytes() const { return {used.size() * page_size.count}; }
};

// The same for the same shape.  Dense blocks stand singly among the sparse ones.
HeapLayout lay_out(const HeapShape& shape);

}  // namespace damon_schemes::bench

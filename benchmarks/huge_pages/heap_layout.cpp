// SPDX-License-Identifier: MIT
#include "benchmarks/huge_pages/heap_layout.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "benchmarks/random.h"

namespace damon_schemes::bench {
namespace {

// So many different numbers below `bound`, in random order.
std::vector<std::uint32_t> some_of(std::size_t bound, std::size_t count, Random& random) {
    std::vector<std::uint32_t> numbers(bound);
    std::iota(numbers.begin(), numbers.end(), 0U);
    for (std::size_t left = bound; left > 1; --left)
        std::swap(numbers[left - 1], numbers[random.below(left)]);
    numbers.resize(std::min(count, bound));
    return numbers;
}

std::size_t between(std::size_t least, std::size_t most, Random& random) {
    return least + random.below(most - least + 1);
}

constexpr std::size_t sparse = HeapLayout::phase_count;

}  // namespace

HeapLayout lay_out(const HeapShape& shape) {
    Random random(shape.seed);
    HeapLayout layout;
    const std::size_t dense_blocks = shape.hot_blocks * HeapLayout::phase_count;
    layout.blocks = dense_blocks + shape.sparse_blocks;

    // Which phase each block is hot in.
    std::vector<std::size_t> phase_of(layout.blocks, sparse);
    const auto order = some_of(layout.blocks, layout.blocks, random);
    for (std::size_t i = 0; i < dense_blocks; ++i) phase_of[order[i]] = i % HeapLayout::phase_count;
    std::vector<bool> takes_strays(layout.blocks);
    for (std::size_t i = dense_blocks;
         i < std::min(layout.blocks, dense_blocks + shape.stray_blocks); ++i)
        takes_strays[order[i]] = true;

    std::vector<std::uint32_t> strays;
    for (std::uint32_t block = 0; block < layout.blocks; ++block) {
        const std::size_t phase = phase_of[block];
        const std::size_t count = phase == sparse
                                      ? between(shape.sparse_least, shape.sparse_most, random)
                                      : between(shape.dense_least, shape.dense_most, random);
        if (phase != sparse) layout.hot[phase].blocks.push_back(block);
        for (const std::uint32_t page : some_of(pages_of_block, count, random)) {
            const auto number = static_cast<std::uint32_t>(block * pages_of_block + page);
            layout.used.push_back(number);
            if (phase != sparse) layout.hot[phase].pages.push_back(number);
            if (takes_strays[block]) strays.push_back(number);
        }
    }
    std::sort(layout.used.begin(), layout.used.end());
    const std::size_t most = layout.hot[0].pages.size() * shape.strays_per_mille / 1000;
    const auto chosen = some_of(strays.size(), most, random);
    for (HotSet& hot : layout.hot) {
        for (const std::uint32_t which : chosen) hot.pages.push_back(strays[which]);
        std::sort(hot.pages.begin(), hot.pages.end());
    }
    return layout;
}

}  // namespace damon_schemes::bench

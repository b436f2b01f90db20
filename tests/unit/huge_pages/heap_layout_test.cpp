// SPDX-License-Identifier: MIT
#include "benchmarks/huge_pages/heap_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace damon_schemes::bench {
namespace {

using testing::SizeIs;

std::map<std::uint32_t, std::size_t> pages_by_block(const std::vector<std::uint32_t>& pages) {
    std::map<std::uint32_t, std::size_t> counts;
    for (const std::uint32_t page : pages) ++counts[page / pages_of_block];
    return counts;
}

// What docs/results says of the heap.
TEST(HeapLayout, ATenthOfWhatIsUsedIsHotInEachPhase) {
    const HeapLayout layout = lay_out({});
    for (const HotSet& hot : layout.hot) {
        const double share =
            static_cast<double>(hot.bytes().count) / static_cast<double>(layout.used_bytes().count);
        EXPECT_NEAR(share, 0.1, 0.01);
    }
    // Filled with huge pages it would take more than three times as much.
    EXPECT_GT(layout.heap_bytes().count, layout.used_bytes().count * 3);
}

TEST(HeapLayout, HotBlocksAreDenseAndTheOthersAreNot) {
    const HeapShape shape;
    const HeapLayout layout = lay_out(shape);
    auto used = pages_by_block(layout.used);
    std::set<std::uint32_t> dense;
    for (const HotSet& hot : layout.hot) {
        EXPECT_THAT(hot.blocks, SizeIs(shape.hot_blocks));
        for (const std::uint32_t block : hot.blocks) {
            EXPECT_TRUE(dense.insert(block).second) << "hot in both phases";
            EXPECT_GE(used[block], shape.dense_least);
        }
    }
    for (const auto& [block, count] : used) {
        if (dense.contains(block)) continue;
        EXPECT_LE(count, shape.sparse_most);
    }
    EXPECT_THAT(used, SizeIs(layout.blocks));
}

TEST(HeapLayout, WhatIsHotIsUsedAndStraysAreFew) {
    const HeapShape shape;
    const HeapLayout layout = lay_out(shape);
    for (const HotSet& hot : layout.hot) {
        EXPECT_TRUE(std::is_sorted(hot.pages.begin(), hot.pages.end()));
        EXPECT_EQ(std::adjacent_find(hot.pages.begin(), hot.pages.end()), hot.pages.end());
        EXPECT_TRUE(std::includes(layout.used.begin(), layout.used.end(), hot.pages.begin(),
                                  hot.pages.end()));
        const auto astray = std::count_if(hot.pages.begin(), hot.pages.end(), [&](auto page) {
            return !std::binary_search(hot.blocks.begin(), hot.blocks.end(), page / pages_of_block);
        });
        EXPECT_GT(astray, 0);
        EXPECT_LT(static_cast<double>(astray), 0.025 * static_cast<double>(hot.pages.size()));
    }
}

TEST(HeapLayout, ASeedRepeatsIt) {
    HeapShape shape;
    const HeapLayout once = lay_out(shape);
    EXPECT_EQ(lay_out(shape).used, once.used);
    shape.seed = 2;
    EXPECT_NE(lay_out(shape).used, once.used);
}

}  // namespace
}  // namespace damon_schemes::bench

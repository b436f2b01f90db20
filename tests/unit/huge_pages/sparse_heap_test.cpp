// SPDX-License-Identifier: MIT
#include "benchmarks/huge_pages/sparse_heap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "engine/actions/pagemap.h"

namespace damon_schemes::bench {
namespace {

using namespace std::chrono_literals;

HeapShape small() {
    HeapShape shape;
    shape.hot_blocks = 2;
    shape.sparse_blocks = 6;
    return shape;
}

void wait_until_grown(const SparseHeap& heap) {
    while (!heap.grown()) std::this_thread::sleep_for(1ms);
}

// The pages of the heap that are in memory, by their number.
std::vector<std::uint32_t> present_pages(const SparseHeap& heap, const HeapLayout& layout) {
    const auto folder = open_process_folder(heap.pid(), heap.pidfd(), "/proc");
    const auto pagemap = Pagemap::open(folder->get());
    std::vector<PagemapEntry> entries;
    pagemap->read({heap.base(), heap.base() + layout.heap_bytes().count}, page_size, entries);
    std::vector<std::uint32_t> pages;
    for (std::uint32_t page = 0; page < entries.size(); ++page)
        if (entries[page].present() || entries[page].swapped()) pages.push_back(page);
    return pages;
}

TEST(SparseHeapTest, UsesNothingBeforeItBegins) {
    const HeapLayout layout = lay_out(small());
    const SparseHeap heap(layout);
    EXPECT_EQ(heap.base() % block_size.count, 0U);
    EXPECT_TRUE(present_pages(heap, layout).empty());
    EXPECT_EQ(heap.progress().accesses, 0U);
}

// Where the machine gives huge pages to all that ask for nothing, more is there than was used.
TEST(SparseHeapTest, UsesWhatItsLayoutSays) {
    const HeapLayout layout = lay_out(small());
    SparseHeap heap(layout);
    heap.begin(50ms);
    wait_until_grown(heap);
    const auto present = present_pages(heap, layout);
    EXPECT_TRUE(
        std::includes(present.begin(), present.end(), layout.used.begin(), layout.used.end()));
}

TEST(SparseHeapTest, GoesOnInTheNextPhaseAndKeepsItsPages) {
    const HeapLayout layout = lay_out(small());
    SparseHeap heap(layout);
    heap.begin(1ms);
    wait_until_grown(heap);
    for (const std::size_t phase : {0U, 1U}) {
        heap.enter(phase);
        EXPECT_EQ(heap.phase(), phase);
        const auto before = heap.progress().accesses;
        while (heap.progress().accesses < before + 10'000) std::this_thread::sleep_for(1ms);
    }
    EXPECT_EQ(heap.progress().wrong, 0U);
    EXPECT_EQ(heap.check(), 0U);
}

}  // namespace
}  // namespace damon_schemes::bench

// SPDX-License-Identifier: MIT
#include "benchmarks/huge_pages/sparse_heap.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "benchmarks/random.h"
#include "benchmarks/sharing_child.h"

namespace damon_schemes::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t words_of_page = page_size.count / sizeof(std::uint64_t);
constexpr std::uint64_t accesses_at_once = 4096;

// The heap, as its program sees it.  The first word of a page names it, the first half holds noise,
// so that compressed swap has something to do, and the second half is what is counted in.
class Heap {
  public:
    explicit Heap(void* begin) : words_(static_cast<volatile std::uint64_t*>(begin)) {}

    void fill(std::uint32_t page, Random& random) {
        volatile std::uint64_t* words = at(page);
        words[0] = name(page);
        for (std::size_t i = 1; i < words_of_page / 2; ++i) words[i] = random.next();
    }
    // Whether it is the page that it should be.
    bool use(std::uint32_t page, std::uint64_t where) {
        volatile std::uint64_t* words = at(page);
        const std::size_t word = words_of_page / 2 + where % (words_of_page / 2);
        words[word] = words[word] + 1;
        return holds(page);
    }
    bool holds(std::uint32_t page) { return at(page)[0] == name(page); }

  private:
    volatile std::uint64_t* at(std::uint32_t page) { return words_ + page * words_of_page; }
    static std::uint64_t name(std::uint32_t page) { return page * 0x9e3779b97f4a7c15ULL + 1; }

    volatile std::uint64_t* words_;
};

// A place that huge pages fit in exactly; nullptr: there is no room.
void* map_heap(Bytes size) {
    const std::size_t length = size.count + block_size.count;
    void* memory = mmap(nullptr, length, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    char* from = static_cast<char*>(memory);
    const std::size_t before =
        (block_size.count - reinterpret_cast<std::uintptr_t>(from) % block_size.count) %
        block_size.count;
    if (before != 0) munmap(from, before);
    if (before != block_size.count) munmap(from + before + size.count, block_size.count - before);
    return from + before;
}

}  // namespace

struct SparseHeap::Shared {
    std::atomic<std::uint64_t> base{0};
    std::atomic<std::int64_t> growth_ns{0};  // 0: it has not begun
    std::atomic<bool> grown{false};
    std::atomic<std::size_t> phase{0};
    std::atomic<std::uint64_t> accesses{0};
    std::atomic<std::uint64_t> wrong{0};
    std::atomic<bool> check{false};
    std::atomic<bool> checked{false};
    std::atomic<std::uint64_t> lost{0};
};

void SparseHeap::live(const HeapLayout& layout, Shared& shared) {
    void* begin = map_heap(layout.heap_bytes());
    if (begin == nullptr) _exit(1);
    Heap heap(begin);
    Random random(layout.used.size());

    // Blocks come in random order, and each whole: a program fills what it allocates.
    std::vector<std::vector<std::uint32_t>> blocks(layout.blocks);
    for (const std::uint32_t page : layout.used) blocks[page / pages_of_block].push_back(page);
    std::vector<std::uint32_t> order(layout.blocks);
    std::iota(order.begin(), order.end(), 0U);
    for (std::size_t left = order.size(); left > 1; --left)
        std::swap(order[left - 1], order[random.below(left)]);
    std::vector<bool> is_hot(layout.blocks * pages_of_block);
    for (const std::uint32_t page : layout.hot[0].pages) is_hot[page] = true;
    std::vector<std::uint32_t> hot;  // of the first phase, as far as it is there
    hot.reserve(layout.hot[0].pages.size());
    shared.base = reinterpret_cast<std::uintptr_t>(begin);

    while (shared.growth_ns == 0) usleep(10'000);
    const auto began = Clock::now();
    const auto growth = std::chrono::nanoseconds(shared.growth_ns);
    std::size_t filled = 0;
    const auto fill_what_is_due = [&] {
        const auto blocks_in_all = static_cast<std::int64_t>(order.size());
        while (filled < order.size() &&
               Clock::now() - began >= growth * static_cast<std::int64_t>(filled) / blocks_in_all) {
            for (const std::uint32_t page : blocks[order[filled]]) {
                heap.fill(page, random);
                if (is_hot[page]) hot.push_back(page);
            }
            if (++filled == order.size()) shared.grown = true;
        }
    };
    while (!shared.check) {
        fill_what_is_due();
        const std::size_t phase = shared.phase;
        const std::vector<std::uint32_t>& pages = phase == 0 ? hot : layout.hot[phase].pages;
        if (pages.empty()) {
            usleep(1000);
            continue;
        }
        std::uint64_t wrong = 0;
        for (std::uint64_t i = 0; i < accesses_at_once; ++i) {
            const std::uint64_t number = random.next();
            wrong += !heap.use(pages[(number >> 32) % pages.size()], number);
        }
        shared.accesses += accesses_at_once;
        shared.wrong += wrong;
    }
    for (const std::uint32_t page : layout.used) shared.lost += !heap.holds(page);
    shared.checked = true;
    for (;;) pause();
}

SparseHeap::SparseHeap(const HeapLayout& layout)
    : child_(std::make_unique<SharingChild<Shared>>(
          "sparse-heap", [&](Shared& shared) { live(layout, shared); })) {
    child_->wait_for([this] { return child_->shared().base != 0; },
                     "the program ended before it could map its heap");
}

SparseHeap::~SparseHeap() = default;

pid_t SparseHeap::pid() const {
    return child_->pid();
}

int SparseHeap::pidfd() const {
    return child_->pidfd();
}

std::uint64_t SparseHeap::base() const {
    return child_->shared().base;
}

void SparseHeap::begin(Duration growth) {
    child_->shared().growth_ns = std::max<std::int64_t>(1, growth.count());
}

bool SparseHeap::grown() const {
    return child_->shared().grown;
}

void SparseHeap::enter(std::size_t phase) {
    child_->shared().phase = phase;
}

std::size_t SparseHeap::phase() const {
    return child_->shared().phase;
}

SparseHeap::Progress SparseHeap::progress() const {
    return {child_->shared().accesses, child_->shared().wrong};
}

std::uint64_t SparseHeap::check() {
    child_->shared().check = true;
    child_->wait_for([this] { return child_->shared().checked.load(); },
                     "the program ended before it could check its pages");
    return child_->shared().lost;
}

}  // namespace damon_schemes::bench

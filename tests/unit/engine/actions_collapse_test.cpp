// SPDX-License-Identifier: MIT
// Which memory of a child becomes huge pages, which does not, and what it grows by.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <cerrno>
#include <cstring>
#include <functional>

#include "engine/actions/advice_call.h"
#include "engine/actions/collapse.h"
#include "engine/actions/mapped_request.h"
#include "tests/unit/engine/outcomes.h"
#include "tests/unit/engine/own_child.h"

namespace damon_schemes {
namespace {

using testing::gap;
using testing::OwnChild;
using testing::sum_of_gaps;

constexpr std::uint64_t mib = 1 << 20;
constexpr std::uint64_t block = 2 * mib;
constexpr std::uint64_t page = 4096;

// 2 MiB aligned memory, of each of whose blocks so many pages are there; no huge pages yet. Not by
// MADV_NOHUGEPAGE and MADV_HUGEPAGE in turn: the latter hands it to khugepaged, which would make
// huge pages of it before we do.
std::uint64_t sparse_memory(std::uint64_t blocks,
                            const std::function<std::uint64_t(std::uint64_t)>& pages) {
    void* mapped = ::mmap(nullptr, (blocks + 2) * block, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) return 0;
    const std::uint64_t start = (reinterpret_cast<std::uint64_t>(mapped) + block) / block * block;
    void* memory = reinterpret_cast<void*>(start);
    ::mprotect(memory, blocks * block, PROT_READ | PROT_WRITE);
    ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    for (std::uint64_t i = 0; i < blocks; ++i)
        for (std::uint64_t at = 0; at < pages(i); ++at)
            *reinterpret_cast<volatile char*>(start + i * block + at * page) = 1;
    ::prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
    return start;
}
std::uint64_t full_memory(std::uint64_t blocks) {
    return sparse_memory(blocks, [](std::uint64_t) { return block / page; });
}

Scheme collapsing() {
    Scheme scheme;
    scheme.name = "hot";
    scheme.action = Action::collapse;
    return scheme;
}

ActionRequest request_for(const OwnChild& child, const Scheme& scheme, std::uint64_t from,
                          std::uint64_t to) {
    ActionRequest request;
    request.action = Action::collapse;
    request.pid = child.pid();
    request.pidfd = child.pidfd();
    request.target = {static_cast<std::uint64_t>(child.pid())};
    request.generation = 1;
    request.ranges = {{child.address() + from, child.address() + to}};
    request.scheme = std::make_shared<const Scheme>(scheme);
    return request;
}

// Whether the kernel had no huge page for some of it, which says nothing of us.
bool was_short(const ActionOutcome& outcome) {
    return gap(outcome, Gap::refused).count > 0 &&
           (outcome.last_errno == ENOMEM || outcome.last_errno == EAGAIN ||
            outcome.last_errno == EBUSY);
}

#define SKIP_WHERE_SHORT(outcome)                                                            \
    do {                                                                                     \
        if (was_short(outcome)) GTEST_SKIP() << "huge pages were to be had for a part only"; \
    } while (false)

class CollapseTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!try_advice().collapse.value_or(false))
            GTEST_SKIP() << "this kernel takes no MADV_COLLAPSE of other processes here";
        const OwnChild child([] { return full_memory(1); });
        const auto outcome = Collapse().execute(request_for(child, collapsing(), 0, block), {})[0];
        if (outcome.confirmed.count == 0) GTEST_SKIP() << "no huge page is to be had here";
    }
    ActionOutcome collapse(const ActionRequest& request) {
        return executor_.execute(request, {})[0];
    }
    Collapse executor_;
};

TEST_F(CollapseTest, WholeBlocksBecomeHugeAndOnlyOnce) {
    const OwnChild child([] { return full_memory(4); });
    const auto outcome = collapse(request_for(child, collapsing(), 0, 4 * block));
    SKIP_WHERE_SHORT(outcome);
    EXPECT_EQ(outcome.advised, mebibytes(8));
    EXPECT_EQ(outcome.confirmed, mebibytes(8));
    EXPECT_EQ(outcome.grown, Bytes{});
    EXPECT_EQ(outcome.calls, 4U);
    EXPECT_EQ(sum_of_gaps(outcome), Bytes{});
    const auto again = collapse(request_for(child, collapsing(), 0, 4 * block));
    EXPECT_EQ(gap(again, Gap::already), mebibytes(8));
    EXPECT_EQ(again.calls, 0U);
}

TEST_F(CollapseTest, ABlockIsMeantWhereHalfOfItIs) {
    const OwnChild child([] { return full_memory(3); });
    const auto outcome =
        collapse(request_for(child, collapsing(), mib / 2, 2 * block + mib - page));
    SKIP_WHERE_SHORT(outcome);
    EXPECT_EQ(outcome.confirmed, Bytes{block + 3 * mib / 2});
    EXPECT_EQ(gap(outcome, Gap::not_whole), Bytes{mib - page});
    EXPECT_EQ(outcome.confirmed + sum_of_gaps(outcome), outcome.asked);
    const auto rest = collapse(request_for(child, collapsing(), 2 * block, 3 * block));
    SKIP_WHERE_SHORT(rest);
    EXPECT_EQ(rest.confirmed, mebibytes(2)) << "so it was not one before";
}

TEST_F(CollapseTest, ABlockThatNoMappingHoldsWholeIsLeft) {
    const OwnChild child([] {
        const std::uint64_t start = full_memory(2);
        ::mprotect(reinterpret_cast<void*>(start + block), page, PROT_READ);
        return start;
    });
    const auto outcome = collapse(request_for(child, collapsing(), 0, 2 * block));
    SKIP_WHERE_SHORT(outcome);
    EXPECT_EQ(outcome.confirmed, mebibytes(2));
    EXPECT_EQ(gap(outcome, Gap::not_whole), mebibytes(2));
}

TEST_F(CollapseTest, WhatIsSparseOrAbsentIsLeft) {
    const OwnChild child([] {
        return sparse_memory(3, [](std::uint64_t i) { return std::uint64_t{256} * i - (i == 1); });
    });
    // Of 512 pages 0, 255 and 512 are there.
    const auto outcome = collapse(request_for(child, collapsing(), 0, 3 * block));
    SKIP_WHERE_SHORT(outcome);
    EXPECT_EQ(gap(outcome, Gap::absent), mebibytes(2));
    EXPECT_EQ(gap(outcome, Gap::sparse), mebibytes(2));
    EXPECT_EQ(outcome.confirmed, mebibytes(2));
    Scheme scheme = collapsing();
    scheme.present = Share{400'000};
    const auto more = collapse(request_for(child, scheme, 0, 2 * block));
    SKIP_WHERE_SHORT(more);
    EXPECT_EQ(gap(more, Gap::absent), mebibytes(2));
    EXPECT_EQ(more.confirmed, mebibytes(2));
    EXPECT_EQ(more.grown, Bytes{257 * page});
}

TEST_F(CollapseTest, GrowthIsABudgetAndComesBackWhenTheHugePagesGo) {
    const OwnChild child(
        [] { return sparse_memory(4, [](std::uint64_t) { return std::uint64_t{256}; }); });
    Scheme scheme = collapsing();
    scheme.growth.bytes = mebibytes(2);
    const auto first = collapse(request_for(child, scheme, 0, 4 * block));
    SKIP_WHERE_SHORT(first);
    EXPECT_EQ(first.confirmed, mebibytes(4));
    EXPECT_EQ(first.grown, mebibytes(2));
    EXPECT_EQ(gap(first, Gap::growth), mebibytes(4));
    EXPECT_EQ(executor_.growth().added({static_cast<std::uint64_t>(child.pid())}), mebibytes(2));

    // Without its memory the huge page is none any more.
    const iovec gone{reinterpret_cast<void*>(child.address()), block};
    if (advise_process(child.pidfd(), &gone, 1, MADV_PAGEOUT) < 0) GTEST_SKIP() << "no pageout";
    const auto entries = [&] {
        const auto folder = open_process_folder(child.pid(), child.pidfd(), "/proc");
        std::vector<PagemapEntry> read;
        Pagemap::open(folder->get())->read({child.address(), child.address() + page}, {page}, read);
        return read;
    }();
    if (entries.empty() || entries[0].present()) GTEST_SKIP() << "nothing left memory: no swap";
    ActionOutcome later;
    for (int tried = 0; tried < 100 && later.confirmed.count == 0; ++tried) {
        later = collapse(request_for(child, scheme, 2 * block, 3 * block));
        ::usleep(50'000);  // looks are a second apart
    }
    SKIP_WHERE_SHORT(later);
    EXPECT_EQ(later.confirmed, mebibytes(2));
}

// Otherwise the first would take all of it.
TEST_F(CollapseTest, GrowthGoesToTheFullestFirst) {
    const OwnChild child([] {
        return sparse_memory(3, [](std::uint64_t i) { return i == 0 ? 256 : i == 1 ? 384 : 448; });
    });
    Scheme scheme = collapsing();
    scheme.growth.bytes = Bytes{(128 + 64) * page};
    const auto outcome = collapse(request_for(child, scheme, 0, 3 * block));
    SKIP_WHERE_SHORT(outcome);
    EXPECT_EQ(outcome.grown, Bytes{(128 + 64) * page});
    EXPECT_EQ(outcome.confirmed, mebibytes(4));
    EXPECT_EQ(gap(outcome, Gap::growth), mebibytes(2));
}

TEST_F(CollapseTest, AShareOfTheTargetIsABudget) {
    const OwnChild child(
        [] { return sparse_memory(4, [](std::uint64_t) { return std::uint64_t{256}; }); });
    Scheme scheme = collapsing();
    scheme.growth.share = Share{1};
    const auto outcome = collapse(request_for(child, scheme, 0, 4 * block));
    EXPECT_EQ(gap(outcome, Gap::growth), mebibytes(8));
    scheme.growth.share = Share{1'000'000};
    const auto within = collapse(request_for(child, scheme, 0, block));
    SKIP_WHERE_SHORT(within);
    EXPECT_EQ(within.confirmed, mebibytes(2));
}

TEST_F(CollapseTest, WhereTheProgramWantsNoHugePagesNoneAreMade) {
    const OwnChild child([] {
        const std::uint64_t start = full_memory(3);
        ::madvise(reinterpret_cast<void*>(start + block), block, MADV_NOHUGEPAGE);
        return start;
    });
    const auto outcome = collapse(request_for(child, collapsing(), 0, 3 * block));
    SKIP_WHERE_SHORT(outcome);
    EXPECT_EQ(outcome.confirmed, mebibytes(4));
    EXPECT_EQ(gap(outcome, Gap::forbidden), mebibytes(2));
}

TEST_F(CollapseTest, FiltersAreForTheWholeBlock) {
    const OwnChild child([] { return full_memory(2); });
    Scheme scheme = collapsing();
    Filter filter;
    filter.kind = FilterKind::address;
    filter.range = {child.address() + block + mib, child.address() + block + mib + page};
    scheme.filters = {filter};
    const auto outcome = collapse(request_for(child, scheme, 0, 2 * block));
    SKIP_WHERE_SHORT(outcome);
    EXPECT_EQ(outcome.confirmed, mebibytes(2));
    EXPECT_EQ(gap(outcome, Gap::filtered), Bytes{page});
    EXPECT_EQ(gap(outcome, Gap::not_whole), Bytes{block - page});
}

TEST_F(CollapseTest, ADryRunDecidesTheSameAndChangesNothing) {
    const OwnChild child(
        [] { return sparse_memory(4, [](std::uint64_t) { return std::uint64_t{256}; }); });
    Scheme scheme = collapsing();
    scheme.growth.bytes = mebibytes(2);
    Collapse dry(/*dry_run=*/true);
    const auto outcome = dry.execute(request_for(child, scheme, 0, 4 * block), {})[0];
    EXPECT_EQ(outcome.calls, 0U);
    EXPECT_EQ(sum_of_gaps(outcome), mebibytes(4)) << "the rest would have been collapsed";
    EXPECT_EQ(gap(outcome, Gap::growth), mebibytes(4));
    const auto within = collapse(request_for(child, scheme, 0, block));
    SKIP_WHERE_SHORT(within);
    EXPECT_EQ(within.confirmed, mebibytes(2));
}

TEST_F(CollapseTest, EndsWithTheTarget) {
    OwnChild child([] { return full_memory(4); });
    int asked = 0;
    const auto outcome = executor_.execute(request_for(child, collapsing(), 0, 4 * block), [&] {
        if (++asked == 3) child.kill(false);
        return false;
    })[0];
    EXPECT_TRUE(outcome.target_gone || gap(outcome, Gap::absent).count != 0);
    EXPECT_EQ(outcome.confirmed + sum_of_gaps(outcome), outcome.asked);
    const auto later = collapse(request_for(child, collapsing(), 0, block));
    EXPECT_TRUE(later.target_gone);
}

TEST_F(CollapseTest, StopsWhenToldTo) {
    const OwnChild child([] { return full_memory(4); });
    int asked = 0;
    const auto outcome = executor_.execute(request_for(child, collapsing(), 0, 4 * block),
                                           [&] { return ++asked > 2; })[0];
    SKIP_WHERE_SHORT(outcome);
    EXPECT_EQ(outcome.confirmed, mebibytes(4));
    EXPECT_EQ(gap(outcome, Gap::cancelled), mebibytes(4));
}

}  // namespace
}  // namespace damon_schemes

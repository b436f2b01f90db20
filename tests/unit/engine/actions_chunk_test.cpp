// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>

#include "engine/actions/chunk.h"

namespace damon_schemes {
namespace {

constexpr std::uint64_t block = huge_page_size.count;

HugePageAt huge_at(std::set<std::uint64_t> blocks) {
    return [blocks = std::move(blocks)](std::uint64_t at) {
        RC_ASSERT(at % block == 0);
        return blocks.count(at / block) != 0;
    };
}

TEST(HugePageCutTest, leaves_ranges_without_huge_pages_whole) {
    const AddressRange range{block + 4096, 3 * block - 4096};
    const Untorn untorn = without_torn_huge_pages(range, huge_at({}));
    EXPECT_EQ(untorn.range, range);
    EXPECT_EQ(untorn.cut, Bytes{});
}

TEST(HugePageCutTest, takes_off_the_part_of_a_huge_page_at_either_end) {
    const AddressRange range{block + 4096, 4 * block - 4096};
    EXPECT_EQ(without_torn_huge_pages(range, huge_at({1})).range,
              (AddressRange{2 * block, 4 * block - 4096}));
    EXPECT_EQ(without_torn_huge_pages(range, huge_at({3})).range,
              (AddressRange{block + 4096, 3 * block}));
    const Untorn both = without_torn_huge_pages(range, huge_at({1, 2, 3}));
    EXPECT_EQ(both.range, (AddressRange{2 * block, 3 * block}));
    EXPECT_EQ(both.cut, Bytes{2 * (block - 4096)});
}

TEST(HugePageCutTest, keeps_nothing_of_a_range_inside_one_huge_page) {
    const Untorn untorn = without_torn_huge_pages({block + 4096, block + 8192}, huge_at({1}));
    EXPECT_TRUE(untorn.range.empty());
    EXPECT_EQ(untorn.cut, Bytes{4096});
}

TEST(HugePageCutTest, keeps_whole_huge_pages) {
    const AddressRange range{block, 3 * block};
    EXPECT_EQ(without_torn_huge_pages(range, huge_at({1, 2})).range, range);
}

TEST(HugePageCutTest, tears_no_huge_page_and_loses_no_byte) {
    ASSERT_TRUE(rc::check([] {
        const auto blocks =
            *rc::gen::container<std::set<std::uint64_t>>(rc::gen::inRange<std::uint64_t>(0, 8));
        const auto start = 4096 * *rc::gen::inRange<std::uint64_t>(0, 8 * 512 - 1);
        const AddressRange range{
            start, start + 4096 * *rc::gen::inRange<std::uint64_t>(1, 8 * 512 - start / 4096)};
        const HugePageAt is_huge = huge_at(blocks);
        const Untorn untorn = without_torn_huge_pages(range, is_huge);
        RC_ASSERT(untorn.range.size() + untorn.cut == range.size());
        if (untorn.range.empty()) return;
        RC_ASSERT(untorn.range.start >= range.start && untorn.range.end <= range.end);
        for (const std::uint64_t border : {untorn.range.start, untorn.range.end}) {
            RC_ASSERT(border % block == 0 || !is_huge(border / block * block));
        }
    }));
}

TEST(ChunkTest, is_at_most_4_mib_and_leaves_huge_pages_whole) {
    ASSERT_TRUE(rc::check([] {
        const auto blocks =
            *rc::gen::container<std::set<std::uint64_t>>(rc::gen::inRange<std::uint64_t>(0, 16));
        const HugePageAt is_huge = huge_at(blocks);
        auto start = 4096 * *rc::gen::inRange<std::uint64_t>(0, 4096);
        const AddressRange whole{start, start + 4096 * *rc::gen::inRange<std::uint64_t>(1, 4096)};
        const Bytes limit{smallest_chunk.count * *rc::gen::inRange<std::uint64_t>(1, 17)};
        // Ends of the range itself may lie within a huge page: that was decided before.
        AddressRange rest = whole;
        while (!rest.empty()) {
            const AddressRange chunk = first_chunk(rest, limit, is_huge);
            RC_ASSERT(chunk.start == rest.start && !chunk.empty() && chunk.end <= rest.end);
            RC_ASSERT(chunk.size() <= largest_chunk);
            RC_ASSERT(chunk.end % 4096 == 0);
            RC_ASSERT(chunk.end == whole.end || chunk.end % block == 0 ||
                      !is_huge(chunk.end / block * block));
            rest.start = chunk.end;
        }
    }));
}

TEST(ChunkLimitTest, comes_to_what_20_ms_take) {
    using namespace std::chrono_literals;
    Bytes limit = largest_chunk;
    // 30 µs a page, as under emulation: 20 ms are 666 pages.
    for (int call = 0; call < 10; ++call) {
        limit = next_chunk_limit(limit, limit, 30us * (limit.count / 4096));
    }
    EXPECT_LE(limit, Bytes{667 * 4096});
    EXPECT_GE(limit, Bytes{667 * 4096} - smallest_chunk);
    for (int call = 0; call < 10; ++call) {
        limit = next_chunk_limit(limit, limit, 100ns * (limit.count / 4096));
    }
    EXPECT_EQ(limit, largest_chunk);
}

TEST(ChunkLimitTest, stays_between_its_bounds_whatever_was_measured) {
    ASSERT_TRUE(rc::check([] {
        const Bytes limit{smallest_chunk.count * *rc::gen::inRange<std::uint64_t>(1, 17)};
        const Bytes done{*rc::gen::inRange<std::uint64_t>(0, largest_chunk.count)};
        const Duration spent{*rc::gen::inRange<std::int64_t>(-1, 10'000'000'000)};
        const Bytes next = next_chunk_limit(limit, done, spent);
        RC_ASSERT(next >= smallest_chunk && next <= largest_chunk);
        RC_ASSERT(next.count % 4096 == 0);
    }));
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <linux/kernel-page-flags.h>
#include <rapidcheck.h>

#include "engine/actions/departure.h"

namespace damon_schemes {
namespace {

constexpr Bytes page{4096};
constexpr std::uint64_t present = 1ULL << 63;
constexpr std::uint64_t swapped = 1ULL << 62;
constexpr std::uint64_t file = 1ULL << 61;
constexpr std::uint64_t exclusive = 1ULL << 56;

PageFate fate(std::uint64_t before, std::uint64_t after, std::uint64_t flags = 0) {
    return {PagemapEntry{before}, PagemapEntry{after}, flags};
}

Gap cause(std::uint64_t after, std::uint64_t flags = 0, SwapRoom room = {}) {
    return cause_of_stay(fate(present | exclusive, after, flags), room);
}

TEST(DepartureTest, counts_what_was_there_and_is_in_swap_or_gone) {
    const std::array<PageFate, 3> pages = {fate(present | exclusive, swapped | 5),
                                           fate(present | file | exclusive, 0),
                                           fate(present, present | exclusive)};
    const Departure departure = account_for(pages, {}, page);
    EXPECT_EQ(departure.paged_out, Bytes{8192});
}

TEST(DepartureTest, counts_nothing_that_was_not_there_before) {
    const std::array<PageFate, 3> pages = {fate(swapped | 5, swapped | 5), fate(0, 0),
                                           fate(swapped | 5, present | exclusive)};
    const Departure departure = account_for(pages, {}, page);
    EXPECT_EQ(departure.paged_out, Bytes{});
    EXPECT_EQ(departure.gaps[static_cast<std::size_t>(Gap::absent)], Bytes{3 * 4096});
}

TEST(DepartureTest, names_the_cause_why_a_page_stayed) {
    EXPECT_EQ(cause(present), Gap::shared);
    EXPECT_EQ(cause(present | file), Gap::shared) << "another process maps the file";
    EXPECT_EQ(cause(present | file | exclusive), Gap::file);
    EXPECT_EQ(cause(present | exclusive, 1ULL << KPF_UNEVICTABLE), Gap::pinned);
    EXPECT_EQ(cause(present | exclusive, 0, {true, false}), Gap::swap_full);
    EXPECT_EQ(cause(present | exclusive, 0, {false, true}), Gap::cgroup_swap);
    EXPECT_EQ(cause(present | exclusive, 0, {true, true}), Gap::cgroup_swap) << "the nearer limit";
    EXPECT_EQ(cause(present | exclusive, 1ULL << KPF_REFERENCED), Gap::touched);
    EXPECT_EQ(cause(present | exclusive, 1ULL << KPF_ACTIVE), Gap::touched);
    EXPECT_EQ(cause(present | exclusive), Gap::unknown);
}

TEST(DepartureTest, takes_shared_anonymous_memory_for_what_swap_must_hold) {
    const std::uint64_t swap_backed = 1ULL << KPF_SWAPBACKED;
    EXPECT_EQ(cause(present | file | exclusive, swap_backed, {true, false}), Gap::swap_full);
}

TEST(DepartureTest, sees_a_page_that_left_and_came_back_by_its_new_frame) {
    EXPECT_EQ(cause_of_stay(fate(present | exclusive | 100, present | exclusive | 200), {}),
              Gap::touched);
    EXPECT_EQ(cause_of_stay(fate(present | exclusive | 100, present | exclusive | 100), {}),
              Gap::unknown);
    EXPECT_EQ(cause_of_stay(fate(present | exclusive, present | exclusive | 200), {}), Gap::unknown)
        << "a frame that was hidden says nothing";
}

TEST(DepartureTest, puts_every_byte_somewhere) {
    ASSERT_TRUE(rc::check(
        [](const std::vector<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>>& random,
           bool machine_full, bool cgroup_full) {
            std::vector<PageFate> pages;
            for (const auto& [before, after, flags] : random) {
                // rapidcheck's numbers are small at first; the bits that matter are the high ones.
                const auto spread = [](std::uint64_t bits) { return bits << 56 | bits; };
                pages.push_back(fate(spread(before), spread(after), flags));
            }
            const Departure departure = account_for(pages, {machine_full, cgroup_full}, page);
            Bytes sum = departure.paged_out;
            for (const Bytes gap : departure.gaps) sum += gap;
            RC_ASSERT(sum == Bytes{pages.size() * page.count});
        }));
}

TEST(GapTest, has_a_name_and_an_explanation_for_each) {
    for (std::size_t index = 0; index < gap_count; ++index) {
        const Gap gap = static_cast<Gap>(index);
        EXPECT_NE(name_of(gap), "?");
        EXPECT_NE(explanation_of(gap), "?");
        for (std::size_t other = 0; other < index; ++other) {
            EXPECT_NE(name_of(gap), name_of(static_cast<Gap>(other)));
        }
    }
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include "schemes/decide/acted_ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <array>
#include <chrono>
#include <ostream>
#include <vector>

namespace damon_schemes {

static std::ostream& operator<<(std::ostream& out, const AddressRange& range) {
    return out << range.start << "-" << range.end;
}

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

Instant at(Duration since) {
    return Instant(since);
}

std::vector<AddressRange> free_of(const ActedRanges& acted, std::vector<AddressRange> asked) {
    std::vector<AddressRange> free;
    std::size_t cursor = 0;
    for (const AddressRange& range : asked)
        acted.for_each_free(range, cursor, [&](AddressRange part) { free.push_back(part); });
    return free;
}

void add(ActedRanges& acted, AddressRange range, Instant until, Duration estimate = {},
         std::int64_t window = 0) {
    acted.add_in_flight(range, until, {window, estimate});
    acted.end_adding();
}

TEST(ActedRanges, LeavesOutWhatIsHeld) {
    ActedRanges acted;
    add(acted, {10, 20}, at(5s));
    add(acted, {30, 40}, at(5s));
    EXPECT_THAT(free_of(acted, {{0, 50}}),
                ElementsAre(AddressRange{0, 10}, AddressRange{20, 30}, AddressRange{40, 50}));
    EXPECT_THAT(free_of(acted, {{0, 15}, {15, 35}, {35, 38}, {38, 60}}),
                ElementsAre(AddressRange{0, 10}, AddressRange{20, 30}, AddressRange{40, 60}));
    EXPECT_THAT(free_of(acted, {{12, 18}}), IsEmpty());
}

TEST(ActedRanges, GivesBackWhatWasChargedForAReportedRange) {
    ActedRanges acted;
    add(acted, {0, 100}, at(60s), 40ns, 7);
    const auto settled = acted.settle({0, 100}, at(5s));
    EXPECT_EQ(settled.planned, Bytes{100});
    EXPECT_EQ(settled.charge.estimate, 40ns);
    EXPECT_EQ(settled.charge.window, 7);
    // Once: it is not in flight any more.
    EXPECT_EQ(acted.settle({0, 100}, at(5s)).planned, Bytes{0});
}

TEST(ActedRanges, GivesBackAPartForAPart) {
    ActedRanges acted;
    add(acted, {0, 100}, at(60s), 40ns);
    const auto middle = acted.settle({25, 50}, at(5s));
    EXPECT_EQ(middle.planned, Bytes{25});
    EXPECT_EQ(middle.charge.estimate, 10ns);
    const auto first = acted.settle({0, 25}, at(5s));
    EXPECT_EQ(first.planned, Bytes{25});
    EXPECT_EQ(first.charge.estimate, 10ns);
    const auto rest = acted.settle({50, 100}, at(5s));
    EXPECT_EQ(rest.planned, Bytes{50});
    EXPECT_EQ(rest.charge.estimate, 20ns);
}

TEST(ActedRanges, HoldsAReportedRangeThatNobodyKnewOf) {
    ActedRanges acted;
    const auto settled = acted.settle({10, 20}, at(5s));
    EXPECT_EQ(settled.planned, Bytes{0});
    EXPECT_THAT(free_of(acted, {{0, 30}}), ElementsAre(AddressRange{0, 10}, AddressRange{20, 30}));
    EXPECT_EQ(acted.settle({20, 20}, at(5s)).planned, Bytes{0});
}

TEST(ActedRanges, ExpiresAndJoins) {
    ActedRanges acted;
    acted.settle({0, 10}, at(10s));
    acted.settle({10, 20}, at(10s));
    acted.settle({20, 30}, at(20s));
    acted.expire(at(9s), 100);
    EXPECT_EQ(acted.size(), 2U);
    EXPECT_THAT(free_of(acted, {{0, 30}}), IsEmpty());
    acted.expire(at(10s), 100);
    EXPECT_THAT(free_of(acted, {{0, 30}}), ElementsAre(AddressRange{0, 20}));
    acted.expire(at(20s), 100);
    EXPECT_TRUE(acted.empty());
}

TEST(ActedRanges, StaysWithinItsBoundByHoldingTooMuch) {
    ActedRanges acted;
    for (std::uint64_t i = 0; i < 1000; ++i)
        acted.settle({i * 100, i * 100 + (i % 10 == 9 ? 50 : 90)}, at(10s));
    add(acted, {1'000'000, 1'000'010}, at(60s), 3ns);
    acted.expire(at(1s), 100);
    EXPECT_LE(acted.size(), 101U);
    // The small gaps are held now, the large ones still are free, and nothing that was held is not.
    EXPECT_THAT(free_of(acted, {{0, 2000}}),
                ElementsAre(AddressRange{950, 1000}, AddressRange{1950, 2000}));
    EXPECT_EQ(acted.settle({1'000'000, 1'000'010}, at(10s)).charge.estimate, 3ns);
}

// Against a table of pages.
TEST(ActedRanges, HoldsWhatATableOfPagesHolds) {
    constexpr std::size_t pages = 64;
    EXPECT_TRUE(rc::check([] {
        ActedRanges acted;
        std::array<Instant, pages> until{};
        Instant now = at(0s);
        const auto steps = *rc::gen::inRange(1, 40);
        for (int step = 0; step < steps; ++step) {
            const auto start = *rc::gen::inRange<std::uint64_t>(0, pages);
            const auto end = *rc::gen::inRange<std::uint64_t>(start, pages + 1);
            const Instant hold = now + *rc::gen::inRange(1, 10) * 1s;
            switch (*rc::gen::inRange(0, 3)) {
                case 0: {  // plan what is free of it
                    std::size_t cursor = 0;
                    std::vector<AddressRange> parts;
                    acted.for_each_free({start, end}, cursor,
                                        [&](AddressRange part) { parts.push_back(part); });
                    for (const AddressRange& part : parts) {
                        acted.add_in_flight(part, hold, {});
                        for (auto page = part.start; page < part.end; ++page) until[page] = hold;
                    }
                    acted.end_adding();
                    break;
                }
                case 1:
                    acted.settle({start, end}, hold);
                    for (auto page = start; page < end; ++page) until[page] = hold;
                    break;
                default:
                    now += 1s;
                    acted.expire(now, pages);
                    for (Instant& held : until)
                        if (held <= now) held = {};
            }
            std::array<bool, pages> free{};
            for (const AddressRange& part : free_of(acted, {{0, pages / 2}, {pages / 2, pages}}))
                for (auto page = part.start; page < part.end; ++page) free[page] = true;
            for (std::size_t page = 0; page < pages; ++page)
                RC_ASSERT(free[page] == (until[page] == Instant{}));
        }
    }));
}

}  // namespace
}  // namespace damon_schemes

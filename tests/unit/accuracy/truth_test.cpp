// SPDX-License-Identifier: MIT
#include "benchmarks/accuracy/truth.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <ostream>
#include <random>

namespace damon_schemes::accuracy {

std::ostream& operator<<(std::ostream& out, const Use& use) {
    return out << std::hex << use.range.start << "-" << use.range.end << std::dec << " in "
               << use.looks << (use.at_edge ? " at edge" : "");
}

namespace {

using namespace std::chrono_literals;
using Uses = std::vector<Use>;

constexpr std::uint64_t page = 4096;
const Instant begin{Duration(1s)};

Area area_of(std::uint64_t start, std::uint64_t pages) {
    return {"area", start, page, pages, {{{start, start + pages * page}}}};
}

AddressRange pages(std::uint64_t first, std::uint64_t last) {
    return {first * page, last * page};
}

// Pages 16 to 32.
class TruthOfOneArea : public testing::Test {
  protected:
    TruthOfOneArea() : truth(begin, 10ms) {
        truth.add_process(7);
        truth.add_area(0, area_of(16 * page, 16));
        truth.set_end(begin + 10s);
    }
    void touch(std::uint64_t slot, UnitRun run) { truth.record(0, 0, slot, std::span(&run, 1)); }
    Uses use(Duration from, Duration to, Duration look = 10ms) const {
        return truth.use_of(0, {begin + from, begin + to, look});
    }

    Truth truth;
};

TEST_F(TruthOfOneArea, WhatWasNeverTouchedIsOneUnusedRange) {
    EXPECT_EQ(use(0ms, 100ms), (Uses{{pages(16, 32), 0}}));
}

TEST_F(TruthOfOneArea, CountsTheLooksInWhichAPageWasTouched) {
    touch(0, {0, 4});
    touch(1, {2, 6});
    touch(5, {2, 3});
    EXPECT_EQ(use(0ms, 100ms), (Uses{{pages(16, 18), 1},
                                     {pages(18, 19), 3},
                                     {pages(19, 20), 2},
                                     {pages(20, 22), 1},
                                     {pages(22, 32), 0}}));
}

TEST_F(TruthOfOneArea, SlotsOfOneLookCountOnce) {
    touch(0, {0, 1});
    touch(1, {0, 1});
    touch(2, {0, 1});
    const Window window{begin, begin + 100ms, 20ms};
    EXPECT_EQ(truth.looks_in(window), 5U);
    EXPECT_EQ(truth.use_of(0, window), (Uses{{pages(16, 17), 2}, {pages(17, 32), 0}}));
}

TEST_F(TruthOfOneArea, SlotsLeftOverBelongToTheLastLook) {
    touch(4, {0, 1});
    const Window window{begin, begin + 50ms, 20ms};
    EXPECT_EQ(truth.looks_in(window), 2U);
    EXPECT_EQ(truth.use_of(0, window), (Uses{{pages(16, 17), 1}, {pages(17, 32), 0}}));
}

TEST_F(TruthOfOneArea, ASlotThatOnlyOverlapsTheWindowIsItsEdge) {
    touch(3, {0, 1});  // 30 to 40 ms
    touch(9, {2, 3});  // 90 to 100 ms
    EXPECT_EQ(use(35ms, 95ms), (Uses{{pages(16, 17), 0, true},
                                     {pages(17, 18), 0},
                                     {pages(18, 19), 0, true},
                                     {pages(19, 32), 0}}));
}

TEST_F(TruthOfOneArea, TheLookBeforeTheWindowIsItsEdge) {
    touch(1, {0, 1});
    touch(2, {4, 5});
    EXPECT_EQ(use(40ms, 100ms, 20ms),
              (Uses{{pages(16, 20), 0}, {pages(20, 21), 0, true}, {pages(21, 32), 0}}));
}

TEST_F(TruthOfOneArea, WhatIsTouchedWithinIsNotAtTheEdge) {
    touch(3, {0, 1});
    touch(5, {0, 1});
    EXPECT_EQ(use(35ms, 95ms), (Uses{{pages(16, 17), 1}, {pages(17, 32), 0}}));
}

TEST_F(TruthOfOneArea, AWindowShorterThanASlotSaysNothing) {
    touch(3, {0, 1});
    EXPECT_TRUE(use(31ms, 39ms).empty());
    EXPECT_EQ(truth.looks_in({begin + 31ms, begin + 39ms, 10ms}), 0U);
}

TEST(Truth, OnlyWhatWasMappedThroughoutTheWindowCounts) {
    Truth truth(begin, 10ms);
    truth.add_process(7);
    Area area{"grows", 16 * page, page, 16, {}};
    area.mappings = {
        {pages(16, 20)}, {pages(20, 24), begin + 50ms}, {pages(28, 32), begin, begin + 100ms}};
    truth.add_area(0, area);
    const UnitRun all{0, 16};
    truth.record(0, 0, 6, std::span(&all, 1));
    const auto use = [&](Duration from, Duration to) {
        return truth.use_of(0, {begin + from, begin + to, 10ms});
    };
    EXPECT_EQ(use(0ms, 40ms), (Uses{{pages(16, 20), 0}, {pages(28, 32), 0}}));
    EXPECT_EQ(use(50ms, 100ms), (Uses{{pages(16, 24), 1}, {pages(28, 32), 1}}));
    EXPECT_EQ(use(70ms, 110ms), (Uses{{pages(16, 24), 0, true}})) << "neighbours are joined";
}

TEST(Truth, AreasComeSortedAndProcessesApart) {
    Truth truth(begin, 10ms);
    truth.add_process(7);
    truth.add_process(8);
    truth.add_area(0, area_of(64 * page, 4));
    truth.add_area(0, area_of(16 * page, 4));
    truth.add_area(1, area_of(16 * page, 4));
    const UnitRun run{0, 4};
    truth.record(0, 1, 0, std::span(&run, 1));
    const Window window{begin, begin + 20ms, 10ms};
    EXPECT_EQ(truth.use_of(0, window), (Uses{{pages(16, 20), 1}, {pages(64, 68), 0}}));
    EXPECT_EQ(truth.use_of(1, window), (Uses{{pages(16, 20), 0}}));
}

TEST(Truth, AHugePageIsOneUnit) {
    constexpr std::uint64_t huge = 2 << 20;
    Truth truth(begin, 10ms);
    truth.add_process(7);
    truth.add_area(0, {"huge", huge, huge, 4, {{{huge, 5 * huge}}}});
    const UnitRun run{1, 2};
    truth.record(0, 0, 0, std::span(&run, 1));
    EXPECT_EQ(truth.use_of(0, {begin, begin + 10ms, 10ms}),
              (Uses{{{huge, 2 * huge}, 0}, {{2 * huge, 3 * huge}, 1}, {{3 * huge, 5 * huge}, 0}}));
}

TEST(Truth, ATebibyteWithAHotSpotIsThreeRanges) {
    constexpr std::uint64_t units = 1ULL << 28;
    Truth truth(begin, 10ms);
    truth.add_process(7);
    truth.add_area(0, area_of(0, units));
    const UnitRun spot{200'000'000, 200'000'004};
    for (std::uint64_t slot = 0; slot < 20; ++slot) truth.record(0, 0, slot, std::span(&spot, 1));
    EXPECT_EQ(truth.use_of(0, {begin, begin + 200ms, 10ms}),
              (Uses{{pages(0, 200'000'000), 0},
                    {pages(200'000'000, 200'000'004), 20},
                    {pages(200'000'004, units), 0}}));
}

// Long runs and scattered pages go different ways; both must come to what a plain count says.
TEST(Truth, AgreesWithAPlainCountOfRandomRuns) {
    constexpr std::uint64_t units = 300'000, slots = 30;
    std::mt19937_64 random(1);
    Truth truth(begin, 10ms);
    truth.add_process(7);
    truth.add_area(0, area_of(0, units));
    std::vector<std::vector<bool>> touched(slots, std::vector<bool>(units));
    for (std::uint64_t slot = 0; slot < slots; ++slot) {
        std::vector<UnitRun> runs;
        for (std::uint64_t at = random() % 20'000; at < units;) {
            const std::uint64_t length = random() % 3 == 0 ? 30'000 : 1 + random() % 5;
            const std::uint64_t last = std::min(units, at + length);
            runs.push_back({at, last});
            for (std::uint64_t unit = at; unit < last; ++unit) touched[slot][unit] = true;
            at = last + 1 + (random() % 3 == 0 ? random() % 40'000 : random() % 50);
        }
        truth.record(0, 0, slot, runs);
    }
    // Whole slots 4 to 25 in looks of two, the rest at the edges: 2, 3 and 26.
    const Window window{begin + 38ms, begin + 262ms, 20ms};
    ASSERT_EQ(truth.looks_in(window), 11U);
    std::uint64_t at = 0;
    for (const Use& use : truth.use_of(0, window)) {
        ASSERT_EQ(use.range.start, at * page);
        for (; at * page < use.range.end; ++at) {
            std::uint32_t looks = 0;
            for (std::uint64_t slot = 4; slot < 26; slot += 2)
                looks += touched[slot][at] || touched[slot + 1][at];
            bool edge = false;
            for (const std::uint64_t slot : {1U, 2U, 3U, 26U}) edge = edge || touched[slot][at];
            ASSERT_EQ(use.looks, looks) << "page " << at;
            ASSERT_EQ(use.at_edge, looks == 0 && edge) << "page " << at;
        }
    }
    EXPECT_EQ(at, units);
}

}  // namespace
}  // namespace damon_schemes::accuracy

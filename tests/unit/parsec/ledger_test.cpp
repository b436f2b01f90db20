// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

namespace damon_schemes::parsec {
namespace {

using namespace std::chrono_literals;

LedgerOptions by_hand() {
    LedgerOptions options;
    options.ages = {500ms, 1s, 3s};
    options.reserve = std::size_t{64} << 20;
    options.ticking = false;
    return options;
}

double pages(double count) {
    return count * static_cast<double>(page_bytes);
}

TEST(Ledger, GivesZeroesThatAreNotTouchedYet) {
    Ledger ledger(by_hand());
    const auto memory = ledger.allocate(10 * page_bytes, page_bytes);
    EXPECT_EQ(ledger.close().touched_bytes, 0U);
    for (const std::byte byte : memory) ASSERT_EQ(byte, std::byte{0});
}

TEST(Ledger, CountsEachTouchedPageOnce) {
    Ledger ledger(by_hand());
    const auto memory = ledger.allocate(10 * page_bytes, page_bytes);
    ledger.touch(memory.data());
    ledger.touch(memory.data() + 100);
    ledger.touch(memory.data() + page_bytes - 1, 2);
    ledger.touch(memory.data() + 5 * page_bytes, 0);
    EXPECT_EQ(ledger.close().touched_bytes, 2 * page_bytes);
}

TEST(Ledger, CountsMemoryFromItsFirstTouchToItsReleaseOrTheEnd) {
    Ledger ledger(by_hand());
    const auto kept = ledger.allocate(page_bytes, page_bytes);
    const auto released = ledger.allocate(page_bytes, page_bytes);
    ledger.advance(2s);
    ledger.touch(kept.data());
    ledger.touch(released.data());
    ledger.advance(5s);
    ledger.release(released);
    ledger.advance(10s);
    EXPECT_DOUBLE_EQ(ledger.close().resident_byte_seconds, pages(8 + 3));
}

TEST(Ledger, OracleSavesEachGapLessTheAge) {
    Ledger ledger(by_hand());
    const auto memory = ledger.allocate(page_bytes, page_bytes);
    ledger.touch(memory.data());
    ledger.advance(2s);  // a gap of 2 s
    ledger.touch(memory.data());
    ledger.advance(2400ms);  // one that is shorter than every age
    ledger.touch(memory.data());
    ledger.advance(7400ms);  // one of 5 s, until the end
    const Balance balance = ledger.close();
    ASSERT_EQ(balance.oracle.size(), 3U);
    EXPECT_EQ(balance.oracle[0].age, 500ms);
    EXPECT_DOUBLE_EQ(balance.oracle[0].saved_byte_seconds, pages(1.5 + 4.5));
    EXPECT_DOUBLE_EQ(balance.oracle[1].saved_byte_seconds, pages(1 + 4));
    EXPECT_DOUBLE_EQ(balance.oracle[2].saved_byte_seconds, pages(2));
}

TEST(Ledger, OracleSavesUntilTheReleaseAndNoLonger) {
    Ledger ledger(by_hand());
    const auto memory = ledger.allocate(page_bytes, page_bytes);
    ledger.touch(memory.data());
    ledger.advance(4s);
    ledger.release(memory);
    ledger.advance(60s);
    EXPECT_DOUBLE_EQ(ledger.close().oracle[2].saved_byte_seconds, pages(1));
}

TEST(Ledger, CourseTellsOnceASecondHowMuchIsIdleForHowLong) {
    Ledger ledger(by_hand());
    const auto memory = ledger.allocate(3 * page_bytes, page_bytes);
    ledger.touch(memory.data(), 3 * page_bytes);
    ledger.advance(1s);
    ledger.advance(1500ms);
    ledger.touch(memory.data());
    ledger.advance(2s);
    ledger.advance(4s);
    const Balance balance = ledger.close();
    ASSERT_EQ(balance.course.size(), 3U);
    const CoursePoint& second = balance.course[1];
    EXPECT_EQ(second.at, 2s);
    EXPECT_EQ(second.touched_bytes, 3 * page_bytes);
    EXPECT_EQ(second.hot_bytes, page_bytes);
    EXPECT_THAT(second.idle_bytes, testing::ElementsAre(3 * page_bytes, 2 * page_bytes, 0U));
    EXPECT_FALSE(second.hot_on_huge_bytes);
    EXPECT_THAT(balance.course[2].idle_bytes,
                testing::ElementsAre(3 * page_bytes, 3 * page_bytes, 2 * page_bytes));
    EXPECT_EQ(balance.course[2].hot_bytes, 0U);
}

TEST(Ledger, AsksWhetherHotPagesLieOnHugeOnes) {
    LedgerOptions options = by_hand();
    std::vector<std::uint64_t> asked;
    options.hot_on_huge = [&](std::span<const std::uint64_t> hot) -> std::optional<std::uint64_t> {
        asked.assign(hot.begin(), hot.end());
        return 77;
    };
    Ledger ledger(std::move(options));
    const auto memory = ledger.allocate(2 * page_bytes, page_bytes);
    ledger.touch(memory.data() + page_bytes);
    ledger.advance(1s);
    EXPECT_THAT(asked,
                testing::ElementsAre(reinterpret_cast<std::uintptr_t>(memory.data()) + page_bytes));
    EXPECT_EQ(ledger.close().course.at(0).hot_on_huge_bytes, 77U);
}

TEST(Ledger, PhasesFollowOneAnother) {
    Ledger ledger(by_hand());
    ledger.begin_phase("parse");
    ledger.advance(2s);
    ledger.begin_phase("mine");
    ledger.advance(5s);
    const Balance balance = ledger.close();
    ASSERT_EQ(balance.phases.size(), 2U);
    EXPECT_EQ(balance.phases[0].name, "parse");
    EXPECT_EQ(balance.phases[0].end, 2s);
    EXPECT_EQ(balance.phases[1].begin, 2s);
    EXPECT_EQ(balance.phases[1].end, 5s);
}

TEST(Ledger, ReleasedPagesAreGivenBackAndComeBackAsZeroes) {
    Ledger ledger(by_hand());
    const auto first = ledger.allocate(4 * page_bytes, page_bytes);
    ledger.touch(first.data(), first.size());
    std::memset(first.data(), 1, first.size());
    ledger.release(first);
    const auto second = ledger.allocate(4 * page_bytes, page_bytes);
    EXPECT_EQ(second.data(), first.data());
    for (const std::byte byte : second) ASSERT_EQ(byte, std::byte{0});
    ledger.advance(1s);
    EXPECT_EQ(ledger.close().course.at(0).touched_bytes, 0U);
}

TEST(Ledger, AnotherAllocationOnThePageKeepsIt) {
    Ledger ledger(by_hand());
    const auto gone = ledger.allocate(256);
    const auto kept = ledger.allocate(256);
    ledger.touch(gone.data());
    std::memset(gone.data(), 1, gone.size());
    std::memset(kept.data(), 2, kept.size());
    ledger.release(gone);
    EXPECT_EQ(kept[0], std::byte{2});
    const auto again = ledger.allocate(256);
    EXPECT_EQ(again.data(), gone.data());
    for (const std::byte byte : again) ASSERT_EQ(byte, std::byte{0});
    EXPECT_EQ(kept[0], std::byte{2});
    ledger.release(again);
    ledger.release(kept);
    ledger.advance(1s);
    EXPECT_EQ(ledger.close().course.at(0).touched_bytes, 0U);
}

TEST(Ledger, HolesGrowTogether) {
    Ledger ledger(by_hand());
    const std::size_t third = (std::size_t{64} << 20) / 4;
    const auto a = ledger.allocate(third);
    const auto b = ledger.allocate(third);
    const auto c = ledger.allocate(2 * third);
    EXPECT_THROW(ledger.allocate(16), std::bad_alloc);
    ledger.release(a);
    ledger.release(c);
    ledger.release(b);
    EXPECT_EQ(ledger.allocate(4 * third).data(), a.data());
}

// A monitor of address space would look for nothing where nothing is.
TEST(Ledger, MapsHardlyMoreThanIsUsed) {
    const auto mapped = [] {
        std::ifstream file("/proc/self/statm");
        std::uint64_t pages = 0;
        file >> pages;
        return pages * page_bytes;
    };
    LedgerOptions options = by_hand();
    options.reserve = std::size_t{16} << 30;
    Ledger ledger(std::move(options));
    const std::uint64_t before = mapped();
    ledger.allocate(std::size_t{3} << 20);
    ledger.allocate(std::size_t{3} << 20);
    EXPECT_LE(mapped() - before, std::uint64_t{10} << 20);
}

TEST(Ledger, AlignsAsAsked) {
    Ledger ledger(by_hand());
    ledger.allocate(100);
    const auto aligned = ledger.allocate(100, std::size_t{2} << 20);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(aligned.data()) % (2U << 20), 0U);
}

TEST(Ledger, RefusesAgesThatItCannotTell) {
    LedgerOptions options = by_hand();
    options.ages = {15ms};
    EXPECT_THROW(Ledger ledger(options), std::invalid_argument);
    options.ages = {2s, 1s};
    EXPECT_THROW(Ledger ledger(options), std::invalid_argument);
}

TEST(Ledger, ItsOwnThreadDrivesTheClock) {
    LedgerOptions options = by_hand();
    options.ticking = true;
    Ledger ledger(std::move(options));
    const auto memory = ledger.allocate(page_bytes, page_bytes);
    while (ledger.elapsed() < 1100ms) {
        ledger.touch(memory.data());
        std::this_thread::sleep_for(1ms);
    }
    const Balance balance = ledger.close();
    EXPECT_FALSE(balance.course.empty());
    EXPECT_EQ(balance.touched_bytes, page_bytes);
}

TEST(LedgerMemory, IsForContainers) {
    Ledger ledger(by_hand());
    LedgerMemory memory(ledger);
    {
        std::pmr::vector<std::uint64_t> numbers(1000, &memory);
        numbers[999] = 1;
        ledger.touch(numbers.data(), numbers.size() * sizeof(std::uint64_t));
    }
    ledger.advance(1s);
    const Balance balance = ledger.close();
    EXPECT_GE(balance.touched_bytes, 8000U);
    EXPECT_EQ(balance.course.at(0).touched_bytes, 0U);
}

TEST(Table, TellsOfWhatIsReadAndWritten) {
    Ledger ledger(by_hand());
    Table<std::uint64_t> table(ledger, 3 * page_bytes / 8, page_bytes);
    EXPECT_EQ(table.raw(5), 0U);
    table[5] = 7;
    EXPECT_EQ(table.at(5), 7U);
    ledger.advance(1s);
    table.range(page_bytes / 8, 1)[0] = 1;
    ledger.advance(2s);
    Balance balance = ledger.close();
    EXPECT_EQ(balance.course.at(0).touched_bytes, page_bytes);
    EXPECT_EQ(balance.course.at(1).touched_bytes, 2 * page_bytes);
    std::uint64_t sum = 0;
    table.for_each([&](std::uint64_t number) { sum += number; });
    EXPECT_EQ(sum, 8U);
    EXPECT_EQ(ledger.close().touched_bytes, 3 * page_bytes);
}

TEST(Table, TellsOfBothPagesOfAnElementThatCrosses) {
    struct Odd {
        char bytes[48];
    };
    Ledger ledger(by_hand());
    const Table<Odd> table(ledger, 2 * page_bytes / 48, page_bytes);
    table[page_bytes / 48].bytes[0] = 1;
    EXPECT_EQ(ledger.close().touched_bytes, 2 * page_bytes);
}

TEST(Table, GivesItsMemoryBackOnce) {
    Ledger ledger(by_hand());
    Table<char> first(ledger, page_bytes, page_bytes);
    first[0] = 1;
    Table<char> second = std::move(first);
    EXPECT_EQ(second.size(), page_bytes);
    second = Table<char>();
    ledger.advance(1s);
    EXPECT_EQ(ledger.close().course.at(0).touched_bytes, 0U);
    EXPECT_EQ(ledger.allocate(page_bytes, page_bytes)[0], std::byte{0});
}

}  // namespace
}  // namespace damon_schemes::parsec

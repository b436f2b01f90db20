// SPDX-License-Identifier: MIT
// What is locked stays so while it is used, and is let go once it has cooled.
#include "schemes/decide/held_locks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <vector>

#include "observed.h"

namespace damon_schemes {
namespace {

using namespace observed;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<AddressRange> cooled(HeldLocks& locks, Duration now, Duration age = 10s) {
    std::vector<AddressRange> ranges;
    locks.take_cooled(at(now), age, ranges);
    return ranges;
}

TEST(HeldLocks, CoolWhenNobodyKeptThemForAnAge) {
    HeldLocks locks;
    locks.hold(mibs(0, 8), at(0s));
    EXPECT_THAT(cooled(locks, 9s), IsEmpty());
    locks.keep(mibs(0, 8), at(9s));
    EXPECT_THAT(cooled(locks, 18s), IsEmpty());
    EXPECT_THAT(cooled(locks, 19s), ElementsAre(mibs(0, 8)));
}

TEST(HeldLocks, CoolPartByPart) {
    HeldLocks locks;
    locks.hold(mibs(0, 8), at(0s));
    locks.keep(mibs(2, 4), at(5s));
    EXPECT_THAT(cooled(locks, 10s), ElementsAre(mibs(0, 2), mibs(4, 8)));
    EXPECT_EQ(locks.size(), mebibytes(8)) << "what is being unlocked is held until that is told";
    locks.settle(mibs(0, 2), true, at(10s));
    EXPECT_EQ(locks.size(), mebibytes(6));
    EXPECT_THAT(cooled(locks, 15s), ElementsAre(mibs(2, 4)));
}

TEST(HeldLocks, AreUnlockedOnceUntilThatIsSettled) {
    HeldLocks locks;
    locks.hold(mibs(0, 4), at(0s));
    EXPECT_THAT(cooled(locks, 10s), ElementsAre(mibs(0, 4)));
    EXPECT_THAT(cooled(locks, 30s), IsEmpty());
    // It failed: an age later it is tried again.
    locks.settle(mibs(0, 4), false, at(30s));
    EXPECT_THAT(cooled(locks, 39s), IsEmpty());
    EXPECT_THAT(cooled(locks, 40s), ElementsAre(mibs(0, 4)));
    locks.settle(mibs(0, 4), true, at(40s));
    EXPECT_TRUE(locks.empty());
}

TEST(HeldLocks, LockedAnewMeanwhileStay) {
    HeldLocks locks;
    locks.hold(mibs(0, 4), at(0s));
    EXPECT_THAT(cooled(locks, 10s), ElementsAre(mibs(0, 4)));
    locks.hold(mibs(1, 2), at(11s));
    locks.settle(mibs(0, 4), true, at(12s));
    EXPECT_EQ(locks.size(), mebibytes(1));
    EXPECT_THAT(cooled(locks, 21s), ElementsAre(mibs(1, 2)));
}

TEST(HeldLocks, DivideARangeIntoWhatIsHeldAndWhatIsNot) {
    HeldLocks locks;
    locks.hold(mibs(2, 4), at(0s));
    locks.hold(mibs(6, 8), at(1s));
    std::vector<AddressRange> free;
    std::vector<AddressRange> held;
    locks.divide(
        mibs(3, 10), [&](AddressRange range) { free.push_back(range); },
        [&](AddressRange range) { held.push_back(range); });
    EXPECT_THAT(free, ElementsAre(mibs(4, 6), mibs(8, 10)));
    EXPECT_THAT(held, ElementsAre(mibs(3, 4), mibs(6, 8)));
}

// Against one flag and one time for each MiB.
TEST(HeldLocks, AgreeWithAMapOfSinglePieces) {
    constexpr std::uint64_t space = 40;
    struct Piece {
        bool held = false, unlocking = false;
        Duration kept{};
    };
    std::mt19937_64 random(1);
    for (int round = 0; round < 200; ++round) {
        HeldLocks locks;
        std::vector<Piece> model(space);
        Duration now{};
        for (int step = 0; step < 60; ++step) {
            now += 1s;
            const std::uint64_t start = random() % space;
            const std::uint64_t end = start + 1 + random() % (space - start);
            const AddressRange range = mibs(start, end);
            const auto each = [&](auto change) {
                for (std::uint64_t i = start; i < end; ++i) change(model[i]);
            };
            switch (random() % 5) {
                case 0:
                    locks.hold(range, at(now));
                    each([&](Piece& piece) { piece = {true, false, now}; });
                    break;
                case 1:
                    locks.keep(range, at(now));
                    each([&](Piece& piece) { piece.kept = piece.held ? now : piece.kept; });
                    break;
                case 2: {
                    const auto ranges = cooled(locks, now, 5s);
                    std::vector<AddressRange> expected;
                    for (std::uint64_t i = 0; i < space; ++i) {
                        Piece& piece = model[i];
                        if (!piece.held || piece.unlocking || now - piece.kept < 5s) continue;
                        piece.unlocking = true;
                        if (!expected.empty() && expected.back().end == i * mib)
                            expected.back().end += mib;
                        else
                            expected.push_back(mibs(i, i + 1));
                    }
                    ASSERT_EQ(ranges, expected);
                    break;
                }
                case 3: {
                    const bool released = random() % 2 == 0;
                    locks.settle(range, released, at(now));
                    each([&](Piece& piece) {
                        if (!piece.held || !piece.unlocking) return;
                        piece = released ? Piece{} : Piece{true, false, now};
                    });
                    break;
                }
                default:
                    locks.release(range);
                    each([](Piece& piece) { piece = {}; });
            }
            std::uint64_t held = 0;
            for (const Piece& piece : model) held += piece.held ? 1 : 0;
            ASSERT_EQ(locks.size(), mebibytes(held));
            ASSERT_LE(locks.ranges(), space);
        }
    }
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// Runs of mappings of one kind, and how regions follow them.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <vector>

#include "core.h"

namespace damon_schemes::core {
namespace {

constexpr std::uint32_t any = DS_KIND_ANY, anonymous = 1, file = 4;

struct Piece {
    std::uint64_t start, end;
    std::uint32_t kind;
    bool operator==(const Piece&) const = default;
};
using Pieces = std::vector<Piece>;

std::ostream& operator<<(std::ostream& out, const Piece& piece) {
    return out << "[" << piece.start << ", " << piece.end << ") of " << piece.kind;
}

// Runs with exactly the memory they are said to have, and a canary behind it.
class Runs {
  public:
    explicit Runs(std::uint32_t capacity = 64, std::uint64_t min_region_size = 1)
        : memory_(capacity + 1), runs_{memory_.data(), 0, capacity, min_region_size} {
        memory_[capacity].start = canary;
    }
    Runs(const Pieces& mappings, std::uint32_t capacity = 64, std::uint64_t min_region_size = 1)
        : Runs(capacity, min_region_size) {
        add(mappings);
    }
    Runs(const Runs&) = delete;
    Runs& operator=(const Runs&) = delete;

    void add(const Pieces& mappings) {
        for (const auto& mapping : mappings)
            ds_runs_add(&runs_, mapping.start, mapping.end, mapping.kind);
    }
    ds_runs* operator&() { return &runs_; }
    Pieces pieces() const {
        EXPECT_EQ(memory_.back().start, canary) << "wrote past the memory";
        Pieces result;
        for (std::uint32_t i = 0; i < runs_.nr; i++)
            result.push_back(
                {memory_[i].start, memory_[i].end, static_cast<std::uint32_t>(memory_[i].kind)});
        return result;
    }

  private:
    static constexpr std::uint64_t canary = 0xdeadbeefcafef00d;
    std::vector<ds_run> memory_;
    ds_runs runs_;
};

TEST(Runs, AreWhatIsMappedWithoutTheHoles) {
    EXPECT_EQ(Runs({{10, 20, anonymous}, {30, 40, anonymous}, {1000, 1001, file}}).pieces(),
              (Pieces{{10, 20, anonymous}, {30, 40, anonymous}, {1000, 1001, file}}));
}

TEST(Runs, JoinNeighboursOfOneKindAndNoOthers) {
    EXPECT_EQ(
        Runs({{10, 20, file}, {20, 25, file}, {25, 30, anonymous}, {30, 31, anonymous}}).pieces(),
        (Pieces{{10, 25, file}, {25, 31, anonymous}}));
}

TEST(Runs, EmptyMappingsDoNotCount) {
    EXPECT_EQ(Runs({{0, 0, file}, {5, 9, file}, {20, 10, file}}).pieces(), (Pieces{{5, 9, file}}));
}

TEST(Runs, ABlockOfTwoKindsIsARunOfNone) {
    EXPECT_EQ(Runs({{0x1000, 0x9000, file}, {0x9000, 0x12000, anonymous}}, 8, 0x4000).pieces(),
              (Pieces{{0, 0x8000, file}, {0x8000, 0xc000, any}, {0xc000, 0x14000, anonymous}}));
    EXPECT_EQ(Runs({{0x1000, 0x2000, file}, {0x2000, 0x3000, anonymous}}, 8, 0x4000).pieces(),
              (Pieces{{0, 0x4000, any}}));
    EXPECT_EQ(Runs({{0x1000, 0x2000, file}, {0x3000, 0x5000, file}}, 8, 0x4000).pieces(),
              (Pieces{{0, 0x8000, file}}));
}

TEST(Runs, WhereThereAreTooManyTheSmallestHolesGoFirst) {
    Runs runs({{0, 10, file}, {12, 20, file}, {120, 130, file}, {5000, 5010, file}});
    ds_runs_limit(&runs, 3);
    EXPECT_EQ(runs.pieces(), (Pieces{{0, 20, file}, {120, 130, file}, {5000, 5010, file}}));
    ds_runs_limit(&runs, 2);
    EXPECT_EQ(runs.pieces(), (Pieces{{0, 130, file}, {5000, 5010, file}}));
    ds_runs_limit(&runs, 1);
    EXPECT_EQ(runs.pieces(), (Pieces{{0, 5010, file}}));
}

TEST(Runs, LargeMappingsKeepTheirKindLongest) {
    Runs runs(
        {{0, 8000, anonymous}, {8000, 8002, file}, {8002, 8004, anonymous}, {8004, 9000, file}});
    ds_runs_limit(&runs, 3);
    EXPECT_EQ(runs.pieces(), (Pieces{{0, 8000, anonymous}, {8000, 8004, any}, {8004, 9000, file}}));
    ds_runs_limit(&runs, 2);
    EXPECT_EQ(runs.pieces(), (Pieces{{0, 8000, anonymous}, {8000, 9000, any}}));
}

TEST(Runs, WithoutRoomTheyAreJoinedAndNoneIsLost) {
    Runs runs(8);
    for (std::uint64_t i = 0; i < 1000; i++)
        runs.add({{i * 10, i * 10 + 5, i % 3 ? file : anonymous}});
    const auto pieces = runs.pieces();
    EXPECT_LE(pieces.size(), 8U);
    EXPECT_EQ(pieces.front().start, 0U);
    EXPECT_EQ(pieces.back().end, 9995U);
}

class FirstRegionsOfRuns : public testing::Test {
  protected:
    std::array<ds_region, 64> out{};
};

TEST_F(FirstRegionsOfRuns, EachIsCutAndHasItsKind) {
    Runs runs({{0, 100, anonymous}, {100, 130, file}, {1000, 1001, file}});
    ASSERT_EQ(ds_runs_regions(&runs, 25, out.data(), 64), 6U);
    EXPECT_EQ(borders(out.data(), 6),
              (Borders{{0, 25}, {25, 50}, {50, 75}, {75, 100}, {100, 130}, {1000, 1001}}));
    EXPECT_EQ(out[3].kind, anonymous);
    EXPECT_EQ(out[4].kind, file);
}

TEST_F(FirstRegionsOfRuns, LittleRoomForgetsNone) {
    Runs runs({{0, 100, anonymous}, {100, 130, file}, {1000, 1001, file}});
    for (std::uint32_t capacity = 3; capacity < 12; capacity++) {
        out[capacity].start = 77;
        const auto nr = ds_runs_regions(&runs, 1, out.data(), capacity);
        ASSERT_LE(nr, capacity);
        EXPECT_EQ(out[capacity].start, 77U);
        EXPECT_EQ(out[nr - 1].end, 1001U);
    }
}

class AdoptRuns : public testing::Test {
  protected:
    void SetUp() override {
        old = regions_of({{0, 40}, {40, 100}, {100, 130}, {500, 600}});
        for (std::size_t i = 0; i < old.size(); i++) {
            old[i].kind = i == 2 ? file : anonymous;
            old[i].age = static_cast<std::uint32_t>(10 + i);
            old[i].sampled = 20;
            old[i].pending = DS_PENDING_OLD;
        }
    }
    // Borders, ages and kinds.
    using Seen =
        std::vector<std::tuple<std::uint64_t, std::uint64_t, std::uint32_t, std::uint32_t>>;
    Seen adopt(const Pieces& mappings, std::uint32_t capacity = 64) {
        Runs runs(mappings);
        out.assign(capacity + 1, ds_region{});
        out.back().start = 77;
        const auto nr = ds_runs_adopt(&runs, old.data(), static_cast<std::uint32_t>(old.size()),
                                      out.data(), capacity);
        EXPECT_LE(nr, capacity);
        EXPECT_EQ(out.back().start, 77U);
        Seen seen;
        for (std::uint32_t i = 0; i < nr; i++)
            seen.emplace_back(out[i].start, out[i].end, out[i].age, out[i].kind);
        return seen;
    }
    std::vector<ds_region> old, out;
};

TEST_F(AdoptRuns, TheSameMappingsChangeNothing) {
    EXPECT_EQ(adopt({{0, 100, anonymous}, {100, 130, file}, {500, 600, anonymous}}),
              (Seen{{0, 40, 10, anonymous},
                    {40, 100, 11, anonymous},
                    {100, 130, 12, file},
                    {500, 600, 13, anonymous}}));
    EXPECT_EQ(out[0].sampled, 20U);
    EXPECT_EQ(out[0].pending, DS_PENDING_NONE);
}

TEST_F(AdoptRuns, AHoleInTheMiddleLeavesTheRestAsItWas) {
    EXPECT_EQ(
        adopt({{0, 50, anonymous}, {90, 100, anonymous}, {100, 130, file}, {500, 600, anonymous}}),
        (Seen{{0, 40, 10, anonymous},
              {40, 50, 11, anonymous},
              {90, 100, 11, anonymous},
              {100, 130, 12, file},
              {500, 600, 13, anonymous}}));
}

TEST_F(AdoptRuns, WhatIsNewHasRegionsOfItsOwn) {
    const auto seen = adopt(
        {{0, 100, anonymous}, {100, 200, file}, {300, 320, anonymous}, {500, 640, anonymous}});
    EXPECT_EQ(seen, (Seen{{0, 40, 10, anonymous},
                          {40, 100, 11, anonymous},
                          {100, 130, 12, file},
                          {130, 200, 0, file},
                          {300, 320, 0, anonymous},
                          {500, 600, 13, anonymous},
                          {600, 640, 0, anonymous}}));
    EXPECT_FALSE(ds_region_known(&out[3]));
}

TEST_F(AdoptRuns, AnotherKindAtTheSameAddressesIsNew) {
    EXPECT_EQ(adopt({{0, 60, anonymous}, {60, 130, file}}), (Seen{{0, 40, 10, anonymous},
                                                                  {40, 60, 11, anonymous},
                                                                  {60, 100, 0, file},
                                                                  {100, 130, 12, file}}));
}

TEST_F(AdoptRuns, WhatIsOfNoKindKeepsWhatIsKnown) {
    EXPECT_EQ(adopt({{0, 130, any}}),
              (Seen{{0, 40, 10, any}, {40, 100, 11, any}, {100, 130, 12, any}}));
    for (auto& region : old) region.kind = any;
    EXPECT_EQ(adopt({{0, 100, anonymous}, {100, 130, file}}),
              (Seen{{0, 40, 10, anonymous}, {40, 100, 11, anonymous}, {100, 130, 12, file}}));
}

TEST_F(AdoptRuns, WithoutRoomWhatIsNewMergesWithItsNeighbour) {
    EXPECT_EQ(adopt({{0, 130, anonymous}, {500, 640, anonymous}}, 2),
              (Seen{{0, 130, 7, anonymous}, {500, 640, 9, anonymous}}));
    EXPECT_FALSE(ds_region_known(&out[0]));
}

TEST_F(AdoptRuns, NothingMappedLeavesNoRegion) {
    EXPECT_EQ(adopt({}), (Seen{}));
}

// Any mappings
// -------------------------------------------------------------------------------------

Pieces any_mappings(std::uint64_t min_region_size) {
    const auto sizes =
        *rc::gen::container<std::vector<std::tuple<std::uint64_t, std::uint64_t, std::uint32_t>>>(
            rc::gen::tuple(rc::gen::inRange<std::uint64_t>(1, 300),
                           rc::gen::inRange<std::uint64_t>(0, 200), rc::gen::inRange(1U, 4U)));
    Pieces mappings;
    std::uint64_t at = 0;
    for (const auto& [size, gap, kind] : sizes) {
        at += gap < 100 ? 0 : gap * min_region_size / 16;
        mappings.push_back({at, at + size * min_region_size / 16 + 1, kind});
        at = mappings.back().end;
    }
    return mappings;
}

bool are_sound(const Pieces& runs, std::uint64_t min_region_size) {
    for (std::size_t i = 0; i < runs.size(); i++)
        if (runs[i].start >= runs[i].end || runs[i].start % min_region_size != 0 ||
            runs[i].end % min_region_size != 0 || (i && runs[i - 1].end > runs[i].start))
            return false;
    return true;
}

// Whether each address of it is in a run of its kind or of none.
bool have(const Pieces& runs, const Piece& mapping) {
    auto at = mapping.start;
    for (const auto& run : runs)
        if (run.start <= at && at < run.end && (run.kind == mapping.kind || run.kind == any))
            at = run.end;
    return at >= mapping.end;
}

RC_GTEST_PROP(RunsOfAnyMappings, HaveEachOfThemHoweverFewMayBe, ()) {
    const std::uint64_t size = 1ULL << *rc::gen::inRange(0, 6);
    const auto mappings = any_mappings(size);
    Runs runs(mappings, *rc::gen::inRange(4U, 40U), size);
    RC_ASSERT(are_sound(runs.pieces(), size));
    for (const auto& mapping : mappings) RC_ASSERT(have(runs.pieces(), mapping));
    const auto most = *rc::gen::inRange(1U, 40U);
    ds_runs_limit(&runs, most);
    RC_ASSERT(are_sound(runs.pieces(), size));
    RC_ASSERT(runs.pieces().size() <= most);
    for (const auto& mapping : mappings) RC_ASSERT(have(runs.pieces(), mapping));
}

RC_GTEST_PROP(RunsOfAnyMappings, AreCoveredByRegionsOfTheirKindAfterAnyChange, ()) {
    std::vector<ds_region> regions;
    for (int round = 0; round < 6; round++) {
        Runs runs(any_mappings(16), 200, 16);
        ds_runs_limit(&runs, *rc::gen::inRange(1U, 100U));
        const auto pieces = runs.pieces();
        const auto capacity =
            static_cast<std::uint32_t>(pieces.size()) + *rc::gen::inRange(0U, 40U);
        std::vector<ds_region> out(capacity + 1);
        out.back().start = 77;
        const auto nr =
            round % 3 == 0
                ? ds_runs_regions(&runs, *rc::gen::inRange<std::uint64_t>(1, 5000), out.data(),
                                  capacity)
                : ds_runs_adopt(&runs, regions.data(), static_cast<std::uint32_t>(regions.size()),
                                out.data(), capacity);
        RC_ASSERT(nr <= capacity);
        RC_ASSERT(out.back().start == 77U);
        out.resize(nr);
        std::size_t at = 0;
        for (const auto& piece : pieces) {
            auto reached = piece.start;
            for (; at < out.size() && out[at].end <= piece.end; at++) {
                RC_ASSERT(out[at].start == reached);
                RC_ASSERT(out[at].start < out[at].end);
                RC_ASSERT(out[at].kind == piece.kind);
                reached = out[at].end;
            }
            RC_ASSERT(reached == piece.end);
        }
        RC_ASSERT(at == out.size());
        for (auto& region : out) region.age = 5;
        regions = out;
    }
}

}  // namespace
}  // namespace damon_schemes::core

// SPDX-License-Identifier: MIT
// Whether regions find what is hot and what is cold, over a simulated page table.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "session.h"

namespace damon_schemes::core {
namespace {

constexpr std::uint64_t page = 4096, mib = 1 << 20;
constexpr ds_limits defaults{.min_regions = 10,
                             .max_regions = 1000,
                             .max_nr_accesses = 20,
                             .min_region_size = page,
                             .search = 0};

struct Area {
    __u64 start, end;
};

// Bytes of [start, end) in regions for which `counts` holds.
template <typename Predicate>
std::uint64_t bytes_in(const Session& session, const Area& area, const Predicate& counts) {
    std::uint64_t bytes = 0;
    for (std::uint32_t i = 0; i < session.regions().nr; i++) {
        const auto& region = session.regions().regions[i];
        const auto start = std::max(region.start, area.start), end = std::min(region.end, area.end);
        if (start < end && counts(region)) bytes += end - start;
    }
    return bytes;
}

// 256 MiB of cold memory with 64 MiB of hot memory in it, between a small heap and a stack that are
// idle.
class Convergence : public testing::TestWithParam<std::uint64_t> {
  protected:
    static constexpr std::uint64_t base = 0x7f0000000000;
    static constexpr Area cold_below{base, base + 100 * mib},
        hot{base + 100 * mib, base + 164 * mib}, cold_above{base + 164 * mib, base + 320 * mib};

    Convergence() : session(defaults, GetParam()) {
        ds_layout_walk walk{};
        ds_layout_add(&walk, 0x555555554000, 0x555555554000 + mib);
        ds_layout_add(&walk, cold_below.start, cold_above.end);
        ds_layout_add(&walk, 0x7ffffffde000, 0x7ffffffff000);
        ds_layout layout{};
        ds_layout_finish(&walk, page, &layout);
        session.add_target(layout);
    }

    // One aggregation interval; `read` sees the regions as a snapshot shows them.
    template <typename Read>
    void interval(const Look& look, const Read& read) {
        for (std::uint32_t pass = 0; pass < defaults.max_nr_accesses; pass++) session.sample(look);
        session.aggregate();
        session.merge();
        read();
        session.reset();
        session.split();
    }
    void intervals(int n, const Look& look) {
        for (int i = 0; i < n; i++) interval(look, [] {});
    }

    // Whether `holds` after one of the next `n` intervals.
    template <typename Predicate>
    bool comes_true(int n, const Look& look, const Predicate& holds) {
        bool held = false;
        for (int i = 0; i < n && !held; i++) interval(look, [&] { held = holds(); });
        return held;
    }

    static std::uint64_t median(std::vector<std::uint64_t> values) {
        const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
        std::nth_element(values.begin(), middle, values.end());
        return *middle;
    }

    static ds_look look_at(std::uint32_t, std::uint64_t address) {
        return address >= hot.start && address < hot.end ? DS_LOOK_ACCESSED : DS_LOOK_IDLE;
    }

    Session session;
};

constexpr auto accessed = [](const ds_region& region) { return region.accessed != 0; };
constexpr auto idle = [](const ds_region& region) { return region.sampled && !region.accessed; };

TEST_P(Convergence, NineteenOfTwentyBytesAreToldRight) {
    intervals(60, look_at);
    // Splitting at random now and then puts the border into a large piece, for one interval.
    std::vector<std::uint64_t> seen_hot, seen_cold;
    for (int i = 0; i < 21; i++)
        interval(look_at, [&] {
            seen_hot.push_back(bytes_in(session, hot, accessed));
            seen_cold.push_back(bytes_in(session, cold_below, idle) +
                                bytes_in(session, cold_above, idle));
        });
    EXPECT_GE(median(seen_hot), 64 * mib * 95 / 100);
    EXPECT_GE(median(seen_cold), 256 * mib * 95 / 100);
    EXPECT_TRUE(session.broken().empty()) << session.broken().front();
}

TEST_P(Convergence, ColdMemoryGrowsOldAndHotMemoryThatCoolsStartsAgain) {
    const auto old = [](const ds_region& region) { return !region.accessed && region.age >= 40; };
    EXPECT_TRUE(comes_true(160, look_at, [&] {
        return bytes_in(session, cold_below, old) + bytes_in(session, cold_above, old) >=
               256 * mib * 9 / 10;
    })) << "cold memory does not grow old";
    // All turns over: what was hot is cold now.
    const auto turned = [](std::uint32_t target, std::uint64_t address) {
        return look_at(target, address) == DS_LOOK_IDLE ? DS_LOOK_ACCESSED : DS_LOOK_IDLE;
    };
    interval(turned, [&] {
        EXPECT_LE(bytes_in(session, hot, old), 64 * mib * 5 / 100);
        EXPECT_LE(
            bytes_in(session, cold_above, [](const ds_region& region) { return region.age > 1; }),
            (cold_above.end - cold_above.start) / 10);
    });
    EXPECT_TRUE(comes_true(160, turned, [&] {
        return bytes_in(session, hot, old) >= 64 * mib * 9 / 10;
    })) << "memory that cooled does not grow old";
}

// A thread that gets only one pass in five done must not make hot memory look less hot.
TEST_P(Convergence, MissedSamplesDoNotCoolMemory) {
    ds_random random{};
    ds_random_seed(&random, GetParam());
    const auto mostly_missed = [&](std::uint32_t target, std::uint64_t address) {
        return ds_random_below(&random, 5) ? DS_LOOK_MISSED : look_at(target, address);
    };
    intervals(60, mostly_missed);
    interval(mostly_missed, [&] {
        const auto hottest = [](const ds_region& region) { return region.nr_accesses >= 18; };
        EXPECT_GE(bytes_in(session, hot, hottest), 64 * mib * 9 / 10);
    });
}

TEST_P(Convergence, NothingIsConcludedWhereEveryLookIsMissed) {
    intervals(60, look_at);
    for (int i = 0; i < 50; i++)
        interval([](std::uint32_t, std::uint64_t) { return DS_LOOK_MISSED; },
                 [&] {
                     EXPECT_EQ(bytes_in(session, cold_below, idle), 0U);
                     EXPECT_EQ(bytes_in(session, hot, accessed), 0U);
                 });
    // 60 intervals were seen, so nothing is older, however long nothing was seen since.
    EXPECT_EQ(
        bytes_in(session, cold_below, [](const ds_region& region) { return region.age > 60; }), 0U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Convergence, testing::Values(1, 2, 3, 5, 8, 13, 21, 34),
                         [](const auto& seed) { return "seed" + std::to_string(seed.param); });

}  // namespace
}  // namespace damon_schemes::core

// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <vector>

#include "engine/simulation/out_ranges.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;

const Instant early{10s};
const Instant late{20s};

struct Back {
    Bytes bytes;
    Instant since;
    bool operator==(const Back&) const = default;
};

std::vector<Back> taken(OutRanges& out, AddressRange range) {
    std::vector<Back> back;
    out.take(range, [&](Bytes bytes, Instant since) { back.push_back({bytes, since}); });
    return back;
}

TEST(OutRangesTest, what_is_out_already_does_not_go_out_again) {
    OutRanges out;
    EXPECT_EQ(out.add({100, 200}, Bytes{100}, early), Bytes{100});
    EXPECT_EQ(out.add({50, 250}, Bytes{200}, late), Bytes{100});
    EXPECT_EQ(out.bytes(), Bytes{200});
    EXPECT_EQ(taken(out, {0, 300}),
              (std::vector<Back>{{Bytes{50}, late}, {Bytes{100}, early}, {Bytes{50}, late}}));
    EXPECT_EQ(out.bytes(), Bytes{});
}

TEST(OutRangesTest, a_part_has_its_part_of_what_was_present) {
    OutRanges out;
    EXPECT_EQ(out.add({0, 1000}, Bytes{500}, early), Bytes{500});
    EXPECT_EQ(taken(out, {200, 400}), (std::vector<Back>{{Bytes{100}, early}}));
    EXPECT_EQ(out.bytes(), Bytes{400});
    EXPECT_EQ(out.ranges(), 2U);
}

TEST(OutRangesTest, what_is_no_longer_mapped_is_forgotten) {
    OutRanges out;
    out.add({0, 1000}, Bytes{1000}, early);
    out.keep_within({{100, 200}, {900, 2000}});
    EXPECT_EQ(out.bytes(), Bytes{200});
    out.keep_within({});
    EXPECT_EQ(out.bytes(), Bytes{});
}

TEST(OutRangesTest, empty_ranges_change_nothing) {
    OutRanges out;
    EXPECT_EQ(out.add({100, 100}, Bytes{7}, early), Bytes{});
    out.add({100, 200}, Bytes{100}, early);
    EXPECT_TRUE(taken(out, {150, 150}).empty());
    EXPECT_EQ(out.ranges(), 1U);
}

// Against an array with a flag for each byte.
TEST(OutRangesTest, agrees_with_a_flag_for_each_address) {
    rc::check([](const std::vector<std::tuple<bool, std::uint8_t, std::uint8_t>>& steps) {
        OutRanges out;
        std::vector<bool> flags(256, false);
        for (const auto& [adds, a, b] : steps) {
            const AddressRange range{std::min(a, b), std::max(a, b)};
            std::uint64_t expected = 0;
            for (auto at = range.start; at < range.end; ++at) {
                expected += flags[at] != adds ? 1U : 0U;
                flags[at] = adds;
            }
            Bytes moved;
            if (adds) {
                moved = out.add(range, range.size(), early);
            } else {
                out.take(range, [&](Bytes bytes, Instant) { moved += bytes; });
            }
            RC_ASSERT(moved.count == expected);
        }
        RC_ASSERT(out.bytes().count ==
                  static_cast<std::uint64_t>(std::count(flags.begin(), flags.end(), true)));
    });
}

}  // namespace
}  // namespace damon_schemes

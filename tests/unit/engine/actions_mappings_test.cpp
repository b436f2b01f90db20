// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "engine/actions/mappings.h"
#include "engine/targets/procfs.h"

namespace damon_schemes {
namespace {

constexpr Bytes page{4096};

constexpr const char* maps =
    "00001000-00003000 r-xp 00000000 08:01 131 /usr/bin/a program\n"
    "00003000-00005000 rw-p 00002000 08:01 131 /usr/bin/a program\n"
    "00010000-00012000 rw-p 00000000 00:00 0 [heap]\n"
    "00020000-00024000 rw-s 00000000 00:01 77 /dev/zero (deleted)\n"
    "00030000-00034000 ---p 00000000 00:00 0 \n"
    "7ffe0000-7ffe4000 r--p 00000000 00:00 0 [vvar]\n"
    "7ffe4000-7ffe6000 r-xp 00000000 00:00 0 [vdso]\n";

TEST(MappingsTest, reads_ranges_permissions_and_names) {
    const auto mappings = parse_mappings(maps);
    ASSERT_EQ(mappings.size(), 7U);
    EXPECT_EQ(mappings[0].range, (AddressRange{0x1000, 0x3000}));
    EXPECT_EQ(mappings[0].name, "/usr/bin/a program");
    EXPECT_TRUE(mappings[0].readable && mappings[0].executable && !mappings[0].writable);
    EXPECT_FALSE(mappings[0].anonymous);
    EXPECT_TRUE(mappings[2].anonymous && mappings[2].writable && !mappings[2].shared);
    EXPECT_TRUE(mappings[3].shared && !mappings[3].anonymous);
    EXPECT_FALSE(mappings[4].readable);
    EXPECT_EQ(mappings[4].name, "");
    EXPECT_FALSE(mappings[4].kernel_provided);
    EXPECT_TRUE(mappings[5].kernel_provided && mappings[6].kernel_provided);
}

TEST(MappingsTest, leaves_out_lines_of_another_form) {
    EXPECT_TRUE(parse_mappings("").empty());
    EXPECT_TRUE(
        parse_mappings("\n\n1000-2000\nzz-yy r--p 0 0 0\n3000-2000 r--p 0 0:0 0 \n").empty());
    EXPECT_EQ(parse_mappings("1000-2000 r--p 0 0:0 0 x").size(), 1U) << "no newline at the end";
}

TEST(MappingsTest, reads_this_process) {
    const auto text = read_file("/proc/self/maps");
    ASSERT_TRUE(text.has_value());
    const auto mappings = parse_mappings(*text);
    EXPECT_EQ(mappings.size(),
              static_cast<std::size_t>(std::count(text->begin(), text->end(), '\n')));
    const auto here = reinterpret_cast<std::uint64_t>(&mappings);
    const Clipped clipped = clip({here & ~4095ULL, (here & ~4095ULL) + 4096}, mappings, page);
    ASSERT_EQ(clipped.parts.size(), 1U);
    EXPECT_EQ(mappings[clipped.parts[0].mapping].name, "[stack]");
}

TEST(ClipTest, cuts_at_the_borders_of_mappings) {
    const Clipped clipped = clip({0x2000, 0x11000}, parse_mappings(maps), page);
    ASSERT_EQ(clipped.parts.size(), 3U);
    EXPECT_EQ(clipped.parts[0].range, (AddressRange{0x2000, 0x3000}));
    EXPECT_EQ(clipped.parts[1].range, (AddressRange{0x3000, 0x5000}));
    EXPECT_EQ(clipped.parts[2].range, (AddressRange{0x10000, 0x11000}));
    EXPECT_EQ(clipped.parts[2].mapping, 2U);
    EXPECT_EQ(clipped.unmapped, Bytes{0xb000});
    EXPECT_EQ(clipped.special, Bytes{});
}

TEST(ClipTest, counts_what_the_kernel_provides_as_special) {
    const Clipped clipped = clip({0x7ffe0000, 0x7ffe8000}, parse_mappings(maps), page);
    EXPECT_TRUE(clipped.parts.empty());
    EXPECT_EQ(clipped.special, Bytes{0x6000});
    EXPECT_EQ(clipped.unmapped, Bytes{0x2000});
}

TEST(ClipTest, gives_nothing_of_a_range_that_is_nowhere_mapped) {
    const Clipped clipped = clip({0x50000, 0x60000}, parse_mappings(maps), page);
    EXPECT_TRUE(clipped.parts.empty());
    EXPECT_EQ(clipped.unmapped, Bytes{0x10000});
    EXPECT_EQ(clip({0x50000, 0x60000}, {}, page).unmapped, Bytes{0x10000});
}

TEST(ClipTest, acts_on_whole_pages_only) {
    const Clipped clipped = clip({0x10001, 0x11fff}, parse_mappings(maps), page);
    EXPECT_TRUE(clipped.parts.empty());
    EXPECT_EQ(clipped.special, Bytes{0x1ffe});
    const Clipped more = clip({0x0fff0, 0x11010}, parse_mappings(maps), page);
    ASSERT_EQ(more.parts.size(), 1U);
    EXPECT_EQ(more.parts[0].range, (AddressRange{0x10000, 0x11000}));
    EXPECT_EQ(more.special, Bytes{0x20});
}

TEST(ClipTest, loses_no_byte_and_stays_within_mappings) {
    ASSERT_TRUE(rc::check([] {
        std::vector<Mapping> mappings;
        std::uint64_t at = 0;
        for (int index = *rc::gen::inRange(0, 12); index > 0; --index) {
            Mapping mapping;
            at += 4096 * *rc::gen::inRange<std::uint64_t>(0, 4);
            const std::uint64_t end = at + 4096 * *rc::gen::inRange<std::uint64_t>(1, 5);
            mapping.range = {at, end};
            mapping.kernel_provided = *rc::gen::inRange(0, 5) == 0;
            mappings.push_back(mapping);
            at = end;
        }
        const auto start = *rc::gen::inRange<std::uint64_t>(0, 60 * 4096);
        const AddressRange range{start, start + *rc::gen::inRange<std::uint64_t>(0, 60 * 4096)};
        const Clipped clipped = clip(range, mappings, page);
        Bytes sum = clipped.unmapped + clipped.special;
        std::uint64_t reached = range.start;
        for (const MappedPart& part : clipped.parts) {
            const AddressRange mapping = mappings[part.mapping].range;
            RC_ASSERT(part.range.start >= reached && part.range.end <= range.end);
            RC_ASSERT(!part.range.empty());
            RC_ASSERT(part.range.start >= mapping.start && part.range.end <= mapping.end);
            RC_ASSERT(!mappings[part.mapping].kernel_provided);
            reached = part.range.end;
            sum += part.range.size();
        }
        RC_ASSERT(sum == range.size());
    }));
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include "engine/actions/mapping_flags.h"
#include "tests/unit/engine/own_memory.h"

namespace damon_schemes {
namespace {

using ::testing::ElementsAre;

constexpr const char* smaps =
    "559ff5c00000-559ff5e00000 r-xp 00000000 08:01 1234       /usr/bin/x y\n"
    "Size:               2048 kB\nVmFlags: rd ex mr mw me sd \n"
    "7f0000000000-7f0000400000 rw-p 00000000 00:00 0 \n"
    "Size:               4096 kB\nAnonHugePages:      2048 kB\nTHPeligible:    1\n"
    "VmFlags: rd wr mr mw me ac sd hg lo \n"
    "7f0000400000-7f0000600000 rw-p 00000000 00:00 0 \nVmFlags: rd wr mr mw me nh \n"
    "7f0000600000-7f0000601000 rw-s 00000000 00:05 7          /dev/mem\nVmFlags: rd wr sh pf io\n";

TEST(MappingFlags, AreReadOfEachMapping) {
    const auto flags = parse_mapping_flags(smaps);
    ASSERT_EQ(flags.size(), 4U);
    EXPECT_EQ(flags[0].range, (AddressRange{0x559ff5c00000, 0x559ff5e00000}));
    EXPECT_FALSE(flags[0].hugepage || flags[0].nohugepage || flags[0].locked || flags[0].device);
    EXPECT_TRUE(flags[1].hugepage && flags[1].locked);
    EXPECT_TRUE(flags[2].nohugepage && !flags[2].locked);
    EXPECT_TRUE(flags[3].device);
    EXPECT_THAT(ranges_with(flags, &MappingFlags::locked).ranges(),
                ElementsAre(AddressRange{0x7f0000000000, 0x7f0000400000}));
}

TEST(MappingFlags, TextThatIsCutSaysNothingWrong) {
    const std::string_view text = smaps;
    for (std::size_t end = 0; end <= text.size(); ++end)
        for (const MappingFlags& mapping : parse_mapping_flags(text.substr(0, end)))
            EXPECT_FALSE(mapping.range.empty());
}

TEST(MappingFlags, AreTheKernelsOwn) {
    const testing::OwnMemory memory(4 << 20);
    ASSERT_EQ(::madvise(memory.at(0), 2 << 20, MADV_NOHUGEPAGE), 0);
    EXPECT_EQ(testing::flagged(memory.range(), &MappingFlags::nohugepage), mebibytes(2));
}

}  // namespace
}  // namespace damon_schemes

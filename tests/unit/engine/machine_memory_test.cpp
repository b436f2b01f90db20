// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "engine/machine/memory.h"
#include "tests/unit/engine/laid_out_folder.h"

namespace damon_schemes {
namespace {

using testing::LaidOutFolder;

constexpr const char* meminfo =
    "MemTotal:        1000000 kB\nMemFree:          300000 kB\nMemAvailable:     600000 kB\n"
    "Buffers:           10000 kB\nCached:           250000 kB\nSwapCached:         4000 kB\n"
    "SwapTotal:        500000 kB\nSwapFree:         125000 kB\nShmem:             20000 kB\n"
    "SReclaimable:      40000 kB\n";

TEST(MachineMemoryTest, counts_as_used_what_cannot_be_had_without_swapping) {
    const auto memory = parse_meminfo(meminfo);
    ASSERT_TRUE(memory.has_value());
    EXPECT_EQ(memory->page_cache, kibibytes(280'000))
        << "shared memory is in Cached, and is no cache";
    EXPECT_EQ(memory->used(), kibibytes(420'000));
    EXPECT_EQ(memory->swap_cached, kibibytes(4'000));
    EXPECT_EQ(memory->free_swap_share(), Share{250'000});
}

TEST(MachineMemoryTest, has_no_free_share_of_no_swap) {
    const auto memory =
        parse_meminfo("MemTotal: 9 kB\nMemFree: 3 kB\nMemAvailable: 4 kB\nSwapTotal: 0 kB\n");
    ASSERT_TRUE(memory.has_value());
    EXPECT_EQ(memory->free_swap_share(), Share{0});
}

TEST(MachineMemoryTest, does_not_guess_what_it_cannot_read) {
    EXPECT_FALSE(parse_meminfo("").has_value());
    EXPECT_FALSE(parse_meminfo("MemTotal: 12 kB\n").has_value());
    EXPECT_FALSE(memory_of_machine({"/nonexistent", "/nonexistent"}).has_value());
}

TEST(MachineMemoryTest, adds_up_what_zram_devices_take) {
    const LaidOutFolder root({
        {"proc/meminfo", meminfo},
        {"sys/block/zram0/mm_stat",
         "  104857600 20000000 21000192        0 21000192  100   0  0  0\n"},
        {"sys/block/zram1/mm_stat", "4096 74 12288 0 12288 0 0 0 0\n"},
        {"sys/block/zram2/mm_stat", ""},
        {"sys/block/sda/stat", "1 2 3\n"},
    });
    const MachinePaths paths{root.path() + "/proc", root.path() + "/sys"};
    EXPECT_EQ(zram_use(paths).taken, Bytes{21000192 + 12288});
    EXPECT_EQ(memory_of_machine(paths)->zram, Bytes{21000192 + 12288});
}

TEST(MachineMemoryTest, says_what_zram_saves_once_it_holds_enough_to_say) {
    EXPECT_EQ((ZramUse{mebibytes(15), mebibytes(1), {}}.saving()), std::nullopt);
    EXPECT_EQ((ZramUse{mebibytes(100), mebibytes(25), {}}.saving()), Share{750'000});
    EXPECT_EQ((ZramUse{mebibytes(100), mebibytes(101), {}}.saving()), Share{0});
}

TEST(MachineMemoryTest, holes_that_zram_has_left_do_not_count_as_compressing_badly) {
    EXPECT_EQ((ZramUse{mebibytes(100), mebibytes(25), mebibytes(110)}.saving()), Share{750'000});
}

TEST(SwapDevicesTest, are_read_with_their_figures) {
    const auto devices = parse_swaps(
        "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
        "/dev/zram0                              partition\t2097148\t\t1024\t\t100\n"
        "/swap\\040file                           file\t\t1048572\t\t0\t\t-2\n");
    ASSERT_EQ(devices.size(), 2U);
    EXPECT_TRUE(devices[0].zram);
    EXPECT_EQ(devices[0].size, kibibytes(2097148));
    EXPECT_EQ(devices[0].used, kibibytes(1024));
    EXPECT_EQ(devices[0].priority, 100);
    EXPECT_FALSE(devices[1].zram);
    EXPECT_EQ(devices[1].type, "file");
    EXPECT_EQ(devices[1].priority, -2);
    EXPECT_TRUE(parse_swaps("Filename Type Size Used Priority\n").empty());
}

}  // namespace
}  // namespace damon_schemes

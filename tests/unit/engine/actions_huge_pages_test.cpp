// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>

#include "engine/actions/chunk.h"
#include "engine/actions/huge_pages.h"
#include "engine/targets/procfs.h"
#include "tests/unit/engine/own_child.h"

namespace damon_schemes {
namespace {

using ::testing::ElementsAre;
using testing::OwnChild;

constexpr std::uint64_t mib = 1 << 20;
constexpr Bytes page{4096};

TEST(HugeMappingsTest, are_those_that_smaps_gives_any_huge_page) {
    const char* smaps =
        "00200000-00600000 rw-p 00000000 00:00 0 \n"
        "Size:               4096 kB\n"
        "AnonHugePages:      2048 kB\n"
        "ShmemPmdMapped:        0 kB\n"
        "VmFlags: rd wr mr mw me ac\n"
        "00600000-00a00000 rw-p 00000000 00:00 0 \n"
        "AnonHugePages:         0 kB\n"
        "FilePmdMapped:         0 kB\n"
        "7f0000000000-7f0000400000 rw-s 00000000 00:01 3 /memfd:a: b (deleted)\n"
        "ShmemPmdMapped:     4096 kB\n"
        "FilePmdMapped:      4096 kB\n";
    EXPECT_THAT(mappings_with_huge_pages(smaps),
                ElementsAre(AddressRange{0x200000, 0x600000},
                            AddressRange{0x7f0000000000, 0x7f0000400000}));
    EXPECT_TRUE(mappings_with_huge_pages("").empty());
}

// First 2 MiB a huge page, second 2 MiB base pages.
std::uint64_t half_huge() {
    void* memory =
        ::mmap(nullptr, 6 * mib, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const std::uint64_t aligned =
        (reinterpret_cast<std::uint64_t>(memory) + 2 * mib - 1) & ~(2 * mib - 1);
    ::madvise(reinterpret_cast<void*>(aligned), 2 * mib, MADV_HUGEPAGE);
    ::madvise(reinterpret_cast<void*>(aligned + 2 * mib), 2 * mib, MADV_NOHUGEPAGE);
    std::memset(reinterpret_cast<void*>(aligned), 1, 4 * mib);
    return aligned;
}

TEST(HugePagesTest, are_found_by_every_source_alike) {
    const OwnChild child(half_huge);
    const std::string path = "/proc/" + std::to_string(child.pid());
    const auto smaps = read_file(path + "/smaps");
    if (!smaps || mappings_with_huge_pages(*smaps).empty()) {
        GTEST_SKIP() << "this machine gave no huge pages";
    }
    const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const auto pagemap = Pagemap::open(folder.get());
    ASSERT_TRUE(pagemap.has_value());
    const auto flags = FrameFlags::open();
    struct Source {
        const char* name;
        const Pagemap* pagemap;
        const FrameFlags* flags;
    };
    for (const Source& source :
         {Source{"frames", &*pagemap, flags ? &*flags : nullptr},
          Source{"scan", &*pagemap, nullptr}, Source{"smaps", nullptr, nullptr}}) {
        HugePages huge_pages(folder.get(), source.pagemap, source.flags, page);
        EXPECT_TRUE(huge_pages.at(child.address())) << source.name;
        EXPECT_FALSE(huge_pages.at(child.address() + 2 * mib)) << source.name;
        EXPECT_TRUE(huge_pages.at(child.address())) << source.name;
    }
}

}  // namespace
}  // namespace damon_schemes

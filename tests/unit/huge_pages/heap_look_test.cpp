// SPDX-License-Identifier: MIT
#include "benchmarks/huge_pages/heap_look.h"

#include <gtest/gtest.h>

namespace damon_schemes::bench {
namespace {

// As Linux 6.1 and 6.12 write it.
TEST(PagesInLists, AreSummedOverZonesAndProcessors) {
    constexpr std::string_view zoneinfo =
        "Node 0, zone      DMA\n"
        "  per-node stats\n"
        "      nr_inactive_anon 12\n"
        "  pages free     3840\n"
        "        high     38\n"
        "        managed  3840\n"
        "  pagesets\n"
        "    cpu: 0\n"
        "              count: 1\n"
        "              high:  0\n"
        "              batch: 1\n"
        "    cpu: 1\n"
        "              count:    20\n"
        "              high:  0\n"
        "Node 0, zone    DMA32\n"
        "  pagesets\n"
        "    cpu: 0\n"
        "              count: 300\n";
    EXPECT_EQ(pages_in_lists(zoneinfo), kibibytes(4 * 321));
    EXPECT_EQ(pages_in_lists(""), Bytes{});
}

}  // namespace
}  // namespace damon_schemes::bench

// SPDX-License-Identifier: MIT
// What is mapped otherwise than as plain memory: seen where it can be, left alone where it must be.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>
#include <string>

#include "session.h"

namespace damon_schemes::vm {
namespace {

bool is_debugging_kernel() {
    utsname names{};
    uname(&names);
    return std::string(names.release).find("debug") != std::string::npos;
}

class Mapping : public testing::Test {
  protected:
    void SetUp() override { NEEDS_MODULE(); }
    void watch() {
        auto attrs = scaled_attrs();
        attrs.min_regions = 50;
        ASSERT_EQ(session.set(attrs), 0);
        ASSERT_EQ(session.add(target.pid(), &id), 0);
        ASSERT_EQ(session.start(), 0);
    }
    // Whether `percent` of the area's bytes come to be in regions for which `counts` holds.
    template <typename Predicate>
    testing::AssertionResult comes_to(const Area& area, double percent, const Predicate& counts) {
        std::string last;
        if (session.wait_for(100, [&](const Snapshot& snapshot) {
                last = describe(snapshot.of(id), area);
                return percent_in(snapshot.of(id), area, counts) >= percent;
            }))
            return testing::AssertionSuccess();
        return testing::AssertionFailure() << "at last: " << last;
    }
    Target target;
    Session session;
    std::uint64_t id = 0;
};

TEST_F(Mapping, SharedFilesAreSeen) {
    const auto hot = target.map("hot", 16 * mib, "file:/dev/shm/vm_hot");
    const auto cold = target.map("cold", 64 * mib, "file:/dev/shm/vm_cold");
    unlink("/dev/shm/vm_hot");
    unlink("/dev/shm/vm_cold");
    target.hot("hot");
    watch();
    EXPECT_TRUE(comes_to(hot, 90, accessed));
    EXPECT_TRUE(comes_to(cold, 90, idle));
}

TEST_F(Mapping, HugetlbPagesAreSeen) {
    std::ofstream("/proc/sys/vm/nr_hugepages") << 40 << std::flush;
    int pages = 0;
    std::ifstream("/proc/sys/vm/nr_hugepages") >> pages;
    if (pages < 40) GTEST_SKIP() << "the kernel gave " << pages << " of 40 hugetlb pages";
    const auto hot = target.map("hot", 16 * mib, "hugetlb");
    const auto cold = target.map("cold", 64 * mib, "hugetlb");
    target.hot("hot");
    watch();
    EXPECT_TRUE(comes_to(hot, 85, accessed));
    EXPECT_TRUE(comes_to(cold, 85, idle));
    target.kill();
    std::ofstream("/proc/sys/vm/nr_hugepages") << 0;
}

// Memory between mappings is in the regions where the gap is none of the two largest.
TEST_F(Mapping, AHoleIsAbsentAndNotCold) {
    const auto area = target.map("area", 96 * mib);
    target.ask("unmap area " + std::to_string(32 * mib) + " " + std::to_string(32 * mib));
    const Area hole{area.start + 32 * mib, area.start + 64 * mib};
    watch();
    EXPECT_TRUE(comes_to(hole, 90, nothing_there));
    EXPECT_TRUE(comes_to({area.start, hole.start}, 90,
                         [](const auto& region) { return idle(region) && !region.absent; }));
}

// The look at the mappings never waits for the lock, and must get it all the same.
TEST_F(Mapping, ATargetThatMapsAllTheTimeIsLookedAt) {
    const auto area = target.map("area", 32 * mib);
    target.ask("storm 4");  // so few that the lock is taken for most of the time
    auto attrs = scaled_attrs();
    attrs.update_interval_us = attrs.aggregation_interval_us;
    ASSERT_EQ(session.set(attrs), 0);
    ASSERT_EQ(session.add(target.pid(), &id), 0);
    ASSERT_EQ(session.start(), 0);
    ASSERT_TRUE(session.wait_for(10, [&](const Snapshot& s) { return !s.of(id).regions.empty(); }));
    for (int i = 0; i < 40; i++) session.next();
    const auto stats = session.stats();
    // With a single try every other one was given up; a debugging kernel holds the lock for longer.
    EXPECT_GE(2 * stats.updates, (is_debugging_kernel() ? 3U : 4U) * stats.updates_missed)
        << stats.updates << " looks, " << stats.updates_missed << " given up";
    EXPECT_TRUE(comes_to(area, 90, idle));
}

TEST_F(Mapping, WhatWasNeverTouchedIsAbsent) {
    const auto untouched = target.map("untouched", 64 * mib, "none");
    watch();
    EXPECT_TRUE(comes_to(untouched, 90, nothing_there));
}

// Raw page frames belong to a device: used all the time here, and yet neither seen nor changed.
TEST_F(Mapping, PageFramesOfADeviceAreLeftAlone) {
    Area frames;
    try {
        // Between the memory and the devices of a PC there is nothing.
        frames = target.map("frames", 16 * mib, "phys:0x90000000");
    } catch (const std::runtime_error& error) {
        GTEST_SKIP() << "no page frames can be mapped here: " << error.what();
    }
    target.hot("frames");
    watch();
    ASSERT_TRUE(comes_to(frames, 90, nothing_there));
    for (int i = 0; i < 10; i++) {
        const auto snapshot = session.next();
        EXPECT_EQ(bytes_in(snapshot.of(id), {frames.start + mib, frames.end - mib}, accessed), 0U);
    }
}

// The kernel's own pages in every process, the vdso's data among them.
TEST_F(Mapping, SpecialMappingsAreLeftAlone) {
    Area special;
    std::ifstream maps("/proc/" + std::to_string(target.pid()) + "/maps");
    for (std::string line; std::getline(maps, line);)
        if (line.find("[vvar]") != std::string::npos) {
            special.start = std::stoull(line.substr(0, line.find('-')), nullptr, 16);
            special.end = std::stoull(line.substr(line.find('-') + 1), nullptr, 16);
        }
    if (!special.bytes()) GTEST_SKIP() << "the program has no [vvar]";
    watch();
    // The clock is read all the time, and the mapping is a few pages: any region inside of it will
    // do.
    for (int i = 0; i < 20; i++) {
        const auto snapshot = session.next();
        for (const auto& region : snapshot.of(id).regions)
            if (region.start >= special.start && region.end <= special.end) {
                EXPECT_EQ(region.accessed, 0U);
            }
    }
}

}  // namespace
}  // namespace damon_schemes::vm

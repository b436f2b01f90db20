// SPDX-License-Identifier: MIT
// The device's calls, given right and wrong things: each an errno, and the session still works.
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "process.h"
#include "session.h"

namespace damon_schemes::vm {
namespace {

// A command as a program would issue it that was built with a structure of another size.
unsigned long sized(unsigned long command, std::size_t size) {
    return (command & ~(static_cast<unsigned long>(_IOC_SIZEMASK) << _IOC_SIZESHIFT)) |
           size << _IOC_SIZESHIFT;
}

class Abi : public testing::Test {
  protected:
    void SetUp() override { NEEDS_MODULE(); }
    // Whatever was tried, the session must go on.
    void TearDown() override {
        if (IsSkipped() || !session) return;
        EXPECT_EQ(session->set(scaled_attrs()), 0);
        Target target;
        EXPECT_EQ(session->add(target.pid()), 0);
        EXPECT_EQ(session->start(), 0);
        EXPECT_FALSE(session->next().targets.empty());
    }
    Session& open() {
        session = std::make_unique<Session>();
        return *session;
    }
    std::unique_ptr<Session> session;
};

TEST_F(Abi, FeaturesNameVersionAndBounds) {
    damon_schemes_features features{};
    ASSERT_EQ(open().call(DAMON_SCHEMES_GET_FEATURES, &features), 0);
    EXPECT_EQ(features.abi_version, static_cast<__u32>(DAMON_SCHEMES_ABI_VERSION));
    EXPECT_EQ(features.page_size, static_cast<__u32>(sysconf(_SC_PAGESIZE)));
    EXPECT_EQ(features.flags, DAMON_SCHEMES_FEATURE_SCAN | DAMON_SCHEMES_FEATURE_MAPPINGS |
                                  DAMON_SCHEMES_FEATURE_CHILDREN | DAMON_SCHEMES_FEATURE_SEARCH)
        << "the VM's kernels are in the tested range";
    EXPECT_GT(features.max_targets, 0U);
    EXPECT_GE(features.max_regions, 1000U);
    EXPECT_LE(features.min_interval_us, 5000U);
    EXPECT_GT(features.max_interval_us, features.min_interval_us);
}

TEST_F(Abi, ASessionOpensWithTheDefaults) {
    const auto attrs = open().attrs();
    EXPECT_EQ(attrs.sampling_interval_us, 5'000U);
    EXPECT_EQ(attrs.aggregation_interval_us, 100'000U);
    EXPECT_EQ(attrs.update_interval_us, 1'000'000U);
    EXPECT_EQ(attrs.min_regions, 10U);
    EXPECT_EQ(attrs.max_regions, 1000U);
    EXPECT_EQ(attrs.min_region_size, 4096U);
    EXPECT_EQ(attrs.tlb_policy, static_cast<__u32>(DAMON_SCHEMES_TLB_AUTO));
    EXPECT_EQ(attrs.flags, 0U);
}

TEST_F(Abi, UnknownCommandsAreNotOurs) {
    auto& s = open();
    std::vector<char> any(256);
    for (const unsigned long command :
         {0UL, ~0UL, static_cast<unsigned long>(_IO(DAMON_SCHEMES_IOC_MAGIC, 0x0f)),
          static_cast<unsigned long>(_IO(DAMON_SCHEMES_IOC_MAGIC, 0x19)),
          // SCAN as it would be if it were to write its structure.
          static_cast<unsigned long>(
              _IOWR(DAMON_SCHEMES_IOC_MAGIC, DAMON_SCHEMES_NR_SCAN, damon_schemes_scan)),
          static_cast<unsigned long>(_IOR(0xDB, DAMON_SCHEMES_NR_GET_ATTRS, damon_schemes_attrs)),
          // The right number, and the wrong direction.
          static_cast<unsigned long>(
              _IOW(DAMON_SCHEMES_IOC_MAGIC, DAMON_SCHEMES_NR_GET_ATTRS, damon_schemes_attrs)),
          static_cast<unsigned long>(
              _IOR(DAMON_SCHEMES_IOC_MAGIC, DAMON_SCHEMES_NR_ADD_TARGET, damon_schemes_target)),
          // START with an argument.
          static_cast<unsigned long>(_IOW(DAMON_SCHEMES_IOC_MAGIC, DAMON_SCHEMES_NR_START, int))}) {
        EXPECT_EQ(s.call(command, any.data()), ENOTTY) << std::hex << command;
    }
}

TEST_F(Abi, StructuresShorterThanTheirFirstVersionAreRefused) {
    auto& s = open();
    std::vector<char> any(512);
    for (const unsigned long command : {static_cast<unsigned long>(DAMON_SCHEMES_GET_FEATURES),
                                        static_cast<unsigned long>(DAMON_SCHEMES_GET_ATTRS),
                                        static_cast<unsigned long>(DAMON_SCHEMES_SET_ATTRS),
                                        static_cast<unsigned long>(DAMON_SCHEMES_ADD_TARGET),
                                        static_cast<unsigned long>(DAMON_SCHEMES_REMOVE_TARGET),
                                        static_cast<unsigned long>(DAMON_SCHEMES_SCAN)}) {
        EXPECT_EQ(s.call(sized(command, _IOC_SIZE(command) - 1), any.data()), EINVAL);
        EXPECT_EQ(s.call(sized(command, 1), any.data()), EINVAL);
        EXPECT_EQ(s.call(sized(command, 0), any.data()), EINVAL);
    }
}

TEST_F(Abi, TheFirstVersionOfTheStatisticsIsStillGivenOut) {
    auto& s = open();
    constexpr auto first = offsetof(damon_schemes_stats, scans);
    union {
        damon_schemes_stats stats;
        char bytes[sizeof(damon_schemes_stats)];
    } any;
    std::memset(&any, 0x55, sizeof(any));
    EXPECT_EQ(s.call(sized(DAMON_SCHEMES_GET_STATS, first), &any), 0);
    EXPECT_EQ(any.stats.nr_targets, 0U);
    for (auto at = first; at < sizeof(any.bytes); at++)
        EXPECT_EQ(any.bytes[at], 0x55) << "byte " << at << " was not asked for";
    for (const auto size : {first - 1, std::size_t{1}, std::size_t{0}})
        EXPECT_EQ(s.call(sized(DAMON_SCHEMES_GET_STATS, size), &any), EINVAL);
}

struct LongerAttrs {
    damon_schemes_attrs attrs;
    char tail[64];
};

TEST_F(Abi, LongerStructuresAreTakenIfTheirUnknownPartIsZero) {
    auto& s = open();
    const auto set = sized(DAMON_SCHEMES_SET_ATTRS, sizeof(LongerAttrs));
    LongerAttrs longer{scaled_attrs(), {}};
    longer.attrs.min_regions = 17;
    EXPECT_EQ(s.call(set, &longer), 0);
    EXPECT_EQ(s.attrs().min_regions, 17U);
    longer.attrs.min_regions = 18;
    longer.tail[63] = 1;
    EXPECT_EQ(s.call(set, &longer), E2BIG);
    EXPECT_EQ(s.attrs().min_regions, 17U) << "a refused call changed something";
}

TEST_F(Abi, LongerStructuresComeBackWithZeroesInTheUnknownPart) {
    auto& s = open();
    LongerAttrs longer;
    std::memset(&longer, 0x55, sizeof(longer));
    ASSERT_EQ(s.call(sized(DAMON_SCHEMES_GET_ATTRS, sizeof(longer)), &longer), 0);
    EXPECT_EQ(longer.attrs.max_regions, 1000U);
    for (const char byte : longer.tail) EXPECT_EQ(byte, 0);
}

TEST_F(Abi, LongerTargetsAreAddedAndRemoved) {
    auto& s = open();
    Target target;
    struct {
        damon_schemes_target target;
        char tail[32];
    } longer{};
    longer.target.pid = target.pid();
    ASSERT_EQ(s.call(sized(DAMON_SCHEMES_ADD_TARGET, sizeof(longer)), &longer), 0);
    EXPECT_NE(longer.target.id, 0U);
    longer.target.pid = 0;
    longer.tail[0] = 1;
    EXPECT_EQ(s.call(sized(DAMON_SCHEMES_REMOVE_TARGET, sizeof(longer)), &longer), E2BIG);
    longer.tail[0] = 0;
    EXPECT_EQ(s.call(sized(DAMON_SCHEMES_REMOVE_TARGET, sizeof(longer)), &longer), 0);
}

TEST_F(Abi, BadPointersAreFaults) {
    auto& s = open();
    auto* read_only = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(read_only, MAP_FAILED);
    const auto kernel = reinterpret_cast<void*>(0xffff888000000000);
    for (void* const pointer : {static_cast<void*>(nullptr), reinterpret_cast<void*>(1), kernel}) {
        for (const unsigned long command : {static_cast<unsigned long>(DAMON_SCHEMES_GET_FEATURES),
                                            static_cast<unsigned long>(DAMON_SCHEMES_GET_ATTRS),
                                            static_cast<unsigned long>(DAMON_SCHEMES_SET_ATTRS),
                                            static_cast<unsigned long>(DAMON_SCHEMES_ADD_TARGET),
                                            static_cast<unsigned long>(DAMON_SCHEMES_REMOVE_TARGET),
                                            static_cast<unsigned long>(DAMON_SCHEMES_GET_STATS),
                                            static_cast<unsigned long>(DAMON_SCHEMES_SCAN)})
            EXPECT_EQ(s.call(command, pointer), EFAULT) << pointer;
    }
    EXPECT_EQ(s.call(DAMON_SCHEMES_GET_ATTRS, read_only), EFAULT);
    munmap(read_only, 4096);
}

TEST_F(Abi, ATargetWhoseIdCannotBeHandedOutIsNotKept) {
    auto& s = open();
    Target target;
    auto* memory = static_cast<damon_schemes_target*>(
        mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(memory, MAP_FAILED);
    memory->pid = target.pid();
    ASSERT_EQ(mprotect(memory, 4096, PROT_READ), 0);
    EXPECT_EQ(s.call(DAMON_SCHEMES_ADD_TARGET, memory), EFAULT);
    EXPECT_EQ(s.stats().nr_targets, 0U);
    munmap(memory, 4096);
}

TEST_F(Abi, AttributesOutsideOfTheirBoundsAreRefused) {
    auto& s = open();
    damon_schemes_features features{};
    ASSERT_EQ(s.call(DAMON_SCHEMES_GET_FEATURES, &features), 0);
    const auto good = scaled_attrs();
    const auto refused = [&](const char* what, const auto& change) {
        auto attrs = good;
        change(attrs);
        EXPECT_EQ(s.set(attrs), EINVAL) << what;
    };
    ASSERT_EQ(s.set(good), 0);
    refused("no sampling interval", [](auto& a) { a.sampling_interval_us = 0; });
    refused("sampling below the shortest",
            [&](auto& a) { a.sampling_interval_us = features.min_interval_us - 1; });
    refused("sampling above aggregation",
            [](auto& a) { a.sampling_interval_us = a.aggregation_interval_us + 1; });
    refused("aggregation above update",
            [](auto& a) { a.aggregation_interval_us = a.update_interval_us + 1; });
    refused("update above the longest",
            [&](auto& a) { a.update_interval_us = features.max_interval_us + 1; });
    refused("the largest number", [](auto& a) {
        a.sampling_interval_us = a.aggregation_interval_us = a.update_interval_us = ~0ULL;
    });
    refused("two regions", [](auto& a) { a.min_regions = 2; });
    refused("minimum above maximum", [](auto& a) { a.min_regions = a.max_regions + 1; });
    refused("maximum above the greatest",
            [&](auto& a) { a.max_regions = features.max_regions + 1; });
    refused("no region size", [](auto& a) { a.min_region_size = 0; });
    refused("less than a page", [](auto& a) { a.min_region_size = 2048; });
    refused("no power of two", [](auto& a) { a.min_region_size = 12288; });
    refused("the largest power of two", [](auto& a) { a.min_region_size = 1ULL << 63; });
    refused("no such TLB policy", [](auto& a) { a.tlb_policy = DAMON_SCHEMES_TLB_FULL + 1; });
    refused("flags", [](auto& a) { a.flags = 1U << 31; });
    const auto now = s.attrs();
    EXPECT_EQ(std::memcmp(&now, &good, sizeof(good)), 0) << "a refused call changed something";
}

TEST_F(Abi, AttributesAtTheirBoundsAreTaken) {
    auto& s = open();
    damon_schemes_features features{};
    ASSERT_EQ(s.call(DAMON_SCHEMES_GET_FEATURES, &features), 0);
    auto attrs = scaled_attrs();
    attrs.min_regions = attrs.max_regions = 3;
    EXPECT_EQ(s.set(attrs), 0);
    attrs = scaled_attrs();
    attrs.sampling_interval_us = attrs.aggregation_interval_us = attrs.update_interval_us =
        features.max_interval_us;
    EXPECT_EQ(s.set(attrs), 0);
    attrs.sampling_interval_us = attrs.aggregation_interval_us = attrs.update_interval_us =
        features.min_interval_us;
    EXPECT_EQ(s.set(attrs), 0);
    attrs = scaled_attrs();
    attrs.min_region_size = 2 * mib;
    EXPECT_EQ(s.set(attrs), 0);
    attrs.min_region_size = 4096;
    EXPECT_EQ(s.set(attrs), 0);
}

TEST_F(Abi, ReservedFieldsOfATargetMustBeZero) {
    auto& s = open();
    Target target;
    damon_schemes_target request{};
    request.pid = target.pid();
    request.flags = 1;
    EXPECT_EQ(s.call(DAMON_SCHEMES_ADD_TARGET, &request), EINVAL);
    request.flags = 0;
    ASSERT_EQ(s.call(DAMON_SCHEMES_ADD_TARGET, &request), 0);
    damon_schemes_target removed{};
    removed.id = request.id;
    removed.flags = 1;
    EXPECT_EQ(s.call(DAMON_SCHEMES_REMOVE_TARGET, &removed), EINVAL);
    removed.flags = 0;
    removed.pid = target.pid();
    EXPECT_EQ(s.call(DAMON_SCHEMES_REMOVE_TARGET, &removed), EINVAL);
    removed.pid = 0;
    EXPECT_EQ(s.call(DAMON_SCHEMES_REMOVE_TARGET, &removed), 0);
}

TEST_F(Abi, PidsThatAreNoProcess) {
    auto& s = open();
    EXPECT_NE(s.add(0), 0);
    EXPECT_NE(s.add(-1), 0);
    EXPECT_EQ(s.add(4'194'304), ESRCH);
    EXPECT_EQ(s.stats().nr_targets, 0U);
}

TEST_F(Abi, AKernelThreadIsRefused) {
    EXPECT_EQ(open().add(2), EINVAL);
}

TEST_F(Abi, AZombieIsGone) {
    auto& s = open();
    Target target;
    target.kill(false);
    EXPECT_EQ(s.add(target.pid()), ESRCH);
}

TEST_F(Abi, AThreadIsNoProcess) {
    auto& s = open();
    // Its heater's thread id is one of the task directory, apart from the process id itself.
    Target target;
    target.map("area", mib);
    target.hot("area");
    pid_t thread = 0;
    for (pid_t tid = target.pid() + 1; tid < target.pid() + 64 && !thread; tid++)
        if (access(
                ("/proc/" + std::to_string(target.pid()) + "/task/" + std::to_string(tid)).c_str(),
                F_OK) == 0)
            thread = tid;
    ASSERT_NE(thread, 0);
    EXPECT_EQ(s.add(thread), ESRCH);
}

TEST_F(Abi, ASessionMayWatchItsOwnProcess) {
    auto& s = open();
    std::uint64_t id = 0;
    ASSERT_EQ(s.add(getpid(), &id), 0);
    ASSERT_EQ(s.set(scaled_attrs()), 0);
    ASSERT_EQ(s.start(), 0);
    const auto snapshot = s.next();
    ASSERT_TRUE(snapshot.has(id));
    EXPECT_EQ(snapshot.of(id).record.pid, getpid());
    EXPECT_FALSE(snapshot.of(id).regions.empty());
    EXPECT_EQ(s.remove(id), 0);
    EXPECT_EQ(s.stop(), 0);
}

TEST_F(Abi, TargetsThatWereNeverAddedCannotBeRemoved) {
    auto& s = open();
    EXPECT_EQ(s.remove(0), ENOENT);
    EXPECT_EQ(s.remove(1), ENOENT);
    Target target;
    std::uint64_t id = 0;
    ASSERT_EQ(s.add(target.pid(), &id), 0);
    EXPECT_EQ(s.remove(id + 1), ENOENT);
    EXPECT_EQ(s.remove(id), 0);
    EXPECT_EQ(s.remove(id), ENOENT);
}

TEST_F(Abi, IdsAreNeverUsedTwice) {
    auto& s = open();
    Target target;
    std::uint64_t last = 0;
    for (int i = 0; i < 5; i++) {
        std::uint64_t id = 0;
        ASSERT_EQ(s.add(target.pid(), &id), 0);
        EXPECT_GT(id, last);
        last = id;
        ASSERT_EQ(s.remove(id), 0);
    }
}

TEST_F(Abi, EachTargetNeedsRoomForThreeRegions) {
    auto& s = open();
    auto attrs = scaled_attrs();
    attrs.min_regions = 3;
    attrs.max_regions = 8;
    ASSERT_EQ(s.set(attrs), 0);
    Target a, b, c;
    EXPECT_EQ(s.add(a.pid()), 0);
    EXPECT_EQ(s.add(b.pid()), 0);
    EXPECT_EQ(s.add(c.pid()), ENOSPC);
    attrs.max_regions = 5;
    EXPECT_EQ(s.set(attrs), ENOSPC);
    attrs.max_regions = 9;
    EXPECT_EQ(s.set(attrs), 0);
    EXPECT_EQ(s.add(c.pid()), 0);
}

TEST_F(Abi, StartingOrStoppingTwiceIsRefused) {
    auto& s = open();
    EXPECT_EQ(s.stop(), EALREADY);
    EXPECT_EQ(s.start(), 0);
    EXPECT_EQ(s.start(), EALREADY);
    EXPECT_EQ(s.stop(), 0);
    EXPECT_EQ(s.stop(), EALREADY);
    EXPECT_EQ(s.start(), 0);
    EXPECT_EQ(s.stop(), 0);
}

TEST_F(Abi, WithoutATargetSnapshotsAreEmpty) {
    auto& s = open();
    ASSERT_EQ(s.set(scaled_attrs()), 0);
    ASSERT_EQ(s.start(), 0);
    const auto snapshot = s.next();
    EXPECT_EQ(snapshot.header.nr_targets, 0U);
    EXPECT_EQ(snapshot.header.nr_regions, 0U);
    EXPECT_EQ(s.stop(), 0);
}

TEST_F(Abi, StatisticsNameTheThreadOnlyWhileThereIsOne) {
    auto& s = open();
    EXPECT_EQ(s.stats().thread_pid, 0);
    ASSERT_EQ(s.start(), 0);
    const auto thread = s.stats().thread_pid;
    ASSERT_GT(thread, 0);
    EXPECT_TRUE(exists(thread));
    ASSERT_EQ(s.stop(), 0);
    EXPECT_EQ(s.stats().thread_pid, 0);
    EXPECT_TRUE(comes_to_an_end(thread));
}

// 512 KiB of module memory are promised for 1,000 regions.
TEST_F(Abi, ASessionOfAThousandRegionsStaysSmall) {
    auto& s = open();
    Target target;
    target.map("area", 64 * mib);
    ASSERT_EQ(s.add(target.pid()), 0);
    auto attrs = scaled_attrs();
    attrs.min_regions = 500;
    ASSERT_EQ(s.set(attrs), 0);
    ASSERT_EQ(s.start(), 0);
    EXPECT_TRUE(
        s.wait_for(20, [&](const Snapshot& snapshot) { return snapshot.header.nr_regions > 300; }));
    const auto stats = s.stats();
    EXPECT_GT(stats.memory_bytes, 1000U * sizeof(damon_schemes_snapshot_region));
    EXPECT_LE(stats.memory_bytes, 512U * 1024);
    EXPECT_EQ(s.stop(), 0);
}

}  // namespace
}  // namespace damon_schemes::vm

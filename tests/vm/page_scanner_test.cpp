// SPDX-License-Identifier: MIT
// The engine's way to SCAN.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "engine/monitors/module_monitor.h"
#include "process.h"
#include "session.h"

namespace damon_schemes::vm {
namespace {

constexpr std::uint64_t page = 4096;

class PageScanning : public testing::Test {
  protected:
    void SetUp() override {
        NEEDS_MODULE();
        auto opened = open_module_monitor();
        ASSERT_TRUE(opened) << opened.error().message;
        monitor = std::move(*opened);
        scanner = monitor->page_scanner();
        ASSERT_TRUE(scanner);
    }
    void watch(pid_t pid) {
        MonitorAttributes attributes;
        attributes.sampling_interval = std::chrono::milliseconds(10);
        attributes.aggregation_interval = std::chrono::milliseconds(200);
        attributes.update_interval = std::chrono::milliseconds(400);
        ASSERT_TRUE(monitor->set_attributes(attributes));
        auto added = monitor->add_target(pid);
        ASSERT_TRUE(added) << added.error().message;
        id = *added;
        ASSERT_TRUE(monitor->start());
        pollfd waiting{monitor->descriptor(), POLLIN, 0};
        ASSERT_EQ(poll(&waiting, 1, 60'000), 1);
        const auto snapshot = monitor->take_snapshot();
        ASSERT_TRUE(snapshot && snapshot->has_value());
        generation = (*snapshot)->targets.at(0).generation;
    }
    int error_of(AddressRange range, bool clear = false) {
        const auto states = scanner->scan(id, generation, range, clear);
        return states ? 0 : states.error().code;
    }
    std::unique_ptr<Monitor> monitor;
    std::shared_ptr<PageScanner> scanner;
    TargetId id;
    std::uint64_t generation = 0;
};

TEST_F(PageScanning, ARangeOfSeveralCallsIsOneAnswer) {
    constexpr std::uint64_t bytes = 700 * mib;
    auto* memory =
        static_cast<volatile char*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    ASSERT_NE(static_cast<volatile void*>(memory), MAP_FAILED);
    madvise(const_cast<char*>(memory), bytes, MADV_NOHUGEPAGE);
    // Not at the border of a huge page, so that calls are of different length.
    const std::uint64_t skipped = 5;
    const auto start = reinterpret_cast<std::uintptr_t>(memory) + skipped * page;
    const std::uint64_t pages = bytes / page - skipped;
    const std::set<std::uint64_t> touched{0,     1,     511,       512,       65023,    65024,
                                          65535, 65536, 65536 * 2, pages / 2, pages - 1};
    for (const auto number : touched) memory[(skipped + number) * page] = 1;
    watch(getpid());
    const AddressRange range{start, start + pages * page};
    auto states = scanner->scan(id, generation, range, true);
    ASSERT_TRUE(states) << states.error().message;
    ASSERT_EQ(states->size(), pages);
    for (std::uint64_t i = 0; i < pages; i++) {
        ASSERT_EQ((*states)[i].present(), touched.contains(i)) << "page " << i;
        ASSERT_EQ((*states)[i].young(), touched.contains(i)) << "page " << i;
    }
    memory[(skipped + 65536) * page] = 2;
    states = scanner->scan(id, generation, range, false);
    ASSERT_TRUE(states) << states.error().message;
    for (std::uint64_t i = 0; i < pages; i++)
        ASSERT_EQ((*states)[i].idle(), touched.contains(i) && i != 65536) << "page " << i;
    munmap(const_cast<char*>(memory), bytes);
}

TEST_F(PageScanning, ErrorsSayWhatHasBecomeOfTheTarget) {
    Target target;
    const auto area = target.map("area", 4 * mib);
    const AddressRange range{area.start, area.end};
    watch(target.pid());
    EXPECT_EQ(error_of(range), 0);
    EXPECT_EQ(error_of({range.start, range.start}), 0);
    EXPECT_EQ(error_of({range.start + 1, range.end}), EINVAL);
    EXPECT_EQ(error_of({range.end, range.start}), EINVAL);
    generation++;
    EXPECT_EQ(error_of(range), ESTALE);
    generation--;
    target.kill();
    EXPECT_EQ(error_of(range), ESRCH);
    ASSERT_TRUE(monitor->remove_target(id));
    EXPECT_EQ(error_of(range), ENOENT);
}

TEST_F(PageScanning, WithoutFlushesNothingIsCleared) {
    Target target;
    const auto area = target.map("area", mib);
    watch(target.pid());
    MonitorAttributes attributes;
    attributes.tlb = TlbPolicy::none;
    ASSERT_TRUE(monitor->set_attributes(attributes));
    const auto refused = scanner->scan(id, generation, {area.start, area.end}, true);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, EOPNOTSUPP);
    EXPECT_EQ(refused.error().kind, ErrorKind::unsupported);
    EXPECT_EQ(error_of({area.start, area.end}), 0);
}

TEST_F(PageScanning, AScannerOutlivesItsMonitorAndSaysSo) {
    Target target;
    const auto area = target.map("area", 64 * mib);
    watch(target.pid());
    std::set<int> answers;
    std::thread actor([&, last = scanner] {
        for (int error = 0; error == 0 || error == ECANCELED;) {
            const auto states = last->scan(id, generation, {area.start, area.end}, true);
            error = states ? 0 : states.error().code;
            answers.insert(error);
        }
    });
    monitor.reset();
    scanner.reset();
    actor.join();
    EXPECT_TRUE(answers.contains(EAGAIN));
    answers.erase(ECANCELED);
    answers.erase(EAGAIN);
    answers.erase(0);
    EXPECT_TRUE(answers.empty()) << *answers.begin();
    // Nobody holds the session any more.
    Session other;
    EXPECT_EQ(other.add(target.pid()), 0);
}

}  // namespace
}  // namespace damon_schemes::vm

// SPDX-License-Identifier: MIT
// SCAN: what it says of every page, what it leaves alone, and how it ends when its target, its
// session or its caller does.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "process.h"
#include "session.h"
#include "swap.h"

namespace damon_schemes::vm {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint8_t present = DAMON_SCHEMES_PAGE_PRESENT, swapped = DAMON_SCHEMES_PAGE_SWAPPED,
                       young = DAMON_SCHEMES_PAGE_YOUNG, huge = DAMON_SCHEMES_PAGE_HUGE,
                       unknown = DAMON_SCHEMES_PAGE_UNKNOWN;

using States = std::vector<std::uint8_t>;

// How many pages have all the bits of `with` and none of `without`.
std::size_t count(const States& states, std::uint8_t with, std::uint8_t without = 0) {
    return static_cast<std::size_t>(std::count_if(states.begin(), states.end(), [&](auto state) {
        return (state & with) == with && (state & without) == 0;
    }));
}

class Scan : public testing::Test {
  protected:
    void SetUp() override { NEEDS_MODULE(); }

    void watch(const damon_schemes_attrs& attrs = scaled_attrs()) {
        ASSERT_EQ(session.set(attrs), 0);
        ASSERT_EQ(session.add(target.pid(), &id), 0);
        ASSERT_EQ(session.start(), 0);
        generation = session.next().of(id).record.generation;
    }
    int scan(const Area& area, bool clear, States* states) const {
        return session.scan(id, generation, area, clear, states);
    }
    States look(const Area& area) const {
        States states;
        EXPECT_EQ(scan(area, false, &states), 0);
        return states;
    }
    States clear(const Area& area) const {
        States states;
        EXPECT_EQ(scan(area, true, &states), 0);
        return states;
    }
    // The session's thread has done what it does at the end of an interval, which takes its lock.
    void next_interval() {
        session.next();
        session.stats();
    }

    Target target;
    Session session;
    std::uint64_t id = 0, generation = 0;
};

// So many regions that nearly every page, and every huge page, always has a sample out.
damon_schemes_attrs crowded_attrs() {
    auto attrs = scaled_attrs();
    attrs.min_regions = 3000;
    attrs.max_regions = 4000;
    return attrs;
}

class ScanOf : public Scan, public testing::WithParamInterface<const char*> {
  protected:
    void SetUp() override {
        Scan::SetUp();
        if (IsSkipped() || GetParam() != std::string("hugetlb")) return;
        std::ofstream("/proc/sys/vm/nr_hugepages") << 24 << std::flush;
        int pages = 0;
        std::ifstream("/proc/sys/vm/nr_hugepages") >> pages;
        if (pages < 24) GTEST_SKIP() << "the kernel gave " << pages << " of 24 hugetlb pages";
    }
    void TearDown() override {
        target.kill();
        if (GetParam() == std::string("hugetlb"))
            std::ofstream("/proc/sys/vm/nr_hugepages") << 0 << std::flush;
    }
    Area map(const std::string& name, std::uint64_t bytes) {
        return target.map(name, bytes, GetParam());
    }
    bool is_huge() const { return GetParam() != std::string("base"); }
};

INSTANTIATE_TEST_SUITE_P(Kinds, ScanOf, testing::Values("base", "huge", "hugetlb"),
                         [](const auto& kind) { return kind.param; });

TEST_P(ScanOf, AfterClearingHotPagesAreYoungAndColdPagesIdle) {
    const auto cold = map("cold", 32 * mib), hot = map("hot", 8 * mib);
    target.hot("hot");
    watch();
    const auto before = clear(cold);
    EXPECT_EQ(count(before, present | young), before.size()) << "all of it was just touched";
    EXPECT_EQ(count(before, huge), is_huge() ? before.size() : 0U);
    clear(hot);
    States states;
    EXPECT_TRUE(eventually([&] {
        states = look(hot);
        return count(states, present | young) == states.size();
    })) << count(states, young)
        << " of " << states.size() << " are young";
    states = look(cold);
    EXPECT_EQ(count(states, present, young), states.size());
}

void bind_to(pid_t thread, std::size_t cpu) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    ASSERT_EQ(sched_setaffinity(thread, sizeof(one), &one), 0) << thread;
}

// With no pass in between, and nobody beside the heater on its processor: another flush would do
// for a scan that sends none.
TEST_P(ScanOf, EveryAccessAfterClearingIsSeenAtOnce) {
    const auto hot = map("hot", 8 * mib);
    target.hot("hot");
    // An emulated processor keeps all of it in its TLB only after some full flushes.
    auto attrs = scaled_attrs();
    attrs.tlb_policy = DAMON_SCHEMES_TLB_FULL;
    watch(attrs);
    for (int i = 0; i < 5; i++) session.next();
    attrs.sampling_interval_us = attrs.aggregation_interval_us = attrs.update_interval_us =
        3'600'000'000;
    ASSERT_EQ(session.set(attrs), 0);
    if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "there is one processor only";
    for (const auto& task :
         std::filesystem::directory_iterator("/proc/" + std::to_string(target.pid()) + "/task")) {
        const auto thread = static_cast<pid_t>(std::stol(task.path().filename()));
        bind_to(thread, thread == target.pid() ? 0 : 1);
    }
    bind_to(session.stats().thread_pid, 0);
    bind_to(0, 0);
    const auto rounds = [&] { return std::stoull(target.ask("rounds")); };
    for (int i = 0; i < 20; i++) {
        clear(hot);
        // Of the next two at least one begins after the clearing.
        const auto before = rounds();
        ASSERT_TRUE(eventually([&] { return rounds() >= before + 2; }));
        const auto states = look(hot);
        ASSERT_EQ(count(states, present | young), states.size());
    }
}

// What the monitor's samples clear is not lost, and what they give back is no access.
TEST_P(ScanOf, SamplesThatAreOutNeitherHideAnAccessNorMakeOne) {
    const auto area = map("area", 8 * mib);
    watch(crowded_attrs());
    for (int round = 0; round < 5; round++) {
        clear(area);
        next_interval();
        auto states = look(area);
        EXPECT_EQ(count(states, present, young), states.size()) << "an access that nobody made";
        target.ask("fill area 7");
        next_interval();
        states = look(area);
        EXPECT_EQ(count(states, present | young), states.size()) << "an access that nobody saw";
        // Some of the bits are with samples now, which must not give them back any more.
        states = clear(area);
        EXPECT_EQ(count(states, present | young), states.size());
        states = look(area);
        EXPECT_EQ(count(states, present, young), states.size()) << "it was not cleared";
    }
}

// A sample whose page was accessed counts as accessed, also where a scan has cleared the bit.
TEST_P(ScanOf, WhatAScanClearsTheMonitorHasSeen) {
    const auto area = map("area", 8 * mib);
    auto attrs = crowded_attrs();
    // A single look in an interval, so that what is taken from it is not made good by another.
    attrs.sampling_interval_us = attrs.aggregation_interval_us = attrs.update_interval_us = 600'000;
    watch(attrs);
    int in_time = 0;
    for (int round = 0; round < 20 && in_time < 3; round++) {
        next_interval();
        const auto interval = session.stats().snapshots;
        target.ask("fill area 7");
        const auto states = clear(area);
        EXPECT_EQ(count(states, young), states.size());
        if (session.stats().snapshots != interval) continue;  // too slow, it fell into two
        in_time++;
        const auto snapshot = session.next();
        EXPECT_EQ(snapshot.header.sequence, interval + 1);
        EXPECT_GE(percent_in(snapshot.of(id), area, accessed), 90)
            << describe(snapshot.of(id), area);
        // And what nobody touches again is idle in the next.
        const auto quiet = session.next();
        EXPECT_GE(percent_in(quiet.of(id), area, idle), 90) << describe(quiet.of(id), area);
    }
    if (in_time == 0) GTEST_SKIP() << "the machine is too slow for an interval of 600 ms";
}

TEST_P(ScanOf, SnapshotsTellHotFromColdWhileAllIsBeingCleared) {
    const auto cold = map("cold", 32 * mib), hot = map("hot", 8 * mib);
    target.hot("hot");
    auto attrs = scaled_attrs();
    attrs.min_regions = 100;
    watch(attrs);
    std::atomic<bool> stop = false;
    std::atomic<int> failures = 0, scans = 0;
    std::thread scanner([&] {
        for (States states; !stop; scans++) {
            if (scan(hot, true, &states) != 0 || scan(cold, true, &states) != 0) failures++;
            poll(nullptr, 0, 1);
        }
    });
    std::string last;
    EXPECT_TRUE(session.wait_for(100, [&](const Snapshot& snapshot) {
        const auto& watched = snapshot.of(id);
        last = "hot: " + describe(watched, hot) + "; cold: " + describe(watched, cold);
        return percent_in(watched, hot, accessed) >= 90 && percent_in(watched, cold, idle) >= 90;
    })) << last;
    stop = true;
    scanner.join();
    EXPECT_EQ(failures, 0);
    EXPECT_GT(scans, 0);
}

TEST_F(Scan, ScatteredHotPagesAreFoundExactly) {
    const auto area = target.map("area", 64 * mib);
    target.ask("hot area 64");
    watch();
    clear(area);
    States states;
    ASSERT_TRUE(eventually([&] {
        states = look(area);
        return count(states, young) >= states.size() / 64;
    })) << count(states, young)
        << " are young";
    for (std::size_t i = 0; i < states.size(); i++)
        ASSERT_EQ(states[i], i % 64 == 0 ? present | young : present) << "page " << i;
}

TEST_F(Scan, LookingChangesNothing) {
    const auto area = target.map("area", 4 * mib);
    watch();
    for (int i = 0; i < 3; i++) {
        const auto states = look(area);
        EXPECT_EQ(count(states, present | young), states.size());
    }
}

// A huge page has one bit, wherever in it a scan begins or ends.
TEST_F(Scan, APartOfAHugePageStandsForAllOfIt) {
    const auto area = target.map("area", 8 * mib, "huge");
    watch();
    ASSERT_EQ(count(look(area), huge), area.bytes() / page);
    clear(area);
    target.ask("fill area 3");
    const Area middle{area.start + mib, area.end - mib};
    const auto states = clear(middle);
    EXPECT_EQ(count(states, present | young | huge), middle.bytes() / page);
    EXPECT_EQ(count(look(area), present | huge, young), area.bytes() / page);
}

// From /proc/PID/pagemap: what the kernel says of the same pages.
States states_of_pagemap(pid_t pid, const Area& area) {
    const auto path = "/proc/" + std::to_string(pid) + "/pagemap";
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    std::vector<std::uint64_t> entries(area.bytes() / page);
    const auto got =
        pread(fd, entries.data(), entries.size() * 8, static_cast<off_t>(area.start / page * 8));
    close(fd);
    if (got != static_cast<ssize_t>(entries.size() * 8)) throw std::runtime_error("no " + path);
    States states;
    for (const auto entry : entries)
        states.push_back((entry >> 63 & 1 ? present : 0) | (entry >> 62 & 1 ? swapped : 0));
    return states;
}

void page_out(pid_t pid, const Area& area) {
    const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    const iovec range{reinterpret_cast<void*>(area.start), area.bytes()};
    syscall(SYS_process_madvise, pidfd, &range, 1, MADV_PAGEOUT, 0);
    close(pidfd);
}

TEST_F(Scan, AbsentAndSwappedPagesAreTold) {
    if (swap_total() == 0) GTEST_SKIP() << "there is no swap";
    const auto area = target.map("area", 16 * mib);
    const auto untouched = target.map("untouched", 8 * mib, "none");
    target.ask("fill area 5");
    watch();
    page_out(target.pid(), {area.start, area.start + 8 * mib});
    target.ask("unmap area " + std::to_string(12 * mib) + " " + std::to_string(2 * mib));
    States states;
    ASSERT_TRUE(eventually([&] {
        const auto truth = states_of_pagemap(target.pid(), area);
        states = look(area);
        return std::equal(states.begin(), states.end(), truth.begin(), truth.end(),
                          [](auto a, auto b) { return (a & (present | swapped)) == b; });
    }));
    EXPECT_GT(count(states, swapped), 0U);
    EXPECT_EQ(count(states, swapped | young), 0U);
    EXPECT_EQ(count(states, present | swapped), 0U);
    EXPECT_EQ(count(states, 0, 0xff), 2 * mib / page);
    EXPECT_EQ(count(look(untouched), 0, 0xff), untouched.bytes() / page);
    EXPECT_EQ(count(clear(area), unknown), 0U);
}

// A range of nothing costs a look for a table, not for a page.
TEST_F(Scan, TheLargestRangeOfNothingIsScanned) {
    watch();
    for (const std::uint64_t start : {std::uint64_t{0x10000}, std::uint64_t{1} << 40,
                                      (std::uint64_t{1} << 47) - 4096 - 65536 * page}) {
        const auto states = look({start, start + 65536 * page});
        EXPECT_EQ(states.size(), 65536U);
        EXPECT_LT(count(states, present), states.size());
    }
}

TEST_F(Scan, PageFramesOfADeviceAreUnknown) {
    Area frames;
    try {
        frames = target.map("frames", 4 * mib, "phys:0x90000000");
    } catch (const std::runtime_error& error) {
        GTEST_SKIP() << "no page frames can be mapped here: " << error.what();
    }
    target.hot("frames");
    watch();
    clear(frames);
    const auto states = look(frames);
    EXPECT_EQ(count(states, present), 0U);
    EXPECT_EQ(count(states, young), 0U);
}

TEST_F(Scan, MemoryThatIsUnmappedMeanwhileIsSurvived) {
    const auto area = target.map("area", 32 * mib);
    target.ask("storm");
    watch();
    std::atomic<bool> stop = false;
    std::atomic<int> failures = 0;
    std::thread scanner([&] {
        for (States states; !stop;)
            if (scan(area, true, &states) != 0) failures++;
    });
    // Where the storm maps and unmaps, too: just below what was mapped before.
    std::thread other([&] {
        const Area around{area.start - 64 * mib, area.start + mib};
        for (States states; !stop;)
            if (scan(around, true, &states) != 0) failures++;
    });
    for (std::uint64_t at = 0; at < area.bytes() / 2; at += mib) {
        target.ask("unmap area " + std::to_string(at) + " " + std::to_string(mib));
        // The storm may map its pages there at once, but not as many.
        const auto states = look({area.start + at, area.start + at + mib});
        EXPECT_GE(count(states, 0, 0xff), states.size() / 2) << "at " << at;
    }
    stop = true;
    scanner.join();
    other.join();
    EXPECT_EQ(failures, 0);
    EXPECT_GT(std::stoull(target.ask("calm")), 0U);
    const auto left = look(area);
    EXPECT_EQ(count(left, present), left.size() / 2);
}

TEST_F(Scan, AfterExecTheOldAddressesAreStale) {
    const auto area = target.map("area", 4 * mib);
    watch();
    States states;
    ASSERT_EQ(scan(area, false, &states), 0);
    target.exec();
    // At once, whether or not a snapshot has told of it.
    EXPECT_EQ(scan(area, false, &states), ESTALE);
    ASSERT_TRUE(session.wait_for(100, [&](const Snapshot& snapshot) {
        return snapshot.of(id).record.generation != generation;
    }));
    EXPECT_EQ(scan(area, false, &states), ESTALE);
    generation++;
    const auto again = target.map("area", 4 * mib);
    EXPECT_EQ(count(look(again), present), again.bytes() / page);
}

TEST_F(Scan, ExitIsToldAtOnce) {
    const auto area = target.map("area", 4 * mib);
    watch();
    States states;
    ASSERT_EQ(scan(area, false, &states), 0);
    target.kill(false);
    EXPECT_EQ(scan(area, false, &states), ESRCH) << "a zombie has no memory";
    ASSERT_TRUE(session.wait_for(100, [&](const Snapshot& snapshot) {
        return (snapshot.of(id).record.flags & DAMON_SCHEMES_TARGET_EXITED) != 0;
    }));
    EXPECT_EQ(scan(area, false, &states), ESRCH);
    EXPECT_EQ(session.remove(id), 0);
    EXPECT_EQ(scan(area, false, &states), ENOENT);
}

// Scans all the time from two threads, and keeps the answers.
class Scanners {
  public:
    Scanners(const Session& session, std::uint64_t id, std::uint64_t generation, Area area) {
        for (auto& thread : threads_)
            thread = std::thread([this, &session, id, generation, area] {
                for (States states; !stop_;) {
                    const int error = session.scan(id, generation, area, true, &states);
                    if (error >= 0 && error < 256) answers_[error]++;
                }
            });
    }
    ~Scanners() {
        stop_ = true;
        for (auto& thread : threads_) thread.join();
    }
    int answered(int error) const { return answers_[error]; }
    std::set<int> answers() const {
        std::set<int> seen;
        for (int i = 0; i < 256; i++)
            if (answers_[i] > 0) seen.insert(i);
        return seen;
    }

  private:
    std::atomic<int> answers_[256] = {};
    std::atomic<bool> stop_ = false;
    std::thread threads_[2];
};

void expect_only(const std::set<int>& answers, const std::set<int>& allowed) {
    for (const int error : answers)
        EXPECT_TRUE(allowed.contains(error)) << (error ? std::strerror(error) : "done");
}

TEST_F(Scan, StoppingTheSessionEndsScansAndTheyGoOnAfterwards) {
    const auto area = target.map("area", 64 * mib);
    watch();
    Scanners scanners(session, id, generation, area);
    ASSERT_TRUE(eventually([&] {
        session.stop();
        const bool cancelled = scanners.answered(ECANCELED) > 0;
        EXPECT_EQ(session.start(), 0);
        return cancelled && scanners.answered(EAGAIN) > 0;
    }));
    const int done = scanners.answered(0);
    EXPECT_TRUE(eventually([&] { return scanners.answered(0) > done; }));
    expect_only(scanners.answers(), {0, EAGAIN, ECANCELED});
}

TEST_F(Scan, ATargetThatIsRemovedExecsOrExitsUnderScansEndsThem) {
    for (const std::string how : {"remove", "exec", "exit"}) {
        SCOPED_TRACE(how);
        Target passing;
        const auto area = passing.map("area", 64 * mib);
        Session own;
        std::uint64_t passing_id = 0;
        ASSERT_EQ(own.set(scaled_attrs()), 0);
        ASSERT_EQ(own.add(passing.pid(), &passing_id), 0);
        ASSERT_EQ(own.start(), 0);
        Scanners scanners(own, passing_id, 0, area);
        ASSERT_TRUE(eventually([&] { return scanners.answered(0) > 2; }));
        int expected = 0;
        if (how == "remove") {
            expected = ENOENT;
            EXPECT_EQ(own.remove(passing_id), 0);
        } else if (how == "exec") {
            expected = ESTALE;
            passing.exec();
        } else {
            expected = ESRCH;
            passing.kill();
        }
        EXPECT_TRUE(eventually([&] { return scanners.answered(expected) > 2; }));
        expect_only(scanners.answers(), {0, expected, ESRCH});
    }
}

TEST_F(Scan, ScansOfSeveralThreadsEachGetTheirOwnAnswer) {
    const auto one = target.map("one", 16 * mib), other = target.map("other", 16 * mib, "none");
    watch();
    std::atomic<int> wrong = 0;
    const auto ask = [&](const Area& area, std::uint8_t expected) {
        for (int i = 0; i < 50; i++) {
            States states;
            if (scan(area, false, &states) != 0 ||
                count(states, expected, static_cast<std::uint8_t>(~expected)) != states.size())
                wrong++;
        }
    };
    std::thread a([&] { ask(one, present | young); }), b([&] { ask(other, 0); }), c([&] {
        ask({one.start, one.start + mib}, present | young);
    });
    a.join();
    b.join();
    c.join();
    EXPECT_EQ(wrong, 0);
}

TEST_F(Scan, AKilledCallerLeavesTheSessionWorking) {
    const auto area = target.map("area", 128 * mib);
    watch();
    for (int round = 0; round < 20; round++) {
        int begun[2];
        ASSERT_EQ(pipe2(begun, O_CLOEXEC), 0);
        const auto child = fork();
        if (child == 0) {
            // Kept from the end of the first one on in the midst of another.
            for (States states;;) {
                session.scan(id, generation, area, true, &states);
                if (write(begun[1], "x", 1) != 1) _exit(1);
            }
        }
        close(begun[1]);
        char byte = 0;
        ASSERT_EQ(read(begun[0], &byte, 1), 1);
        for (int i = 0; i < round * 100; i++) sched_yield();
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        close(begun[0]);
        const auto states = look({area.start, area.start + mib});
        EXPECT_EQ(count(states, present), states.size());
    }
    // Nobody's request is left.
    EXPECT_EQ(session.stop(), 0);
}

// However long the intervals are, the answer does not wait for the end of one.
TEST_F(Scan, TheThreadIsWokenAtOnce) {
    const auto area = target.map("area", 4 * mib);
    watch();
    auto attrs = scaled_attrs();
    attrs.sampling_interval_us = attrs.aggregation_interval_us = attrs.update_interval_us =
        3'600'000'000;
    ASSERT_EQ(session.set(attrs), 0);
    for (int i = 0; i < 100; i++) {
        const auto states = look(area);
        ASSERT_EQ(count(states, present), states.size());
    }
}

TEST_F(Scan, ScansAreCounted) {
    const auto area = target.map("area", 4 * mib);
    watch();
    const auto before = session.stats();
    look(area);
    clear({area.start, area.start + page});
    const auto after = session.stats();
    EXPECT_EQ(after.scans - before.scans, 2U);
    EXPECT_EQ(after.scanned_pages - before.scanned_pages, area.bytes() / page + 1);
    EXPECT_GT(after.flushes, before.flushes);
}

TEST_F(Scan, BadRequestsAreRefused) {
    const auto area = target.map("area", 4 * mib);
    States memory(DAMON_SCHEMES_SCAN_MAX_PAGES + 1);
    damon_schemes_scan good{};
    good.start = area.start;
    good.end = area.end;
    good.states = reinterpret_cast<std::uintptr_t>(memory.data());
    const auto answer = [&](const auto& change) {
        auto request = good;
        request.target_id = id;
        request.generation = generation;
        change(request);
        return session.call(DAMON_SCHEMES_SCAN, &request);
    };
    const auto as_it_is = [](auto&) {};
    EXPECT_EQ(answer(as_it_is), ENOENT) << "before there is a target";
    ASSERT_EQ(session.set(scaled_attrs()), 0);
    ASSERT_EQ(session.add(target.pid(), &id), 0);
    EXPECT_EQ(answer(as_it_is), EAGAIN) << "before START";
    ASSERT_EQ(session.start(), 0);
    generation = session.next().of(id).record.generation;
    ASSERT_EQ(answer(as_it_is), 0);

    EXPECT_EQ(answer([](auto& r) { r.flags = 2; }), EINVAL);
    EXPECT_EQ(answer([](auto& r) { r.flags = ~0U; }), EINVAL);
    EXPECT_EQ(answer([](auto& r) { r.reserved = 1; }), EINVAL);
    EXPECT_EQ(answer([](auto& r) { r.start += 1; }), EINVAL);
    EXPECT_EQ(answer([](auto& r) { r.end -= 1; }), EINVAL);
    EXPECT_EQ(answer([](auto& r) { r.end = r.start; }), EINVAL);
    EXPECT_EQ(answer([](auto& r) { std::swap(r.start, r.end); }), EINVAL);
    EXPECT_EQ(answer([](auto& r) { r.end = r.start + 65537 * page; }), EINVAL);
    EXPECT_EQ(answer([](auto& r) {
                  r.start = 0;
                  r.end = ~0ULL - page + 1;
              }),
              EINVAL);
    // The kernel's half, its direct map of all memory to begin with.
    EXPECT_EQ(answer([](auto& r) {
                  r.start = 0xffff888000000000;
                  r.end = r.start + page;
              }),
              EINVAL);
    EXPECT_EQ(answer([](auto& r) {
                  r.end = 1ULL << 63;
                  r.start = r.end - page;
              }),
              EINVAL);
    // A region that is aligned outwards may reach to the end of user space's half.
    EXPECT_EQ(answer([](auto& r) {
                  r.end = 1ULL << 47;
                  r.start = r.end - page;
              }),
              0);
    EXPECT_EQ(answer([](auto& r) { r.target_id++; }), ENOENT);
    EXPECT_EQ(answer([](auto& r) { r.target_id = 0; }), ENOENT);
    EXPECT_EQ(answer([](auto& r) { r.generation++; }), ESTALE);
    EXPECT_EQ(answer([](auto& r) { r.generation = ~0ULL; }), ESTALE);
    EXPECT_EQ(answer([](auto& r) { r.states = 0; }), EFAULT);
    EXPECT_EQ(answer([](auto& r) { r.states = 0xffff888000000000; }), EFAULT);
    EXPECT_EQ(answer([](auto& r) { r.states = ~0ULL; }), EFAULT);
    auto* read_only = mmap(nullptr, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_EQ(answer([&](auto& r) { r.states = reinterpret_cast<std::uintptr_t>(read_only); }),
              EFAULT);
    munmap(read_only, page);

    struct {
        damon_schemes_scan scan;
        char tail[16];
    } longer{good, {}};
    longer.scan.target_id = id;
    longer.scan.generation = generation;
    constexpr auto sized =
        _IOC(_IOC_WRITE, DAMON_SCHEMES_IOC_MAGIC, DAMON_SCHEMES_NR_SCAN, sizeof(longer));
    EXPECT_EQ(session.call(sized, &longer), 0);
    longer.tail[0] = 1;
    EXPECT_EQ(session.call(sized, &longer), E2BIG);

    auto attrs = scaled_attrs();
    attrs.tlb_policy = DAMON_SCHEMES_TLB_NONE;
    ASSERT_EQ(session.set(attrs), 0);
    EXPECT_EQ(answer([](auto& r) { r.flags = DAMON_SCHEMES_SCAN_CLEAR; }), EOPNOTSUPP);
    EXPECT_EQ(answer(as_it_is), 0) << "looking needs no flush";
    ASSERT_EQ(session.stop(), 0);
    EXPECT_EQ(answer(as_it_is), EAGAIN);
}

// Exactly the bytes of the range are written.
TEST_F(Scan, NothingBesideTheStatesIsWritten) {
    const auto area = target.map("area", mib);
    watch();
    States memory(area.bytes() / page + 2, 0xf0);
    damon_schemes_scan request{};
    request.target_id = id;
    request.generation = generation;
    request.start = area.start;
    request.end = area.end;
    request.states = reinterpret_cast<std::uintptr_t>(memory.data() + 1);
    ASSERT_EQ(session.call(DAMON_SCHEMES_SCAN, &request), 0);
    EXPECT_EQ(memory.front(), 0xf0);
    EXPECT_EQ(memory.back(), 0xf0);
    EXPECT_EQ(count(memory, present), memory.size() - 2);
}

TEST_F(Scan, WhoMayNotWatchTheTargetMayNotScanIt) {
    const auto area = target.map("area", mib);
    watch();
    const auto child = fork();
    if (child == 0) {
        constexpr uid_t nobody = 65534;
        States states;
        if (setgroups(0, nullptr) != 0 || setresgid(nobody, nobody, nobody) != 0 ||
            setresuid(nobody, nobody, nobody) != 0)
            _exit(0);
        _exit(session.scan(id, generation, area, false, &states));
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), EPERM);
}

}  // namespace
}  // namespace damon_schemes::vm

// SPDX-License-Identifier: MIT
// Calls at random, right and wrong ones, from two threads at once on one session.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <iterator>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "session.h"

namespace damon_schemes::vm {
namespace {

// What the ABI says a call may answer.
const std::set<int> documented{0,      EINVAL,   EFAULT, E2BIG,     ENOTTY,
                               ESRCH,  EBUSY,    ENOSPC, ENOENT,    EALREADY,
                               EAGAIN, EMSGSIZE, ESTALE, ECANCELED, EOPNOTSUPP};

constexpr unsigned long commands[] = {
    DAMON_SCHEMES_GET_FEATURES, DAMON_SCHEMES_GET_ATTRS,     DAMON_SCHEMES_SET_ATTRS,
    DAMON_SCHEMES_ADD_TARGET,   DAMON_SCHEMES_REMOVE_TARGET, DAMON_SCHEMES_START,
    DAMON_SCHEMES_STOP,         DAMON_SCHEMES_GET_STATS,     DAMON_SCHEMES_SCAN};

class Caller {
  public:
    Caller(int fd, std::uint64_t seed, std::vector<pid_t> pids, std::vector<Area> areas)
        : fd_(fd),
          random_(seed),
          pids_(std::move(pids)),
          areas_(std::move(areas)),
          memory_(4096),
          states_(DAMON_SCHEMES_SCAN_MAX_PAGES) {}

    void run(int calls) {
        for (int i = 0; i < calls; i++) {
            const int answer = one_call();
            if (!documented.contains(answer)) unexpected_.insert(answer);
            if (answer == 0) succeeded_++;
        }
    }
    const std::set<int>& unexpected() const { return unexpected_; }
    int succeeded() const { return succeeded_; }

  private:
    std::uint64_t below(std::uint64_t bound) {
        return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(random_);
    }
    // A likely value mostly, an extreme one now and then.
    std::uint64_t number(std::uint64_t likely) {
        switch (below(8)) {
            case 0:
                return 0;
            case 1:
                return ~0ULL;
            case 2:
                return 1ULL << below(64);
            default:
                return likely;
        }
    }

    int one_call() {
        switch (below(8)) {
            case 0:
                return read_any();
            case 1: {
                pollfd waiting{fd_, POLLIN, 0};
                return poll(&waiting, 1, static_cast<int>(below(5))) < 0 ? errno : 0;
            }
            default:
                return ioctl_any();
        }
    }

    int read_any() {
        const std::size_t sizes[] = {0, 1, sizeof(damon_schemes_snapshot), 4096, 1 << 17};
        std::vector<char> buffer(sizes[below(std::size(sizes))]);
        void* to = below(8) ? buffer.data() : reinterpret_cast<char*>(16);
        return read(fd_, to, buffer.size()) < 0 ? errno : 0;
    }

    int ioctl_any() {
        auto command = commands[below(std::size(commands))];
        std::memset(memory_.data(), below(16) ? 0 : 0x55, memory_.size());
        if (command == DAMON_SCHEMES_SET_ATTRS) fill_attrs();
        if (command == DAMON_SCHEMES_ADD_TARGET || command == DAMON_SCHEMES_REMOVE_TARGET)
            fill_target(command == DAMON_SCHEMES_ADD_TARGET);
        if (command == DAMON_SCHEMES_SCAN) fill_scan();
        switch (below(16)) {
            case 0:  // a structure of another version
                command =
                    (command & ~(static_cast<unsigned long>(_IOC_SIZEMASK) << _IOC_SIZESHIFT)) |
                    below(2048) << _IOC_SIZESHIFT;
                break;
            case 1:  // another command
                command = (command & ~0xffUL) | below(256);
                break;
            case 2:
                command = random_();
                break;
            default:
                break;
        }
        void* argument = memory_.data();
        if (!below(16)) argument = reinterpret_cast<void*>(number(0x1000));
        // All but a session's own commands would reach the file system's, FIONBIO among them.
        if (_IOC_TYPE(command) != DAMON_SCHEMES_IOC_MAGIC) return 0;
        if (ioctl(fd_, command, argument) < 0) return errno;
        if (command == DAMON_SCHEMES_ADD_TARGET && argument == memory_.data()) {
            damon_schemes_target added{};
            std::memcpy(&added, memory_.data(), sizeof(added));
            last_id_ = added.id;
        }
        return 0;
    }

    void fill_attrs() {
        auto attrs = scaled_attrs();
        attrs.sampling_interval_us = number(500 + below(20'000));
        attrs.aggregation_interval_us = number(20'000 + below(100'000));
        attrs.update_interval_us = number(200'000);
        attrs.min_regions = static_cast<__u32>(number(3 + below(50)));
        // Too many, or few enough for a small machine: what is valid may be large.
        attrs.max_regions = below(8) ? static_cast<__u32>(50 + below(2000)) : ~0U;
        attrs.min_region_size = number(1ULL << (12 + below(10)));
        attrs.tlb_policy = static_cast<__u32>(below(5));
        attrs.flags = static_cast<__u32>(below(16) ? below(8) : 1U << below(32));
        std::memcpy(memory_.data(), &attrs, sizeof(attrs));
    }

    void fill_target(bool add) {
        damon_schemes_target target{};
        if (add)
            target.pid = below(8) ? pids_[below(pids_.size())] : static_cast<__s32>(number(2));
        else
            target.id = number(1 + below(40));
        target.flags = below(16) ? 0 : 1;
        std::memcpy(memory_.data(), &target, sizeof(target));
    }

    void fill_scan() {
        const auto& area = areas_[below(areas_.size())];
        damon_schemes_scan scan{};
        scan.target_id = below(4) ? last_id_ : number(1 + below(40));
        // None of the targets execs, so all have their first address space.
        scan.start = area.start;
        scan.end = area.start + (1 + below(area.bytes() / 4096 + 1)) * 4096;
        scan.states = reinterpret_cast<std::uintptr_t>(states_.data());
        scan.flags = static_cast<__u32>(below(2));
        switch (below(10)) {
            case 0:
                scan.generation = number(1);
                break;
            case 1:
                scan.start = number(scan.end);
                break;
            case 2:
                scan.end = number(scan.start);
                break;
            case 3:
                scan.states = number(1);
                break;
            case 4:
                scan.flags = static_cast<__u32>(number(2));
                break;
            case 5:
                scan.reserved = static_cast<__u32>(number(1));
                break;
            default:
                break;
        }
        std::memcpy(memory_.data(), &scan, sizeof(scan));
    }

    int fd_;
    std::mt19937_64 random_;
    std::vector<pid_t> pids_;
    std::vector<Area> areas_;
    std::vector<char> memory_;
    std::vector<char> states_;  // where scans may write
    std::uint64_t last_id_ = 1;
    std::set<int> unexpected_;
    int succeeded_ = 0;
};

class RandomCalls : public testing::Test {
  protected:
    void SetUp() override { NEEDS_MODULE(); }

    // DAMON_SCHEMES_SEED repeats a run as far as two threads can be repeated.
    static std::uint64_t seed() {
        const char* given = std::getenv("DAMON_SCHEMES_SEED");
        return given ? std::strtoull(given, nullptr, 0) : std::random_device{}();
    }
};

TEST_F(RandomCalls, FromTwoThreadsAnswerAsDocumentedAndLeaveTheSessionWorking) {
    const auto first_seed = seed();
    SCOPED_TRACE("DAMON_SCHEMES_SEED=" + std::to_string(first_seed));
    std::cout << "DAMON_SCHEMES_SEED=" << first_seed << std::endl;
    std::vector<std::unique_ptr<Target>> targets;
    std::vector<pid_t> pids{getpid(), 4'000'000};
    // Half of the memory that a scan may be of is none of the target's.
    std::vector<Area> areas{{0, 256 * mib}};
    for (int i = 0; i < 3; i++) {
        targets.push_back(std::make_unique<Target>());
        areas.push_back(targets.back()->map("area", 4 * mib));
        pids.push_back(targets.back()->pid());
    }
    targets.back()->kill(false);
    {
        Session session;
        Caller a(session.fd(), first_seed, pids, areas),
            b(session.fd(), first_seed + 1, pids, areas);
        std::thread other([&] { b.run(1500); });
        a.run(1500);
        other.join();
        for (const auto* caller : {&a, &b}) {
            for (const int error : caller->unexpected())
                ADD_FAILURE() << "undocumented answer: " << std::strerror(error);
            EXPECT_GT(caller->succeeded(), 100);
        }
        EXPECT_GT(session.stats().scans, 0U) << "no scan at all was right";
        // The same session goes on.
        session.stop();
        EXPECT_EQ(session.set(scaled_attrs()), 0);
        EXPECT_EQ(session.start(), 0);
        const auto now = session.stats();
        EXPECT_GT(now.thread_pid, 0);
    }
    // And a fresh one can have all the targets.
    Session fresh;
    ASSERT_EQ(fresh.set(scaled_attrs()), 0);
    std::uint64_t id = 0;
    ASSERT_EQ(fresh.add(targets[0]->pid(), &id), 0);
    EXPECT_EQ(fresh.add(targets[1]->pid()), 0);
    EXPECT_EQ(fresh.add(getpid()), 0);
    ASSERT_EQ(fresh.start(), 0);
    EXPECT_TRUE(fresh.wait_for(3, [&](const Snapshot& snapshot) {
        return snapshot.targets.size() == 3 && !snapshot.of(id).regions.empty();
    }));
}

}  // namespace
}  // namespace damon_schemes::vm

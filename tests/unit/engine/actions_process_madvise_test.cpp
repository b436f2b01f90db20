// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <string>

#include "engine/actions/process_madvise.h"
#include "engine/targets/procfs.h"
#include "tests/unit/engine/fake_scanner.h"
#include "tests/unit/engine/laid_out_folder.h"
#include "tests/unit/engine/outcomes.h"
#include "tests/unit/engine/own_child.h"

namespace damon_schemes {
namespace {

using testing::filled_memory;
using testing::gap;
using testing::OwnChild;
using testing::sum_of_gaps;

constexpr std::uint64_t mib = 1 << 20;
constexpr std::uint64_t page = 4096;

ActionRequest request_for(const OwnChild& child, Action action, std::vector<AddressRange> ranges) {
    ActionRequest request;
    request.action = action;
    request.pid = child.pid();
    request.pidfd = child.pidfd();
    request.ranges = std::move(ranges);
    return request;
}

// Advising another process takes two capabilities, and a kernel that has the call.
class ProcessMadviseTest : public ::testing::Test {
  protected:
    void SetUp() override {
        const OwnChild child([] { return filled_memory(page); });
        Process process;
        process.pid = child.pid();
        process.pidfd = Descriptor(::dup(child.pidfd()));
        const auto allowed = may_advise(process);
        if (!allowed) GTEST_SKIP() << allowed.error().message;
    }
    ProcessMadvise executor_;
};

TEST_F(ProcessMadviseTest, advises_a_whole_range_of_a_child) {
    const OwnChild child([] { return filled_memory(16 * mib); });
    ASSERT_NE(child.address(), 0U);
    const auto outcomes = executor_.execute(
        request_for(child, Action::cold, {{child.address(), child.address() + 16 * mib}}), {});
    ASSERT_EQ(outcomes.size(), 1U);
    EXPECT_EQ(outcomes[0].asked, mebibytes(16));
    EXPECT_EQ(outcomes[0].advised, mebibytes(16));
    EXPECT_EQ(sum_of_gaps(outcomes[0]), Bytes{});
    // No call takes more than 4 MiB.
    EXPECT_GE(outcomes[0].calls, 4U);
    EXPECT_GT(outcomes[0].spent, Duration::zero());
    EXPECT_EQ(outcomes[0].last_errno, 0);
}

TEST_F(ProcessMadviseTest, leaves_out_a_hole_and_goes_on_behind_it) {
    const OwnChild child([] {
        const std::uint64_t address = filled_memory(8 * mib);
        ::munmap(reinterpret_cast<void*>(address + 3 * mib), mib);
        return address;
    });
    const auto outcomes = executor_.execute(
        request_for(child, Action::cold, {{child.address(), child.address() + 8 * mib}}), {});
    EXPECT_EQ(outcomes[0].advised, mebibytes(7));
    EXPECT_EQ(gap(outcomes[0], Gap::unmapped), mebibytes(1));
}

TEST_F(ProcessMadviseTest, goes_on_behind_locked_memory_and_counts_it_special) {
    const OwnChild child([] {
        const std::uint64_t address = filled_memory(8 * mib);
        // By its number: AddressSanitizer's mlock() does nothing.
        if (::syscall(SYS_mlock, address + 2 * mib, std::size_t{64 * 1024}) != 0) {
            return std::uint64_t{0};
        }
        return address;
    });
    if (child.address() == 0) GTEST_SKIP() << "mlock is not allowed here";
    const auto outcomes =
        executor_.execute(request_for(child, Action::cold,
                                      {{child.address(), child.address() + 4 * mib},
                                       {child.address() + 4 * mib, child.address() + 8 * mib}}),
                          {});
    EXPECT_EQ(outcomes[0].advised, mebibytes(4) - kibibytes(64));
    EXPECT_EQ(gap(outcomes[0], Gap::special), kibibytes(64));
    EXPECT_EQ(outcomes[0].last_errno, EINVAL);
    EXPECT_EQ(outcomes[1].advised, mebibytes(4));
}

TEST_F(ProcessMadviseTest, takes_more_ranges_than_one_call_may_have) {
    constexpr std::uint64_t count = 3000;
    const OwnChild child([] { return filled_memory(2 * count * page); });
    std::vector<AddressRange> ranges;
    for (std::uint64_t index = 0; index < count; ++index) {
        const std::uint64_t start = child.address() + 2 * index * page;
        ranges.push_back({start, start + page});
    }
    const auto outcomes = executor_.execute(request_for(child, Action::cold, ranges), {});
    ASSERT_EQ(outcomes.size(), count);
    std::uint64_t calls = 0;
    for (const ActionOutcome& outcome : outcomes) {
        EXPECT_EQ(outcome.advised, Bytes{page});
        calls += outcome.calls;
    }
    EXPECT_GE(calls, 3U);
    EXPECT_LT(calls, 100U);
}

TEST_F(ProcessMadviseTest, stops_between_calls_when_cancelled_and_counts_the_rest) {
    const OwnChild child([] { return filled_memory(32 * mib); });
    int asked = 0;
    const auto outcomes = executor_.execute(
        request_for(child, Action::cold, {{child.address(), child.address() + 32 * mib}}),
        [&] { return ++asked > 2; });
    EXPECT_GT(outcomes[0].advised, Bytes{});
    EXPECT_LE(outcomes[0].advised, mebibytes(8));
    EXPECT_EQ(outcomes[0].advised + gap(outcomes[0], Gap::cancelled), mebibytes(32));
}

TEST_F(ProcessMadviseTest, says_that_the_target_is_gone_whether_reaped_or_not) {
    for (const bool reaped : {false, true}) {
        OwnChild child([] { return filled_memory(mib); });
        child.kill(reaped);
        const auto outcomes = executor_.execute(
            request_for(child, Action::pageout, {{child.address(), child.address() + mib}}), {});
        EXPECT_TRUE(outcomes[0].target_gone);
        EXPECT_EQ(outcomes[0].advised, Bytes{});
        EXPECT_EQ(gap(outcomes[0], Gap::unmapped), mebibytes(1));
    }
}

TEST_F(ProcessMadviseTest, finds_that_the_target_dies_in_the_middle) {
    OwnChild child([] { return filled_memory(32 * mib); });
    int asked = 0;
    const auto outcomes = executor_.execute(
        request_for(child, Action::cold, {{child.address(), child.address() + 32 * mib}}), [&] {
            if (++asked == 3) child.kill(false);
            return false;
        });
    EXPECT_TRUE(outcomes[0].target_gone);
    EXPECT_EQ(outcomes[0].last_errno, ESRCH);
    EXPECT_EQ(outcomes[0].advised + gap(outcomes[0], Gap::unmapped), mebibytes(32));
}

TEST_F(ProcessMadviseTest, pages_out_a_files_pages_and_accounts_for_every_byte) {
    char name[] = "/tmp/damon-schemes-test-XXXXXX";
    const int file = ::mkstemp(name);
    ASSERT_GE(file, 0);
    ::unlink(name);
    const std::vector<char> content(4 * mib, 'x');
    ASSERT_EQ(::write(file, content.data(), content.size()), static_cast<ssize_t>(content.size()));
    ASSERT_EQ(::fsync(file), 0);  // dirty pages are not dropped
    const OwnChild child([file] {
        void* memory = ::mmap(nullptr, 4 * mib, PROT_READ, MAP_SHARED, file, 0);
        if (memory == MAP_FAILED) return std::uint64_t{0};
        unsigned sum = 0;
        for (std::uint64_t at = 0; at < 4 * mib; at += page) {
            sum += *(static_cast<volatile unsigned char*>(memory) + at);
        }
        return sum == 0 ? std::uint64_t{0} : reinterpret_cast<std::uint64_t>(memory);
    });
    ::close(file);
    ASSERT_NE(child.address(), 0U);
    const auto outcomes = executor_.execute(
        request_for(child, Action::pageout, {{child.address(), child.address() + 4 * mib}}), {});
    EXPECT_EQ(outcomes[0].advised, mebibytes(4));
    EXPECT_EQ(outcomes[0].paged_out + sum_of_gaps(outcomes[0]), mebibytes(4));
    EXPECT_GT(outcomes[0].paged_out, mebibytes(2));
}

TEST_F(ProcessMadviseTest, where_pagemap_may_not_be_read_a_scan_tells_what_left) {
    const OwnChild child([] { return filled_memory(4 * mib); });
    const std::string folder = std::to_string(child.pid());
    const testing::LaidOutFolder proc{{folder + "/maps", "-> /proc/" + folder + "/maps"}};
    MachinePaths paths;
    paths.proc = proc.path();
    auto request =
        request_for(child, Action::pageout, {{child.address(), child.address() + 4 * mib}});
    // Before: all but the first MiB.  After: only the second MiB.
    std::map<std::uint64_t, int> looks;
    const auto scanner = std::make_shared<testing::FakeScanner>([&](std::uint64_t address) {
        const std::uint64_t mebibyte = (address - child.address()) / mib;
        const bool before = looks[address]++ == 0;
        if (mebibyte == 0) return std::uint8_t{0};
        return before || mebibyte == 1 ? PageState::present_bit : PageState::swapped_bit;
    });
    request.scanner = scanner;
    request.target = TargetId{7};
    request.generation = 3;
    request.tell_what_left = true;
    ProcessMadvise executor(paths);
    const auto outcomes = executor.execute(request, {});
    EXPECT_EQ(outcomes[0].paged_out, mebibytes(2));
    EXPECT_EQ(gap(outcomes[0], Gap::absent), mebibytes(1));
    EXPECT_EQ(gap(outcomes[0], Gap::shared), Bytes{}) << "which a scan cannot know";
    EXPECT_EQ(outcomes[0].paged_out + sum_of_gaps(outcomes[0]), mebibytes(4));
    ASSERT_EQ(outcomes[0].left.size(), 1U);
    EXPECT_EQ(outcomes[0].left[0],
              (AddressRange{child.address() + 2 * mib, child.address() + 4 * mib}));
    for (const auto& call : scanner->calls()) {
        EXPECT_EQ(call.generation, 3U);
        EXPECT_FALSE(call.clear) << "a look must not make memory look idle";
    }
    // One that fails makes nothing gone.
    scanner->fail_with(EAGAIN);
    const auto blind = executor.execute(request, {});
    EXPECT_EQ(blind[0].paged_out, Bytes{});
    EXPECT_EQ(sum_of_gaps(blind[0]), mebibytes(4));
}

TEST_F(ProcessMadviseTest, makes_no_call_for_what_is_not_in_memory) {
    const OwnChild child([] {
        void* memory = ::mmap(nullptr, 64 * mib, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        return reinterpret_cast<std::uint64_t>(memory);
    });
    const auto outcomes = executor_.execute(
        request_for(child, Action::pageout, {{child.address(), child.address() + 64 * mib}}), {});
    EXPECT_EQ(gap(outcomes[0], Gap::absent), mebibytes(64));
    EXPECT_EQ(outcomes[0].calls, 0U);
}

TEST_F(ProcessMadviseTest, counts_memory_shared_with_a_fork_as_shared) {
    const OwnChild child([] {
        const std::uint64_t address = filled_memory(mib);
        const pid_t parent = ::getpid();
        if (::fork() == 0) {
            // Ends with its parent, at the latest when that is killed.
            while (::getppid() == parent) ::usleep(1000);
            ::_exit(0);
        }
        return address;
    });
    const auto outcomes = executor_.execute(
        request_for(child, Action::pageout, {{child.address(), child.address() + mib}}), {});
    EXPECT_EQ(outcomes[0].advised, mebibytes(1));
    EXPECT_EQ(gap(outcomes[0], Gap::shared), mebibytes(1));
    EXPECT_EQ(outcomes[0].paged_out, Bytes{});
}

TEST_F(ProcessMadviseTest, says_swap_full_where_the_machine_has_no_swap) {
    const auto memory = memory_of_machine();
    ASSERT_TRUE(memory.has_value());
    if (memory->swap_total.count != 0) GTEST_SKIP() << "this machine has swap";
    const OwnChild child([] { return filled_memory(8 * mib); });
    const auto outcomes = executor_.execute(
        request_for(child, Action::pageout, {{child.address(), child.address() + 8 * mib}}), {});
    EXPECT_EQ(gap(outcomes[0], Gap::swap_full), mebibytes(8));
    EXPECT_EQ(outcomes[0].paged_out + sum_of_gaps(outcomes[0]), mebibytes(8));
}

TEST_F(ProcessMadviseTest, does_not_tear_a_huge_page_unless_told) {
    const OwnChild child([] {
        void* memory =
            ::mmap(nullptr, 8 * mib, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        const std::uint64_t aligned =
            (reinterpret_cast<std::uint64_t>(memory) + 2 * mib - 1) & ~(2 * mib - 1);
        ::madvise(reinterpret_cast<void*>(aligned), 4 * mib, MADV_HUGEPAGE);
        std::memset(reinterpret_cast<void*>(aligned), 1, 4 * mib);
        return aligned;
    });
    const auto smaps = read_file("/proc/" + std::to_string(child.pid()) + "/smaps");
    ASSERT_TRUE(smaps.has_value());
    if (smaps->find("AnonHugePages:      4096 kB") == std::string::npos) {
        GTEST_SKIP() << "this machine gave no huge pages";
    }
    auto request = request_for(child, Action::cold,
                               {{child.address() + page, child.address() + 4 * mib - page}});
    auto outcomes = executor_.execute(request, {});
    EXPECT_EQ(gap(outcomes[0], Gap::huge_page_cut), mebibytes(4) - Bytes{2 * page});
    EXPECT_EQ(outcomes[0].advised, Bytes{});

    request.ranges = {{child.address() + page, child.address() + 4 * mib}};
    outcomes = executor_.execute(request, {});
    EXPECT_EQ(outcomes[0].advised, mebibytes(2));

    request.split_huge_pages = true;
    outcomes = executor_.execute(request, {});
    EXPECT_EQ(outcomes[0].advised, mebibytes(4) - Bytes{page});
}

// The child unmaps its second mebibyte when told by SIGUSR1, and says so in a page that both share.
std::uint64_t unmapped_on_signal = 0;
volatile unsigned char* unmapped_mark = nullptr;
void unmap_now(int) {
    ::munmap(reinterpret_cast<void*>(unmapped_on_signal), mib);
    *unmapped_mark = 1;
}

TEST_F(ProcessMadviseTest, clips_anew_where_the_target_unmapped_meanwhile) {
    void* mark = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(mark, MAP_FAILED);
    unmapped_mark = static_cast<volatile unsigned char*>(mark);
    const OwnChild child([] {
        const std::uint64_t address = filled_memory(4 * mib);
        unmapped_on_signal = address + mib;
        ::signal(SIGUSR1, unmap_now);
        return address;
    });
    const auto outcomes = executor_.execute(
        request_for(child, Action::cold, {{child.address(), child.address() + 4 * mib}}), [&] {
            // The mappings have been read by now, and the call is next.
            if (*unmapped_mark == 0) ::kill(child.pid(), SIGUSR1);
            while (*unmapped_mark == 0) ::sched_yield();
            return false;
        });
    ::munmap(mark, page);
    EXPECT_EQ(outcomes[0].last_errno, ENOMEM);
    EXPECT_EQ(gap(outcomes[0], Gap::unmapped), mebibytes(1));
    EXPECT_EQ(outcomes[0].advised, mebibytes(3));
}

// Runs `check` in a fork that has these capabilities alone; its answer is the fork's exit status.
int with_capabilities(std::uint32_t capabilities, const std::function<bool()>& check) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
        __user_cap_data_struct data[2] = {{capabilities, capabilities, 0}, {0, 0, 0}};
        if (::syscall(SYS_capset, &header, data) != 0) ::_exit(77);
        ::_exit(check() ? 0 : 1);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(ProcessMadviseTest, says_which_capability_is_missing) {
    const OwnChild child([] { return filled_memory(mib); });
    Process process;
    process.pid = child.pid();
    process.pidfd = Descriptor(::dup(child.pidfd()));
    struct Case {
        std::uint32_t capabilities;
        const char* missing;
        int error;
    };
    for (const Case& one : {Case{1U << CAP_SYS_PTRACE, "CAP_SYS_NICE is missing", EPERM},
                            Case{1U << CAP_SYS_NICE, "CAP_SYS_PTRACE is missing", EACCES}}) {
        const int status = with_capabilities(one.capabilities, [&] {
            const auto allowed = may_advise(process);
            if (allowed || allowed.error().kind != ErrorKind::unsupported ||
                allowed.error().message.find(one.missing) == std::string::npos) {
                return false;
            }
            ProcessMadvise refused;
            const auto outcomes = refused.execute(
                request_for(child, Action::pageout, {{child.address(), child.address() + mib}}),
                {});
            return outcomes[0].last_errno == one.error && outcomes[0].advised == Bytes{} &&
                   gap(outcomes[0], Gap::refused) == mebibytes(1);
        });
        EXPECT_EQ(status, 0) << one.missing;
    }
    EXPECT_EQ(with_capabilities(1U << CAP_SYS_PTRACE | 1U << CAP_SYS_NICE,
                                [&] { return may_advise(process).ok(); }),
              0)
        << "the two suffice";
}

TEST_F(ProcessMadviseTest, keeps_the_targets_data) {
    const OwnChild child([] { return filled_memory(4 * mib, 0x5a); });
    const AddressRange range{child.address(), child.address() + 4 * mib};
    for (const Action action : {Action::cold, Action::pageout, Action::willneed}) {
        executor_.execute(request_for(child, action, {range}), {});
    }
    std::vector<unsigned char> seen(4 * mib);
    iovec local{seen.data(), seen.size()};
    iovec remote{reinterpret_cast<void*>(range.start), seen.size()};
    ASSERT_EQ(::process_vm_readv(child.pid(), &local, 1, &remote, 1, 0),
              static_cast<ssize_t>(seen.size()));
    EXPECT_EQ(seen, std::vector<unsigned char>(4 * mib, 0x5a));
}

}  // namespace
}  // namespace damon_schemes

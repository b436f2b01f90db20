// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/actions/memlock_limit.h"
#include "engine/targets/process.h"
#include "tests/unit/engine/laid_out_folder.h"
#include "tests/unit/engine/own_memory.h"

namespace damon_schemes {
namespace {

using testing::LaidOutFolder;

TEST(MemlockLimit, IsRaisedAsFarAsThePolicyAllows) {
    const MemlockLimit limit{4096, 8192};
    EXPECT_EQ(raised_for(limit, Bytes{4096}, RaiseMemlock::hard), limit) << "it is enough";
    EXPECT_EQ(raised_for(limit, Bytes{6000}, RaiseMemlock::never), limit);
    EXPECT_EQ(raised_for(limit, Bytes{6000}, RaiseMemlock::soft), (MemlockLimit{6000, 8192}));
    EXPECT_EQ(raised_for(limit, Bytes{9000}, RaiseMemlock::soft), (MemlockLimit{8192, 8192}));
    EXPECT_EQ(raised_for(limit, Bytes{9000}, RaiseMemlock::hard), (MemlockLimit{9000, 9000}));
    EXPECT_EQ(raised_for({4096, RLIM_INFINITY}, Bytes{9000}, RaiseMemlock::hard),
              (MemlockLimit{9000, RLIM_INFINITY}));
    EXPECT_EQ(raised_for({RLIM_INFINITY, RLIM_INFINITY}, Bytes{9000}, RaiseMemlock::hard),
              (MemlockLimit{RLIM_INFINITY, RLIM_INFINITY}));
}

TEST(MemlockLimit, IsReadAndSet) {
    const auto before = memlock_limit_of(::getpid());
    ASSERT_TRUE(before.ok());
    rlimit own{};
    ASSERT_EQ(::getrlimit(RLIMIT_MEMLOCK, &own), 0);
    EXPECT_EQ(before->soft, own.rlim_cur);
    EXPECT_EQ(before->hard, own.rlim_max);
    ASSERT_TRUE(set_memlock_limit(::getpid(), {0, before->hard}));
    EXPECT_EQ(memlock_limit_of(::getpid())->soft, 0U);
    ASSERT_TRUE(set_memlock_limit(::getpid(), *before));
    EXPECT_FALSE(memlock_limit_of(4'194'304).ok()) << "above every pid_max";
}

Descriptor folder_of(const LaidOutFolder& proc) {
    auto folder = open_process_folder(7, -1, proc.path());
    return folder ? std::move(*folder) : Descriptor();
}

TEST(MemlockLimit, DoesNotHoldForWhoMayLockAnythingOnTheMachine) {
    const auto may = [](const std::string& capabilities, const std::string& user_namespace) {
        const LaidOutFolder proc({{"7/status", "Name:\tx\nCapEff:\t" + capabilities + "\n"},
                                  {"7/ns/user", "-> " + user_namespace}});
        return locks_without_limit(folder_of(proc).get());
    };
    EXPECT_TRUE(may("000001ffffffffff", "user:[4026531837]"));
    EXPECT_TRUE(may("0000000000004000", "user:[4026531837]"));
    EXPECT_FALSE(may("000001ffffffbfff", "user:[4026531837]"));
    EXPECT_FALSE(may("000001ffffffffff", "user:[4026532837]")) << "of a container's root";
    EXPECT_FALSE(locks_without_limit(-1));
}

TEST(MemlockLimit, WhatIsLockedIsWhatTheKernelCounts) {
    const LaidOutFolder proc({{"7/status", "Name:\tx\nVmLck:\t     128 kB\n"}});
    EXPECT_EQ(locked_by(folder_of(proc).get()), kibibytes(128));
    EXPECT_EQ(locked_by(-1), std::nullopt);
    const testing::OwnMemory memory(2 << 20);
    if (::syscall(SYS_mlock2, memory.start(), 1 << 20, 1) != 0) GTEST_SKIP() << "no mlock here";
    const auto self = open_process_folder(::getpid(), -1, "/proc");
    EXPECT_GE(*locked_by(self->get()), mebibytes(1));
    ::syscall(SYS_munlock, memory.start(), 1 << 20);
}

}  // namespace
}  // namespace damon_schemes

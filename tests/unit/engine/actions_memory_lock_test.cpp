// SPDX-License-Identifier: MIT
// What is locked, what is not, and what the kernel says of it, on the test's own memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cstdlib>
#include <filesystem>

#include "engine/actions/memory_lock.h"
#include "engine/targets/procfs.h"
#include "tests/unit/engine/laid_out_folder.h"
#include "tests/unit/engine/outcomes.h"
#include "tests/unit/engine/own_memory.h"
#include "tests/unit/engine/self_caller.h"

namespace damon_schemes {
namespace {

using ::testing::ElementsAre;
using testing::flagged;
using testing::gap;
using ::testing::IsEmpty;
using testing::OwnMemory;
using testing::request_to_self;
using testing::SelfCaller;
using testing::sum_of_gaps;

constexpr std::uint64_t mib = 1 << 20;

Scheme locking() {
    Scheme scheme;
    scheme.name = "hot";
    scheme.action = Action::mlock;
    scheme.on_exit = OnExit::restore;
    scheme.lock = {{}, {}};
    return scheme;
}

// The limit counts for root as well as long as it has no CAP_IPC_LOCK; most tests need some room.
class MemoryLockTest : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(::getrlimit(RLIMIT_MEMLOCK, &limit_), 0);
        const OwnMemory memory(4 * mib);
        if (::syscall(SYS_mlock, memory.start(), 4 * mib) != 0)
            GTEST_SKIP() << "the test may not lock 4 MiB of its own here (RLIMIT_MEMLOCK)";
    }
    void TearDown() override { ::setrlimit(RLIMIT_MEMLOCK, &limit_); }

    MemoryLock executor(bool dry_run = false) { return MemoryLock(ledger_, access(), dry_run); }
    RemoteAccess access() {
        RemoteAccess remote;
        remote.allowed = allowed_;
        remote.caller = &caller_;
        return remote;
    }
    RangeSet held() {
        const auto folder = open_process_folder(::getpid(), -1, "/proc");
        return ledger_->held(*identity_of(folder->get()));
    }
    static Bytes locked(AddressRange range) { return flagged(range, &MappingFlags::locked); }

    rlimit limit_{};
    bool allowed_ = true;
    SelfCaller caller_;
    std::shared_ptr<LockLedger> ledger_ = std::make_shared<LockLedger>();
};

TEST_F(MemoryLockTest, LocksWhatIsAskedForAndSaysSo) {
    const OwnMemory memory(4 * mib);
    auto lock = executor();
    const auto outcomes = lock.execute(
        request_to_self(locking(), {memory.part(0, mib), memory.part(2 * mib, 3 * mib)}), {});
    ASSERT_EQ(outcomes.size(), 2U);
    for (const ActionOutcome& outcome : outcomes) {
        EXPECT_EQ(outcome.advised, mebibytes(1));
        EXPECT_EQ(outcome.confirmed, mebibytes(1));
        EXPECT_EQ(sum_of_gaps(outcome), Bytes{});
    }
    EXPECT_THAT(outcomes[1].locked, ElementsAre(memory.part(2 * mib, 3 * mib)));
    EXPECT_EQ(locked(memory.range()), mebibytes(2));
    EXPECT_EQ(held().size(), mebibytes(2));
    ASSERT_EQ(caller_.requests.size(), 1U);
    EXPECT_EQ(caller_.requests[0].operation, RemoteOperation::mlock_onfault);
    // Once more: nothing is called.
    const auto again = lock.execute(request_to_self(locking(), {memory.part(0, 3 * mib)}), {});
    EXPECT_EQ(gap(again[0], Gap::already), mebibytes(2));
    EXPECT_EQ(again[0].confirmed, mebibytes(1));
    EXPECT_THAT(again[0].locked, ElementsAre(memory.part(0, 3 * mib)));
}

TEST_F(MemoryLockTest, BringsInWhatIsNotThereOnlyWhereThePolicyAsksForIt) {
    const OwnMemory memory(4 * mib, /*filled=*/false);
    Scheme scheme = locking();
    scheme.populate = true;
    auto lock = executor();
    (void)lock.execute(request_to_self(locking(), {memory.part(0, mib)}), {});
    (void)lock.execute(request_to_self(scheme, {memory.part(2 * mib, 3 * mib)}), {});
    const auto present = [&](AddressRange range) {
        unsigned char pages[256] = {};
        ::mincore(reinterpret_cast<void*>(range.start), range.size().count, pages);
        int count = 0;
        for (const unsigned char page : pages) count += page & 1;
        return count;
    };
    EXPECT_EQ(present(memory.part(0, mib)), 0);
    EXPECT_EQ(present(memory.part(2 * mib, 3 * mib)), 256);
}

TEST_F(MemoryLockTest, NeverTouchesWhatTheProgramLockedItself) {
    const OwnMemory memory(4 * mib);
    ASSERT_EQ(::syscall(SYS_mlock, memory.start() + mib, mib), 0);
    auto lock = executor();
    const auto outcome = lock.execute(request_to_self(locking(), {memory.part(0, 3 * mib)}), {})[0];
    EXPECT_EQ(gap(outcome, Gap::own_lock), mebibytes(1));
    EXPECT_EQ(outcome.confirmed, mebibytes(2));
    // Unlocking all of it leaves the program's own.
    ActionRequest request = request_to_self(locking(), {memory.part(0, 3 * mib)});
    request.unlock = true;
    const auto undone = lock.execute(request, {})[0];
    EXPECT_TRUE(undone.unlock);
    EXPECT_EQ(undone.confirmed, mebibytes(2));
    EXPECT_EQ(gap(undone, Gap::not_held), mebibytes(1));
    EXPECT_EQ(locked(memory.range()), mebibytes(1));
    EXPECT_EQ(locked(memory.part(mib, 2 * mib)), mebibytes(1));
    EXPECT_TRUE(held().empty());
    Scheme munlock;
    munlock.action = Action::munlock;
    EXPECT_EQ(gap(lock.execute(request_to_self(munlock, {memory.range()}), {})[0], Gap::not_held),
              mebibytes(4));
    EXPECT_EQ(locked(memory.range()), mebibytes(1));
    ::syscall(SYS_munlock, memory.start() + mib, mib);
}

TEST_F(MemoryLockTest, WhatTheProgramUnlockedItselfIsNoLongerHeld) {
    const OwnMemory memory(4 * mib);
    auto lock = executor();
    (void)lock.execute(request_to_self(locking(), {memory.part(0, 2 * mib)}), {});
    ASSERT_EQ(::syscall(SYS_munlock, memory.start(), mib), 0);
    const auto again = lock.execute(request_to_self(locking(), {memory.part(0, 2 * mib)}), {})[0];
    EXPECT_EQ(gap(again, Gap::already), mebibytes(1));
    EXPECT_EQ(again.confirmed, mebibytes(1));
    EXPECT_EQ(locked(memory.range()), mebibytes(2));
}

TEST_F(MemoryLockTest, HoldsNoMoreThanItsBudgets) {
    const OwnMemory memory(4 * mib);
    Scheme scheme = locking();
    scheme.lock.target = mebibytes(1);
    auto lock = executor();
    auto outcome = lock.execute(request_to_self(scheme, {memory.part(0, 3 * mib)}), {})[0];
    EXPECT_EQ(outcome.confirmed, mebibytes(1));
    EXPECT_EQ(gap(outcome, Gap::lock_target), mebibytes(2));
    EXPECT_EQ(locked(memory.part(0, mib)), mebibytes(1));

    scheme.lock = {{}, Share{1}};  // a millionth of the machine's memory
    const Bytes most{memory_of_machine()->total.count / 1'000'000 / 4096 * 4096};
    outcome = lock.execute(request_to_self(scheme, {memory.part(2 * mib, 3 * mib)}), {})[0];
    EXPECT_EQ(gap(outcome, Gap::lock_host), mebibytes(1)) << "more than that is held already";
    lock.know_of_others({});
    ActionRequest request = request_to_self(locking(), {memory.range()});
    request.unlock = true;
    (void)lock.execute(request, {});
    outcome = lock.execute(request_to_self(scheme, {memory.part(2 * mib, 3 * mib)}), {})[0];
    EXPECT_EQ(outcome.confirmed, most);
    EXPECT_EQ(sum_of_gaps(outcome) + outcome.confirmed, mebibytes(1));
    lock.know_of_others(mebibytes(1024));
    outcome = lock.execute(request_to_self(scheme, {memory.part(0, mib)}), {})[0];
    EXPECT_EQ(gap(outcome, Gap::lock_host), mebibytes(1)) << "others hold that much";
}

TEST_F(MemoryLockTest, RefusalsAreCountedAndNothingIsHeld) {
    const OwnMemory memory(4 * mib);
    caller_.refuse = RemoteRefusal::seccomp;
    auto lock = executor();
    const auto outcome = lock.execute(request_to_self(locking(), {memory.part(0, mib)}), {})[0];
    EXPECT_EQ(gap(outcome, Gap::remote_refused), mebibytes(1));
    EXPECT_EQ(outcome.remote.refused[static_cast<std::size_t>(RemoteRefusal::seccomp)],
              mebibytes(1));
    EXPECT_THAT(outcome.locked, IsEmpty());
    EXPECT_TRUE(held().empty());
}

TEST_F(MemoryLockTest, WithoutRemoteCallsNothingIsAskedFor) {
    allowed_ = false;
    const OwnMemory memory(4 * mib);
    auto lock = executor();
    const auto outcome = lock.execute(request_to_self(locking(), {memory.part(0, mib)}), {})[0];
    EXPECT_EQ(gap(outcome, Gap::remote_never), mebibytes(1));
    EXPECT_TRUE(caller_.requests.empty());
    EXPECT_EQ(locked(memory.range()), Bytes{});
}

TEST_F(MemoryLockTest, ACallThatFailsHalfwayLeavesNothingForgotten) {
    const OwnMemory memory(4 * mib);
    // Between the look at the mappings and the call a hole comes into being: mlock(2) locks what is
    // before it, and says ENOMEM.
    caller_.on_call = [&](const RemoteRequest&) { ::munmap(memory.at(2 * mib), mib); };
    auto lock = executor();
    const auto outcome = lock.execute(request_to_self(locking(), {memory.part(0, 4 * mib)}), {})[0];
    EXPECT_EQ(outcome.last_errno, ENOMEM);
    EXPECT_EQ(held().size(), locked(memory.range()));
    EXPECT_EQ(held().size(), mebibytes(2));
    EXPECT_EQ(outcome.confirmed + sum_of_gaps(outcome), mebibytes(4));
}

TEST_F(MemoryLockTest, ADryRunDecidesTheSameAndLocksNothing) {
    const OwnMemory memory(4 * mib);
    Scheme scheme = locking();
    scheme.lock.target = mebibytes(2);
    auto lock = executor(/*dry_run=*/true);
    auto outcome = lock.execute(request_to_self(scheme, {memory.part(0, 3 * mib)}), {})[0];
    EXPECT_EQ(gap(outcome, Gap::lock_target), mebibytes(1));
    EXPECT_EQ(sum_of_gaps(outcome), mebibytes(1));
    EXPECT_THAT(outcome.locked, ElementsAre(memory.part(0, 2 * mib)));
    outcome = lock.execute(request_to_self(scheme, {memory.part(0, 3 * mib)}), {})[0];
    EXPECT_EQ(gap(outcome, Gap::already), mebibytes(2));
    EXPECT_TRUE(caller_.requests.empty());
    EXPECT_EQ(locked(memory.range()), Bytes{});
    ActionRequest request = request_to_self(scheme, {memory.range()});
    request.unlock = true;
    (void)lock.execute(request, {});
    EXPECT_TRUE(held().empty());
}

TEST_F(MemoryLockTest, WhatCannotBeWrittenDownIsNotLocked) {
    const testing::LaidOutFolder folder({});
    auto journal = LockJournal::open(folder.path() + "/locks");
    ASSERT_TRUE(journal.ok()) << journal.error().message;
    ledger_ = std::make_shared<LockLedger>(std::make_unique<LockJournal>(std::move(*journal)));
    std::filesystem::remove_all(folder.path() + "/locks");
    const OwnMemory memory(4 * mib);
    auto lock = executor();
    const auto outcome = lock.execute(request_to_self(locking(), {memory.part(0, mib)}), {})[0];
    EXPECT_EQ(gap(outcome, Gap::no_journal), mebibytes(1));
    EXPECT_TRUE(caller_.requests.empty());
}

TEST_F(MemoryLockTest, WhatIsLockedIsInTheJournalBeforeTheCall) {
    const testing::LaidOutFolder folder({});
    auto journal = LockJournal::open(folder.path() + "/locks");
    ASSERT_TRUE(journal.ok()) << journal.error().message;
    ledger_ = std::make_shared<LockLedger>(std::make_unique<LockJournal>(std::move(*journal)));
    const OwnMemory memory(4 * mib);
    const auto written = [&] {
        std::vector<LockRecord> records;
        for (const auto& entry : std::filesystem::directory_iterator(folder.path() + "/locks"))
            records = parse_journal(*read_file(entry.path()))->records;
        return records;
    };
    bool called = false;
    caller_.on_call = [&](const RemoteRequest& request) {
        if (request.operation == RemoteOperation::munlock) return;
        called = true;
        const auto records = written();
        ASSERT_EQ(records.size(), 1U);
        EXPECT_EQ(records[0].process.pid, ::getpid());
        EXPECT_EQ(records[0].scheme, "hot");
        EXPECT_THAT(records[0].ranges, ElementsAre(memory.part(0, mib)));
        EXPECT_EQ(locked(memory.range()), Bytes{});
    };
    auto lock = executor();
    (void)lock.execute(request_to_self(locking(), {memory.part(0, mib)}), {});
    EXPECT_TRUE(called);
    ActionRequest request = request_to_self(locking(), {memory.range()});
    request.unlock = true;
    (void)lock.execute(request, {});
    EXPECT_THAT(written(), IsEmpty());
}

}  // namespace
}  // namespace damon_schemes

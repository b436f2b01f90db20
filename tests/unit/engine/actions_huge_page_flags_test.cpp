// SPDX-License-Identifier: MIT
// Which memory of the test's own is flagged, and what the kernel says of it afterwards.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include "engine/actions/huge_page_flags.h"
#include "engine/actions/mapped_request.h"
#include "tests/unit/engine/outcomes.h"
#include "tests/unit/engine/own_memory.h"
#include "tests/unit/engine/self_caller.h"

namespace damon_schemes {
namespace {

using testing::flagged;
using testing::gap;
using testing::OwnMemory;
using testing::request_to_self;
using testing::SelfCaller;
using testing::sum_of_gaps;

constexpr std::uint64_t mib = 1 << 20;

Scheme flagging(Action action) {
    Scheme scheme;
    scheme.name = "any";
    scheme.action = action;
    scheme.split_huge_pages = true;
    return scheme;
}

class HugePageFlagsTest : public ::testing::Test {
  protected:
    void SetUp() override {
        const OwnMemory memory(2 * mib);
        if (::madvise(memory.at(0), 2 * mib, MADV_HUGEPAGE) != 0)
            GTEST_SKIP() << "this kernel has no transparent huge pages";
    }
    RemoteAccess access(bool allowed = true) {
        RemoteAccess remote;
        remote.allowed = allowed;
        remote.caller = &caller_;
        return remote;
    }
    SelfCaller caller_;
};

TEST_F(HugePageFlagsTest, AreSetByARemoteCallAndReadBack) {
    const OwnMemory memory(8 * mib);
    HugePageFlags flags({}, access());
    for (const auto& [action, flag] : {std::pair(Action::hugepage, &MappingFlags::hugepage),
                                       std::pair(Action::nohugepage, &MappingFlags::nohugepage)}) {
        const auto outcome = flags.execute(
            request_to_self(flagging(action), {memory.part(2 * mib, 6 * mib)}), {})[0];
        EXPECT_EQ(outcome.advised, mebibytes(4));
        EXPECT_EQ(outcome.confirmed, mebibytes(4));
        EXPECT_EQ(sum_of_gaps(outcome), Bytes{});
        EXPECT_EQ(outcome.remote.stops, 1U);
        EXPECT_GE(outcome.spent, outcome.remote.stopped);
        EXPECT_EQ(flagged(memory.range(), flag), mebibytes(4));
        EXPECT_EQ(caller_.requests.back().operation, action == Action::hugepage
                                                         ? RemoteOperation::hugepage
                                                         : RemoteOperation::nohugepage);
    }
}

TEST_F(HugePageFlagsTest, WhatHasTheFlagIsNotAskedForAgain) {
    const OwnMemory memory(8 * mib);
    ASSERT_EQ(::madvise(memory.at(0), 4 * mib, MADV_HUGEPAGE), 0);
    HugePageFlags flags({}, access());
    const auto outcome =
        flags.execute(request_to_self(flagging(Action::hugepage), {memory.range()}), {})[0];
    EXPECT_EQ(gap(outcome, Gap::already), mebibytes(4));
    EXPECT_EQ(outcome.confirmed, mebibytes(4));
    ASSERT_EQ(caller_.requests.size(), 1U);
    EXPECT_EQ(caller_.requests[0].ranges[0], memory.part(4 * mib, 8 * mib));
    (void)flags.execute(request_to_self(flagging(Action::hugepage), {memory.range()}), {});
    EXPECT_EQ(caller_.requests.size(), 1U);
}

TEST_F(HugePageFlagsTest, WithoutRemoteCallsTheyAreLeft) {
    const OwnMemory memory(4 * mib);
    HugePageFlags flags({}, access(/*allowed=*/false));
    const auto outcome =
        flags.execute(request_to_self(flagging(Action::hugepage), {memory.range()}), {})[0];
    EXPECT_EQ(gap(outcome, Gap::remote_never), mebibytes(4));
    EXPECT_TRUE(caller_.requests.empty());
    EXPECT_EQ(flagged(memory.range(), &MappingFlags::hugepage), Bytes{});
}

TEST_F(HugePageFlagsTest, AreNoRemoteCallWhereTheKernelTakesThemItself) {
    const OwnMemory memory(4 * mib);
    // No kernel does that for others; some do for oneself, and that is who is meant here.
    const iovec probe{memory.at(0), 2 * mib};
    if (advise_process(testing::self().pidfd.get(), &probe, 1, MADV_NOHUGEPAGE) < 0)
        GTEST_SKIP() << "this kernel takes no such advice even for oneself";
    AdviceSupport support;
    support.hugepage = true;
    HugePageFlags flags(support, access(/*allowed=*/false));
    const auto outcome =
        flags.execute(request_to_self(flagging(Action::hugepage), {memory.range()}), {})[0];
    EXPECT_EQ(outcome.confirmed, mebibytes(4));
    EXPECT_TRUE(caller_.requests.empty());
}

TEST_F(HugePageFlagsTest, ACallWithoutEffectIsNotTakenForOne) {
    const OwnMemory memory(4 * mib);
    // Right after the call the program takes it back.
    struct Contrary final : RemoteCaller {
        RemoteOutcome call(const RemoteRequest& request, const RemoteCancelled&) override {
            RemoteOutcome outcome;
            for (const AddressRange range : request.ranges)
                outcome.ranges.push_back({range.size(), 0});
            return outcome;
        }
    } contrary;
    RemoteAccess remote;
    remote.allowed = true;
    remote.caller = &contrary;
    const auto outcome =
        HugePageFlags({}, remote)
            .execute(request_to_self(flagging(Action::hugepage), {memory.range()}), {})[0];
    EXPECT_EQ(outcome.advised, mebibytes(4));
    EXPECT_EQ(outcome.confirmed, Bytes{});
    EXPECT_EQ(gap(outcome, Gap::no_effect), mebibytes(4));
}

TEST_F(HugePageFlagsTest, RefusalsAndErrorsAreCounted) {
    const OwnMemory memory(8 * mib);
    caller_.refuse = RemoteRefusal::stopped;
    HugePageFlags flags({}, access());
    auto outcome = flags.execute(
        request_to_self(flagging(Action::hugepage), {memory.part(0, 2 * mib)}), {})[0];
    EXPECT_EQ(gap(outcome, Gap::remote_refused), mebibytes(2));
    caller_.refuse.reset();
    caller_.on_call = [&](const RemoteRequest&) { ::munmap(memory.at(2 * mib), mib); };
    outcome = flags.execute(request_to_self(flagging(Action::hugepage), {memory.part(0, 8 * mib)}),
                            {})[0];
    EXPECT_EQ(outcome.last_errno, ENOMEM);
    EXPECT_EQ(outcome.confirmed + sum_of_gaps(outcome), mebibytes(8));
}

TEST_F(HugePageFlagsTest, ADryRunDecidesTheSameAndCallsNobody) {
    const OwnMemory memory(4 * mib);
    ASSERT_EQ(::madvise(memory.at(0), 2 * mib, MADV_HUGEPAGE), 0);
    RemoteAccess remote;
    remote.allowed = true;  // and no caller was started
    HugePageFlags flags({}, remote, /*dry_run=*/true);
    const auto outcome =
        flags.execute(request_to_self(flagging(Action::hugepage), {memory.range()}), {})[0];
    EXPECT_EQ(gap(outcome, Gap::already), mebibytes(2));
    EXPECT_EQ(sum_of_gaps(outcome), mebibytes(2));
    EXPECT_EQ(flagged(memory.range(), &MappingFlags::hugepage), mebibytes(2));
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// What targets fork: followed where it is asked for, held to the same rules, acted on alike.
#include <gtest/gtest.h>
#include <sys/types.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apply_to_target.h"
#include "process.h"
#include "session.h"

namespace damon_schemes::vm {
namespace {

constexpr int some = 20;

class Children : public testing::Test {
  protected:
    void SetUp() override { NEEDS_MODULE(); }
    std::uint64_t watch(std::uint32_t max_regions = 1000,
                        std::uint32_t flags = DAMON_SCHEMES_ATTR_CHILDREN) {
        auto attrs = scaled_attrs();
        attrs.min_regions = 3;
        attrs.max_regions = max_regions;
        attrs.flags = flags;
        std::uint64_t id = 0;
        EXPECT_EQ(session.set(attrs), 0);
        EXPECT_EQ(session.add(target.pid(), &id), 0);
        EXPECT_EQ(session.start(), 0);
        return id;
    }
    static const TargetSnapshot* of_pid(const Snapshot& snapshot, pid_t pid) {
        for (const auto& seen : snapshot.targets)
            if (seen.record.pid == pid) return &seen;
        return nullptr;
    }
    // Until all of them are in the snapshots, with regions.
    bool come_to_be_watched(const std::vector<pid_t>& pids) {
        return session.wait_for(some, [&](const Snapshot& snapshot) {
            return std::all_of(pids.begin(), pids.end(), [&](pid_t pid) {
                const auto* seen = of_pid(snapshot, pid);
                return seen && !seen->regions.empty();
            });
        });
    }
    Target target;
    Session session;
};

TEST_F(Children, AreTargetsWithIdsOfTheirOwn) {
    const auto early = target.family(4 * mib, 1);
    const auto id = watch();
    ASSERT_TRUE(come_to_be_watched(early)) << "one that was there before";
    const auto late = target.family(4 * mib, 3);
    ASSERT_EQ(late.size(), 3U);
    ASSERT_TRUE(come_to_be_watched(late)) << "grandchildren";
    const auto snapshot = session.next();
    EXPECT_EQ(snapshot.targets.size(), 5U);
    for (const pid_t pid : late) {
        const auto* seen = of_pid(snapshot, pid);
        ASSERT_NE(seen, nullptr);
        EXPECT_NE(seen->record.id, id);
        EXPECT_EQ(seen->record.flags, 0U);
    }
    EXPECT_EQ(session.stats().children, 4U);
    EXPECT_EQ(session.stats().children_unwatched, 0U);
}

TEST_F(Children, AreLeftAloneWhereNobodyAskedForThem) {
    const auto id = watch(1000, 0);
    target.family(4 * mib, 2);
    for (int i = 0; i < 6; i++) {
        const auto snapshot = session.next();
        EXPECT_EQ(snapshot.targets.size(), 1U);
        EXPECT_TRUE(snapshot.has(id));
    }
    EXPECT_EQ(session.stats().children, 0U);
}

TEST_F(Children, ThatExecAreFollowedIntoTheNewProgram) {
    watch();
    const auto pids = target.family(8 * mib, 2, true);
    ASSERT_TRUE(come_to_be_watched(pids));
    // The memory that it holds was mapped after the exec.
    EXPECT_TRUE(session.wait_for(some, [&](const Snapshot& snapshot) {
        const auto* seen = of_pid(snapshot, pids.back());
        return seen && bytes_in(*seen, {0, ~0ULL}, [](const auto& region) {
                           return idle(region) && !nothing_there(region);
                       }) >= 8 * mib;
    }));
}

TEST_F(Children, ThatExitSayItAndMakeRoomWhenTheyAreRemoved) {
    watch();
    const auto pids = target.family(4 * mib, 1);
    ASSERT_TRUE(come_to_be_watched(pids));
    target.ask("reap");
    std::uint64_t id = 0;
    ASSERT_TRUE(session.wait_for(some, [&](const Snapshot& snapshot) {
        for (const auto& seen : snapshot.targets)
            if (seen.record.flags & DAMON_SCHEMES_TARGET_EXITED) id = seen.record.id;
        return id != 0;
    }));
    EXPECT_EQ(session.remove(id), 0);
    EXPECT_EQ(session.stats().nr_targets, 1U);
}

TEST_F(Children, ThatAreRemovedAliveDoNotComeBackButMayBeAdded) {
    watch();
    const auto pids = target.family(4 * mib, 1);
    ASSERT_TRUE(come_to_be_watched(pids));
    std::uint64_t id = of_pid(session.next(), pids[0])->record.id;
    ASSERT_EQ(session.remove(id), 0);
    const auto other = target.family(4 * mib, 1);
    ASSERT_TRUE(come_to_be_watched(other)) << "looking goes on";
    for (int i = 0; i < 4; i++) EXPECT_EQ(of_pid(session.next(), pids[0]), nullptr);
    EXPECT_EQ(session.add(pids[0], &id), 0);
    EXPECT_TRUE(come_to_be_watched(pids));
}

TEST_F(Children, ForWhomThereIsNoRoomAreCountedUntilThereIs) {
    const auto id = watch(9);  // three targets
    const auto pids = target.family(4 * mib, 3);
    ASSERT_TRUE(come_to_be_watched({pids[0], pids[1]}));
    ASSERT_TRUE(eventually([&] { return session.stats().children_unwatched == 1; }));
    EXPECT_EQ(session.next().targets.size(), 3U);
    ASSERT_EQ(session.remove(id), 0);
    EXPECT_TRUE(come_to_be_watched(pids));
    EXPECT_TRUE(eventually([&] { return session.stats().children_unwatched == 0; }));
}

TEST_F(Children, OfAnotherSessionsTargetAreItsOwn) {
    watch();
    const auto pids = target.family(4 * mib, 1);
    Session other;
    ASSERT_TRUE(come_to_be_watched(pids));
    EXPECT_EQ(other.add(pids[0]), EBUSY);
}

// Many come and go under a running session, which holds no more than those that are there.
TEST_F(Children, ComeAndGoInNumbers) {
    watch();
    for (int round = 0; round < 20; round++) {
        target.family(mib, 4);
        const auto snapshot = session.next();
        for (const auto& seen : snapshot.targets)
            if (seen.record.flags & DAMON_SCHEMES_TARGET_EXITED) session.remove(seen.record.id);
        target.ask("reap");
    }
    EXPECT_TRUE(session.wait_for(some, [&](const Snapshot& snapshot) {
        for (const auto& seen : snapshot.targets)
            if (seen.record.flags & DAMON_SCHEMES_TARGET_EXITED) session.remove(seen.record.id);
        return snapshot.targets.size() == 1;
    }));
}

class ApplyToChildren : public ApplyToTarget {
  protected:
    // Until of each so much has left memory.
    static bool leave(const std::vector<pid_t>& pids, std::uint64_t bytes, Command& command) {
        return eventually([&] {
            return !command.running() || std::all_of(pids.begin(), pids.end(), [&](pid_t pid) {
                return vm::memory_of(pid, "VmSwap") >= bytes;
            });
        });
    }
    static std::string how_they_stand(const std::vector<pid_t>& pids) {
        std::string text;
        for (const pid_t pid : pids)
            text += "process " + std::to_string(pid) + ": " +
                    std::to_string(vm::memory_of(pid, "VmRSS") >> 10) + " KiB in memory, " +
                    std::to_string(vm::memory_of(pid, "VmSwap") >> 10) + " KiB in swap\n";
        return text;
    }
};

TEST_F(ApplyToChildren, TheirColdMemoryLeavesAndThatOfTheirChildren) {
    NEEDS_SWAP();
    start_target();
    auto command = apply_to_target({"--set", "monitor.children=true"});
    ASSERT_TRUE(comes_to_watch(*command)) << command->err();
    const auto pids = target->family(16 * mib, 2);
    EXPECT_TRUE(leave(pids, 12 * mib, *command)) << how_they_stand(pids);
    const auto replaced = target->family(16 * mib, 1, true);
    EXPECT_TRUE(leave(replaced, 12 * mib, *command)) << how_they_stand(replaced);
    ASSERT_TRUE(command->running()) << command->err();
    command->signal(SIGINT);
    EXPECT_EQ(command->wait(), exit_ok) << command->err();
    const auto whole = summary(*command);
    EXPECT_EQ(whole["targets"].size(), 4U) << command->out();
    expect_account(whole["schemes"][0]);
    target->ask("reap");
}

TEST_F(ApplyToChildren, TheSessionEndsWhenTheLastOfThemHasExited) {
    start_target();
    auto command = apply_to_target({"--dry-run", "--set", "monitor.children=true"});
    ASSERT_TRUE(comes_to_watch(*command)) << command->err();
    const auto pids = target->family(4 * mib, 2);
    ASSERT_EQ(pids.size(), 2U);
    // Each ends with its parent: the target's end is the end of all.
    target->kill();
    EXPECT_EQ(command->wait(), exit_ok) << command->err();
    EXPECT_EQ(summary(*command)["ended"].get<std::string>().find("exited") == std::string::npos,
              false);
    for (const pid_t pid : pids) EXPECT_TRUE(comes_to_an_end(pid));
}

}  // namespace
}  // namespace damon_schemes::vm

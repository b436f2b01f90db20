// SPDX-License-Identifier: MIT
// Targets that exit, exec, fork, grow, shrink and storm while they are watched.
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "process.h"
#include "session.h"

namespace damon_schemes::vm {
namespace {

constexpr int convergence = 100;

class Change : public testing::Test {
  protected:
    void SetUp() override {
        NEEDS_MODULE();
        ASSERT_EQ(session.set(scaled_attrs()), 0);
        ASSERT_EQ(session.start(), 0);
    }
    // Adds it and waits until it is in the snapshots.
    std::uint64_t watch(const Target& target) {
        std::uint64_t id = 0;
        EXPECT_EQ(session.add(target.pid(), &id), 0);
        EXPECT_TRUE(
            session.wait_for(5, [&](const Snapshot& snapshot) { return snapshot.has(id); }));
        return id;
    }
    Session session;
};

TEST_F(Change, AnExitedTargetIsFlaggedAndTheOthersGoOn) {
    auto leaving = std::make_unique<Target>();
    Target staying;
    const auto leaving_id = watch(*leaving), staying_id = watch(staying);
    ASSERT_TRUE(session.wait_for(
        10, [&](const Snapshot& snapshot) { return !snapshot.of(leaving_id).regions.empty(); }));
    leaving.reset();
    ASSERT_TRUE(session.wait_for(5, [&](const Snapshot& snapshot) {
        return (snapshot.of(leaving_id).record.flags & DAMON_SCHEMES_TARGET_EXITED) != 0;
    }));
    for (int i = 0; i < 3; i++) {
        const auto snapshot = session.next();
        EXPECT_TRUE(snapshot.of(leaving_id).regions.empty());
        EXPECT_EQ(snapshot.of(staying_id).record.flags, 0U);
        EXPECT_FALSE(snapshot.of(staying_id).regions.empty());
    }
    EXPECT_EQ(session.remove(leaving_id), 0);
    EXPECT_TRUE(session.wait_for(3, [&](const Snapshot& snapshot) {
        return !snapshot.has(leaving_id) && snapshot.has(staying_id);
    }));
}

TEST_F(Change, AZombieCountsAsExited) {
    Target target;
    const auto id = watch(target);
    session.next();
    target.kill(false);
    EXPECT_TRUE(session.wait_for(5, [&](const Snapshot& snapshot) {
        return (snapshot.of(id).record.flags & DAMON_SCHEMES_TARGET_EXITED) != 0;
    }));
}

TEST_F(Change, ExecStartsANewGenerationOfWhichNothingIsKnown) {
    Target target;
    target.map("area", 64 * mib);
    const auto id = watch(target);
    std::uint64_t generation = 0;
    ASSERT_TRUE(session.wait_for(convergence, [&](const Snapshot& snapshot) {
        generation = snapshot.of(id).record.generation;
        for (const auto& region : snapshot.of(id).regions)
            if (idle(region) && region.age >= 3) return true;
        return false;
    }));
    // The first snapshot of the new program must not be missed; a slow machine may need several
    // attempts.
    bool missed = true;
    for (int attempt = 0; attempt < 5 && missed; attempt++) {
        const auto lost = session.next().header.lost;
        target.begin_exec();
        Snapshot first;
        ASSERT_TRUE(session.wait_for(convergence, [&](const Snapshot& snapshot) {
            first = snapshot;
            return snapshot.of(id).record.generation != generation;
        }));
        target.finish_exec();
        EXPECT_EQ(first.of(id).record.generation, ++generation);
        EXPECT_EQ(first.of(id).record.pid, target.pid());
        EXPECT_EQ(first.of(id).record.flags, 0U);
        missed = first.header.lost != lost;
        if (missed) continue;
        for (const auto& region : first.of(id).regions) {
            EXPECT_EQ(region.sampled, 0U) << "something is known of a program that just began";
            EXPECT_EQ(region.age, 0U);
        }
    }
    if (missed) GTEST_SKIP() << "the machine is too slow to read each snapshot";
}

TEST_F(Change, AfterExecTheNewProgramIsWatchedAsWell) {
    Target target;
    target.map("area", 64 * mib);
    const auto id = watch(target);
    target.exec();
    const auto hot = target.map("hot", 16 * mib);
    target.hot("hot");
    EXPECT_TRUE(session.wait_for(convergence, [&](const Snapshot& snapshot) {
        return percent_in(snapshot.of(id), hot, accessed) >= 90;
    }));
}

TEST_F(Change, ForkingDoesNotDisturbTheParent) {
    Target target;
    const auto hot = target.map("hot", 16 * mib), cold = target.map("cold", 64 * mib);
    target.hot("hot");
    const auto id = watch(target);
    const auto generation = session.next().of(id).record.generation;
    const auto child = target.fork();
    EXPECT_TRUE(session.wait_for(convergence, [&](const Snapshot& snapshot) {
        return percent_in(snapshot.of(id), hot, accessed) >= 90 &&
               percent_in(snapshot.of(id), cold, idle) >= 90;
    }));
    // The child has an address space of its own, in which nothing is used.
    std::uint64_t child_id = 0;
    ASSERT_EQ(session.add(child, &child_id), 0);
    EXPECT_TRUE(session.wait_for(convergence, [&](const Snapshot& snapshot) {
        return percent_in(snapshot.of(child_id), hot, idle) >= 90;
    }));
    const auto last = session.next();
    EXPECT_EQ(last.of(id).record.generation, generation);
    EXPECT_EQ(last.of(id).record.flags, 0U);
    target.ask("reap");
    EXPECT_TRUE(session.wait_for(5, [&](const Snapshot& snapshot) {
        return (snapshot.of(child_id).record.flags & DAMON_SCHEMES_TARGET_EXITED) != 0 &&
               snapshot.of(id).record.flags == 0;
    }));
}

TEST_F(Change, MemoryMappedLaterIsWatchedToo) {
    Target target;
    target.map("early", 16 * mib);
    const auto id = watch(target);
    session.next();
    const auto late = target.map("late", 64 * mib);
    target.hot("late");
    EXPECT_TRUE(session.wait_for(convergence, [&](const Snapshot& snapshot) {
        return percent_in(snapshot.of(id), late, accessed) >= 90;
    }));
}

TEST_F(Change, UnmappedMemoryBecomesAbsentOrLeavesTheRegions) {
    Target target;
    const auto area = target.map("area", 64 * mib);
    const auto id = watch(target);
    ASSERT_TRUE(session.wait_for(convergence, [&](const Snapshot& snapshot) {
        return percent_in(snapshot.of(id), area, idle) >= 90;
    }));
    target.ask("unmap area 0 " + std::to_string(64 * mib));
    EXPECT_TRUE(session.wait_for(convergence, [&](const Snapshot& snapshot) {
        return percent_in(snapshot.of(id), area,
                          [](const auto& region) { return !nothing_there(region); }) <= 10;
    }));
}

TEST_F(Change, AStormOfMappingsIsSurvivedAndTheRestStaysSeen) {
    Target target;
    const auto hot = target.map("hot", 16 * mib), cold = target.map("cold", 64 * mib);
    target.hot("hot");
    target.ask("fill cold 7");
    const auto id = watch(target);
    target.ask("storm");
    EXPECT_TRUE(session.wait_for(convergence, [&](const Snapshot& snapshot) {
        return percent_in(snapshot.of(id), hot, accessed) >= 85 &&
               percent_in(snapshot.of(id), cold, idle) >= 85;
    }));
    const auto stats = session.stats();
    EXPECT_GT(stats.updates + stats.updates_missed, 0U);
    EXPECT_GT(std::stoull(target.ask("calm")), 0U) << "there was no storm";
    EXPECT_EQ(target.ask("verify cold 7"), "0");
}

TEST_F(Change, ComingAndGoingTargetsDoNotDisturbTheOthers) {
    Target staying;
    const auto cold = staying.map("cold", 64 * mib);
    const auto id = watch(staying);
    const auto older_than = [&](std::uint32_t age) {
        return [&, age](const Snapshot& snapshot) {
            return percent_in(snapshot.of(id), cold, [age](const auto& region) {
                       return idle(region) && region.age >= age;
                   }) >= 75;
        };
    };
    ASSERT_TRUE(session.wait_for(convergence, older_than(6)));
    std::uint32_t age = 6;
    for (int i = 0; i < 3; i++) {
        Target passing;
        passing.map("area", 8 * mib);
        const auto passing_id = watch(passing);
        ASSERT_TRUE(session.wait_for(
            3, [&](const Snapshot& snapshot) { return snapshot.has(passing_id); }));
        EXPECT_EQ(session.remove(passing_id), 0);
        age += 1;
    }
    // Three came and went, each for an interval at least; begun anew, it would take longer than
    // this.
    EXPECT_TRUE(session.wait_for(4, older_than(age)));
}

// Targets are born, used and killed while their sessions open, change and close.
TEST_F(Change, BirthsAndDeathsUnderRunningSessionsLeaveThemSane) {
    std::vector<std::unique_ptr<Target>> targets;
    std::vector<std::uint64_t> ids;
    for (int round = 0; round < 12; round++) {
        auto& target = targets.emplace_back(std::make_unique<Target>());
        ids.push_back(watch(*target));
        target->map("area", 4 * mib);
        target->hot("area");
        if (round % 3 == 1) target->exec();
        if (round % 4 == 2) target->fork();
        if (round % 2 == 1) targets[targets.size() / 2]->kill();
        auto attrs = scaled_attrs();
        attrs.sampling_interval_us = round % 2 ? 2'000 : 10'000;
        attrs.max_regions = round % 3 ? 1000 : 200;
        attrs.tlb_policy = static_cast<__u32>(round % 4);
        EXPECT_EQ(session.set(attrs), 0);
        if (round % 5 == 4) {
            EXPECT_EQ(session.remove(ids.front()), 0);
            ids.erase(ids.begin());
        }
        session.next();
    }
    EXPECT_EQ(session.next().targets.size(), ids.size());
}

}  // namespace
}  // namespace damon_schemes::vm

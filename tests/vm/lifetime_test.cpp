// SPDX-License-Identifier: MIT
// When sessions end and what they leave behind: nothing.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "process.h"
#include "session.h"

namespace damon_schemes::vm {
namespace {

class Lifetime : public testing::Test {
  protected:
    void SetUp() override { NEEDS_MODULE(); }
};

TEST_F(Lifetime, OneAddressSpaceHasOneSampler) {
    Target target;
    Session first, second;
    ASSERT_EQ(first.add(target.pid()), 0);
    EXPECT_EQ(first.add(target.pid()), EBUSY);
    EXPECT_EQ(second.add(target.pid()), EBUSY);
    first.close();
    EXPECT_EQ(second.add(target.pid()), 0);
}

TEST_F(Lifetime, ARemovedTargetCanBeWatchedByAnother) {
    Target target;
    Session first, second;
    std::uint64_t id = 0;
    ASSERT_EQ(first.add(target.pid(), &id), 0);
    ASSERT_EQ(first.start(), 0);
    ASSERT_EQ(first.remove(id), 0);
    EXPECT_EQ(second.add(target.pid()), 0);
}

TEST_F(Lifetime, AForkedChildKeepsTheSessionAlive) {
    Target target;
    auto session = std::make_unique<Session>();
    ASSERT_EQ(session->add(target.pid()), 0);
    ASSERT_EQ(session->start(), 0);
    const auto thread = session->stats().thread_pid;
    const auto child = fork();
    if (child == 0) {
        for (;;) pause();
    }
    session->close();
    Session other;
    EXPECT_EQ(other.add(target.pid()), EBUSY);
    EXPECT_TRUE(exists(thread));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    EXPECT_EQ(other.add(target.pid()), 0);
    EXPECT_TRUE(comes_to_an_end(thread));
}

TEST_F(Lifetime, AKilledProcessTakesItsSessionWithIt) {
    Target target;
    target.map("area", 16 * mib);
    target.hot("area");
    int pipes[2];
    ASSERT_EQ(pipe(pipes), 0);
    const auto child = fork();
    if (child == 0) {
        Session session;
        pid_t thread = -1;
        if (session.add(target.pid()) == 0 && session.start() == 0)
            thread = session.stats().thread_pid;
        if (write(pipes[1], &thread, sizeof(thread)) != sizeof(thread)) _exit(1);
        for (;;) session.next();
    }
    pid_t thread = -1;
    ASSERT_EQ(read(pipes[0], &thread, sizeof(thread)), static_cast<ssize_t>(sizeof(thread)));
    ASSERT_GT(thread, 0);
    EXPECT_TRUE(exists(thread));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    EXPECT_TRUE(comes_to_an_end(thread));
    Session other;
    EXPECT_EQ(other.add(target.pid()), 0);
    close(pipes[0]);
    close(pipes[1]);
}

// More than the machine has, if a session left its memory behind.
TEST_F(Lifetime, ClosedSessionsGiveTheirMemoryBack) {
    std::uint64_t total_kib = 0;
    std::string name;
    std::ifstream("/proc/meminfo") >> name >> total_kib;
    ASSERT_EQ(name, "MemTotal:");
    auto attrs = scaled_attrs();
    attrs.max_regions = 400'000;
    std::uint64_t used = 0;
    while (used < 2 * (total_kib << 10)) {
        Session session;
        ASSERT_EQ(session.set(attrs), 0) << "after " << used << " bytes";
        ASSERT_EQ(session.start(), 0);
        const auto bytes = session.stats().memory_bytes;
        ASSERT_GT(bytes, 400'000U * 64);
        used += bytes;
    }
}

TEST_F(Lifetime, ManySessionsWatchDifferentTargetsAtOnce) {
    std::vector<std::unique_ptr<Target>> targets;
    std::vector<std::unique_ptr<Session>> sessions;
    for (int i = 0; i < 4; i++) {
        targets.push_back(std::make_unique<Target>());
        sessions.push_back(std::make_unique<Session>());
        ASSERT_EQ(sessions.back()->set(scaled_attrs()), 0);
        ASSERT_EQ(sessions.back()->add(targets.back()->pid()), 0);
        ASSERT_EQ(sessions.back()->start(), 0);
    }
    for (std::size_t i = 0; i < 4; i++) {
        const auto snapshot = sessions[i]->next();
        ASSERT_EQ(snapshot.targets.size(), 1U);
        EXPECT_EQ(snapshot.targets[0].record.pid, targets[i]->pid());
    }
}

// The module must hold no target's memory: an address space goes when its process does.
TEST_F(Lifetime, AnExitedTargetsMemoryIsFreedAtOnce) {
    Session session;
    ASSERT_EQ(session.set(scaled_attrs()), 0);
    ASSERT_EQ(session.start(), 0);
    std::uint64_t total_kib = 0;
    std::string name;
    std::ifstream("/proc/meminfo") >> name >> total_kib;
    const std::uint64_t bytes = (total_kib << 10) / 4;
    // Six times a quarter of the machine's memory.
    for (int i = 0; i < 6; i++) {
        Target target;
        ASSERT_EQ(session.add(target.pid()), 0);
        target.map("area", bytes);
    }
    EXPECT_EQ(session.stats().nr_targets, 6U);
}

TEST_F(Lifetime, AStoppedSessionKeepsRegionsAndAges) {
    Target target;
    const auto cold = target.map("cold", 64 * mib);
    Session session;
    std::uint64_t id = 0;
    ASSERT_EQ(session.set(scaled_attrs()), 0);
    ASSERT_EQ(session.add(target.pid(), &id), 0);
    ASSERT_EQ(session.start(), 0);
    const auto older_than = [&](std::uint32_t age) {
        return [&, age](const Snapshot& snapshot) {
            return percent_in(snapshot.of(id), cold, [&](const auto& region) {
                       return idle(region) && region.age >= age;
                   }) >= 80;
        };
    };
    ASSERT_TRUE(session.wait_for(60, older_than(8)));
    ASSERT_EQ(session.stop(), 0);
    ASSERT_EQ(session.start(), 0);
    // From nothing it would take eight.
    EXPECT_TRUE(session.wait_for(5, older_than(8)));
}

}  // namespace
}  // namespace damon_schemes::vm

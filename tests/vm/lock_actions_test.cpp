// SPDX-License-Identifier: MIT
// Memory locked by damon-schemes apply, let go when it cools, at the end, and after a crash.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apply_to_target.h"
#include "mapping_details.h"

namespace damon_schemes::vm {
namespace {

class LockActions : public ApplyToTarget {
  protected:
    static constexpr std::uint64_t hot_size = 16 * mib;

    void SetUp() override {
        ApplyToTarget::SetUp();
        if (!IsSkipped()) write_policy("");
    }
    void TearDown() override {
        ApplyToTarget::TearDown();
        std::filesystem::remove_all(journal);
    }
    static void write_policy(const std::string& more) {
        std::ofstream(policy) << R"(version = 1
remote_syscall = "allow"
[monitor]
sampling_interval = "10ms"
aggregation_interval = "200ms"
update_interval = "400ms"
[limits]
min_free_swap = "off"
brake = "off"
guard = "off"
min_headroom = "off"
min_zram_saving = "off"
[[scheme]]
name = "hot"
action = "mlock"
frequency = { min = "20%" }
age = { min = "400ms" }
quota = "off"
lock = { target = "off", host = "off" }
)" << more;
    }
    void start() {
        target = std::make_unique<Target>();
        cold = target->map("cold", cold_bytes, "guarded");
        hot = target->map("hot", hot_size, "guarded");
        target->ask("fill cold 1");
        target->ask("fill hot 2");
        target->hot("hot");
    }
    std::unique_ptr<Command> lock(std::vector<std::string> more = {}) const {
        more.insert(more.end(), {"--journal", journal});
        return apply_to_target(more);
    }
    MappingDetails details(const Area& area) const { return details_of(target->pid(), area); }
    std::uint64_t locked() const { return memory_of(target->pid(), "VmLck"); }
    bool comes_to_be_locked(Command& command) const {
        return eventually(
                   [&] { return !command.running() || details(hot).locked >= hot_size * 3 / 4; }) &&
               command.running();
    }
    static bool journal_is_empty() {
        return !std::filesystem::exists(journal) || std::filesystem::is_empty(journal);
    }
    static Command restore(std::vector<std::string> more = {}) {
        std::vector<std::string> argv{"damon-schemes", "restore", "--journal", journal};
        argv.insert(argv.end(), more.begin(), more.end());
        return Command(argv);
    }
    void expect_intact() const {
        target->cool("hot");
        EXPECT_EQ(target->ask("verify cold 1"), "0");
        EXPECT_EQ(target->ask("verify hot 2"), "0");
    }
    // An engine that is killed once it has locked, so that it undoes nothing.
    void lock_and_be_killed() const {
        auto command = lock();
        ASSERT_TRUE(comes_to_be_locked(*command)) << locked() << command->err();
        EXPECT_FALSE(journal_is_empty());
        command->signal(SIGKILL);
        command->wait();
        ASSERT_GE(locked(), hot_size / 2);
    }
    static constexpr const char* journal = "/tmp/vm_locks/journal";
};

TEST_F(LockActions, HotMemoryIsLockedAndGivenFreeAtTheEnd) {
    start();
    auto command = lock();
    ASSERT_TRUE(comes_to_be_locked(*command)) << locked() << command->err();
    // The first regions are coarse, and one that begins in hot memory may end in cold.
    EXPECT_LT(details(cold).lock_flag, cold_bytes / 2);
    EXPECT_FALSE(journal_is_empty());
    command->signal(SIGINT);
    EXPECT_EQ(command->wait(), exit_ok) << command->err();
    const auto scheme = summary(*command)["schemes"][0];
    EXPECT_GE(scheme["confirmed_bytes"].get<std::uint64_t>(), hot_size * 3 / 4) << scheme.dump(1);
    EXPECT_GT(scheme["remote"]["stops"].get<std::uint64_t>(), 0U);
    EXPECT_EQ(locked(), 0U);
    EXPECT_TRUE(journal_is_empty());
    expect_intact();
}

TEST_F(LockActions, WhatCoolsIsUnlockedWhileItRuns) {
    start();
    write_policy("unlock = { age = \"2s\" }\n");
    auto command = lock();
    ASSERT_TRUE(comes_to_be_locked(*command)) << locked() << command->err();
    target->cool("hot");
    ASSERT_TRUE(eventually([&] { return !command->running() || details(hot).lock_flag == 0; }))
        << locked() << command->err();
    ASSERT_TRUE(command->running()) << command->err();
    command->signal(SIGINT);
    EXPECT_EQ(command->wait(), exit_ok) << command->err();
    EXPECT_GE(summary(*command)["schemes"][0]["unlocked_bytes"].get<std::uint64_t>(), hot_size / 2);
}

TEST_F(LockActions, WhatTheProgramLockedItselfIsLeftAsItIs) {
    start();
    target->ask("lock hot " + std::to_string(4 * mib) + " " + std::to_string(2 * mib));
    auto command = lock();
    ASSERT_TRUE(comes_to_be_locked(*command)) << locked() << command->err();
    command->signal(SIGTERM);
    EXPECT_EQ(command->wait(), exit_ok) << command->err();
    EXPECT_EQ(locked(), 2 * mib);
    const Area own{hot.start + 4 * mib, hot.start + 6 * mib};
    EXPECT_EQ(details(own).lock_flag, 2 * mib);
}

TEST_F(LockActions, NoMoreIsLockedThanTheBudget) {
    start();
    write_policy("");
    auto command = lock({"--set", "scheme.hot.lock.target=4MiB"});
    // A huge page is locked whole or not at all, so up to one less than the budget.
    ASSERT_TRUE(eventually([&] { return !command->running() || locked() > 2 * mib; }))
        << locked() << command->err();
    std::uint64_t most = 0;
    for (int i = 0; i < 20; ++i) {
        usleep(100'000);
        most = std::max(most, locked());
    }
    EXPECT_GT(most, 2 * mib);
    EXPECT_LE(most, 4 * mib);
    command->signal(SIGINT);
    EXPECT_EQ(command->wait(), exit_ok) << command->err();
    EXPECT_EQ(locked(), 0U);
}

TEST_F(LockActions, AfterACrashRestoreUndoesIt) {
    start();
    ASSERT_NO_FATAL_FAILURE(lock_and_be_killed());
    Command undo = restore();
    EXPECT_EQ(undo.wait(), exit_ok) << undo.out() << undo.err();
    EXPECT_NE(undo.out().find("unlocked"), std::string::npos) << undo.out();
    EXPECT_EQ(locked(), 0U);
    EXPECT_TRUE(journal_is_empty());
    Command again = restore();
    EXPECT_EQ(again.wait(), exit_ok);
    EXPECT_NE(again.out().find("Nothing"), std::string::npos) << again.out();
    expect_intact();
}

TEST_F(LockActions, AfterACrashTheNextSessionGoesOnWithIt) {
    start();
    ASSERT_NO_FATAL_FAILURE(lock_and_be_killed());
    auto command = lock();
    ASSERT_TRUE(comes_to_watch(*command)) << command->err();
    EXPECT_NE(command->err().find("took over"), std::string::npos) << command->err();
    EXPECT_GE(locked(), hot_size / 2);
    command->signal(SIGINT);
    EXPECT_EQ(command->wait(), exit_ok) << command->err();
    EXPECT_EQ(locked(), 0U);
    EXPECT_TRUE(journal_is_empty());
    expect_intact();
}

TEST_F(LockActions, WhatIsToBeKeptStaysLockedAndCanBeUndoneLater) {
    start();
    write_policy("on_exit = \"keep\"\n");
    auto command = lock();
    ASSERT_TRUE(comes_to_be_locked(*command)) << locked() << command->err();
    command->signal(SIGINT);
    EXPECT_EQ(command->wait(), exit_ok) << command->err();
    EXPECT_GE(locked(), hot_size / 2);
    Command kept = restore();
    EXPECT_EQ(kept.wait(), exit_ok) << kept.err();
    EXPECT_GE(locked(), hot_size / 2);
    Command undone = restore({"--all"});
    EXPECT_EQ(undone.wait(), exit_ok) << undone.err();
    EXPECT_EQ(locked(), 0U);
}

TEST_F(LockActions, AnUnlockSchemeTakesWhatAnEarlierSessionKept) {
    start();
    write_policy("on_exit = \"keep\"\n");
    auto command = lock();
    ASSERT_TRUE(comes_to_be_locked(*command)) << locked() << command->err();
    command->signal(SIGINT);
    EXPECT_EQ(command->wait(), exit_ok) << command->err();
    target->cool("hot");
    auto unlocking = lock({"--set", "scheme.hot.action=munlock", "--set", "scheme.hot.on_exit=keep",
                           "--set", "scheme.hot.frequency={ max = \"0%\" }"});
    // A policy that says of a lock what only mlock can have is wrong.
    EXPECT_EQ(unlocking->wait(), exit_policy);
    std::ofstream(policy)
        << "version = 1\nremote_syscall = \"allow\"\n[limits]\nbrake = \"off\"\nguard = \"off\"\n"
           "[monitor]\nsampling_interval = \"10ms\"\n"
           "aggregation_interval = \"200ms\"\n[[scheme]]\nname = \"off\"\n"
           "action = \"munlock\"\nfrequency = { max = \"0%\" }\n"
           "age = { min = \"1s\" }\nquota = \"off\"\n";
    unlocking = lock();
    EXPECT_TRUE(eventually([&] { return !unlocking->running() || locked() == 0; }))
        << locked() << unlocking->err();
    unlocking->signal(SIGINT);
    EXPECT_EQ(unlocking->wait(), exit_ok) << unlocking->err();
    EXPECT_EQ(locked(), 0U);
}

}  // namespace
}  // namespace damon_schemes::vm

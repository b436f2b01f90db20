// SPDX-License-Identifier: MIT
// damon-schemes apply, from the policy file to what really left memory.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "apply_to_target.h"

namespace damon_schemes::vm {
namespace {

class Apply : public ApplyToTarget {};

TEST_F(Apply, ColdMemoryLeavesAndComesBackIntact) {
    NEEDS_SWAP();
    start_target();
    const auto before = memory_of(target->pid(), "VmRSS");
    auto command = apply_to_target();
    ASSERT_TRUE(eventually([&] { return !command->running() || swapped() >= cold_bytes * 9 / 10; }))
        << swapped() << command->err();
    ASSERT_TRUE(command->running()) << command->err();
    const auto after = memory_of(target->pid(), "VmRSS");
    EXPECT_LE(after, before - cold_bytes * 8 / 10);
    EXPECT_GE(after, hot_bytes * 8 / 10) << "hot memory left as well";
    const auto scheme = interrupt(*command);
    EXPECT_GE(scheme["paged_out_bytes"].get<std::uint64_t>(), cold_bytes * 8 / 10);
    EXPECT_GE(scheme["advised_bytes"].get<std::uint64_t>(), cold_bytes * 8 / 10);
    target->cool("hot");
    EXPECT_EQ(target->ask("verify cold 1"), "0");
    EXPECT_EQ(target->ask("verify hot 2"), "0");
}

// The other loop that waits for events, and the end by SIGTERM.
TEST_F(Apply, WithoutIoUringItWorksAsWell) {
    NEEDS_SWAP();
    start_target();
    auto command = apply_to_target({"--loop", "epoll"});
    ASSERT_TRUE(eventually([&] { return !command->running() || swapped() >= cold_bytes / 2; }));
    command->signal(SIGTERM);
    EXPECT_EQ(command->wait(), exit_ok) << command->err();
    EXPECT_NE(summary(*command)["ended"].get<std::string>().find("terminated"), std::string::npos);
}

TEST_F(Apply, ADryRunDecidesAndLeavesMemoryAlone) {
    NEEDS_SWAP();
    start_target();
    const auto scheme = run_until({"--dry-run"}, [](const auto& totals) {
        return totals["planned_bytes"].template get<std::uint64_t>() > 0;
    });
    EXPECT_GT(scheme["planned_bytes"].get<std::uint64_t>(), 0U);
    EXPECT_EQ(scheme["paged_out_bytes"].get<std::uint64_t>(), 0U);
    EXPECT_EQ(swapped(), 0U);
}

TEST_F(Apply, PagesSharedWithAForkStayAndAreCountedAsShared) {
    NEEDS_SWAP();
    start_target();
    target->fork();
    const auto scheme = run_until(
        {}, [](const auto& totals) { return gap(totals, "shared") >= cold_bytes * 7 / 10; });
    EXPECT_GE(gap(scheme, "shared"), cold_bytes * 7 / 10) << scheme.dump(1);
    EXPECT_LE(swapped(), cold_bytes / 10);
    target->ask("reap");
}

// A cgroup that may not swap, with the target in it.
class Cgroup {
  public:
    explicit Cgroup(pid_t pid) {
        made_ = mkdir(path, 0755) == 0 || errno == EEXIST;
        std::ofstream limit(std::string(path) + "/memory.swap.max");
        limit << 0 << std::flush;
        usable_ = made_ && limit.good();
        std::ofstream(std::string(path) + "/cgroup.procs") << pid << std::flush;
    }
    ~Cgroup() {
        rmdir(path);  // empty again by then, or the guest's end takes it
    }
    Cgroup(const Cgroup&) = delete;
    Cgroup& operator=(const Cgroup&) = delete;
    bool usable() const { return usable_; }

  private:
    static constexpr const char* path = "/sys/fs/cgroup/vm_no_swap";
    bool made_ = false, usable_ = false;
};

TEST_F(Apply, ACgroupWithoutSwapIsNamedAsTheCause) {
    NEEDS_SWAP();
    target = std::make_unique<Target>();
    Cgroup cgroup(target->pid());
    if (!cgroup.usable()) GTEST_SKIP() << "no cgroup with a swap limit can be made here";
    // Charged to the cgroup when it is touched, so after the move.
    cold = target->map("cold", cold_bytes);
    target->ask("fill cold 1");
    const auto scheme = run_until(
        {}, [](const auto& totals) { return gap(totals, "cgroup_swap") >= cold_bytes * 7 / 10; });
    EXPECT_GE(gap(scheme, "cgroup_swap"), cold_bytes * 7 / 10) << scheme.dump(1);
    EXPECT_LE(swapped(), mib) << "more than the program had before it was moved";
}

TEST_F(Apply, AFullSwapIsNamedAsTheCause) {
    NEEDS_SWAP();
    start_target();
    SwapOff off;
    SmallSwap small(8 * mib);
    const auto scheme = run_until(
        {}, [](const auto& totals) { return gap(totals, "swap_full") >= cold_bytes / 4; });
    EXPECT_GE(gap(scheme, "swap_full"), cold_bytes / 4) << scheme.dump(1);
    // 6.1 adds what a thread swaps to its process's count 64 pages at a time.
    EXPECT_LE(swapped(), 9 * mib);
    target->cool("hot");
    EXPECT_EQ(target->ask("verify cold 1"), "0");
}

TEST_F(Apply, ItStopsBeforeSwapRunsOut) {
    NEEDS_SWAP();
    start_target();
    SwapOff off;
    SmallSwap small(24 * mib);
    const auto scheme =
        run_until({"--set", "limits.min_free_swap=50%", "--set",
                   "scheme.cold.quota={ bytes = \"8MiB\", time = \"off\" }"},
                  [](const auto& totals) {
                      std::uint64_t held_back = 0;
                      for (const auto& [reason, bytes] : totals["held_back_bytes"].items())
                          if (reason.find("swap") != std::string::npos)
                              held_back += bytes.template get<std::uint64_t>();
                      return held_back > 0;
                  });
    std::uint64_t held_back = 0;
    for (const auto& [reason, bytes] : scheme["held_back_bytes"].items())
        if (reason.find("swap") != std::string::npos) held_back += bytes.get<std::uint64_t>();
    EXPECT_GT(held_back, 0U) << scheme.dump(1);
    EXPECT_LE(swapped(), 20 * mib) << "half of it, and what one window lets through";
}

TEST_F(Apply, ATargetThatFaultsALotIsLeftAlone) {
    NEEDS_SWAP();
    start_target();
    // A search would see what comes back into use, which would not fault again and again then.
    const std::vector<std::string> argv{"damon-schemes",
                                        "apply",
                                        policy,
                                        "--pid",
                                        std::to_string(target->pid()),
                                        "--set",
                                        "monitor.search=false",
                                        "--set",
                                        "limits.brake={ faults_per_second = 100 }"};
    Command command(argv);
    ASSERT_TRUE(eventually([&] { return !command.running() || swapped() >= cold_bytes * 9 / 10; }))
        << command.err();
    // The brake compares with some seconds of a session's own.
    ASSERT_TRUE(eventually([&] {
        return !command.running() || command.err().find("\n0:1") != std::string::npos;
    })) << command.err();
    target->hot("cold");
    EXPECT_TRUE(eventually(
        [&] { return !command.running() || command.err().find("brake") != std::string::npos; }));
    EXPECT_NE(command.err().find("brake"), std::string::npos) << command.err();
    command.signal(SIGINT);
    EXPECT_EQ(command.wait(), exit_ok);
    EXPECT_NE(command.out().find("left alone"), std::string::npos) << command.out();
}

// Under emulation nothing is seen without a flush, and what is not seen must not be taken for cold.
TEST_F(Apply, ASessionThatDoesNotSeeMayNotAct) {
    NEEDS_SWAP();
    const char* accelerator = std::getenv("LAB_ACCEL");
    if (!accelerator || std::string(accelerator) != "tcg")
        GTEST_SKIP() << "it is no emulated machine (LAB_ACCEL is not tcg)";
    std::string mitigation;
    std::ifstream vulnerability("/sys/devices/system/cpu/vulnerabilities/meltdown");
    std::getline(vulnerability, mitigation);
    if (mitigation.find("PTI") != std::string::npos)
        GTEST_SKIP() << "page-table isolation flushes at each entry of the kernel";
    start_target();
    auto command = apply_to_target({"--set", "monitor.tlb=none"});
    ASSERT_TRUE(eventually([&] {
        return !command->running() || command->err().find("observing only") != std::string::npos;
    }));
    command->signal(SIGINT);
    EXPECT_EQ(command->wait(), exit_unsupported) << command->err();
    EXPECT_TRUE(summary(*command)["observed_only"].is_string());
    EXPECT_EQ(swapped(), 0U);
}

TEST_F(Apply, ATargetsExitEndsItNormally) {
    NEEDS_SWAP();
    start_target();
    auto command = apply_to_target();
    ASSERT_TRUE(comes_to_watch(*command)) << command->err();
    target.reset();
    EXPECT_EQ(command->wait(), exit_ok) << command->err();
    const auto whole = summary(*command);
    ASSERT_FALSE(whole.is_discarded());
    EXPECT_TRUE(whole["targets"][0]["exited"].get<bool>());
}

TEST_F(Apply, ACommandsExitStatusIsPassedOn) {
    NEEDS_SWAP();
    EXPECT_EQ(apply({"--", "sh", "-c", "exit 7"})->wait(), 7);
    EXPECT_EQ(apply({"--", "sh", "-c", "exit 0"})->wait(), 0);
    EXPECT_EQ(apply({"--", "sh", "-c", "kill -KILL $$"})->wait(), 128 + SIGKILL);
    EXPECT_EQ(apply({"--", "no-such-program-anywhere"})->wait(), exit_usage);
}

TEST_F(Apply, PidsThatMustNotBeActedOnAreRefused) {
    NEEDS_SWAP();
    Target zombie;
    zombie.kill(false);
    for (const auto& [pid, what] :
         std::vector<std::pair<pid_t, std::string>>{{4'000'000, "no such process"},
                                                    {2, "a kernel thread"},
                                                    {zombie.pid(), "a zombie"},
                                                    {1, "pid 1"},
                                                    {getpid(), "an ancestor of the engine"}}) {
        auto command = apply({"--pid", std::to_string(pid)});
        EXPECT_EQ(command->wait(), exit_usage) << what << ": " << command->err();
        EXPECT_NE(command->err().find(std::to_string(pid)), std::string::npos)
            << what << ": " << command->err();
        EXPECT_EQ(command->out(), "");
    }
}

TEST_F(Apply, ABadPolicyIsRefusedBeforeAnythingIsTouched) {
    start_target();
    std::ofstream(policy) << "version = 1\n[[scheme]]\nname = \"x\"\nactoin = \"pageout\"\n";
    auto command = apply_to_target();
    EXPECT_EQ(command->wait(), exit_policy);
    EXPECT_NE(command->err().find("actoin"), std::string::npos) << command->err();
}

TEST_F(Apply, WithoutTheModuleItSaysWhatToDo) {
    NEEDS_SWAP();
    start_target();
    ASSERT_EQ(syscall(SYS_delete_module, "damon_schemes", O_NONBLOCK), 0);
    auto command = apply_to_target({"--monitor", "module"});
    const int status = command->wait();
    EXPECT_EQ(std::system("modprobe damon_schemes"), 0);
    EXPECT_EQ(status, exit_unsupported) << command->err();
    EXPECT_NE(command->err().find("module"), std::string::npos) << command->err();
}

TEST_F(Apply, WithoutPermissionItSaysSo) {
    NEEDS_SWAP();
    start_target();
    chmod(policy, 0644);
    auto command = apply({"--pid", std::to_string(target->pid())}, Command::As::nobody);
    EXPECT_EQ(command->wait(), exit_unsupported) << command->err();
    EXPECT_NE(command->err().find("root"), std::string::npos) << command->err();
}

TEST_F(Apply, WithoutSwapItRefusesUnlessAllowed) {
    NEEDS_SWAP();
    start_target();
    SwapOff off;
    auto command = apply_to_target();
    EXPECT_EQ(command->wait(), exit_unsupported) << command->err();
    EXPECT_NE(command->err().find("swap"), std::string::npos);
    auto allowed = apply_to_target({"--allow-no-swap", "--duration", "1s"});
    EXPECT_EQ(allowed->wait(), exit_ok) << allowed->err();
}

TEST_F(Apply, AKilledEngineLeavesNothingBehind) {
    NEEDS_SWAP();
    start_target();
    auto command = apply_to_target();
    ASSERT_TRUE(comes_to_watch(*command)) << command->err();
    command->signal(SIGKILL);
    EXPECT_EQ(command->wait(), 128 + SIGKILL);
    Session session;
    EXPECT_TRUE(eventually([&] { return session.add(target->pid()) == 0; }))
        << "its session goes on";
    EXPECT_TRUE(eventually([] { return processes_by_name("damon-").empty(); }))
        << "its canary goes on";
}

}  // namespace
}  // namespace damon_schemes::vm

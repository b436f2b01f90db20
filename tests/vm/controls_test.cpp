// SPDX-License-Identifier: MIT
// Each control of a policy, at work on a real program.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "apply_to_target.h"

namespace damon_schemes::vm {
namespace {

std::string hexadecimal(std::uint64_t address) {
    std::ostringstream text;
    text << "0x" << std::hex << address;
    return text.str();
}

// Bytes of a range that are in swap (Documentation/admin-guide/mm/pagemap.rst).
std::uint64_t swapped_of(pid_t pid, std::uint64_t start, std::uint64_t end) {
    const std::string path = "/proc/" + std::to_string(pid) + "/pagemap";
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    std::vector<std::uint64_t> entries((end - start) / 4096);
    const auto size = static_cast<ssize_t>(entries.size() * sizeof(entries[0]));
    EXPECT_EQ(pread(file, entries.data(), static_cast<std::size_t>(size),
                    static_cast<off_t>(start / 4096 * sizeof(entries[0]))),
              size)
        << path;
    close(file);
    std::uint64_t bytes = 0;
    for (const std::uint64_t entry : entries) bytes += (entry >> 62 & 1) * 4096;
    return bytes;
}

class Controls : public ApplyToTarget {
  protected:
    void SetUp() override {
        ApplyToTarget::SetUp();
        if (!IsSkipped()) NEEDS_SWAP();
    }

    // The policy with more keys for its only scheme.
    static std::vector<std::string> set(const std::vector<std::string>& keys) {
        std::vector<std::string> arguments;
        for (const auto& key : keys)
            arguments.insert(arguments.end(), {"--set", "scheme.cold." + key});
        return arguments;
    }
    // A search would put what is used here and there into regions of its own.
    static std::vector<std::string> set_without_search(const std::vector<std::string>& keys) {
        auto arguments = set(keys);
        arguments.insert(arguments.end(), {"--set", "monitor.search=false"});
        return arguments;
    }
    static std::uint64_t held_back(const nlohmann::json& scheme, const char* reason) {
        return scheme["held_back_bytes"].value(reason, std::uint64_t{0});
    }
    // What `explain` says of the policy now, once it has been watched for long enough.
    nlohmann::json explain(std::vector<std::string> more) const {
        std::vector<std::string> argv{"damon-schemes", "explain", policy,
                                      "--json",        "--pid",   std::to_string(target->pid())};
        argv.insert(argv.end(), more.begin(), more.end());
        Command command(argv);
        EXPECT_EQ(command.wait(), exit_ok) << command.err();
        auto json = nlohmann::json::parse(command.out(), nullptr, false);
        EXPECT_FALSE(json.is_discarded()) << command.out() << command.err();
        return json;
    }
};

TEST_F(Controls, AFilterKeepsAMappingInMemory) {
    start_target();
    const auto command =
        apply_to_target(set({"filter=[{ reject = \"address\", start = " + hexadecimal(cold.start) +
                             ", end = " + hexadecimal(cold.start + cold_bytes / 2) + " }]"}));
    ASSERT_TRUE(eventually([&] { return !command->running() || swapped() >= cold_bytes / 8; }))
        << swapped() << command->err();
    interrupt(*command);
    EXPECT_EQ(swapped_of(target->pid(), cold.start, cold.start + cold_bytes / 2), 0U)
        << "what the filter rejects left as well";
}

TEST_F(Controls, AFilterByMappingGoesByItsName) {
    start_target();
    const auto scheme = run_until(
        set({"filter=[{ allow = \"mapping\", name = \"[heap]\" }]"}),
        [](const auto& totals) { return held_back(totals, "filter") >= cold_bytes * 7 / 10; });
    EXPECT_GE(held_back(scheme, "filter"), cold_bytes * 7 / 10) << scheme.dump(1);
    EXPECT_LE(swapped(), cold_bytes / 4) << "only the heap may leave";
}

TEST_F(Controls, AFilterForYoungPagesIsLookedAtPageByPage) {
    start_target();
    target->ask("hot cold 64");
    const auto scheme =
        run_until(set_without_search({"filter=[{ reject = \"young\" }]", "frequency.max=20%"}),
                  [](const auto& totals) { return gap(totals, "filtered") > 0; });
    EXPECT_GT(gap(scheme, "filtered"), 0U) << scheme.dump(1);
}

TEST_F(Controls, TheFloorStaysInMemory) {
    start_target();
    const std::uint64_t floor = 24 * mib;
    const auto command = apply_to_target(set({"floor={ rss = \"24MiB\" }"}));
    std::uint64_t least = rss();
    ASSERT_TRUE(eventually([&] {
        least = std::min(least, rss());
        return !command->running() || command->err().find("RSS 24") != std::string::npos ||
               rss() <= floor + mib;
    })) << rss();
    ASSERT_TRUE(command->running()) << command->err();
    // For some more decisions it stays there.
    for (int i = 0; i < 20; ++i) {
        usleep(100'000);
        least = std::min(least, rss());
    }
    const auto scheme = interrupt(*command);
    // 6.1 counts pages of a thread up to 64 late.
    EXPECT_GE(least, floor - mib / 2);
    EXPECT_GT(held_back(scheme, "floor"), 0U) << scheme.dump(1);
}

TEST_F(Controls, ASmallTargetIsNotBothered) {
    start_target();
    const auto scheme = run_until(set({"min_rss=\"1GiB\""}), [](const auto& totals) {
        return held_back(totals, "small_target") > 0;
    });
    EXPECT_GT(held_back(scheme, "small_target"), 0U) << scheme.dump(1);
    EXPECT_EQ(swapped(), 0U);
}

TEST_F(Controls, AQuotaHoldsInEachWindow) {
    start_target();
    auto arguments = set({"quota={ bytes = \"1MiB\", time = \"off\", per = \"2s\" }"});
    arguments.insert(arguments.end(), {"--duration", "12s"});
    auto command = apply_to_target(arguments);
    EXPECT_EQ(command->wait(), exit_ok) << command->err();
    const auto scheme = summary(*command)["schemes"][0];
    // The first window may have begun up to a window before anything was cold, and the last is cut.
    EXPECT_GT(scheme["advised_bytes"].get<std::uint64_t>(), 0U);
    EXPECT_LE(scheme["advised_bytes"].get<std::uint64_t>(), 7 * mib) << scheme.dump(1);
    EXPECT_GT(held_back(scheme, "quota_bytes"), 0U);
}

TEST_F(Controls, VerifiedPageoutLeavesWhatIsInUse) {
    start_target();
    // One page in 64 of the cold area is in use all the time.
    target->ask("hot cold 64");
    const auto command =
        apply_to_target(set_without_search({"verify={ idle = \"1s\" }", "frequency.max=20%"}));
    // Dozens of the pages in use lie in between.
    ASSERT_TRUE(eventually([&] { return !command->running() || swapped() >= cold_bytes / 8; }))
        << swapped() << command->err();
    const auto scheme = interrupt(*command);
    EXPECT_GT(gap(scheme, "not_idle"), 0U) << scheme.dump(1);
    target->cool("cold");
    EXPECT_EQ(target->ask("verify cold 1"), "0");
}

TEST_F(Controls, ASchemeThatRestsLetsTheMonitorSleep) {
    start_target();
    // Never less than a millionth is free here.
    const auto command = apply_to_target(
        set({"watermarks={ free_memory = { high = \"0.0002%\", mid = \"0.0001%\", low = \"0%\" }, "
             "interval = \"1s\" }"}));
    ASSERT_TRUE(eventually([&] {
        return !command->running() || command->err().find("resting") != std::string::npos;
    })) << command->err();
    ASSERT_TRUE(command->running()) << command->err();
    // The monitoring thread is gone while it sleeps.
    EXPECT_TRUE(eventually([] { return processes_by_name("damon_schemes").empty(); }));
    const auto scheme = interrupt(*command);
    EXPECT_EQ(swapped(), 0U);
}

TEST_F(Controls, ASchemeAtWorkByItsWatermarksActs) {
    start_target();
    const auto command = apply_to_target(
        set({"watermarks={ free_memory = { high = \"100%\", mid = \"99%\", low = \"0%\" }, "
             "interval = \"1s\" }"}));
    ASSERT_TRUE(eventually([&] { return !command->running() || swapped() > cold_bytes / 2; }))
        << command->err();
    const auto scheme = interrupt(*command);
    EXPECT_GT(scheme["paged_out_bytes"].get<std::uint64_t>(), 0U) << scheme.dump(1);
}

TEST_F(Controls, WhatComesBackRaisesATunedAge) {
    start_target();
    target->cool("hot");
    std::ofstream(policy, std::ios::app) << "[refaults]\nwindow = \"8s\"\n";
    const auto command = apply_to_target(
        set({"age={ min = \"500ms\" }",
             "tune={ refaults = \"1%\", age = { min = \"500ms\", max = \"1min\" } }"}));
    ASSERT_TRUE(eventually([&] { return !command->running() || swapped() >= cold_bytes * 6 / 10; }))
        << command->err();
    // All of it is used again.
    target->ask("verify cold 1");
    usleep(6'000'000);
    const auto scheme = interrupt(*command);
    EXPECT_GT(scheme["refaults"]["refaulted_bytes"].get<std::uint64_t>(), 0U) << scheme.dump(1);
    // It begins at its lower bound, so that nothing but a raise moves the mean.
    EXPECT_GT(scheme["tuned_age_mean_ns"].get<std::int64_t>(), 500'000'000) << scheme.dump(1);
}

TEST_F(Controls, PressureOfACgroupIsReadOfTheTargets) {
    start_target();
    const auto command = apply_to_target(
        set({"quota={ bytes = \"64MiB\", time = \"off\", goal = [{ metric = \"cgroup_pressure\", "
             "target = \"50%\" }] }"}));
    ASSERT_TRUE(eventually([&] { return !command->running() || swapped() > 4 * mib; }))
        << command->err();
    interrupt(*command);
}

TEST_F(Controls, AFigureOfTheUserHoldsTheQuotaDown) {
    start_target();
    const std::string file = "/tmp/vm_figure";
    std::ofstream(file) << "1000\n";
    const auto arguments =
        set({"quota={ bytes = \"64MiB\", time = \"off\", tuner = \"temporal\", goal = [{ metric = "
             "\"figure\", file = \"/tmp/vm_figure\", target = 20 }] }"});
    const auto scheme = run_until(arguments, [](const auto& totals) {
        return held_back(totals, "quota_goal") >= cold_bytes / 2;
    });
    EXPECT_GE(held_back(scheme, "quota_goal"), cold_bytes / 2) << scheme.dump(1);
    const auto command = apply_to_target(arguments);
    std::ofstream(file) << "1\n" << std::flush;
    EXPECT_TRUE(eventually([&] { return !command->running() || swapped() >= cold_bytes / 8; }));
    interrupt(*command);
    unlink(file.c_str());
}

TEST_F(Controls, ExplainSaysWhatHoldsAnAddressBack) {
    start_target();
    const auto of_hot = explain({"--address", hexadecimal(hot.start + hot.bytes() / 2)});
    ASSERT_FALSE(of_hot["verdicts"].empty());
    EXPECT_EQ(of_hot["verdicts"][0]["held_back"], "frequency") << of_hot.dump(1);
    const auto of_cold = explain({"--address", hexadecimal(cold.start + cold.bytes() / 2)});
    ASSERT_FALSE(of_cold["verdicts"].empty());
    EXPECT_TRUE(of_cold["verdicts"][0]["held_back"].is_null()) << of_cold.dump(1);
    EXPECT_GE(of_cold["schemes"][0]["would_act_on_bytes"].get<std::uint64_t>(), cold_bytes / 2);
    EXPECT_EQ(swapped(), 0U) << "explaining is not acting";
}

TEST_F(Controls, ExplainOfNoAddressAndNoTargetSaysWhatToDo) {
    start_target();
    const auto run = [&](std::vector<std::string> more) {
        std::vector<std::string> argv{"damon-schemes", "explain", policy};
        argv.insert(argv.end(), more.begin(), more.end());
        Command command(argv);
        EXPECT_EQ(command.wait(), exit_usage) << command.err();
        return command.err();
    };
    EXPECT_NE(run({}).find("--pid"), std::string::npos);
    EXPECT_NE(run({"--pid", std::to_string(target->pid()), "--address", "nowhere"}).find("address"),
              std::string::npos);
    EXPECT_NE(run({"--pid", std::to_string(target->pid()), "--address", "0x1000", "-d", "1s"})
                  .find("no region holds"),
              std::string::npos);
}

// The policies that come with it, each as it is but for the time that ages take.
class Policies : public ApplyToTarget {
  protected:
    void SetUp() override {
        ApplyToTarget::SetUp();
        if (!IsSkipped()) NEEDS_SWAP();
    }
    static constexpr const char* folder = "/root/policies/";

    // Looks more often, and acts for longer, than it does on a host: a test is short, and paging
    // out takes its time under emulation.
    std::unique_ptr<Command> apply_file(const std::string& name,
                                        std::vector<std::string> more) const {
        std::vector<std::string> argv{"damon-schemes", "apply", folder + name,
                                      "--json",        "--pid", std::to_string(target->pid())};
        for (const char* key :
             {"sampling_interval=10ms", "aggregation_interval=200ms", "update_interval=400ms"})
            argv.insert(argv.end(), {"--set", std::string("monitor.") + key});
        argv.insert(argv.end(), more.begin(), more.end());
        return std::make_unique<Command>(argv);
    }
    bool pages_out(Command& command) {
        return eventually([&] { return !command.running() || swapped() >= cold_bytes / 8; }) &&
               command.running();
    }
};

TEST_F(Policies, ProactiveReclaimPagesOutWhatIsCold) {
    start_target();
    auto command = apply_file("proactive-reclaim.toml", {"--set", "scheme.cold.age.min=2s", "--set",
                                                         "scheme.cold.quota.time=300ms"});
    EXPECT_TRUE(pages_out(*command)) << command->err();
    EXPECT_GE(rss(), hot_bytes / 2);
    interrupt(*command);
}

TEST_F(Policies, GentleReclaimRestsWhileMemoryIsFree) {
    start_target();
    auto resting = apply_file("gentle-reclaim.toml", {});
    ASSERT_TRUE(eventually([&] {
        return !resting->running() || resting->err().find("resting") != std::string::npos;
    })) << resting->err();
    interrupt(*resting);
    EXPECT_EQ(swapped(), 0U);
    auto working =
        apply_file("gentle-reclaim.toml", {"--set", "scheme.cold.age.min=2s", "--set",
                                           "scheme.cold.quota.time=300ms", "--set",
                                           "scheme.cold.watermarks={ free_memory = { high = "
                                           "\"100%\", mid = \"100%\", low = \"0%\" } }"});
    EXPECT_TRUE(pages_out(*working)) << working->err();
    interrupt(*working);
}

TEST_F(Policies, PrclV12PagesOutWithinItsHalfSecond) {
    start_target();
    auto command = apply_file("prcl-v12.toml", {});
    EXPECT_TRUE(pages_out(*command)) << command->err();
    interrupt(*command);
}

TEST_F(Policies, PrclV24PagesOutWhatWasIdleForFiveSeconds) {
    start_target();
    auto command = apply_file("prcl-v24.toml", {});
    EXPECT_TRUE(pages_out(*command)) << command->err();
    interrupt(*command);
}

TEST_F(Policies, TunedReclaimPagesOutWhatIsIdleAndLeavesWhatIsInUse) {
    start_target();
    auto command = apply_file("tuned-reclaim.toml", {});
    EXPECT_TRUE(pages_out(*command)) << command->err();
    EXPECT_TRUE(hot_memory_is_there()) << rss();
    interrupt(*command);
}

TEST_F(Policies, HostGuardActsOnlyWhereTheHostIsShort) {
    start_target();
    auto command = apply_file("host-guard.toml", {});
    ASSERT_TRUE(eventually([&] {
        return !command->running() || command->err().find("resting") != std::string::npos;
    })) << command->err();
    EXPECT_TRUE(command->running()) << command->err();
    command->signal(SIGINT);
    EXPECT_EQ(command->wait(), exit_ok) << command->err();
    EXPECT_EQ(swapped(), 0U);
}

TEST_F(Policies, ObserveLeavesMemoryAlone) {
    start_target();
    auto command = apply_file("observe.toml", {"--duration", "5s"});
    EXPECT_EQ(command->wait(), exit_ok) << command->err();
    EXPECT_EQ(swapped(), 0U);
}

}  // namespace
}  // namespace damon_schemes::vm

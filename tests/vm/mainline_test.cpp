// SPDX-License-Identifier: MIT
// The kernel's own DAMON as the monitor (--monitor mainline): that it is set up, used and taken
// away, that others' work with it is left alone, and that it decides as the module does.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "apply_to_target.h"
#include "engine/monitors/mainline_monitor.h"
#include "shell.h"

namespace damon_schemes::vm {
namespace {

namespace fs = std::filesystem;

const std::string admin = "/sys/kernel/mm/damon/admin";
const std::string kdamonds = admin + "/kdamonds";
const std::string record_file = "/run/damon-schemes/mainline.json";

bool emulated() {
    const char* accelerator = std::getenv("LAB_ACCEL");
    return accelerator != nullptr && std::string(accelerator) == "tcg";
}

// Each entry into the kernel flushes, so that accesses are seen without a flush by the monitor.
// What is said of Meltdown does not tell: pti=on isolates processors that it does not concern.
bool isolated() {
    const auto cpuinfo = contents("/proc/cpuinfo");
    const auto flags = cpuinfo.substr(std::min(cpuinfo.find("\nflags"), cpuinfo.size()));
    return (flags.substr(0, flags.find('\n', 1)) + " ").find(" pti ") != std::string::npos;
}

// All that the files of DAMON say, as one text.
std::string listing() {
    std::vector<std::string> lines;
    for (const auto& entry : fs::recursive_directory_iterator(admin)) {
        const std::string path = entry.path().string();
        lines.push_back(entry.is_directory() ? path : path + ": " + contents(path));
    }
    std::sort(lines.begin(), lines.end());
    std::string text;
    for (const auto& line : lines) text += line + "\n";
    return text;
}

std::vector<std::string> trace_instances() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator("/sys/kernel/tracing/instances"))
        names.push_back(entry.path().filename().string());
    return names;
}

bool nothing_left() {
    return contents(kdamonds + "/nr_kdamonds") == "0\n" && trace_instances().empty() &&
           !fs::exists(record_file);
}

// "on", or "off"; the kernel lets one ask at a time.
std::string state() {
    std::string text;
    eventually([&] { return !(text = contents(kdamonds + "/0/state")).empty(); });
    return text.substr(0, text.find('\n'));
}

// As somebody else would, with the shell.
void set_up_another(pid_t pid) {
    const std::string context = kdamonds + "/0/contexts/0";
    ASSERT_TRUE(shell("set -e; echo 1 > " + kdamonds + "/nr_kdamonds; echo 1 > " + kdamonds +
                      "/0/contexts/nr_contexts; echo vaddr > " + context +
                      "/operations; echo 1 > " + context + "/targets/nr_targets; echo " +
                      std::to_string(pid) + " > " + context +
                      "/targets/0/pid_target; echo 7000 > " + context +
                      "/monitoring_attrs/intervals/sample_us")
                    .good());
}

class MainlineTest : public ApplyToTarget {
  protected:
    void SetUp() override {
        if (!fs::exists(admin)) GTEST_SKIP() << "this kernel has no DAMON";
        ASSERT_TRUE(nothing_left()) << listing();
        std::ofstream(policy) << eager;
    }
    void TearDown() override {
        unlink(policy);
        if (IsSkipped()) return;
        EXPECT_TRUE(nothing_left()) << "left behind:\n" << listing();
        // The next test's beginning must not fail for this one's sake.
        shell("echo off > " + kdamonds + "/0/state; echo 0 > " + kdamonds +
              "/nr_kdamonds; rmdir /sys/kernel/tracing/instances/damon-schemes-*; rm -f " +
              record_file);
    }

    std::unique_ptr<Command> by_mainline(std::vector<std::string> more = {}) const {
        more.insert(more.end(), {"--monitor", "mainline"});
        return apply_to_target(std::move(more));
    }
    std::unique_ptr<Command> record(const std::string& duration) const {
        return std::make_unique<Command>(std::vector<std::string>{
            "damon-schemes", "record", "--monitor", "mainline", "--pid",
            std::to_string(target->pid()), "--duration", duration, "-o", recording, "--force"});
    }
    static constexpr const char* recording = "/tmp/mainline.dsr";
};

// What needs a machine on which mainline sees; the suite boots one.
class Mainline : public MainlineTest {
  protected:
    void SetUp() override {
        MainlineTest::SetUp();
        if (!IsSkipped() && emulated() && !isolated())
            GTEST_SKIP() << "nothing is seen here without a flush: boot with pti=on";
    }
};

// What needs one on which it does not.
class MainlineBlind : public MainlineTest {
  protected:
    void SetUp() override {
        MainlineTest::SetUp();
        if (!IsSkipped() && (!emulated() || isolated()))
            GTEST_SKIP() << "mainline sees here, or may see";
    }
};

TEST_F(Mainline, ColdMemoryLeavesAndHotMemoryStays) {
    NEEDS_SWAP();
    start_target();
    const auto before = rss();
    auto command = by_mainline();
    ASSERT_TRUE(eventually([&] { return !command->running() || swapped() >= cold_bytes * 9 / 10; }))
        << swapped() << command->err();
    ASSERT_TRUE(command->running()) << command->err();
    EXPECT_EQ(state(), "on");
    EXPECT_LE(rss(), before - cold_bytes * 8 / 10);
    EXPECT_TRUE(hot_memory_is_there()) << rss();
    command->signal(SIGINT);
    EXPECT_EQ(command->wait(), exit_ok) << command->err();
    const auto whole = summary(*command);
    ASSERT_FALSE(whole.is_discarded());
    EXPECT_EQ(whole["monitor"]["kind"], "mainline");
    EXPECT_GT(whole["monitor"]["thread_ns"].get<std::uint64_t>(), 0U);
    expect_account(whole["schemes"][0]);
    EXPECT_GE(whole["schemes"][0]["paged_out_bytes"].get<std::uint64_t>(), cold_bytes * 8 / 10);
    EXPECT_TRUE(nothing_left()) << listing();
    target->cool("hot");
    EXPECT_EQ(target->ask("verify cold 1"), "0");
    EXPECT_EQ(target->ask("verify hot 2"), "0");
}

TEST_F(Mainline, ItIsTakenWhereTheModuleIsNotLoaded) {
    NEEDS_SWAP();
    start_target();
    const bool loaded = access(DAMON_SCHEMES_DEVICE, F_OK) == 0;
    if (loaded) {
        ASSERT_EQ(syscall(SYS_delete_module, "damon_schemes", O_NONBLOCK), 0);
    }
    const auto scheme = run_until({"--dry-run"}, [](const auto& totals) {
        return totals["planned_bytes"].template get<std::uint64_t>() >= cold_bytes / 2;
    });
    if (loaded) {
        EXPECT_EQ(std::system("modprobe damon_schemes"), 0);
    }
    EXPECT_GE(scheme["planned_bytes"].get<std::uint64_t>(), cold_bytes / 2);
    EXPECT_EQ(swapped(), 0U);
}

TEST_F(Mainline, ACommandIsWatchedFromItsBeginningToItsEnd) {
    NEEDS_SWAP();
    auto command = apply({"--monitor", "mainline", "--json", "--", "sh", "-c", "sleep 1; exit 7"});
    EXPECT_EQ(command->wait(), 7) << command->err();
    const auto whole = summary(*command);
    ASSERT_FALSE(whole.is_discarded());
    EXPECT_TRUE(whole["observed_only"].is_null()) << whole.dump(1);
    EXPECT_GT(whole["engine"]["snapshots"].get<std::uint64_t>(), 0U);
}

TEST_F(MainlineTest, AnothersKdamondThatRunsIsLeftAsItWas) {
    NEEDS_SWAP();
    start_target();
    Target watched;
    ASSERT_NO_FATAL_FAILURE(set_up_another(watched.pid()));
    ASSERT_TRUE(shell("echo on > " + kdamonds + "/0/state").good());
    const auto before = listing();
    const auto pid = contents(kdamonds + "/0/pid");
    for (auto& command : {by_mainline(), record("1s")}) {
        EXPECT_EQ(command->wait(), exit_unsupported) << command->err();
        EXPECT_NE(command->err().find("on (pid " + pid.substr(0, pid.find('\n')) + ")"),
                  std::string::npos)
            << command->err();
        EXPECT_NE(command->err().find("watching pid " + std::to_string(watched.pid())),
                  std::string::npos)
            << command->err();
    }
    EXPECT_EQ(listing(), before);
    EXPECT_TRUE(trace_instances().empty());
    ASSERT_TRUE(
        shell("echo off > " + kdamonds + "/0/state; echo 0 > " + kdamonds + "/nr_kdamonds").good());
}

TEST_F(MainlineTest, AnothersKdamondThatIsOffIsLeftAsItWas) {
    NEEDS_SWAP();
    start_target();
    ASSERT_NO_FATAL_FAILURE(set_up_another(target->pid()));
    const auto before = listing();
    ASSERT_NE(before.find("sample_us: 7000"), std::string::npos);
    for (auto& command : {by_mainline(), record("1s")}) {
        EXPECT_EQ(command->wait(), exit_unsupported) << command->err();
        EXPECT_NE(command->err().find("kdamond 0 is off"), std::string::npos) << command->err();
    }
    EXPECT_EQ(listing(), before);
    ASSERT_TRUE(shell("echo 0 > " + kdamonds + "/nr_kdamonds").good());
}

TEST_F(MainlineTest, WhileDamonReclaimRunsItSaysSo) {
    const std::string enabled = "/sys/module/damon_reclaim/parameters/enabled";
    if (!fs::exists(enabled)) GTEST_SKIP() << "this kernel has no DAMON_RECLAIM";
    start_target();
    ASSERT_TRUE(shell("echo Y > " + enabled).good());
    auto command = record("1s");
    EXPECT_EQ(command->wait(), exit_unsupported);
    EXPECT_NE(command->err().find("damon_reclaim"), std::string::npos) << command->err();
    ASSERT_TRUE(shell("echo N > " + enabled).good());
}

TEST_F(MainlineTest, TwoEnginesDoNotShareIt) {
    start_target();
    auto first = record("1000s");
    ASSERT_TRUE(eventually([&] { return !first->running() || state() == "on"; }));
    ASSERT_TRUE(first->running()) << first->err();
    const auto before = listing();
    auto second = record("1s");
    EXPECT_EQ(second->wait(), exit_unsupported);
    EXPECT_NE(second->err().find("pid " + std::to_string(first->pid())), std::string::npos)
        << second->err();
    EXPECT_EQ(listing(), before);
    first->signal(SIGTERM);
    EXPECT_EQ(first->wait(), exit_ok) << first->err();
}

TEST_F(MainlineTest, WhatAKilledEngineLeftIsTakenDownByTheNext) {
    start_target();
    auto killed = record("1000s");
    ASSERT_TRUE(eventually([&] { return !killed->running() || state() == "on"; }));
    ASSERT_TRUE(eventually(
        [&] { return contents(record_file).find("\"kdamond\": 0") == std::string::npos; }));
    killed->signal(SIGKILL);
    EXPECT_EQ(killed->wait(), 128 + SIGKILL);
    EXPECT_EQ(state(), "on") << "a kernel thread does not end with a program";
    EXPECT_EQ(trace_instances().size(), 1U);
    auto next = record("1s");
    EXPECT_EQ(next->wait(), exit_ok) << next->err();
    EXPECT_TRUE(nothing_left()) << listing();
}

// What was left and then changed is somebody's by now.
TEST_F(MainlineTest, WhatAKilledEngineLeftAndSomebodyChangedIsNotTouched) {
    start_target();
    auto killed = record("1000s");
    ASSERT_TRUE(eventually([&] { return !killed->running() || state() == "on"; }));
    killed->signal(SIGKILL);
    EXPECT_EQ(killed->wait(), 128 + SIGKILL);
    ASSERT_TRUE(
        shell("echo 6543 > " + kdamonds + "/0/contexts/0/monitoring_attrs/intervals/sample_us")
            .good());
    const auto before = listing();
    auto next = record("1s");
    EXPECT_EQ(next->wait(), exit_unsupported);
    EXPECT_NE(next->err().find("kdamond 0 is on"), std::string::npos) << next->err();
    EXPECT_EQ(listing(), before);
    ASSERT_TRUE(
        shell("echo off > " + kdamonds + "/0/state; echo 0 > " + kdamonds + "/nr_kdamonds").good());
    // Its record means nothing any more.
    auto after = record("1s");
    EXPECT_EQ(after->wait(), exit_ok) << after->err();
}

TEST_F(MainlineTest, SomebodyWhoTurnsItOffEndsItWithTheReason) {
    start_target();
    auto command = record("1000s");
    ASSERT_TRUE(eventually([&] { return !command->running() || state() == "on"; }));
    ASSERT_TRUE(shell("echo off > " + kdamonds + "/0/state").good());
    EXPECT_EQ(command->wait(), 1) << command->err();
    EXPECT_NE(command->err().find("turned the kdamond off"), std::string::npos) << command->err();
}

// Whoever writes nr_kdamonds while ours is off deletes it, and then it is theirs.
TEST_F(MainlineTest, WhatSomebodySetUpInItsPlaceIsNotTouched) {
    start_target();
    auto command = record("1000s");
    ASSERT_TRUE(eventually([&] { return !command->running() || state() == "on"; }));
    command->signal(SIGSTOP);
    ASSERT_TRUE(shell("echo off > " + kdamonds + "/0/state").good());
    ASSERT_NO_FATAL_FAILURE(set_up_another(target->pid()));
    const auto before = listing();
    command->signal(SIGCONT);
    EXPECT_EQ(command->wait(), 1) << command->err();
    EXPECT_EQ(listing(), before);
    EXPECT_TRUE(trace_instances().empty());
    ASSERT_TRUE(shell("echo 0 > " + kdamonds + "/nr_kdamonds").good());
}

TEST_F(MainlineTest, WhatItCannotDoIsRefusedBeforeAnythingIsSetUp) {
    NEEDS_SWAP();
    start_target();
    for (const auto& [setting, words] : std::vector<std::pair<std::string, std::string>>{
             {"scheme.cold.verify={ idle = \"1s\" }", "verify"},
             {"monitor.tlb=full", "monitor.tlb"},
             {"monitor.tlb=none", "monitor.tlb"},
             {"monitor.min_region_size=64KiB", "min_region_size"}}) {
        auto command = by_mainline({"--set", setting});
        EXPECT_EQ(command->wait(), exit_unsupported) << setting << command->err();
        EXPECT_NE(command->err().find(words), std::string::npos) << command->err();
        EXPECT_TRUE(nothing_left());
    }
}

TEST_F(MainlineTest, DoctorSaysWhetherItCanTakeTheModulesPlace) {
    const auto item = [] {
        Command doctor({"damon-schemes", "doctor", "--json"});
        doctor.wait();
        const auto whole = nlohmann::json::parse(doctor.out(), nullptr, false);
        EXPECT_FALSE(whole.is_discarded()) << doctor.out();
        for (const auto& each : whole["items"])
            if (each["name"] == "mainline_damon") return each;
        return nlohmann::json::object();
    };
    EXPECT_EQ(item()["state"], "yes");
    EXPECT_NE(item()["found"].get<std::string>().find("--monitor mainline"), std::string::npos);
    ASSERT_NO_FATAL_FAILURE(set_up_another(1));
    const auto before = listing();
    EXPECT_EQ(item()["state"], "partly");
    EXPECT_NE(item()["found"].get<std::string>().find("kdamond 0 is off"), std::string::npos);
    EXPECT_EQ(listing(), before);
    ASSERT_TRUE(shell("echo 0 > " + kdamonds + "/nr_kdamonds").good());
}

TEST_F(MainlineTest, OthersThanRootAreRefused) {
    start_target();
    chmod(policy, 0644);
    auto command =
        apply({"--monitor", "mainline", "--dry-run", "--pid", std::to_string(target->pid())},
              Command::As::nobody);
    EXPECT_EQ(command->wait(), exit_unsupported) << command->err();
    EXPECT_NE(command->err().find("run as root"), std::string::npos) << command->err();
}

// Hot memory looks idle there; nothing may be taken for cold.
TEST_F(MainlineBlind, ASessionThatDoesNotSeeNeverActs) {
    NEEDS_SWAP();
    start_target();
    auto command = by_mainline();
    ASSERT_TRUE(eventually([&] {
        return !command->running() || command->err().find("observing only") != std::string::npos;
    }));
    ASSERT_TRUE(command->running()) << command->err();
    // It goes on observing: the session's own kdamond, after the canary's.
    ASSERT_TRUE(eventually(
        [&] { return !command->running() || command->err().find("RSS") != std::string::npos; }));
    command->signal(SIGINT);
    EXPECT_EQ(command->wait(), exit_unsupported) << command->err();
    const auto whole = summary(*command);
    ASSERT_FALSE(whole.is_discarded());
    ASSERT_TRUE(whole["observed_only"].is_string());
    EXPECT_NE(whole["observed_only"].get<std::string>().find("pti=on"), std::string::npos);
    EXPECT_EQ(swapped(), 0U);
}

// Gives up all memory of the machine that is not used, and at once.
constexpr const char* physical = R"(version = 1
[monitor]
memory = "physical"
sampling_interval = "10ms"
aggregation_interval = "200ms"
regions = { min = 50, max = 500 }
[[scheme]]
name = "cold"
action = "pageout"
frequency = { max = "0%" }
age = { min = "1s" }
quota = "off"
[[scheme.filter]]
allow = "anonymous"
[limits]
min_free_swap = "off"
brake = "off"
guard = "off"
min_headroom = "off"
min_zram_saving = "off"
)";

TEST_F(Mainline, ColdPhysicalMemoryLeavesWhoeverUsesIt) {
    NEEDS_SWAP();
    std::ofstream(policy) << physical;
    start_target();
    auto command = apply({"--json"});
    ASSERT_TRUE(eventually([&] { return !command->running() || swapped() >= cold_bytes * 8 / 10; }))
        << swapped() << command->err();
    ASSERT_TRUE(command->running()) << command->err();
    EXPECT_EQ(contents(kdamonds + "/0/contexts/0/operations"), "paddr\n");
    EXPECT_TRUE(hot_memory_is_there()) << rss();
    command->signal(SIGINT);
    EXPECT_EQ(command->wait(), exit_ok) << command->err();
    const auto whole = summary(*command);
    ASSERT_FALSE(whole.is_discarded());
    EXPECT_EQ(whole["memory"], "physical");
    EXPECT_EQ(whole["ended"], "interrupted");
    // The kernel counts pages whose frame it freed at once, the program those that it does not map
    // any more: how many were still being written is chance (seen: 18 to 100 % of them counted).
    EXPECT_GT(whole["schemes"][0]["applied_bytes"].get<std::uint64_t>(), 0U);
    EXPECT_GE(whole["schemes"][0]["tried_bytes"].get<std::uint64_t>(),
              whole["schemes"][0]["applied_bytes"].get<std::uint64_t>());
    EXPECT_GT(whole["monitor"]["thread_ns"].get<std::uint64_t>(), 0U);
    EXPECT_TRUE(nothing_left()) << listing();
    target->cool("hot");
    EXPECT_EQ(target->ask("verify cold 1"), "0");
    EXPECT_EQ(target->ask("verify hot 2"), "0");
}

TEST_F(MainlineTest, ADryRunOnPhysicalMemoryCountsAndTakesNothing) {
    NEEDS_SWAP();
    std::ofstream(policy) << physical;
    start_target();
    auto command = apply({"--json", "--dry-run"});
    const auto tried = [] {
        shell("echo update_schemes_stats > " + kdamonds + "/0/state");
        const auto bytes = contents(kdamonds + "/0/contexts/0/schemes/0/stats/sz_tried");
        return !bytes.empty() && bytes != "0\n";
    };
    ASSERT_TRUE(eventually([&] { return !command->running() || tried(); })) << command->err();
    command->signal(SIGTERM);
    EXPECT_EQ(command->wait(), exit_ok) << command->err();
    const auto whole = summary(*command);
    ASSERT_FALSE(whole.is_discarded());
    EXPECT_TRUE(whole["dry_run"].get<bool>());
    EXPECT_GT(whole["schemes"][0]["tried_bytes"].get<std::uint64_t>(), 0U);
    EXPECT_EQ(whole["schemes"][0]["applied_bytes"].get<std::uint64_t>(), 0U) << whole.dump(1);
    EXPECT_EQ(swapped(), 0U);
}

TEST_F(MainlineTest, WhatAKilledEngineLeftOnPhysicalMemoryIsTakenDownByTheNext) {
    std::ofstream(policy) << physical;
    start_target();
    auto killed = apply({"--dry-run", "--allow-no-swap"});
    ASSERT_TRUE(eventually([&] { return !killed->running() || state() == "on"; }));
    ASSERT_TRUE(eventually([&] {
        return contents(record_file).find("\"kdamond\": 0") == std::string::npos;
    })) << killed->err();
    killed->signal(SIGKILL);
    EXPECT_EQ(killed->wait(), 128 + SIGKILL);
    EXPECT_EQ(state(), "on");
    auto next = record("1s");
    EXPECT_EQ(next->wait(), exit_ok) << next->err();
    EXPECT_TRUE(nothing_left()) << listing();
}

// What is not seen is not cold there either.
TEST_F(MainlineBlind, OnPhysicalMemoryASessionThatDoesNotSeeNeverActs) {
    NEEDS_SWAP();
    std::ofstream(policy) << physical;
    start_target();
    auto command = apply({"--json"});
    EXPECT_EQ(command->wait(), exit_unsupported) << command->err();
    EXPECT_NE(command->err().find("nothing is done"), std::string::npos) << command->err();
    EXPECT_EQ(swapped(), 0U);
}

// Each kind of file that a policy may need.
constexpr const char* physical_in_full = R"(version = 1
[monitor]
memory = "physical"
[limits]
brake = "off"
guard = "off"
min_headroom = "off"
min_zram_saving = "off"
[[scheme]]
name = "cold"
action = "pageout"
size = { min = "8KiB", max = "1GiB" }
frequency = { max = "10%" }
age = { min = "1s", max = "1h" }
apply_interval = "500ms"
watermarks = { free_memory = { high = "100%", mid = "99%", low = "0%" }, interval = "1s" }
[scheme.quota]
bytes = "64MiB"
time = "20ms"
per = "2s"
priority = { size = 1, frequency = 2, age = 3 }
[[scheme.quota.goal]]
metric = "pressure"
target = "1%"
[[scheme.filter]]
reject = "cgroup"
name = "/"
[[scheme.filter]]
allow = "anonymous"
[[scheme]]
name = "colder"
action = "cold"
quota = "off"
)";

TEST_F(MainlineTest, TheKernelTakesAllThatAPolicyOnPhysicalMemoryMaySay) {
    std::ofstream(policy) << physical_in_full;
    start_target();
    auto command = apply({"--json", "--allow-no-swap", "--dry-run"});
    ASSERT_TRUE(eventually([&] { return !command->running() || state() == "on"; }));
    ASSERT_TRUE(command->running()) << command->err();
    const std::string scheme = kdamonds + "/0/contexts/0/schemes/0/";
    EXPECT_EQ(contents(scheme + "quotas/goals/0/target_metric"), "some_mem_psi_us\n");
    EXPECT_EQ(contents(scheme + "quotas/goals/0/target_value"), "20000\n");
    EXPECT_EQ(contents(scheme + "quotas/weights/age_permil"), "500\n");
    EXPECT_EQ(contents(scheme + "watermarks/metric"), "free_mem_rate\n");
    EXPECT_EQ(contents(scheme + "filters/0/memcg_path"), "/\n");
    EXPECT_EQ(contents(scheme + "filters/1/matching"), "N\n");
    command->signal(SIGINT);
    EXPECT_EQ(command->wait(), exit_ok) << command->err();
    const auto whole = summary(*command);
    ASSERT_FALSE(whole.is_discarded());
    EXPECT_EQ(whole["schemes"].size(), 2U);
}

TEST_F(MainlineTest, PhysicalMemoryHasNoTargets) {
    std::ofstream(policy) << physical;
    start_target();
    for (auto& command :
         {apply_to_target({"--allow-no-swap"}), apply({"--allow-no-swap", "--", "sleep", "1"})}) {
        EXPECT_EQ(command->wait(), exit_usage) << command->err();
        EXPECT_NE(command->err().find("physical"), std::string::npos) << command->err();
    }
}

class MainlineMonitored : public MainlineTest {
  protected:
    void SetUp() override {
        MainlineTest::SetUp();
        if (IsSkipped()) return;
        auto opened = open_mainline_monitor();
        ASSERT_TRUE(opened) << opened.error().message;
        monitor = std::move(*opened);
        attributes.sampling_interval = std::chrono::milliseconds(10);
        attributes.aggregation_interval = std::chrono::milliseconds(200);
        attributes.update_interval = std::chrono::milliseconds(400);
    }
    void TearDown() override {
        monitor.reset();
        MainlineTest::TearDown();
    }
    void start(const std::vector<pid_t>& pids) {
        ASSERT_TRUE(monitor->set_attributes(attributes));
        for (const auto pid : pids) {
            const auto id = monitor->add_target(pid);
            ASSERT_TRUE(id) << id.error().message;
            ids.push_back(*id);
        }
        const auto started = monitor->start();
        ASSERT_TRUE(started) << started.error().message;
    }
    // The next one; a test's failure where none comes.
    damon_schemes::Snapshot next() {
        for (int i = 0; i < 1800; i++) {
            auto snapshot = monitor->take_snapshot();
            if (!snapshot) {
                ADD_FAILURE() << snapshot.error().message;
                return {};
            }
            if (*snapshot) return std::move(**snapshot);
            pollfd waiting{monitor->descriptor(), POLLIN, 0};
            poll(&waiting, 1, 100);
        }
        ADD_FAILURE() << "no snapshot came";
        return {};
    }
    bool comes(const std::function<bool(const damon_schemes::Snapshot&)>& holds) {
        for (int i = 0; i < 300 && !HasFailure(); i++) {
            if (holds(next())) return true;
        }
        return false;
    }
    static void expect_whole(const damon_schemes::TargetSnapshot& target) {
        std::uint64_t end = 0;
        for (const Region& region : target.regions) {
            EXPECT_LT(region.range.start, region.range.end);
            EXPECT_GE(region.range.start, end);
            end = region.range.end;
        }
        EXPECT_GE(target.regions.size(), 3U);
    }

    std::unique_ptr<Monitor> monitor;
    MonitorAttributes attributes;
    std::vector<TargetId> ids;
};

TEST_F(MainlineMonitored, SnapshotsAreWholeAndNumbered) {
    Target one, other;
    ASSERT_NO_FATAL_FAILURE(start({one.pid(), other.pid()}));
    std::uint64_t sequence = 0;
    for (int i = 0; i < 10; i++) {
        const auto snapshot = next();
        EXPECT_GT(snapshot.sequence, sequence);
        sequence = snapshot.sequence;
        ASSERT_EQ(snapshot.targets.size(), 2U);
        EXPECT_EQ(snapshot.targets[0].id, ids[0]);
        EXPECT_EQ(snapshot.targets[0].pid, one.pid());
        EXPECT_EQ(snapshot.targets[1].pid, other.pid());
        for (const auto& seen : snapshot.targets) expect_whole(seen);
        for (const auto& seen : snapshot.targets)
            for (const Region& region : seen.regions) EXPECT_EQ(region.sampled, 20U);
    }
    const auto cost = monitor->cost();
    ASSERT_TRUE(cost);
    EXPECT_GT(cost->thread, 0);
    EXPECT_GT(cost->memory.count, 0U);
}

// Whoever does not read loses snapshots, as many as are told, and never gets half a one.
TEST_F(MainlineMonitored, WhatIsNotReadInTimeIsLostAsAWhole) {
    attributes.sampling_interval = std::chrono::milliseconds(2);
    attributes.aggregation_interval = std::chrono::milliseconds(10);
    attributes.max_regions = 200;
    Target program;
    program.map("much", 64 * mib);
    ASSERT_NO_FATAL_FAILURE(start({program.pid()}));
    next();
    const auto overrun = [] {
        return shell(
                   "cat /sys/kernel/tracing/instances/damon-schemes-*/per_cpu/cpu*/stats | awk "
                   "'/^overrun/ { sum += $2 } END { exit sum > 0 ? 0 : 1 }'")
            .good();
    };
    ASSERT_TRUE(eventually(overrun));
    std::uint64_t lost = 0;
    ASSERT_TRUE(comes([&](const auto& snapshot) {
        for (const auto& seen : snapshot.targets) expect_whole(seen);
        lost = snapshot.lost;
        return lost > 0;
    }));
    for (int i = 0; i < 5; i++) {
        for (const auto& seen : next().targets) expect_whole(seen);
    }
}

// Mainline keeps the regions of the program before, and their ages.
TEST_F(MainlineMonitored, AnExecBeginsAnew) {
    Target program;
    program.map("cold", 32 * mib);
    ASSERT_NO_FATAL_FAILURE(start({program.pid()}));
    const auto oldest = [](const damon_schemes::Snapshot& snapshot) {
        std::uint32_t age = 0;
        for (const Region& region : snapshot.targets.at(0).regions) age = std::max(age, region.age);
        return age;
    };
    ASSERT_TRUE(comes([&](const auto& snapshot) { return oldest(snapshot) >= 5; }));
    const auto before = next().targets.at(0).generation;
    program.exec();
    damon_schemes::Snapshot snapshot;
    ASSERT_TRUE(comes([&](const auto& seen) {
        snapshot = seen;
        return seen.targets.at(0).generation > before;
    }));
    for (const Region& region : snapshot.targets.at(0).regions) EXPECT_FALSE(region.known());
    for (std::uint32_t intervals = 0; intervals < 4; intervals++) {
        snapshot = next();
        EXPECT_EQ(snapshot.targets.at(0).generation, before + 1);
        EXPECT_LE(oldest(snapshot), intervals + snapshot.lost);
    }
}

TEST_F(MainlineMonitored, ATargetsExitIsToldAndTheOthersGoOn) {
    auto one = std::make_unique<Target>();
    Target other;
    ASSERT_NO_FATAL_FAILURE(start({one->pid(), other.pid()}));
    next();
    one->kill(false);  // a zombie, whose memory has gone
    ASSERT_TRUE(comes([&](const auto& snapshot) { return snapshot.targets.at(0).exited; }));
    const auto after = next();
    EXPECT_TRUE(after.targets.at(0).regions.empty());
    EXPECT_FALSE(after.targets.at(1).exited);
    EXPECT_GE(after.targets.at(1).regions.size(), 3U);
    // Nor does it matter that its pid goes.
    one.reset();
    next();
    ASSERT_TRUE(monitor->remove_target(ids[0]));
    EXPECT_TRUE(comes([&](const auto& snapshot) { return snapshot.targets.size() == 1; }));
}

TEST_F(MainlineMonitored, ItEndsWithItsLastTarget) {
    auto program = std::make_unique<Target>();
    ASSERT_NO_FATAL_FAILURE(start({program->pid()}));
    next();
    program.reset();
    ASSERT_TRUE(eventually([] { return state() == "off"; }));
    const auto snapshot = monitor->take_snapshot();
    EXPECT_TRUE(snapshot) << "an exit is no failure: " << snapshot.error().message;
    EXPECT_TRUE(monitor->stop());
}

TEST_F(MainlineMonitored, OtherAttributesAreTakenOverWhileItRuns) {
    Target program;
    program.map("cold", 32 * mib);
    ASSERT_NO_FATAL_FAILURE(start({program.pid()}));
    next();
    const auto kdamond = contents(kdamonds + "/0/pid");
    attributes.aggregation_interval = std::chrono::milliseconds(100);
    attributes.max_regions = 50;
    const auto set = monitor->set_attributes(attributes);
    ASSERT_TRUE(set) << set.error().message;
    const auto snapshot = next();
    EXPECT_EQ(snapshot.aggregation_interval, attributes.aggregation_interval);
    for (const Region& region : snapshot.targets.at(0).regions) EXPECT_EQ(region.sampled, 10U);
    EXPECT_EQ(contents(kdamonds + "/0/pid"), kdamond) << "it was started anew";
    EXPECT_EQ(contents(kdamonds + "/0/contexts/0/monitoring_attrs/nr_regions/max"), "50\n");
}

TEST_F(MainlineMonitored, AfterARestItGoesOnWithThoseThatAreLeft) {
    auto one = std::make_unique<Target>();
    Target other;
    ASSERT_NO_FATAL_FAILURE(start({one->pid(), other.pid()}));
    next();
    ASSERT_TRUE(monitor->stop());
    EXPECT_EQ(state(), "off");
    one.reset();
    const auto started = monitor->start();
    ASSERT_TRUE(started) << started.error().message;
    const auto snapshot = next();
    ASSERT_EQ(snapshot.targets.size(), 1U);
    EXPECT_EQ(snapshot.targets[0].id, ids[1]);
    expect_whole(snapshot.targets[0]);
}

TEST_F(MainlineMonitored, NoTargetIsAddedWhileItRuns) {
    Target one, other;
    ASSERT_NO_FATAL_FAILURE(start({one.pid()}));
    const auto refused = monitor->add_target(other.pid());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::unsupported);
    ASSERT_TRUE(monitor->stop());
    EXPECT_TRUE(monitor->add_target(other.pid()));
    ASSERT_TRUE(monitor->start());
    EXPECT_EQ(next().targets.size(), 2U);
}

// What `explain` says would be acted on.
std::vector<std::pair<std::uint64_t, std::uint64_t>> acted_on(const std::string& monitor,
                                                              const std::string& policy, pid_t pid,
                                                              const std::string& duration) {
    Command command({"damon-schemes", "explain", policy, "--monitor", monitor, "--pid",
                     std::to_string(pid), "--duration", duration, "--json"});
    EXPECT_EQ(command.wait(), exit_ok) << command.err();
    const auto whole = nlohmann::json::parse(command.out(), nullptr, false);
    EXPECT_FALSE(whole.is_discarded()) << command.out();
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
    if (whole.is_discarded()) return ranges;
    for (const auto& verdict : whole["verdicts"]) {
        if (verdict["held_back"].is_null())
            ranges.emplace_back(verdict["start"].get<std::uint64_t>(),
                                verdict["end"].get<std::uint64_t>());
    }
    return ranges;
}

// Pages of the area on which both decide alike.
std::uint64_t alike(const std::vector<std::pair<std::uint64_t, std::uint64_t>>& one,
                    const std::vector<std::pair<std::uint64_t, std::uint64_t>>& other, Area area) {
    const auto holds = [](const auto& ranges, std::uint64_t address) {
        return std::any_of(ranges.begin(), ranges.end(), [address](const auto& range) {
            return range.first <= address && address < range.second;
        });
    };
    std::uint64_t pages = 0;
    for (auto at = area.start; at < area.end; at += 4096)
        if (holds(one, at) == holds(other, at)) pages++;
    return pages;
}

TEST_F(Mainline, BothMonitorsDecideAlikeOnASteadyProgram) {
    NEEDS_MODULE();
    start_target();
    const std::uint64_t all = (cold_bytes + hot_bytes) / 4096;
    std::uint64_t same = 0;
    // Regions take a while to fit; longer and longer, as long as it takes.
    for (const char* duration : {"8s", "16s", "32s"}) {
        const auto by_module = acted_on("module", policy, target->pid(), duration);
        const auto by_other = acted_on("mainline", policy, target->pid(), duration);
        EXPECT_FALSE(by_module.empty());
        EXPECT_FALSE(by_other.empty());
        same = alike(by_module, by_other, cold) + alike(by_module, by_other, hot);
        RecordProperty(std::string("alike_percent_") + duration,
                       static_cast<int>(same * 100 / all));
        std::printf("after %s: %.1f %% of bytes alike\n", duration,
                    static_cast<double>(same) * 100 / static_cast<double>(all));
        if (same >= all * 95 / 100) break;
    }
    EXPECT_GE(same, all * 95 / 100);
}

}  // namespace
}  // namespace damon_schemes::vm

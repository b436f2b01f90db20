// SPDX-License-Identifier: MIT
// damon-schemes daemon: programs that fit are found, watched and acted on as they come and go.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "apply_to_target.h"
#include "tests/unit/engine/http_asker.h"

namespace damon_schemes::vm {
namespace {

class DaemonInGuest : public ApplyToTarget {
  protected:
    void SetUp() override {
        ApplyToTarget::SetUp();
        if (!IsSkipped()) NEEDS_SWAP();
        write(std::string(eager) + "[[target]]\nname = \"vm_target\"\nall = true\n");
    }
    void TearDown() override {
        ApplyToTarget::TearDown();
        std::filesystem::remove_all(folder);
    }
    static void write(const std::string& text) {
        std::filesystem::create_directories(std::string(folder) + "/policy.d");
        std::ofstream(std::string(folder) + "/policy.d/targets.toml") << text;
    }
    static std::unique_ptr<Command> start_daemon() {
        return std::make_unique<Command>(std::vector<std::string>{
            "damon-schemes", "daemon", "--policies", folder, "--socket", socket});
    }
    static nlohmann::json status() {
        Command command({"damon-schemes", "status", "--json", "--socket", socket});
        EXPECT_EQ(command.wait(), exit_ok) << command.err();
        const auto answer = nlohmann::json::parse(command.out(), nullptr, false);
        return answer.is_discarded() ? nlohmann::json() : answer["status"];
    }
    // The value of the series of that name whose labels have this in them; -1: there is none.
    static double metric(const std::string& metrics, const std::string& name,
                         const std::string& label = "") {
        std::istringstream lines(metrics);
        for (std::string line; std::getline(lines, line);)
            if (line.starts_with("damon_schemes_" + name) && line.find(label) != std::string::npos)
                return std::stod(line.substr(line.rfind(' ') + 1));
        return -1;
    }
    static bool says(const Command& command, const std::string& what) {
        return command.err().find(what) != std::string::npos;
    }
    static constexpr const char* folder = "/tmp/vm_policies";
    static constexpr const char* socket = "/tmp/vm_policies/control.sock";
};

TEST_F(DaemonInGuest, ProgramsAreFoundAsTheyComeAndTheirColdMemoryLeaves) {
    auto daemon = start_daemon();
    ASSERT_TRUE(eventually([&] { return !daemon->running() || says(*daemon, "may act"); }));
    ASSERT_TRUE(daemon->running()) << daemon->err();
    start_target();
    ASSERT_TRUE(eventually([&] { return !daemon->running() || swapped() >= cold_bytes / 2; }))
        << daemon->err();
    ASSERT_TRUE(daemon->running()) << daemon->err();
    EXPECT_TRUE(hot_memory_is_there());
    Target second;
    second.map("more", cold_bytes);
    second.ask("fill more 3");
    ASSERT_TRUE(eventually([&] {
        return !daemon->running() || memory_of(second.pid(), "VmSwap") >= cold_bytes / 2;
    })) << daemon->err();
    const auto both = status();
    ASSERT_EQ(both["policies"].size(), 1U) << both.dump(1);
    EXPECT_EQ(both["policies"][0]["targets"].size(), 2U) << both.dump(1);
    EXPECT_GE(both["policies"][0]["schemes"][0]["paged_out_bytes"].get<std::uint64_t>(),
              cold_bytes / 2)
        << both.dump(1);
    second.kill();
    EXPECT_TRUE(eventually([&] { return status()["policies"][0]["targets"].size() == 1; }));
    EXPECT_TRUE(daemon->running()) << daemon->err();
    target->cool("hot");
    EXPECT_EQ(target->ask("verify cold 1"), "0");
    EXPECT_EQ(target->ask("verify hot 2"), "0");
    daemon->signal(SIGTERM);
    EXPECT_EQ(daemon->wait(), exit_ok) << daemon->err();
}

TEST_F(DaemonInGuest, ABadPolicyChangesNothingAndAGoodOneReplacesTheFormer) {
    start_target();
    auto daemon = start_daemon();
    ASSERT_TRUE(eventually([&] { return !daemon->running() || swapped() >= cold_bytes / 2; }))
        << daemon->err();
    write("version = 1\nsomething = 1\n");
    Command reload({"damon-schemes", "reload", "--socket", socket});
    EXPECT_EQ(reload.wait(), exit_runtime) << reload.err();
    EXPECT_TRUE(says(reload, "something")) << reload.err();
    ASSERT_TRUE(daemon->running()) << daemon->err();
    EXPECT_TRUE(says(*daemon, "not reloaded")) << daemon->err();
    // All of it comes back, and leaves again: the policy is still at work.
    EXPECT_EQ(target->ask("verify cold 1"), "0");
    ASSERT_TRUE(eventually([&] { return !daemon->running() || swapped() >= cold_bytes / 2; }))
        << daemon->err();

    write(
        "version = 1\n[[target]]\nname = \"vm_target\"\nall = true\n[[scheme]]\nname = \"watch\"\n"
        "action = \"stat\"\n");
    daemon->signal(SIGHUP);
    ASSERT_TRUE(eventually([&] { return !daemon->running() || says(*daemon, "reloaded /tmp"); }));
    ASSERT_TRUE(daemon->running()) << daemon->err();
    EXPECT_EQ(target->ask("verify cold 1"), "0");
    sleep(5);
    EXPECT_LE(swapped(), cold_bytes / 8) << daemon->err();
    daemon->signal(SIGTERM);
    EXPECT_EQ(daemon->wait(), exit_ok) << daemon->err();
}

TEST_F(DaemonInGuest, AProgramThatNeedsWhatWasPagedOutIsLeftAloneAndStatusSaysWhy) {
    std::string guarded = eager;
    const std::string off = "guard = \"off\"";
    guarded.replace(guarded.find(off), off.size(),
                    "guard = { refaults = \"1MiB\", pause = \"60s\" }");
    write(guarded + "[[target]]\nname = \"vm_target\"\nall = true\n");
    start_target();
    auto daemon = start_daemon();
    ASSERT_TRUE(eventually([&] { return !daemon->running() || swapped() >= cold_bytes / 2; }))
        << daemon->err();
    nlohmann::json told;
    ASSERT_TRUE(eventually([&] {
        // All of it is needed at once.
        target->ask("verify cold 1");
        told = status();
        return !daemon->running() || !told["policies"][0]["targets"][0]["guarded"].empty();
    })) << daemon->err();
    EXPECT_EQ(told["policies"][0]["targets"][0]["guarded"][0]["harm"], "refaults") << told.dump(1);
    EXPECT_EQ(told["policies"][0]["schemes"][0]["guard_pauses"], 1) << told.dump(1);
    // For as long as the pause lasts it keeps all of that.
    target->ask("verify cold 1");
    EXPECT_TRUE(eventually([&] { return rss() >= cold_bytes; }));
    EXPECT_TRUE(eventually([&] {
        told = status();
        return told["policies"][0]["schemes"][0]["held_back_bytes"].value("guard", 0U) > 0;
    })) << told.dump(1);
    EXPECT_GE(rss(), cold_bytes);
    daemon->signal(SIGTERM);
    EXPECT_EQ(daemon->wait(), exit_ok) << daemon->err();
}

TEST_F(DaemonInGuest, MetricsSayWhatItDoesOverHttpAndInAFile) {
    start_target();
    const std::string file = std::string(folder) + "/damon-schemes.prom";
    Command daemon({"damon-schemes", "daemon", "--policies", folder, "--socket", socket,
                    "--metrics", "127.0.0.1:9797", "--metrics-textfile", file});
    ASSERT_TRUE(eventually([&] { return !daemon.running() || says(daemon, "watches vm_target"); }));
    ASSERT_TRUE(daemon.running()) << daemon.err();
    EXPECT_TRUE(says(daemon, "metrics are at http://127.0.0.1:9797/metrics")) << daemon.err();
    std::string metrics;
    ASSERT_TRUE(eventually([&] {
        metrics = damon_schemes::testing::get("127.0.0.1:9797", "/metrics").body;
        return metric(metrics, "paged_out_bytes_total{") >= static_cast<double>(cold_bytes) / 2;
    })) << metrics
        << daemon.err();
    EXPECT_EQ(metric(metrics, "targets{", "rule=\"name=vm_target\""), 1) << metrics;
    EXPECT_GE(metric(metrics, "target_swapped_bytes{"), static_cast<double>(cold_bytes) / 4);
    EXPECT_GT(metric(metrics, "snapshots_total{"), 0);
    EXPECT_GE(metric(metrics, "lost_snapshots_total{"), 0);
    EXPECT_GT(metric(metrics, "regions{"), 0);
    EXPECT_GT(metric(metrics, "monitor_cpu_seconds_total{"), 0);
    EXPECT_GT(metric(metrics, "monitor_memory_bytes{"), 0);
    EXPECT_GT(metric(metrics, "engine_cpu_seconds_total"), 0);
    EXPECT_GT(metric(metrics, "engine_resident_bytes"), 1 << 20);
    EXPECT_GT(metric(metrics, "host_swap_bytes"), 0);
    EXPECT_EQ(metric(metrics, "policy_observing{"), 0) << metrics;
    EXPECT_EQ(metric(metrics, "last_reload_successful"), 1);

    write("version = 1\nsomething = 1\n");
    daemon.signal(SIGHUP);
    EXPECT_TRUE(eventually([&] {
        metrics = damon_schemes::testing::get("127.0.0.1:9797", "/metrics").body;
        return metric(metrics, "last_reload_successful") == 0;
    })) << metrics;
    EXPECT_TRUE(std::filesystem::exists(file)) << daemon.err();
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exit_ok) << daemon.err();
    EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(DaemonInGuest, ADryRunWatchesAndTakesNothing) {
    start_target();
    Command daemon(
        {"damon-schemes", "daemon", "--dry-run", "--policies", folder, "--socket", "none"});
    ASSERT_TRUE(eventually([&] { return !daemon.running() || says(daemon, "watches vm_target"); }));
    ASSERT_TRUE(daemon.running()) << daemon.err();
    sleep(5);
    daemon.signal(SIGINT);
    EXPECT_EQ(daemon.wait(), exit_ok) << daemon.err();
    EXPECT_EQ(swapped(), 0U);
}

}  // namespace
}  // namespace damon_schemes::vm

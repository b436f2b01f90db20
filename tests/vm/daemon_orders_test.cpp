// SPDX-License-Identifier: MIT
// What a daemon is told while it works: pauses, memory brought back, and why it does what it does.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apply_to_target.h"

namespace damon_schemes::vm {
namespace {

class DaemonOrders : public ApplyToTarget {
  protected:
    void SetUp() override {
        ApplyToTarget::SetUp();
        if (!IsSkipped()) NEEDS_SWAP();
        std::filesystem::create_directories(folder);
        std::ofstream(std::string(folder) + "/policy.toml")
            << eager << "[[target]]\nname = \"vm_target\"\nall = true\n";
    }
    void TearDown() override {
        if (daemon && daemon->running()) {
            daemon->signal(SIGTERM);
            EXPECT_EQ(daemon->wait(), exit_ok) << daemon->err();
        }
        ApplyToTarget::TearDown();
        std::filesystem::remove_all(folder);
    }
    void start_daemon() {
        daemon = std::make_unique<Command>(std::vector<std::string>{
            "damon-schemes", "daemon", "--policies", folder, "--socket", socket, "--audit", audit});
    }
    // Its answer, or null where it was refused.
    nlohmann::json tell(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "damon-schemes");
        arguments.insert(arguments.end(), {"--json", "--socket", socket});
        Command command(arguments);
        EXPECT_EQ(command.wait(), exit_ok) << command.err() << daemon->err();
        return nlohmann::json::parse(command.out(), nullptr, false);
    }
    nlohmann::json told_of_target() {
        const auto top = tell({"top"});
        return top.is_object() && !top["targets"].empty() ? top["targets"][0] : nlohmann::json();
    }
    std::string pid() const { return std::to_string(target->pid()); }

    static constexpr const char* folder = "/tmp/vm_orders";
    static constexpr const char* socket = "/tmp/vm_orders/control.sock";
    static constexpr const char* audit = "/tmp/vm_orders/audit";
    std::unique_ptr<Command> daemon;
};

TEST_F(DaemonOrders, APausedTargetKeepsItsMemoryAndIsTakenUpAgain) {
    start_target();
    start_daemon();
    ASSERT_TRUE(eventually([&] { return !daemon->running() || swapped() >= cold_bytes / 2; }))
        << daemon->err();
    tell({"pause", "--pid", pid()});
    EXPECT_EQ(target->ask("verify cold 1"), "0");
    // Its memory comes to the age that the policy asks for, and is left alone for that reason
    // alone.
    EXPECT_TRUE(eventually([&] {
        const auto status = tell({"status"})["status"]["policies"][0];
        return status["schemes"][0]["held_back_bytes"].value("paused", std::uint64_t{0}) >=
               cold_bytes / 2;
    })) << daemon->err();
    EXPECT_LE(swapped(), cold_bytes / 8);
    EXPECT_EQ(told_of_target()["state"], "paused");
    tell({"resume"});
    EXPECT_TRUE(eventually([&] { return !daemon->running() || swapped() >= cold_bytes / 2; }))
        << daemon->err();
}

TEST_F(DaemonOrders, WhatIsReleasedIsInMemoryAgainAndStaysThere) {
    start_target();
    start_daemon();
    ASSERT_TRUE(eventually([&] { return !daemon->running() || swapped() >= cold_bytes / 2; }))
        << daemon->err();
    ASSERT_TRUE(eventually([&] {
        const auto told = told_of_target();
        return told.is_object() && told["swapped_bytes"].is_number() &&
               told["swapped_bytes"].get<std::uint64_t>() >= cold_bytes / 2;
    }));
    const auto answer = tell({"release", "--pid", pid()});
    EXPECT_GE(answer.value("bytes", std::uint64_t{0}), cold_bytes / 2) << answer;
    EXPECT_TRUE(eventually([&] { return swapped() <= cold_bytes / 8; })) << daemon->err();
    EXPECT_GE(rss(), cold_bytes);
    EXPECT_TRUE(eventually([&] {
        const auto status = tell({"status"})["status"]["policies"][0];
        return status["schemes"][0]["held_back_bytes"].value("paused", std::uint64_t{0}) >=
               cold_bytes / 2;
    })) << "it is cold again, and left alone";
    EXPECT_LE(swapped(), cold_bytes / 8);
    EXPECT_EQ(target->ask("verify cold 1"), "0") << "every byte is as it was";
    EXPECT_TRUE(eventually([&] {
        return daemon->err().find("are back in memory") != std::string::npos;
    })) << daemon->err();
}

TEST_F(DaemonOrders, WhatADaemonWatchesIsExplainedByIt) {
    start_target();
    start_daemon();
    ASSERT_TRUE(eventually([&] { return !daemon->running() || swapped() >= cold_bytes / 2; }))
        << daemon->err();
    Command alone({"damon-schemes", "explain", policy, "--pid", pid()});
    EXPECT_NE(alone.wait(), exit_ok);
    EXPECT_NE(alone.err().find("explain --daemon"), std::string::npos) << alone.err();
    Command explain({"damon-schemes", "explain", "--daemon", "--pid", pid(), "--socket", socket});
    EXPECT_EQ(explain.wait(), exit_ok) << explain.err();
    EXPECT_NE(explain.out().find("Scheme cold (pageout)"), std::string::npos) << explain.out();
    EXPECT_NE(explain.out().find("frequency"), std::string::npos)
        << "the hot memory is held back: " << explain.out();
    const auto decision = tell({"explain", "--daemon", "--pid", pid()})["decision"];
    ASSERT_EQ(decision["targets"].size(), 1U) << decision.dump(1).substr(0, 2000);
}

TEST_F(DaemonOrders, EachActionIsInTheAudit) {
    start_target();
    start_daemon();
    ASSERT_TRUE(eventually([&] { return !daemon->running() || swapped() >= cold_bytes / 2; }))
        << daemon->err();
    daemon->signal(SIGTERM);
    ASSERT_EQ(daemon->wait(), exit_ok) << daemon->err();
    std::ifstream lines(audit);
    std::uint64_t paged_out = 0;
    for (std::string line; std::getline(lines, line);) {
        const auto entry = nlohmann::json::parse(line, nullptr, false);
        ASSERT_TRUE(entry.is_object()) << line;
        EXPECT_EQ(entry["scheme"], "cold") << line;
        EXPECT_EQ(entry["pid"], target->pid()) << line;
        paged_out += entry["paged_out_bytes"].get<std::uint64_t>();
    }
    EXPECT_GE(paged_out, cold_bytes / 2);
}

}  // namespace
}  // namespace damon_schemes::vm

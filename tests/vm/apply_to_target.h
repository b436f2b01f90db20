// SPDX-License-Identifier: MIT
// damon-schemes apply on a program with hot and cold memory, as tests of it need both.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "command.h"
#include "process.h"
#include "session.h"
#include "swap.h"
#include "target.h"

namespace damon_schemes::vm {

inline constexpr int exit_ok = 0, exit_runtime = 1, exit_usage = 2, exit_policy = 3,
                     exit_unsupported = 4;

// What a whole machine needs before anything can be paged out.
#define NEEDS_SWAP()                                                    \
    do {                                                                \
        if (swap_total() == 0) GTEST_SKIP() << "the guest has no swap"; \
    } while (false)

// Gives memory up fast, so that a test is short, and without limits unless a test sets them.
inline constexpr const char* eager = R"(version = 1
[monitor]
sampling_interval = "10ms"
aggregation_interval = "200ms"
update_interval = "400ms"
[[scheme]]
name = "cold"
action = "pageout"
frequency = { max = "0%" }
age = { min = "1s" }
quota = "off"
[limits]
min_free_swap = "off"
brake = "off"
guard = "off"
min_headroom = "off"
min_zram_saving = "off"
)";

class ApplyToTarget : public testing::Test {
  protected:
    static constexpr std::uint64_t cold_bytes = 32 * mib, hot_bytes = 8 * mib;

    void SetUp() override {
        NEEDS_MODULE();
        std::ofstream(policy) << eager;
    }
    void TearDown() override {
        unlink(policy);
        if (IsSkipped() || !target || access(DAMON_SCHEMES_DEVICE, F_OK) != 0) return;
        // However it ended, nothing is left in the kernel.
        Session session;
        EXPECT_TRUE(eventually([&] { return session.add(target->pid()) != EBUSY; }));
    }

    Target& start_target() {
        target = std::make_unique<Target>();
        cold = target->map("cold", cold_bytes);
        hot = target->map("hot", hot_bytes);
        target->ask("fill cold 1");
        target->ask("fill hot 2");
        target->hot("hot");
        return *target;
    }

    std::unique_ptr<Command> apply(const std::vector<std::string>& arguments,
                                   Command::As user = Command::As::root) const {
        std::vector<std::string> argv{"damon-schemes", "apply", policy};
        argv.insert(argv.end(), arguments.begin(), arguments.end());
        return std::make_unique<Command>(argv, user);
    }
    std::unique_ptr<Command> apply_to_target(std::vector<std::string> more = {}) const {
        more.insert(more.end(), {"--json", "--pid", std::to_string(target->pid())});
        return apply(more);
    }

    // Until it says how it goes, which it does once its session runs.
    static bool comes_to_watch(Command& command) {
        return eventually([&] {
                   return !command.running() || command.err().find("RSS") != std::string::npos;
               }) &&
               command.running();
    }

    static nlohmann::json summary(const Command& command) {
        const auto summary = nlohmann::json::parse(command.out(), nullptr, false);
        EXPECT_FALSE(summary.is_discarded()) << command.out() << command.err();
        return summary;
    }
    static std::uint64_t gap(const nlohmann::json& scheme, const char* name) {
        return scheme["gaps_bytes"].value(name, std::uint64_t{0});
    }
    // Ends the command as ^C does and returns its summary.
    static nlohmann::json interrupted(Command& command) {
        command.signal(SIGINT);
        EXPECT_EQ(command.wait(), exit_ok) << command.err();
        auto whole = summary(command);
        if (whole.is_discarded()) return nlohmann::json::object();
        expect_account(whole["schemes"][0]);
        return whole;
    }
    // The same; returns what its only scheme did.
    static nlohmann::json interrupt(Command& command) {
        const auto whole = interrupted(command);
        return whole.empty() ? whole : whole["schemes"][0];
    }
    // Each byte that was planned left memory or has a reason why it did not.
    static void expect_account(const nlohmann::json& scheme) {
        std::uint64_t accounted = scheme["paged_out_bytes"].get<std::uint64_t>();
        for (const auto& [name, bytes] : scheme["gaps_bytes"].items())
            accounted += bytes.get<std::uint64_t>();
        EXPECT_EQ(scheme["planned_bytes"].get<std::uint64_t>(), accounted) << scheme.dump(1);
    }
    // Runs it for longer and longer until `holds` for what its only scheme did; returns that. Each
    // run counts from 0: what an earlier one paged out is not there for the next.
    template <typename Predicate>
    nlohmann::json run_until(const std::vector<std::string>& arguments,
                             const Predicate& holds) const {
        nlohmann::json scheme = nlohmann::json::object();
        for (const char* duration : {"4s", "8s", "16s", "32s", "64s", "128s"}) {
            auto more = arguments;
            more.insert(more.end(), {"--duration", duration});
            auto command = apply_to_target(more);
            EXPECT_EQ(command->wait(), exit_ok) << command->err();
            const auto whole = summary(*command);
            if (whole.is_discarded()) break;
            scheme = whole["schemes"][0];
            if (!whole["dry_run"].get<bool>()) expect_account(scheme);
            if (holds(scheme)) break;
        }
        return scheme;
    }
    std::uint64_t swapped() const { return memory_of(target->pid(), "VmSwap"); }
    std::uint64_t rss() const { return memory_of(target->pid(), "VmRSS"); }
    // What the program uses; it is kept from running where the machine is busy and looks idle
    // meanwhile, but then that comes back.
    bool hot_memory_is_there() const {
        return eventually([&] { return rss() >= hot_bytes * 8 / 10; });
    }

    std::unique_ptr<Target> target;
    Area cold, hot;
    static constexpr const char* policy = "/tmp/vm_policy.toml";
};

}  // namespace damon_schemes::vm

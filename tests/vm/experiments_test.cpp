// SPDX-License-Identifier: MIT
// The programs that measure what huge pages and locked memory do, each in a few seconds: that they
// measure what they say they do.  What the figures are is the proofs' business.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apply_to_target.h"
#include "command.h"
#include "shell.h"

namespace damon_schemes::vm {
namespace {

constexpr const char* figures_file = "/tmp/experiment.json";
constexpr const char* thp_file = "/sys/kernel/mm/transparent_hugepage/enabled";

class Experiments : public testing::Test {
  protected:
    void TearDown() override { unlink(figures_file); }

    // Its figures, of one turn.
    static nlohmann::json run(std::vector<std::string> argv) {
        argv.insert(argv.end(), {"--quick", "--turns", "1", "--json", figures_file});
        Command command(argv);
        EXPECT_EQ(command.wait(), 0) << command.out() << command.err();
        auto figures = nlohmann::json::parse(contents(figures_file), nullptr, false);
        EXPECT_FALSE(figures.is_discarded()) << command.out() << command.err();
        return figures;
    }
};

TEST_F(Experiments, HugePagesForEverythingCostMemoryAndForWhatIsHotDoNot) {
    const std::string before = contents(thp_file);
    const auto figures = run({"huge_pages", "--seconds", "3"});
    ASSERT_FALSE(figures.is_discarded());
    EXPECT_EQ(contents(thp_file), before) << "the setting was not put back";
    const auto& turn = figures["turns"][0];
    const auto of = [&](const char* way, const char* figure) {
        return turn[way]["first"][figure].get<double>();
    };
    const double hot = of("orig", "hot_bytes"), heap = figures["heap_bytes"];
    const double unused = heap - figures["used_bytes"].get<double>();

    EXPECT_EQ(of("orig", "hot_on_huge_bytes"), 0);
    EXPECT_EQ(of("orig", "anonymous_huge_bytes"), 0);
    EXPECT_EQ(of("thp", "hot_on_huge_bytes"), hot);
    EXPECT_GE(of("thp", "anonymous_huge_bytes"), heap);
    EXPECT_EQ(of("thp", "huge_block_bytes"), heap);
    // What the machine and the program say of it agree.
    EXPECT_GE(of("thp", "rss_bytes") - of("orig", "rss_bytes"), 0.95 * unused);
    EXPECT_GE(of("thp", "used_bytes") - of("orig", "used_bytes"), 0.8 * unused);
    EXPECT_GE(of("by-hand", "hot_on_huge_bytes"), 0.95 * hot);
    EXPECT_LE(of("by-hand", "rss_bytes") - of("orig", "rss_bytes"), 0.1 * unused);
    for (const auto& [way, run] : turn.items()) {
        EXPECT_EQ(run["wrong_pages"], 0) << way;
        EXPECT_GT(run["second"]["accesses_per_second"].get<double>(), 0) << way;
    }
    // In the second phase other blocks are hot.
    EXPECT_EQ(turn["orig"]["second"]["hot_on_huge_bytes"], 0);
    const auto& second = turn["by-hand"]["second"];
    EXPECT_GE(second["hot_on_huge_bytes"].get<double>(), 0.95 * second["hot_bytes"].get<double>());
}

bool hot_blocks_got_huge_pages(const nlohmann::json& run) {
    return std::ranges::all_of(std::array{"first", "second"}, [&](const char* phase) {
        return run[phase]["hot_on_huge_bytes"].get<double>() >=
               0.3 * run[phase]["hot_bytes"].get<double>();
    });
}

TEST_F(Experiments, EfficientThpGivesHotBlocksHugePages) {
    NEEDS_MODULE();
    // The program's phases end by the clock: where the machine is too busy to look and copy within
    // them, longer ones tell.  How much gets huge pages is measured by `./dev prove actions`.
    nlohmann::json figures;
    for (const int seconds : {20, 40, 80}) {
        // Emulation makes a copy of 2 MiB slower by more than an order of magnitude, and so its
        // quota.
        figures = run({"huge_pages", "--seconds", std::to_string(seconds), "--way", "efficient-thp",
                       "--set", "efficient-thp:scheme.promote.quota.time=200ms",
                       "/root/policies/efficient-thp.toml"});
        ASSERT_FALSE(figures.is_discarded());
        if (hot_blocks_got_huge_pages(figures["turns"][0]["efficient-thp"])) break;
    }
    const auto& turn = figures["turns"][0]["efficient-thp"];
    EXPECT_TRUE(hot_blocks_got_huge_pages(turn)) << turn.dump(1);
    // Blocks beside hot ones may pass for hot until the regions are told apart.
    const double hot_blocks = figures["hot_blocks"].get<double>() * 2 * mib;
    EXPECT_LE(turn["first"]["huge_block_bytes"].get<double>(), 2 * hot_blocks);
    EXPECT_LE(turn["first"]["rss_bytes"].get<double>(),
              1.1 * figures["used_bytes"].get<double>() + 4 * mib);
    EXPECT_EQ(turn["wrong_pages"], 0);
}

TEST_F(Experiments, WhatIsLockedIsUnlockedInTheEnd) {
    NEEDS_MODULE();
    NEEDS_SWAP();
    const auto figures =
        run({"locking", "--pressure", "108", "--calm", "15", "/root/policies/lock-hot.toml",
             "--set", "lock-hot:monitor.sampling_interval=100ms", "--set",
             "lock-hot:monitor.aggregation_interval=1s", "--set",
             "lock-hot:monitor.update_interval=1s"});
    ASSERT_FALSE(figures.is_discarded());
    const auto& turn = figures["turns"][0];
    const double hot = figures["hot_bytes"];
    EXPECT_EQ(turn["without"]["locked_bytes"], 0);
    EXPECT_EQ(turn["by-itself"]["locked_bytes"].get<double>(), hot);
    EXPECT_EQ(turn["by-itself"]["hot_resident_bytes"].get<double>(), hot);
    // What it locked does not fault (above); its code, which it did not lock, may.
    EXPECT_LT(turn["by-itself"]["pressed"]["major_faults"].get<double>(),
              turn["without"]["pressed"]["major_faults"].get<double>());
    const auto& policy = turn["lock-hot"];
    // How much of it is measured by `./dev prove actions`: each call takes emulation so long that
    // the quota of time lets few through.
    EXPECT_GT(policy["locked_bytes"].get<double>(), 0) << policy["summary"].dump(1);
    EXPECT_LE(policy["locked_bytes"].get<double>(), 1.5 * hot) << policy["summary"].dump(1);
    EXPECT_EQ(policy["locked_afterwards_bytes"], 0);
    for (const auto& [way, run] : turn.items()) {
        EXPECT_EQ(run["wrong_pages"], 0) << way;
        for (const char* phase : {"calm", "pressed"})
            EXPECT_GT(run[phase]["requests"].get<double>(), 0) << way << ", " << phase;
    }
}

}  // namespace
}  // namespace damon_schemes::vm

// SPDX-License-Identifier: MIT
// Intervals that follow what programs access, from the policy to the module and back.
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "apply_to_target.h"

namespace damon_schemes::vm {
namespace {

class Intervals : public ApplyToTarget {
  protected:
    static constexpr const char* goal =
        R"(monitor.interval_goal={ sampling = { min = "10ms", max = "40ms" } })";

    // As the status line says them.
    static bool come_to(Command& command, const std::string& intervals, std::size_t from = 0) {
        return eventually([&] {
                   return !command.running() ||
                          command.err().find(intervals, from) != std::string::npos;
               }) &&
               command.running();
    }
};

TEST_F(Intervals, GrowOverAnIdleProgramWhoseColdMemoryLeavesAllTheSame) {
    NEEDS_SWAP();
    start_target();
    target->cool("hot");
    auto command = apply_to_target({"--set", goal});
    ASSERT_TRUE(come_to(*command, "every 40.0 ms/800.0 ms")) << command->err();
    ASSERT_TRUE(eventually([&] { return !command->running() || swapped() >= cold_bytes * 9 / 10; }))
        << swapped();
    ASSERT_TRUE(command->running()) << command->err();
    const auto monitor = interrupted(*command)["monitor"];
    EXPECT_EQ(monitor["sampling_ns"], 40'000'000) << monitor.dump(1);
    EXPECT_EQ(monitor["aggregation_ns"], 800'000'000);
    EXPECT_GE(monitor["interval_changes"], 2) << "twice as long at most each time";
    EXPECT_EQ(target->ask("verify cold 1"), "0");
}

TEST_F(Intervals, ShrinkOverABusyProgramAndGrowAgainWhenItSleeps) {
    NEEDS_SWAP();
    start_target();
    auto command = apply_to_target({"--set", goal, "--set", "monitor.sampling_interval=40ms",
                                    "--set", "monitor.aggregation_interval=800ms", "--set",
                                    "monitor.update_interval=1600ms"});
    ASSERT_TRUE(come_to(*command, "every 10.0 ms/200.0 ms")) << command->err();
    EXPECT_GE(rss(), hot_bytes * 8 / 10) << "hot memory left";
    target->cool("hot");
    ASSERT_TRUE(come_to(*command, "every 40.0 ms/800.0 ms", command->err().rfind("every 10.0 ms")))
        << command->err();
    const auto monitor = interrupted(*command)["monitor"];
    EXPECT_EQ(monitor["sampling_ns"], 40'000'000) << monitor.dump(1);
    EXPECT_GE(monitor["interval_changes"], 3) << "one down, two up";
}

}  // namespace
}  // namespace damon_schemes::vm

// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "engine/session/conditions.h"
#include "tests/unit/engine/laid_out_folder.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using testing::LaidOutFolder;
using testing::StatLine;

std::string meminfo(int swap_total, int swap_free) {
    return "MemTotal: 1000 kB\nMemFree: 300 kB\nMemAvailable: 600 kB\nSwapTotal: " +
           std::to_string(swap_total) + " kB\nSwapFree: " + std::to_string(swap_free) + " kB\n";
}

std::string stat_with_faults(int pid, int faults) {
    StatLine line;
    line.pid = pid;
    line.comm = "target";
    line.major_faults = faults;
    return line.text();
}

class ConditionsReaderTest : public ::testing::Test {
  protected:
    void lay_faults(int pid, int faults) const {
        root_.lay("proc/" + std::to_string(pid) + "/stat", stat_with_faults(pid, faults));
        root_.lay("proc/" + std::to_string(pid) + "/status", "Name:\ttarget\nVmRSS:\t 100 kB\n");
    }
    void lay_swap(int total, int free) const { root_.lay("proc/meminfo", meminfo(total, free)); }

    LaidOutFolder root_{{"proc/version", "x"}};
    ConditionsReader reader_{MachinePaths{root_.path() + "/proc", root_.path() + "/sys"}};
    Instant start_{100s};
};

TEST_F(ConditionsReaderTest, reads_free_swap_and_each_targets_faults) {
    lay_swap(1000, 250);
    lay_faults(7, 11);
    lay_faults(8, 22);
    const auto conditions = reader_.at(start_, {{TargetId{1}, 7}, {TargetId{2}, 8}});
    EXPECT_EQ(conditions.free_swap, Share{250'000});
    ASSERT_EQ(conditions.faults.size(), 2U);
    EXPECT_EQ(conditions.faults[0].target, TargetId{1});
    EXPECT_EQ(conditions.faults[0].major_faults, 11U);
    EXPECT_EQ(conditions.faults[1].major_faults, 22U);
    EXPECT_FALSE(conditions.sees) << "not for procfs to say";
}

TEST_F(ConditionsReaderTest, tells_no_swap_from_full_swap) {
    lay_swap(1000, 0);
    EXPECT_EQ(reader_.at(start_, {}).free_swap, Share{0});
    lay_swap(0, 0);
    EXPECT_EQ(reader_.at(start_ + 1s, {}).free_swap, std::nullopt);
}

TEST_F(ConditionsReaderTest, reads_anew_only_after_half_a_second_of_the_snapshots) {
    lay_swap(1000, 500);
    EXPECT_EQ(reader_.at(start_, {}).free_swap, Share{500'000});
    lay_swap(1000, 100);
    EXPECT_EQ(reader_.at(start_ + 499ms, {}).free_swap, Share{500'000});
    EXPECT_EQ(reader_.at(start_ + 500ms, {}).free_swap, Share{100'000});
}

TEST_F(ConditionsReaderTest, has_no_faults_of_a_target_that_has_gone) {
    lay_swap(1000, 500);
    lay_faults(7, 11);
    const auto conditions = reader_.at(start_, {{TargetId{1}, 6}, {TargetId{2}, 7}});
    ASSERT_EQ(conditions.faults.size(), 1U);
    EXPECT_EQ(conditions.faults[0].target, TargetId{2});
}

}  // namespace
}  // namespace damon_schemes

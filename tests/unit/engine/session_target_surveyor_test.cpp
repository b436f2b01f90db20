// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <vector>

#include "engine/session/target_surveyor.h"
#include "tests/unit/engine/laid_out_folder.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using testing::LaidOutFolder;
using testing::StatLine;

class TargetSurveyorTest : public ::testing::Test {
  protected:
    // What it has in memory is counted anew with each fault, in pages.
    void lay_stat(int pid, int faults, char state = 'S') const {
        const int resident = state == 'Z' ? 0 : faults;
        root_.lay("proc/" + std::to_string(pid) + "/statm",
                  "250 " + std::to_string(resident) + " 0 0 0 0 0\n");
        lay_stat_alone(pid, faults, state);
    }
    void lay_stat_alone(int pid, int faults, char state = 'S',
                        const std::string& name = "target") const {
        StatLine line;
        line.pid = pid;
        line.comm = name;
        line.state = state;
        line.major_faults = faults;
        root_.lay("proc/" + std::to_string(pid) + "/stat", line.text());
    }
    void lay_status(int pid, int rss_kib, int swapped_kib) const {
        root_.lay("proc/" + std::to_string(pid) + "/status",
                  "Name:\ttarget\nVmRSS:\t " + std::to_string(rss_kib) + " kB\nVmSwap:\t " +
                      std::to_string(swapped_kib) + " kB\n");
    }
    void lay_target() const {
        lay_stat(7, 11);
        lay_status(7, 100, 20);
    }
    void lay_cgroup(int pid) const {
        root_.lay("proc/self/mountinfo",
                  "30 1 0:26 / " + root_.path() + "/cgroup rw shared:4 - cgroup2 cgroup2 rw\n");
        root_.lay("proc/" + std::to_string(pid) + "/cgroup", "0::/app.slice\n");
        root_.lay("cgroup/app.slice/memory.pressure",
                  "some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n");
    }
    static ConditionNeeds everything() {
        ConditionNeeds needs;
        needs.major_faults = needs.memory = needs.name = true;
        needs.cgroup = needs.cgroup_stalled = true;
        return needs;
    }

    LaidOutFolder root_{{"proc/version", "x"}};
    MachinePaths paths_{root_.path() + "/proc", root_.path() + "/sys"};
    Instant start_{100s};
};

TEST_F(TargetSurveyorTest, reads_what_is_needed_of_a_target) {
    lay_target();
    lay_cgroup(7);
    TargetSurveyor surveyor(everything(), paths_);
    const auto all = surveyor.survey({TargetId{1}, 7}, start_);
    ASSERT_TRUE(all && all->memory);
    EXPECT_EQ(all->id, TargetId{1});
    EXPECT_EQ(all->time, start_);
    EXPECT_EQ(all->memory->major_faults, 11U);
    EXPECT_EQ(all->memory->rss, kibibytes(100));
    EXPECT_EQ(all->memory->swapped, kibibytes(20));
    EXPECT_EQ(all->name, "target");
    EXPECT_EQ(all->cgroup, "/app.slice");
    EXPECT_EQ(all->cgroup_stalled, 7us);

    TargetSurveyor sparing({}, paths_);
    const auto least = sparing.survey({TargetId{1}, 7}, start_);
    ASSERT_TRUE(least && least->memory);
    EXPECT_EQ(least->name, "");
    EXPECT_FALSE(least->cgroup || least->cgroup_stalled);
}

TEST_F(TargetSurveyorTest, finds_nothing_of_what_is_not_there_or_has_exited) {
    TargetSurveyor surveyor(everything(), paths_);
    EXPECT_FALSE(surveyor.survey({TargetId{2}, 8}, start_));
    lay_target();
    EXPECT_TRUE(surveyor.survey({TargetId{1}, 7}, start_));
    lay_stat(7, 11, 'Z');
    EXPECT_FALSE(surveyor.survey({TargetId{1}, 7}, start_ + 1s));
}

// A status costs several times what a stat does, and idle targets are most of a host's.
TEST_F(TargetSurveyorTest, does_not_read_all_of_a_target_that_did_nothing) {
    lay_target();
    TargetSurveyor surveyor(everything(), paths_);
    EXPECT_TRUE(surveyor.survey({TargetId{1}, 7}, start_));
    lay_status(7, 60, 60);
    const auto again = surveyor.survey({TargetId{1}, 7}, start_ + 500ms);
    ASSERT_TRUE(again && again->memory);
    EXPECT_EQ(again->memory->rss, kibibytes(100));
    EXPECT_EQ(again->time, start_ + 500ms);
}

TEST_F(TargetSurveyorTest, reads_all_of_a_target_again_when_it_faulted) {
    lay_target();
    TargetSurveyor surveyor(everything(), paths_);
    EXPECT_TRUE(surveyor.survey({TargetId{1}, 7}, start_));
    lay_status(7, 60, 60);
    lay_stat(7, 12);
    const auto again = surveyor.survey({TargetId{1}, 7}, start_ + 500ms);
    ASSERT_TRUE(again && again->memory);
    EXPECT_EQ(again->memory->major_faults, 12U);
    EXPECT_EQ(again->memory->rss, kibibytes(60));
    EXPECT_EQ(again->memory->swapped, kibibytes(60));
}

// The kernel counts by thread and by processor, and a small change may be seen late.
TEST_F(TargetSurveyorTest, notices_a_fault_that_the_resident_memory_does_not_show) {
    lay_target();
    TargetSurveyor surveyor(everything(), paths_);
    EXPECT_TRUE(surveyor.survey({TargetId{1}, 7}, start_));
    lay_stat_alone(7, 12);
    EXPECT_EQ(surveyor.survey({TargetId{1}, 7}, start_ + 1s)->memory->major_faults, 11U);
    EXPECT_EQ(surveyor.survey({TargetId{1}, 7}, start_ + 10s)->memory->major_faults, 12U);
}

TEST_F(TargetSurveyorTest, notices_a_new_name_of_a_target_that_did_nothing) {
    lay_target();
    TargetSurveyor surveyor(everything(), paths_);
    EXPECT_EQ(surveyor.survey({TargetId{1}, 7}, start_)->name, "target");
    lay_stat_alone(7, 11, 'S', "worker");
    EXPECT_EQ(surveyor.survey({TargetId{1}, 7}, start_ + 10s)->name, "worker");
}

TEST_F(TargetSurveyorTest, reads_all_of_a_target_again_now_and_then) {
    lay_target();
    TargetSurveyor surveyor(everything(), paths_);
    EXPECT_TRUE(surveyor.survey({TargetId{1}, 7}, start_));
    lay_status(7, 60, 60);
    const auto again = surveyor.survey({TargetId{1}, 7}, start_ + 30s);
    ASSERT_TRUE(again && again->memory);
    EXPECT_EQ(again->memory->rss, kibibytes(60));
}

// Of hundreds of targets most do nothing most of the time.
TEST_F(TargetSurveyorTest, passes_over_a_target_that_goes_on_doing_nothing) {
    lay_stat(7, 11);
    lay_status(7, 100, 0);
    TargetSurveyor surveyor({}, paths_);
    const auto turns_until_due = [&] {
        int turns = 1;
        while (turns < 100 && !surveyor.due(TargetId{1})) ++turns;
        return turns;
    };
    EXPECT_EQ(turns_until_due(), 1) << "nothing is known of it yet";
    std::vector<int> turns;
    for (Instant now = start_; now < start_ + 4s; now += 1s) {
        EXPECT_TRUE(surveyor.survey({TargetId{1}, 7}, now));
        turns.push_back(turns_until_due());
    }
    EXPECT_EQ(turns, (std::vector{1, 2, 4, 4}));
    lay_stat(7, 12);
    lay_status(7, 100, 20);
    turns.clear();
    for (Instant now = start_ + 4s; now < start_ + 7s; now += 1s) {
        EXPECT_TRUE(surveyor.survey({TargetId{1}, 7}, now));
        turns.push_back(turns_until_due());
    }
    EXPECT_EQ(turns, (std::vector{1, 2, 2})) << "it faulted, and what is in swap may come back";
}

TEST_F(TargetSurveyorTest, passes_over_no_target_that_a_floor_rests_on) {
    lay_target();
    TargetSurveyor surveyor(everything(), paths_);
    for (Instant now = start_; now < start_ + 3s; now += 500ms) {
        EXPECT_TRUE(surveyor.due(TargetId{1}));
        EXPECT_TRUE(surveyor.survey({TargetId{1}, 7}, now));
    }
}

TEST_F(TargetSurveyorTest, keeps_nothing_of_targets_that_are_no_more) {
    lay_target();
    TargetSurveyor surveyor(everything(), paths_);
    EXPECT_TRUE(surveyor.survey({TargetId{1}, 7}, start_));
    surveyor.keep_only({{TargetId{1}, 7}});
    lay_status(7, 60, 60);
    EXPECT_EQ(surveyor.survey({TargetId{1}, 7}, start_ + 1s)->memory->rss, kibibytes(100));
    surveyor.keep_only({{TargetId{2}, 8}});
    EXPECT_EQ(surveyor.survey({TargetId{1}, 7}, start_ + 2s)->memory->rss, kibibytes(60));
}

}  // namespace
}  // namespace damon_schemes

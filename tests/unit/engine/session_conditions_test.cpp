// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "engine/session/conditions.h"
#include "engine/session/target_surveyor.h"
#include "tests/unit/engine/laid_out_folder.h"
#include "tests/unit/schemes/observed.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using testing::LaidOutFolder;
using testing::StatLine;

std::string meminfo(int swap_total, int swap_free) {
    return "MemTotal: 1000 kB\nMemFree: 300 kB\nMemAvailable: 600 kB\nSwapTotal: " +
           std::to_string(swap_total) + " kB\nSwapFree: " + std::to_string(swap_free) + " kB\n";
}

std::string psi(int microseconds) {
    return "some avg10=0.00 avg60=0.00 avg300=0.00 total=" + std::to_string(microseconds) +
           "\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n";
}

// Everything on, as far as a policy can ask for it.
ConditionNeeds all_needs() {
    ConditionNeeds needs;
    needs.free_memory = needs.free_swap = needs.stalled = needs.major_faults = needs.memory = true;
    needs.name = needs.cgroup = needs.cgroup_stalled = needs.mappings = true;
    return needs;
}

class ConditionsTest : public ::testing::Test {
  protected:
    void lay_target(int pid, int faults) const {
        StatLine line;
        line.pid = pid;
        line.comm = "target";
        line.major_faults = faults;
        const std::string folder = "proc/" + std::to_string(pid);
        root_.lay(folder + "/stat", line.text());
        root_.lay(folder + "/statm", "250 25 0 0 0 0 0\n");
        root_.lay(folder + "/status", "Name:\ttarget\nVmRSS:\t 100 kB\nVmSwap:\t 20 kB\n");
    }
    void lay_swap(int total, int free) const { root_.lay("proc/meminfo", meminfo(total, free)); }
    void lay_cgroup(int pid) const {
        root_.lay("proc/self/mountinfo",
                  "30 1 0:26 / " + root_.path() + "/cgroup rw shared:4 - cgroup2 cgroup2 rw\n");
        root_.lay("proc/" + std::to_string(pid) + "/cgroup", "0::/app.slice\n");
        root_.lay("cgroup/app.slice/memory.pressure", psi(7));
    }
    TargetSurvey survey(std::uint64_t id, int pid, const ConditionNeeds& needs) const {
        const auto survey = TargetSurveyor(needs, paths_).survey({TargetId{id}, pid}, start_);
        EXPECT_TRUE(survey.has_value());
        return *survey;
    }

    LaidOutFolder root_{{"proc/version", "x"}};
    MachinePaths paths_{root_.path() + "/proc", root_.path() + "/sys"};
    Instant start_{100s};
};

TEST_F(ConditionsTest, asks_for_nothing_that_the_policy_does_not) {
    Policy policy;
    Scheme stat = observed::scheme(Action::stat);
    policy.schemes = {stat};
    ConditionNeeds needs = needs_of(policy);
    EXPECT_FALSE(needs.of_targets());
    EXPECT_FALSE(needs.free_swap || needs.free_memory || needs.stalled);

    Scheme pageout = observed::scheme(Action::pageout);
    policy.schemes = {pageout};
    needs = needs_of(policy);
    EXPECT_TRUE(needs.free_swap) << "limits.min_free_swap is on unless it is turned off";
    EXPECT_TRUE(needs.major_faults) << "and so is the brake";
    EXPECT_FALSE(needs.memory || needs.mappings || needs.cgroup || needs.name || needs.stalled);
    policy.limits = {std::nullopt, std::nullopt};
    EXPECT_FALSE(needs_of(policy).free_swap);
    EXPECT_FALSE(needs_of(policy).major_faults);

    pageout.quota.goals = {{GoalMetric::pressure, Share{1000}, 0, ""},
                           {GoalMetric::cgroup_pressure, Share{1000}, 0, ""},
                           {GoalMetric::free_memory, Share{1000}, 0, ""},
                           {GoalMetric::figure, {}, 1, "/run/a"},
                           {GoalMetric::figure, {}, 2, "/run/a"}};
    pageout.floor.rss = mebibytes(1);
    pageout.filters = {{false, FilterKind::mapping, "[stack]", {}},
                       {false, FilterKind::target, "x*", {}},
                       {false, FilterKind::cgroup, "/a*", {}}};
    policy.schemes = {stat, pageout};
    needs = needs_of(policy);
    EXPECT_TRUE(needs.stalled && needs.cgroup_stalled && needs.free_memory && needs.memory);
    EXPECT_TRUE(needs.mappings && needs.name && needs.cgroup);
    EXPECT_EQ(needs.figures, std::vector<std::string>{"/run/a"});
}

TEST_F(ConditionsTest, reads_mappings_as_filters_know_them) {
    root_.lay("proc/7/maps",
              "1000-2000 r-xp 00000000 08:01 99 /bin/x\n"
              "3000-5000 rw-p 00000000 00:00 0 [heap]\n"
              "4000-5000 rw-p 00000000 00:00 0 \n"
              "7000-8000 rw-s 00000000 00:01 5 /dev/zero (deleted)\n");
    const auto areas = mapped_areas_of({TargetId{1}, 7}, paths_);
    ASSERT_TRUE(areas);
    EXPECT_EQ(*areas,
              (std::vector<MappedArea>{{{0x1000, 0x2000}, true, false, "/bin/x"},
                                       {{0x3000, 0x5000}, false, false, "[heap]"},
                                       {{0x7000, 0x8000}, true, true, "/dev/zero (deleted)"}}));
    EXPECT_FALSE(mapped_areas_of({TargetId{1}, 8}, paths_));
}

TEST_F(ConditionsTest, puts_the_machine_and_what_was_surveyed_together) {
    lay_swap(1000, 250);
    root_.lay("proc/pressure/memory", psi(12));
    lay_target(7, 11);
    lay_cgroup(7);
    lay_target(8, 22);
    ConditionsReader reader(all_needs(), paths_);
    reader.know(survey(1, 7, all_needs()));
    reader.know(survey(2, 8, all_needs()));
    const auto areas = std::make_shared<const std::vector<MappedArea>>();
    reader.know(TargetId{1}, areas);
    const auto conditions = reader.at(start_);
    EXPECT_EQ(conditions.free_swap, Share{250'000});
    EXPECT_EQ(conditions.free_memory, Share{300'000});
    EXPECT_EQ(conditions.stalled, 12us);
    EXPECT_FALSE(conditions.sees) << "not for procfs to say";
    ASSERT_EQ(conditions.targets.size(), 2U);
    EXPECT_EQ(conditions.targets[0].id, TargetId{1});
    EXPECT_EQ(conditions.targets[0].major_faults, 11U);
    EXPECT_EQ(conditions.targets[0].rss, kibibytes(100));
    EXPECT_EQ(conditions.targets[0].cgroup_stalled, 7us);
    EXPECT_EQ(conditions.targets[0].mappings, areas);
    EXPECT_EQ(conditions.targets[1].major_faults, 22U);
    EXPECT_FALSE(conditions.targets[1].mappings) << "not read yet";
    EXPECT_FALSE(conditions.targets[1].cgroup);
}

TEST_F(ConditionsTest, reads_nothing_that_is_not_needed) {
    lay_swap(1000, 250);
    root_.lay("proc/pressure/memory", psi(12));
    ConditionsReader reader({}, paths_);
    const auto conditions = reader.at(start_);
    EXPECT_FALSE(conditions.free_swap || conditions.free_memory || conditions.stalled);
}

TEST_F(ConditionsTest, tells_no_swap_from_full_swap) {
    ConditionsReader reader(all_needs(), paths_);
    lay_swap(1000, 0);
    EXPECT_EQ(reader.at(start_).free_swap, Share{0});
    lay_swap(0, 0);
    EXPECT_EQ(reader.at(start_ + 1s).free_swap, std::nullopt);
}

TEST_F(ConditionsTest, reads_anew_only_after_half_a_second_of_the_snapshots) {
    ConditionsReader reader(all_needs(), paths_);
    lay_swap(1000, 500);
    EXPECT_EQ(reader.at(start_).free_swap, Share{500'000});
    lay_swap(1000, 100);
    EXPECT_EQ(reader.at(start_ + 499ms).free_swap, Share{500'000});
    EXPECT_EQ(reader.at(start_ + 500ms).free_swap, Share{100'000});
}

// A floor that rests on what a target had in memory long ago does not hold.
TEST_F(ConditionsTest, what_a_target_has_in_memory_is_known_for_a_second) {
    lay_target(7, 11);
    ConditionsReader reader(all_needs(), paths_);
    reader.know(survey(1, 7, all_needs()));
    EXPECT_EQ(reader.at(start_ + 1s).targets[0].rss, kibibytes(100));
    EXPECT_EQ(reader.at(start_ + 1001ms).targets[0].rss, std::nullopt);
    EXPECT_EQ(reader.at(start_ + 2s).targets[0].major_faults, 11U);
    auto newer = survey(1, 7, all_needs());
    newer.time = start_ + 2s;
    reader.know(newer);
    EXPECT_EQ(reader.at(start_ + 2s).targets[0].rss, kibibytes(100));
}

TEST_F(ConditionsTest, knows_nothing_of_a_target_that_has_gone_even_if_told_late) {
    lay_target(7, 11);
    ConditionsReader reader(all_needs(), paths_);
    reader.know(survey(1, 7, all_needs()));
    ASSERT_EQ(reader.at(start_).targets.size(), 1U);
    reader.forget(TargetId{1});
    EXPECT_TRUE(reader.at(start_).targets.empty());
    reader.know(survey(1, 7, all_needs()));
    EXPECT_TRUE(reader.at(start_).targets.empty());
}

TEST_F(ConditionsTest, knows_a_figure_by_its_file_before_it_was_read) {
    ConditionNeeds needs;
    needs.figures = {root_.path() + "/latency", root_.path() + "/missing"};
    ConditionsReader reader(needs, paths_);
    ASSERT_EQ(reader.at(start_).figures.size(), 2U);
    EXPECT_EQ(reader.at(start_).figures[0].value, std::nullopt);
    root_.lay("latency", " 12.5\n");
    reader.know(survey_of_machine(needs, paths_));
    EXPECT_EQ(reader.at(start_).figures[0].value, 12.5);
    EXPECT_EQ(reader.at(start_).figures[1].value, std::nullopt);
}

TEST_F(ConditionsTest, knows_what_the_limits_of_the_machine_go_by) {
    Policy policy;
    policy.schemes.emplace_back().action = Action::pageout;
    policy.limits.guard->figure = {root_.path() + "/latency", 20};
    const ConditionNeeds needs = needs_of(policy);
    ConditionsReader reader(needs, paths_);
    root_.lay("latency", "7\n");
    root_.lay("proc/meminfo",
              "MemTotal: 800 kB\nMemFree: 10 kB\nMemAvailable: 50 kB\nSwapTotal: 200 kB\n"
              "SwapFree: 150 kB\n");
    EXPECT_EQ(reader.at(start_).headroom, Share{200'000});
    EXPECT_EQ(reader.at(start_).zram_saving, std::nullopt);
    root_.lay("sys/block/zram0/mm_stat", "100000000 60000000 70000000 0 70000000 0 0 0\n");
    reader.know(survey_of_machine(needs, paths_));
    EXPECT_EQ(reader.at(start_).zram_saving, Share{400'000});
    EXPECT_EQ(reader.at(start_).figure_in(root_.path() + "/latency"), 7);
    policy.schemes[0].action = Action::stat;
    EXPECT_FALSE(needs_of(policy).headroom || needs_of(policy).zram_saving);
    EXPECT_TRUE(needs_of(policy).figures.empty());
}

}  // namespace
}  // namespace damon_schemes

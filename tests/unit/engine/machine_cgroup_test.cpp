// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "engine/machine/cgroup.h"
#include "tests/unit/engine/laid_out_folder.h"

namespace damon_schemes {
namespace {

using testing::LaidOutFolder;

class CgroupTest : public ::testing::Test {
  protected:
    CgroupTest() : root_({}) {
        root_.lay("proc/self/mountinfo",
                  "24 1 0:5 / /proc rw shared:1 - proc proc rw\n"
                  "30 1 0:26 / " +
                      root_.path() + "/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n");
        root_.lay("proc/5/cgroup", "4:memory:/v1\n0::/app.slice/redis\n");
    }
    void limit(const std::string& cgroup, const std::string& max, const std::string& current) {
        root_.lay("cgroup" + cgroup + "/memory.swap.max", max + "\n");
        root_.lay("cgroup" + cgroup + "/memory.swap.current", current + "\n");
    }
    std::optional<CgroupSwapLimit> tightest() {
        return tightest_swap_limit(5, {root_.path() + "/proc", root_.path() + "/sys"});
    }
    LaidOutFolder root_;
};

TEST_F(CgroupTest, has_no_limit_where_none_is_set) {
    limit("/app.slice/redis", "max", "4096");
    limit("/app.slice", "max", "8192");
    EXPECT_FALSE(tightest().has_value());
}

TEST_F(CgroupTest, finds_its_own_limit) {
    limit("/app.slice/redis", "0", "0");
    limit("/app.slice", "max", "0");
    ASSERT_TRUE(tightest().has_value());
    EXPECT_EQ(tightest()->cgroup, "/app.slice/redis");
    EXPECT_EQ(tightest()->left(), Bytes{});
}

TEST_F(CgroupTest, finds_an_ancestors_limit_where_that_leaves_less) {
    limit("/app.slice/redis", "8388608", "1048576");
    limit("/app.slice", "4194304", "4190208");
    ASSERT_TRUE(tightest().has_value());
    EXPECT_EQ(tightest()->cgroup, "/app.slice");
    EXPECT_EQ(tightest()->left(), Bytes{4096});
}

TEST_F(CgroupTest, has_nothing_left_where_more_is_used_than_allowed) {
    limit("/app.slice/redis", "4096", "8192");
    EXPECT_EQ(tightest()->left(), Bytes{});
}

TEST_F(CgroupTest, says_nothing_without_cgroup_v2_or_for_an_unknown_process) {
    EXPECT_FALSE(tightest().has_value());
    EXPECT_FALSE(tightest_swap_limit(6, {root_.path() + "/proc", ""}).has_value());
    EXPECT_FALSE(cgroup2_mount("24 1 0:5 / /proc rw - proc proc rw\n").has_value());
}

TEST_F(CgroupTest, reaches_for_nothing_outside_of_its_namespace) {
    root_.lay("proc/7/cgroup", "0::/../../etc\n");
    EXPECT_FALSE(tightest_swap_limit(7, {root_.path() + "/proc", ""}).has_value());
}

TEST_F(CgroupTest, tells_which_it_is_and_where_it_is_shown) {
    const MachinePaths paths{root_.path() + "/proc", root_.path() + "/sys"};
    EXPECT_EQ(cgroup_of(5, paths), "/app.slice/redis");
    EXPECT_EQ(cgroup_of(6, paths), std::nullopt);
    root_.lay("proc/6/cgroup", "0::/../elsewhere\n");
    EXPECT_EQ(cgroup_of(6, paths), std::nullopt) << "outside of our own namespace";
    EXPECT_EQ(cgroup_folder("/app.slice", paths), root_.path() + "/cgroup/app.slice");
    EXPECT_EQ(cgroup_folder("/", paths), root_.path() + "/cgroup");
    EXPECT_EQ(cgroup_folder("/", {root_.path() + "/none", ""}), std::nullopt);
}

TEST_F(CgroupTest, counts_what_came_back_after_it_was_evicted) {
    const MachinePaths paths{root_.path() + "/proc", root_.path() + "/sys"};
    EXPECT_FALSE(refaults_of("/a", paths));
    root_.lay("cgroup/a/memory.stat",
              "anon 4096\nworkingset_refault_anon 12\nworkingset_refault_file 34\n"
              "workingset_refault_anonymous_not 5\n");
    ASSERT_TRUE(refaults_of("/a", paths));
    EXPECT_EQ(refaults_of("/a", paths)->anonymous, 12U);
    EXPECT_EQ(refaults_of("/a", paths)->file, 34U);
}

}  // namespace
}  // namespace damon_schemes

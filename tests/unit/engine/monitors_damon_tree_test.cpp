// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>

#include "engine/monitors/damon_tree.h"
#include "fake_damon.h"

namespace damon_schemes {
namespace {

using testing::FakeDamon;
using ::testing::HasSubstr;
using Shown = DamonTree::Shown;

class DamonTreeTest : public ::testing::Test {
  protected:
    static MonitorAttributes attributes() {
        MonitorAttributes attributes;
        attributes.aggregation_interval = std::chrono::milliseconds(200);
        attributes.min_regions = 20;
        attributes.max_regions = 500;
        return attributes;
    }
    FakeDamon kernel;
    DamonTree tree{kernel, kernel.admin()};
    KdamondSetup setup = virtual_setup(attributes(), {42, 43});
    const std::string context = "kdamonds/0/contexts/0/";
};

TEST_F(DamonTreeTest, a_set_up_is_written_whole_and_taken_back_whole) {
    const auto before = kernel.listing();
    ASSERT_TRUE(tree.claim());
    EXPECT_EQ(tree.shown(setup), Shown::part);
    ASSERT_TRUE(tree.write(setup));
    EXPECT_EQ(tree.shown(setup), Shown::all);
    EXPECT_EQ(kernel.shown(context + "operations"), "vaddr");
    EXPECT_EQ(kernel.shown(context + "monitoring_attrs/intervals/aggr_us"), "200000");
    EXPECT_EQ(kernel.shown(context + "monitoring_attrs/nr_regions/max"), "500");
    EXPECT_EQ(kernel.shown(context + "targets/1/pid_target"), "43");
    ASSERT_TRUE(tree.turn_on());
    EXPECT_EQ(tree.pid().value(), kernel.kdamond());
    EXPECT_TRUE(*tree.running());
    ASSERT_TRUE(tree.turn_off());
    ASSERT_TRUE(tree.turn_off()) << "that it is off already is no failure";
    EXPECT_FALSE(tree.pid());
    ASSERT_TRUE(tree.give_up());
    EXPECT_EQ(kernel.listing(), before);
}

TEST_F(DamonTreeTest, nothing_is_written_where_somebody_has_set_one_up) {
    kernel.echo("1", "kdamonds/nr_kdamonds");
    kernel.echo("1", "kdamonds/0/contexts/nr_contexts");
    kernel.echo("1", context + "targets/nr_targets");
    kernel.echo("815", context + "targets/0/pid_target");
    const auto before = kernel.listing();
    const auto claimed = tree.claim();
    ASSERT_FALSE(claimed);
    EXPECT_EQ(claimed.error().code, EBUSY);
    EXPECT_EQ(kernel.listing(), before);
    EXPECT_EQ(kernel.writes, 0);
    EXPECT_THAT(tree.description(), HasSubstr("kdamond 0 is off, vaddr, watching pid 815"));
}

// The lock that all files share is only tried for.
TEST_F(DamonTreeTest, a_moment_in_which_somebody_else_asks_is_waited_for) {
    kernel.failing_writes["nr_kdamonds"] = {EBUSY, EBUSY, EBUSY};
    kernel.failing_writes["nr_targets"] = {EBUSY};
    kernel.failing_reads["/state"] = {EBUSY, EBUSY};
    ASSERT_TRUE(tree.claim());
    ASSERT_TRUE(tree.write(setup));
    ASSERT_TRUE(tree.turn_on());
    EXPECT_TRUE(*tree.running());
}

TEST_F(DamonTreeTest, what_somebody_set_up_in_its_place_is_out_of_reach) {
    ASSERT_TRUE(tree.claim());
    kernel.echo("1", "kdamonds/nr_kdamonds");
    kernel.echo("1", "kdamonds/0/contexts/nr_contexts");
    const auto before = kernel.listing();
    EXPECT_FALSE(tree.ours());
    EXPECT_FALSE(tree.write(setup));
    EXPECT_FALSE(tree.turn_on());
    EXPECT_FALSE(tree.running());
    EXPECT_TRUE(tree.give_up());
    EXPECT_EQ(kernel.listing(), before);
    EXPECT_EQ(kernel.kdamond(), 0);
}

// At any write of ours.
TEST_F(DamonTreeTest, whenever_somebody_takes_it_over_it_is_not_started) {
    ASSERT_TRUE(tree.claim());
    ASSERT_TRUE(tree.write(setup));
    const int all = kernel.writes;
    ASSERT_GT(all, 8);
    for (int when = 2; when <= all; ++when) {
        FakeDamon other;
        DamonTree contested(other, other.admin());
        other.before_write = [&](const std::string&) {
            if (other.writes + 1 != when) return;
            other.echo("1", "kdamonds/nr_kdamonds");
            other.echo("1", "kdamonds/0/contexts/nr_contexts");
        };
        ASSERT_TRUE(contested.claim());
        EXPECT_FALSE(contested.write(setup)) << "at write " << when;
        EXPECT_EQ(other.shown("kdamonds/0/contexts/0/targets/nr_targets"), "0") << when;
        EXPECT_TRUE(contested.give_up());
        EXPECT_EQ(other.shown("kdamonds/nr_kdamonds"), "1") << when;
    }
}

TEST_F(DamonTreeTest, what_is_shown_is_told_from_what_somebody_changed) {
    ASSERT_TRUE(tree.claim());
    ASSERT_TRUE(tree.write(setup));
    const std::vector<std::pair<std::string, std::string>> changes{
        {"monitoring_attrs/intervals/sample_us", "7000"},
        {"monitoring_attrs/nr_regions/max", "501"},
        {"operations", "paddr"},
        {"targets/1/pid_target", "44"},
        {"schemes/nr_schemes", "1"}};
    for (const auto& [file, text] : changes) {
        const auto before = kernel.shown(context + file);
        kernel.echo(text, context + file);
        EXPECT_EQ(tree.shown(setup), Shown::other) << file;
        kernel.echo(before, context + file);
        EXPECT_EQ(tree.shown(setup), Shown::all) << file;
    }
    // What was not written yet is as the kernel has it first.
    kernel.echo("5000", context + "monitoring_attrs/intervals/sample_us");
    kernel.echo("60000000", context + "monitoring_attrs/intervals/update_us");
    EXPECT_EQ(tree.shown(setup), Shown::part) << "as the kernel has it first";
    kernel.echo("3", context + "targets/nr_targets");
    EXPECT_EQ(tree.shown(setup), Shown::other);
}

TEST_F(DamonTreeTest, only_the_folder_of_that_number_is_adopted) {
    ASSERT_TRUE(tree.claim());
    ASSERT_TRUE(tree.write(setup));
    DamonTree next(kernel, kernel.admin());
    EXPECT_FALSE(next.adopt(tree.inode() + 1));
    EXPECT_FALSE(next.ours());
    EXPECT_TRUE(next.adopt(tree.inode()));
    EXPECT_EQ(next.shown(setup), Shown::all);
}

TEST_F(DamonTreeTest, a_kernel_without_it_and_a_user_without_rights_are_told_apart) {
    DamonTree none(kernel, kernel.paths().sys + "/nowhere");
    EXPECT_THAT(none.kdamonds().error().message, HasSubstr("CONFIG_DAMON_SYSFS"));
    EXPECT_EQ(none.kdamonds().error().kind, ErrorKind::unsupported);
    kernel.failing_reads["nr_kdamonds"] = {EACCES};
    EXPECT_THAT(tree.kdamonds().error().message, HasSubstr("run as root"));
}

}  // namespace
}  // namespace damon_schemes

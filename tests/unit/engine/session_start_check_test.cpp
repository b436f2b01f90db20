// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/session/start_check.h"
#include "tests/unit/engine/laid_out_folder.h"
#include "tests/unit/schemes/observed.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::LaidOutFolder;

class StartCheckTest : public ::testing::Test {
  protected:
    StartCheckTest() {
        root_.lay("proc/meminfo",
                  "MemTotal: 9 kB\nMemFree: 3 kB\nMemAvailable: 6 kB\nSwapTotal: 0 kB\n");
        root_.lay("proc/7/cgroup", "0::/a\n");
    }
    void mount_cgroup2() const {
        root_.lay("proc/self/mountinfo",
                  "30 1 0:26 / " + root_.path() + "/cgroup rw shared:4 - cgroup2 cgroup2 rw\n");
    }
    Result<void> check(const Scheme& scheme, bool looks_at_pages = false) const {
        return check_controls(observed::policy({scheme}), {{7, "redis"}}, looks_at_pages,
                              {root_.path() + "/proc", root_.path() + "/sys"});
    }
    void expect_failure(const Scheme& scheme, ErrorKind kind, const std::string& text) const {
        const auto checked = check(scheme);
        ASSERT_FALSE(checked) << text;
        EXPECT_EQ(checked.error().kind, kind);
        EXPECT_THAT(checked.error().message, HasSubstr("scheme 'pageout'"));
        EXPECT_THAT(checked.error().message, HasSubstr(text));
    }
    static Scheme with_goal(QuotaGoal goal) {
        Scheme scheme = observed::scheme(Action::pageout);
        scheme.quota.goals = {std::move(goal)};
        return scheme;
    }

    LaidOutFolder root_{{"proc/version", "x"}};
};

TEST_F(StartCheckTest, passes_a_policy_without_controls) {
    EXPECT_TRUE(check(observed::scheme(Action::pageout)));
}

TEST_F(StartCheckTest, verify_and_young_need_looks_at_pages) {
    Scheme scheme = observed::scheme(Action::pageout);
    scheme.verify = Verify{1s};
    expect_failure(scheme, ErrorKind::unsupported, "'verify' needs a monitor that can look");
    EXPECT_TRUE(check(scheme, true));
    scheme.verify.reset();
    scheme.filters = {{false, FilterKind::young, "", {}}};
    expect_failure(scheme, ErrorKind::unsupported, "the filter 'young'");
    EXPECT_TRUE(check(scheme, true));
}

TEST_F(StartCheckTest, pressure_needs_psi) {
    const Scheme scheme = with_goal({GoalMetric::pressure, Share{1000}, 0, ""});
    expect_failure(scheme, ErrorKind::unsupported, "psi=1");
    root_.lay("proc/pressure/memory", "some total=1\n");
    EXPECT_TRUE(check(scheme));
}

TEST_F(StartCheckTest, cgroup_pressure_needs_cgroup_v2_with_pressure) {
    const Scheme scheme = with_goal({GoalMetric::cgroup_pressure, Share{1000}, 0, ""});
    expect_failure(scheme, ErrorKind::unsupported, "cgroup v1");
    mount_cgroup2();
    expect_failure(scheme, ErrorKind::unsupported, "memory.pressure of process 7 ('redis')");
    root_.lay("cgroup/a/memory.pressure", "some total=1\n");
    EXPECT_TRUE(check(scheme));
    root_.lay("proc/7/cgroup", "3:memory:/a\n");
    expect_failure(scheme, ErrorKind::unsupported, "in none of cgroup v2");
}

TEST_F(StartCheckTest, the_guard_needs_what_it_goes_by) {
    Policy policy = observed::policy({observed::scheme(Action::pageout)});
    const auto checked = [&] {
        return check_controls(policy, {{7, "redis"}}, false,
                              {root_.path() + "/proc", root_.path() + "/sys"});
    };
    policy.limits.guard->pressure = Share{100'000};
    ASSERT_FALSE(checked());
    EXPECT_EQ(checked().error().kind, ErrorKind::unsupported);
    EXPECT_THAT(checked().error().message, HasSubstr("limits.guard: its pressure needs cgroup v2"));
    mount_cgroup2();
    root_.lay("cgroup/a/memory.pressure", "some total=1\n");
    EXPECT_TRUE(checked());
    policy.limits.guard->figure = {root_.path() + "/p99", 20};
    ASSERT_FALSE(checked());
    EXPECT_EQ(checked().error().kind, ErrorKind::usage);
    EXPECT_THAT(checked().error().message, HasSubstr("/p99, which is not there"));
    root_.lay("p99", "3\n");
    EXPECT_TRUE(checked());
    policy.limits.guard.reset();
    EXPECT_TRUE(checked());
}

TEST_F(StartCheckTest, a_filter_by_cgroup_needs_cgroup_v2) {
    Scheme scheme = observed::scheme(Action::pageout);
    scheme.filters = {{true, FilterKind::cgroup, "/a", {}}};
    expect_failure(scheme, ErrorKind::unsupported, "its filter by cgroup needs cgroup v2");
    mount_cgroup2();
    EXPECT_TRUE(check(scheme));
}

TEST_F(StartCheckTest, a_figure_needs_its_file_with_a_number) {
    const std::string file = root_.path() + "/latency";
    const Scheme scheme = with_goal({GoalMetric::figure, {}, 20, file});
    expect_failure(scheme, ErrorKind::usage, file + ", which is not there");
    root_.lay("latency", "soon\n");
    expect_failure(scheme, ErrorKind::usage, "no single number");
    root_.lay("latency", "12\n");
    EXPECT_TRUE(check(scheme));
}

TEST_F(StartCheckTest, a_watermark_of_free_swap_needs_swap) {
    Scheme scheme = observed::scheme(Action::pageout);
    scheme.watermarks.emplace();
    scheme.watermarks->free_memory.emplace();
    EXPECT_TRUE(check(scheme));
    scheme.watermarks->free_swap.emplace();
    expect_failure(scheme, ErrorKind::unsupported, "this machine has none");
    root_.lay(
        "proc/meminfo",
        "MemTotal: 9 kB\nMemFree: 3 kB\nMemAvailable: 6 kB\nSwapTotal: 5 kB\nSwapFree: 5 kB\n");
    EXPECT_TRUE(check(scheme));
}

}  // namespace
}  // namespace damon_schemes

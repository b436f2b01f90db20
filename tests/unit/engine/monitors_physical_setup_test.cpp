// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/monitors/damon_tree.h"
#include "engine/monitors/physical_setup.h"
#include "fake_damon.h"
#include "schemes/policy/reader.h"

namespace damon_schemes {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<AddressRange> ram{{0x1000, 0x9000}, {0x100000, 0x3fe00000}};

// The policy of these lines; [monitor] has 20 looks in an interval of 100 ms.
Policy policy_of(const std::string& scheme, const std::string& rest = "") {
    const auto reading = read_policy(
        "version = 1\n[monitor]\nmemory = \"physical\"\n[limits]\nbrake = \"off\"\nguard = "
        "\"off\"\n" +
            rest + "[[scheme]]\nname = \"s\"\n" + scheme,
        {"test", {}});
    if (!reading.ok()) throw std::runtime_error(to_string(reading.errors.front()));
    return reading.policy;
}

std::string text_of(const KdamondSetup& setup, const std::string& file) {
    const auto found = std::find_if(setup.begin(), setup.end(), [&](const KdamondFile& each) {
        return each.path == "/contexts/0/" + file;
    });
    return found == setup.end() ? "(none)" : found->text;
}

TEST(SystemRamTest, is_what_the_machine_names_at_the_top) {
    const auto ranges = system_ram(
        "00000000-00000fff : Reserved\n00001000-0009fbff : System RAM\n"
        "00100000-3ffdffff : System RAM\n  01000000-01e00000 : Kernel code\n"
        "  02000000-020fffff : System RAM\nfee00000-fee00fff : Local APIC\n");
    ASSERT_TRUE(ranges);
    EXPECT_THAT(*ranges,
                ElementsAre(AddressRange{0x1000, 0x9fc00}, AddressRange{0x100000, 0x3ffe0000}));
    // As it is to others than root.
    const auto hidden = system_ram("00000000-00000000 : System RAM\n");
    ASSERT_FALSE(hidden);
    EXPECT_THAT(hidden.error().message, HasSubstr("root"));
    EXPECT_FALSE(system_ram(""));
    EXPECT_FALSE(system_ram("nonsense : System RAM\n-: System RAM\n"));
}

TEST(PhysicalSetupTest, a_scheme_says_to_the_kernel_what_it_says_here) {
    const auto setup = physical_setup(policy_of(R"(
action = "pageout"
size = { min = "8KiB" }
frequency = { min = "1%", max = "12%" }
age = { min = "10050ms", max = "1min" }
apply_interval = "500ms"
quota = { bytes = "64MiB", time = "20ms", per = "2s", priority = { size = 1, frequency = 1, age = 2 } }
watermarks = { free_memory = { high = "50%", mid = "40%", low = "20.5%" }, interval = "3s" }
)"),
                                      ram, false);
    ASSERT_TRUE(setup) << setup.error().message;
    EXPECT_EQ(text_of(*setup, "operations"), "paddr");
    EXPECT_EQ(text_of(*setup, "targets/nr_targets"), "1");
    EXPECT_EQ(text_of(*setup, "targets/0/regions/nr_regions"), "2");
    EXPECT_EQ(text_of(*setup, "targets/0/regions/1/end"), std::to_string(0x3fe00000));
    const std::string scheme = "schemes/0/";
    const std::vector<std::pair<std::string, std::string>> expected{
        {"action", "pageout"},
        {"apply_interval_us", "500000"},
        {"access_pattern/sz/min", "8192"},
        {"access_pattern/sz/max", "18446744073709551615"},
        // Of 20 looks: 1 % is one of them at least, 12 % two at most.
        {"access_pattern/nr_accesses/min", "1"},
        {"access_pattern/nr_accesses/max", "2"},
        // In intervals of 100 ms: none below 10.05 s, none above a minute.
        {"access_pattern/age/min", "101"},
        {"access_pattern/age/max", "600"},
        {"quotas/ms", "20"},
        {"quotas/bytes", "67108864"},
        {"quotas/reset_interval_ms", "2000"},
        {"quotas/weights/sz_permil", "250"},
        {"quotas/weights/nr_accesses_permil", "250"},
        {"quotas/weights/age_permil", "500"},
        {"quotas/goals/nr_goals", "0"},
        {"watermarks/metric", "free_mem_rate"},
        {"watermarks/interval_us", "3000000"},
        {"watermarks/high", "500"},
        {"watermarks/mid", "400"},
        {"watermarks/low", "205"},
        {"filters/nr_filters", "0"}};
    for (const auto& [file, text] : expected)
        EXPECT_EQ(text_of(*setup, scheme + file), text) << file;
}

TEST(PhysicalSetupTest, what_has_no_bound_has_none_there) {
    const auto setup =
        physical_setup(policy_of("action = \"cold\"\nquota = \"off\"\n"), ram, false);
    ASSERT_TRUE(setup) << setup.error().message;
    EXPECT_EQ(text_of(*setup, "schemes/0/action"), "lru_deprio");
    EXPECT_EQ(text_of(*setup, "schemes/0/access_pattern/nr_accesses/max"), "4294967295");
    EXPECT_EQ(text_of(*setup, "schemes/0/access_pattern/age/max"), "4294967295");
    EXPECT_EQ(text_of(*setup, "schemes/0/quotas/bytes"), "0");
    EXPECT_EQ(text_of(*setup, "schemes/0/quotas/ms"), "0");
}

TEST(PhysicalSetupTest, a_dry_run_only_counts) {
    const auto setup = physical_setup(policy_of("action = \"pageout\"\n"), ram, true);
    ASSERT_TRUE(setup);
    EXPECT_EQ(text_of(*setup, "schemes/0/action"), "stat");
}

TEST(PhysicalSetupTest, pressure_is_a_goal_of_the_kernels_too) {
    const auto setup = physical_setup(
        policy_of("action = \"pageout\"\n[scheme.quota]\nper = \"10s\"\n[[scheme.quota.goal]]\n"
                  "metric = \"pressure\"\ntarget = \"0.5%\"\n"),
        ram, false);
    ASSERT_TRUE(setup) << setup.error().message;
    EXPECT_EQ(text_of(*setup, "schemes/0/quotas/goals/nr_goals"), "1");
    EXPECT_EQ(text_of(*setup, "schemes/0/quotas/goals/0/target_metric"), "some_mem_psi_us");
    EXPECT_EQ(text_of(*setup, "schemes/0/quotas/goals/0/target_value"), "50000");
}

// The kernel's reject what they match ("Y"), or what they do not ("N").
TEST(PhysicalSetupTest, filters_let_through_what_they_let_through_here) {
    const auto filters = [](const std::string& text) {
        const auto setup = physical_setup(policy_of("action = \"pageout\"\n" + text), ram, false);
        if (!setup) return setup.error().message;
        std::string said;
        for (std::size_t i = 0; i < 2; ++i) {
            const std::string folder = "schemes/0/filters/" + std::to_string(i) + "/";
            said += text_of(*setup, folder + "type") + text_of(*setup, folder + "matching") + " ";
        }
        return said;
    };
    const std::string filter = "[[scheme.filter]]\n";
    EXPECT_EQ(filters(filter + "allow = \"anonymous\"\n"), "anonN (none)(none) ");
    EXPECT_EQ(filters(filter + "reject = \"anonymous\"\n"), "anonY (none)(none) ");
    EXPECT_EQ(filters(filter + "allow = \"file\"\n"), "anonY (none)(none) ");
    EXPECT_EQ(filters(filter + "reject = \"file\"\n"), "anonN (none)(none) ");
    EXPECT_EQ(filters(filter + "reject = \"cgroup\"\nname = \"/a/b\"\n" + filter +
                      "allow = \"anonymous\"\n"),
              "memcgY anonN ");
    EXPECT_THAT(filters(filter + "allow = \"anonymous\"\n" + filter +
                        "reject = \"cgroup\"\nname = \"/a\"\n"),
                HasSubstr("stands before others"));
    EXPECT_THAT(filters(filter + "reject = \"cgroup\"\nname = \"/a/*\"\n"), HasSubstr("pattern"));
    EXPECT_THAT(filters(filter + "reject = \"huge_page\"\n"), HasSubstr("filter by 'huge_page'"));
}

TEST(PhysicalSetupTest, what_the_kernel_cannot_do_is_refused_by_name) {
    const auto refusal = [](const Policy& policy) {
        const auto setup = physical_setup(policy, ram, false);
        if (setup) return std::string("taken");
        EXPECT_EQ(setup.error().kind, ErrorKind::unsupported);
        return setup.error().message;
    };
    const std::string pageout = "action = \"pageout\"\n";
    EXPECT_EQ(refusal(policy_of(pageout)), "taken");
    EXPECT_THAT(refusal(policy_of("action = \"willneed\"\n")), HasSubstr("willneed"));
    EXPECT_THAT(refusal(policy_of(pageout + "verify = { idle = \"1s\" }\n")), HasSubstr("verify"));
    EXPECT_THAT(refusal(policy_of(pageout + "cool_down = \"1s\"\n")), HasSubstr("cool_down"));
    EXPECT_THAT(refusal(policy_of(pageout + "min_rss = \"1MiB\"\n")), HasSubstr("min_rss"));
    EXPECT_THAT(refusal(policy_of(pageout + "floor = { rss = \"1MiB\" }\n")), HasSubstr("floor"));
    EXPECT_THAT(refusal(policy_of(pageout + "quota = { time = \"10us\" }\n")),
                HasSubstr("millisecond"));
    EXPECT_THAT(
        refusal(policy_of(pageout + "watermarks = { free_swap = { high = \"50%\", mid = \"40%\", "
                                    "low = \"20%\" } }\n")),
        HasSubstr("free swap"));
    EXPECT_THAT(refusal(policy_of(pageout, "[[target]]\nname = \"x\"\n")), HasSubstr("[[target]]"));
    Policy braked = policy_of(pageout);
    braked.limits.brake = Limits::Brake{};
    EXPECT_THAT(refusal(braked), HasSubstr("brake = \"off\""));
    Policy flushed = policy_of(pageout);
    flushed.monitor.tlb = TlbPolicy::full;
    EXPECT_THAT(refusal(flushed), HasSubstr("monitor.tlb"));
    Policy tuned = policy_of(pageout);
    tuned.monitor.interval_goal = IntervalGoal{};
    EXPECT_THAT(refusal(tuned), HasSubstr("monitor.interval_goal"));
}

// In the order in which it is written, each folder is there before what is in it.
TEST(PhysicalSetupTest, all_of_it_can_be_written_in_its_order) {
    testing::FakeDamon kernel;
    DamonTree tree(kernel, kernel.admin());
    const auto setup = physical_setup(
        policy_of("action = \"pageout\"\n[[scheme.filter]]\nreject = \"cgroup\"\nname = "
                  "\"/a\"\n[[scheme.quota.goal]]\nmetric = \"pressure\"\ntarget = \"1%\"\n"),
        ram, false);
    ASSERT_TRUE(setup) << setup.error().message;
    ASSERT_TRUE(tree.claim());
    const auto written = tree.write(*setup);
    ASSERT_TRUE(written) << written.error().message;
    EXPECT_EQ(tree.shown(*setup), DamonTree::Shown::all);
    kernel.echo("willneed", "kdamonds/0/contexts/0/schemes/0/action");
    EXPECT_EQ(tree.shown(*setup), DamonTree::Shown::other);
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>

#include <set>

#include "engine/machine/probes.h"
#include "tests/unit/engine/laid_out_folder.h"

namespace damon_schemes {
namespace {

using ::testing::HasSubstr;
using testing::LaidOutFolder;

MachinePaths paths_of(const LaidOutFolder& root) {
    return {root.path() + "/proc", root.path() + "/sys"};
}

TEST(KernelProbeTest, knows_the_tested_kernels_from_those_that_look_alike) {
    EXPECT_EQ(probe_kernel("6.1.0-56-amd64").state, ProbeState::yes);
    EXPECT_EQ(probe_kernel("6.12.117+deb12-amd64").state, ProbeState::yes);
    for (const char* release :
         {"6.10.3", "6.11.0", "6.18.44-fc", "5.10.0-1-amd64", "16.1.0", "6", ""}) {
        const Probe probe = probe_kernel(release);
        EXPECT_EQ(probe.state, ProbeState::partly) << release;
        EXPECT_FALSE(probe.advice.empty());
    }
}

TEST(ModuleProbeTest, says_why_it_is_not_there_and_what_to_do) {
    const ModuleState missing{false, false, "there is no /dev/damon_schemes", "x"};
    const LaidOutFolder bare({{"proc/modules", "zram 1 0 - Live 0x0\n"}});
    Probe probe = probe_module_state(missing, "6.1.0", paths_of(bare), bare.path());
    EXPECT_EQ(probe.state, ProbeState::no);
    EXPECT_THAT(probe.found, HasSubstr("not installed for this kernel"));
    EXPECT_THAT(probe.advice, HasSubstr("./dev install"));

    const LaidOutFolder installed({{"6.1.0/modules.dep", "updates/damon_schemes.ko:\n"}});
    probe = probe_module_state(missing, "6.1.0", paths_of(installed), installed.path());
    EXPECT_THAT(probe.advice, HasSubstr("modprobe damon_schemes"));
    probe = probe_module_state(missing, "6.1.1", paths_of(installed), installed.path());
    EXPECT_THAT(probe.advice, HasSubstr("./dev install")) << "it is there for another kernel";

    const LaidOutFolder locked({{"proc/sys/kernel/modules_disabled", "1\n"}});
    probe = probe_module_state(missing, "6.1.0", paths_of(locked), locked.path());
    EXPECT_THAT(probe.found, HasSubstr("modules_disabled"));
}

TEST(ModuleProbeTest, keeps_the_monitors_own_words_where_the_module_is_loaded) {
    const LaidOutFolder loaded(
        {{"proc/modules", "x 1 0 -\ndamon_schemes 40960 0 - Live 0x0 (OE)\n"}});
    const Probe probe = probe_module_state({false, false, "may not open", "run as root"}, "6.1.0",
                                           paths_of(loaded), loaded.path());
    EXPECT_EQ(probe.state, ProbeState::no);
    EXPECT_EQ(probe.advice, "run as root");

    const Probe usable =
        probe_module_state({true, false, "answers", ""}, "6.1.0", paths_of(loaded), loaded.path());
    EXPECT_EQ(usable.state, ProbeState::yes);
    const Probe forced =
        probe_module_state({true, true, "answers", ""}, "6.1.0", paths_of(loaded), loaded.path());
    EXPECT_EQ(forced.state, ProbeState::partly);
}

TEST(MainlineDamonProbeTest, names_who_uses_it) {
    const std::string at = "sys/kernel/mm/damon/admin/kdamonds/";
    const LaidOutFolder none({});
    EXPECT_EQ(probe_mainline_damon({}, paths_of(none)).state, ProbeState::no);

    const LaidOutFolder idle({{at + "nr_kdamonds", "0\n"}});
    const Probe free = probe_mainline_damon({true, "there, and nobody uses it"}, paths_of(idle));
    EXPECT_EQ(free.state, ProbeState::yes);
    EXPECT_THAT(free.found, HasSubstr("--monitor mainline"));

    // Configured and off: nobody's bits are cleared, and yet it is not free to be set up anew.
    const LaidOutFolder kept({{at + "nr_kdamonds", "1\n"}, {at + "0/state", "off\n"}});
    const Probe configured =
        probe_mainline_damon({false, "somebody has set it up"}, paths_of(kept));
    EXPECT_EQ(configured.state, ProbeState::partly);
    EXPECT_THAT(configured.found, HasSubstr("somebody has set it up"));

    const LaidOutFolder busy({
        {at + "nr_kdamonds", "2\n"},
        {at + "0/state", "off\n"},
        {at + "1/state", "on\n"},
        {at + "1/pid", "812\n"},
        {at + "1/contexts/0/operations", "vaddr\n"},
        {at + "1/contexts/0/targets/0/pid_target", "4242\n"},
        {at + "1/contexts/0/targets/1/pid_target", "4243\n"},
        {"sys/module/damon_reclaim/parameters/enabled", "Y\n"},
    });
    const Probe probe = probe_mainline_damon({false, "in use"}, paths_of(busy));
    EXPECT_EQ(probe.state, ProbeState::partly);
    EXPECT_THAT(probe.found, HasSubstr("kdamond (pid 812) watching pid 4242, 4243"));
    EXPECT_THAT(probe.found, HasSubstr("damon_reclaim"));
}

TEST(SwapProbeTest, tells_none_little_and_enough_apart) {
    const std::string memory = "MemTotal: 900 kB\nMemFree: 300 kB\nMemAvailable: 400 kB\n";
    const std::string heading = "Filename Type Size Used Priority\n";
    const LaidOutFolder none({{"proc/meminfo", memory}, {"proc/swaps", heading}});
    EXPECT_EQ(probe_swap(paths_of(none)).state, ProbeState::no);
    EXPECT_THAT(probe_swap(paths_of(none)).advice, HasSubstr("zram"));

    const std::string device = "/dev/zram0 partition 1024000 0 100\n";
    const LaidOutFolder little({{"proc/meminfo", memory + "SwapTotal: 1000 kB\nSwapFree: 99 kB\n"},
                                {"proc/swaps", heading + device}});
    EXPECT_EQ(probe_swap(paths_of(little)).state, ProbeState::partly);

    const LaidOutFolder enough({{"proc/meminfo", memory + "SwapTotal: 1000 kB\nSwapFree: 100 kB\n"},
                                {"proc/swaps", heading + device}});
    EXPECT_EQ(probe_swap(paths_of(enough)).state, ProbeState::yes);
    EXPECT_THAT(probe_swap(paths_of(enough)).found, HasSubstr("/dev/zram0 (zram, 1000 MiB)"));
}

TEST(CapabilitiesTest, are_read_from_the_effective_set) {
    const auto some = parse_capabilities("CapPrm:\t000001ffffffffff\nCapEff:\t0000000000880000\n");
    ASSERT_TRUE(some.has_value());
    EXPECT_TRUE(some->has(CAP_SYS_PTRACE) && some->has(CAP_SYS_NICE));
    EXPECT_FALSE(some->has(CAP_SYS_ADMIN));
    EXPECT_FALSE(parse_capabilities("Name:\tx\n").has_value());

    const LaidOutFolder root({{"proc/self/status", "CapEff:\t0000000000800000\n"}});
    const auto probes = probe_capabilities(paths_of(root));
    ASSERT_EQ(probes.size(), 3U);
    EXPECT_EQ(probes[0].state, ProbeState::yes);
    EXPECT_EQ(probes[1].state, ProbeState::no);
    EXPECT_TRUE(probes[1].needed);
    EXPECT_THAT(probes[1].advice, HasSubstr("setcap"));
    EXPECT_FALSE(probes[2].needed);
}

TEST(PtraceProbeTest, reads_yamas_scope) {
    const LaidOutFolder none({});
    EXPECT_EQ(probe_ptrace(paths_of(none)).state, ProbeState::yes);
    const LaidOutFolder strict({{"proc/sys/kernel/yama/ptrace_scope", "3\n"}});
    EXPECT_EQ(probe_ptrace(paths_of(strict)).state, ProbeState::partly);
}

TEST(HugePagesProbeTest, reads_the_chosen_setting) {
    const std::string file = "sys/kernel/mm/transparent_hugepage/enabled";
    const LaidOutFolder madvise({{file, "always [madvise] never\n"}});
    EXPECT_EQ(probe_huge_pages(paths_of(madvise)).state, ProbeState::yes);
    EXPECT_THAT(probe_huge_pages(paths_of(madvise)).found, HasSubstr("'madvise'"));
    const LaidOutFolder never({{file, "always madvise [never]\n"}});
    EXPECT_EQ(probe_huge_pages(paths_of(never)).state, ProbeState::no);
    const LaidOutFolder none({});
    EXPECT_EQ(probe_huge_pages(paths_of(none)).state, ProbeState::no);
}

TEST(HugePagesProbeTest, says_what_needs_remote_calls_here) {
    const Probe probe = probe_huge_page_actions();
    if (probe.state == ProbeState::no) GTEST_SKIP() << probe.found;
    // So far no kernel takes the flags for another process.
    EXPECT_THAT(probe.found, HasSubstr("hugepage, nohugepage"));
    EXPECT_THAT(probe.found, HasSubstr("remote_syscall"));
}

TEST(MachineProbeTest, answers_every_item_on_this_machine) {
    const auto probes = probe_machine(ModuleState{true, false, "answers", ""}, MainlineState{});
    std::set<std::string> names;
    for (const Probe& probe : probes) {
        EXPECT_TRUE(names.insert(probe.name).second) << probe.name << " comes twice";
        EXPECT_FALSE(probe.title.empty()) << probe.name;
        EXPECT_FALSE(probe.found.empty()) << probe.name;
        if (probe.needed && probe.state == ProbeState::no) {
            EXPECT_FALSE(probe.advice.empty()) << probe.name << " must say what to do";
        }
    }
    EXPECT_EQ(names, (std::set<std::string>{
                         "kernel", "module", "mainline_damon", "swap", "process_madvise",
                         "cap_sys_nice", "cap_sys_ptrace", "cap_sys_admin", "ptrace", "pagemap",
                         "huge_pages", "huge_page_actions", "io_uring", "cgroup2", "pressure"}));
}

}  // namespace
}  // namespace damon_schemes

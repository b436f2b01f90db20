// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/targets/discovery.h"
#include "tests/unit/engine/laid_out_folder.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::LaidOutFolder;
using testing::StatLine;

// A /proc of files, in which processes come, change and go.
class ProcOfFiles {
  public:
    struct Process {
        int pid = 0;
        std::string name;
        std::string executable = {};
        std::string cgroup = "/";
        int start_ticks = 4242;
        int rss_pages = 250;
        char state = 'S';
        unsigned flags = 0x400000;
        int parent = 1;
    };
    void set(const Process& process) const {
        StatLine line;
        line.pid = process.pid;
        line.comm = process.name;
        line.start_ticks = process.start_ticks;
        line.rss_pages = process.rss_pages;
        line.state = process.state;
        line.flags = process.flags;
        line.parent = process.parent;
        const std::string folder = std::to_string(process.pid);
        folder_.lay(folder + "/stat", line.text());
        folder_.lay(folder + "/cgroup", "0::" + process.cgroup + "\n");
        std::filesystem::remove(path() + "/" + folder + "/exe");
        if (!process.executable.empty()) folder_.lay(folder + "/exe", "-> " + process.executable);
    }
    // Another process of the same pid: its folder is another one, too.
    void replace(const Process& process) const {
        const std::string folder = path() + "/" + std::to_string(process.pid);
        std::filesystem::rename(folder, path() + "/former");
        set(process);
        std::filesystem::remove_all(path() + "/former");
    }
    void remove(int pid) const { std::filesystem::remove_all(path() + "/" + std::to_string(pid)); }
    std::string path() const { return folder_.path(); }

  private:
    LaidOutFolder folder_{{"meminfo", ""}, {"self/stat", ""}};
};

TargetSelector named(const std::string& name) {
    TargetSelector selector;
    selector.name = name;
    return selector;
}

// Looks of which a test says when they are.
class Looks {
  public:
    Looks(const ProcOfFiles& proc, const std::vector<TargetSelector>& rules)
        : Looks(proc.path(), rules) {}
    Looks(const std::string& proc, const std::vector<TargetSelector>& rules) {
        auto made = Discovery::make(rules, proc);
        if (made) discovery_ = std::move(*made);
    }
    Discovery::Found at(Duration when) {
        return discovery_->look(Instant(std::chrono::hours(1) + when));
    }
    std::vector<std::int32_t> newcomers_at(Duration when) {
        std::vector<std::int32_t> pids;
        for (const auto& newcomer : at(when).newcomers) pids.push_back(newcomer.pid);
        return pids;
    }
    // A look a second; when, in seconds, the first is that finds a newcomer, or finds one unfit.
    Duration time_until_anything(Duration from, Duration most) {
        for (Duration when = from; when <= from + most; when += 1s) {
            const auto found = at(when);
            if (!found.newcomers.empty() || !found.unfit.empty()) return when - from;
        }
        return Duration::max();
    }
    const Discovery& discovery() const { return *discovery_; }

  private:
    std::unique_ptr<Discovery> discovery_;
};

TEST(DiscoveryTest, finds_once_what_fits_and_says_by_which_rule) {
    const ProcOfFiles proc;
    proc.set({.pid = 20, .name = "redis-server", .start_ticks = 7});
    proc.set({.pid = 3, .name = "postgres"});
    proc.set({.pid = 100, .name = "bash"});
    Looks looks(proc, {named("postgres"), named("redis-*")});
    const auto found = looks.at(0s);
    ASSERT_EQ(found.newcomers.size(), 2U);
    EXPECT_EQ(found.newcomers[0].pid, 3);
    EXPECT_EQ(found.newcomers[0].rule, 0U);
    EXPECT_EQ(found.newcomers[1].pid, 20);
    EXPECT_EQ(found.newcomers[1].start_ticks, 7U);
    EXPECT_EQ(found.newcomers[1].rule, 1U);
    EXPECT_THAT(found.unfit, IsEmpty());
    EXPECT_EQ(looks.time_until_anything(1s, 100s), Duration::max()) << "nothing is said twice";
}

TEST(DiscoveryTest, finds_what_comes_at_the_next_look) {
    const ProcOfFiles proc;
    Looks looks(proc, {named("a")});
    EXPECT_THAT(looks.newcomers_at(0s), IsEmpty());
    proc.set({.pid = 9, .name = "a"});
    EXPECT_THAT(looks.newcomers_at(1s), ElementsAre(9));
}

TEST(DiscoveryTest, finds_at_the_next_look_what_execs_soon_after_its_fork) {
    const ProcOfFiles proc;
    Looks looks(proc, {named("a")});
    looks.at(0s);
    proc.set({.pid = 9, .name = "sh"});
    EXPECT_THAT(looks.newcomers_at(1s), IsEmpty());
    EXPECT_THAT(looks.newcomers_at(2s), IsEmpty());
    proc.set({.pid = 9, .name = "a"});
    EXPECT_THAT(looks.newcomers_at(3s), ElementsAre(9)) << "it has been there for two seconds";
}

TEST(DiscoveryTest, finds_within_30_seconds_what_execs_late) {
    for (int pid = 2; pid < 40; ++pid) {
        const ProcOfFiles proc;
        proc.set({.pid = pid, .name = "sh"});
        Looks looks(proc, {named("a")});
        EXPECT_EQ(looks.time_until_anything(0s, 60s), Duration::max());
        proc.set({.pid = pid, .name = "a"});
        EXPECT_LE(looks.time_until_anything(61s, 60s), 30s) << pid;
    }
}

TEST(DiscoveryTest, reads_old_processes_by_turns) {
    const ProcOfFiles proc;
    for (int pid = 2; pid < 302; ++pid) proc.set({.pid = pid, .name = "a"});
    Looks looks(proc, {named("b")});
    for (Duration when = 0s; when <= 60s; when += 1s) looks.at(when);
    for (Duration when = 61s; when <= 90s; when += 1s) {
        const auto before = looks.discovery().read();
        looks.at(when);
        EXPECT_LE(looks.discovery().read() - before, 60U) << "a fifth at most, never all at once";
    }
}

TEST(DiscoveryTest, what_no_longer_fits_is_told_once) {
    const ProcOfFiles proc;
    TargetSelector rule;
    rule.cgroup = "/a/*";
    proc.set({.pid = 9, .name = "a", .cgroup = "/a/b"});
    Looks looks(proc, {rule});
    EXPECT_THAT(looks.newcomers_at(0s), ElementsAre(9));
    EXPECT_EQ(looks.time_until_anything(1s, 9s), Duration::max());
    proc.set({.pid = 9, .name = "a", .cgroup = "/b"});
    Duration when = 11s;
    std::vector<std::int32_t> unfit;
    for (; unfit.empty() && when < 60s; when += 1s) unfit = looks.at(when).unfit;
    EXPECT_THAT(unfit, ElementsAre(9));
    EXPECT_LE(when, 42s);
    EXPECT_EQ(looks.time_until_anything(when, 60s), Duration::max());
    proc.set({.pid = 9, .name = "a", .cgroup = "/a/b"});
    EXPECT_LE(looks.time_until_anything(when + 61s, 60s), 30s) << "it fits anew";
}

TEST(DiscoveryTest, an_exit_is_forgotten_without_a_word) {
    const ProcOfFiles proc;
    proc.set({.pid = 9, .name = "a"});
    proc.set({.pid = 10, .name = "a"});
    Looks looks(proc, {named("a")});
    EXPECT_THAT(looks.newcomers_at(0s), ElementsAre(9, 10));
    proc.remove(9);
    proc.set({.pid = 10, .name = "a", .state = 'Z'});
    EXPECT_EQ(looks.time_until_anything(1s, 60s), Duration::max());
    proc.set({.pid = 9, .name = "a", .start_ticks = 5000});
    EXPECT_THAT(looks.newcomers_at(62s), ElementsAre(9)) << "another process of the same pid";
}

TEST(DiscoveryTest, a_reused_pid_is_noticed_by_its_folder) {
    const ProcOfFiles proc;
    proc.set({.pid = 9, .name = "a"});
    Looks looks(proc, {named("a")});
    EXPECT_THAT(looks.newcomers_at(0s), ElementsAre(9));
    EXPECT_EQ(looks.time_until_anything(1s, 9s), Duration::max());
    proc.replace({.pid = 9, .name = "a", .start_ticks = 5000});
    const auto found = looks.at(11s);
    ASSERT_EQ(found.newcomers.size(), 1U);
    EXPECT_EQ(found.newcomers[0].start_ticks, 5000U);
    EXPECT_THAT(found.unfit, IsEmpty()) << "the former has exited";
}

TEST(DiscoveryTest, a_reused_pid_is_noticed_by_its_start_at_the_latest) {
    const ProcOfFiles proc;
    proc.set({.pid = 9, .name = "a"});
    Looks looks(proc, {named("a")});
    EXPECT_EQ(looks.time_until_anything(0s, 9s), 0s);
    EXPECT_EQ(looks.time_until_anything(1s, 9s), Duration::max());
    proc.set({.pid = 9, .name = "a", .start_ticks = 5000});
    EXPECT_LE(looks.time_until_anything(11s, 60s), 30s);
}

TEST(DiscoveryTest, a_reused_pid_is_young_again) {
    const ProcOfFiles proc;
    proc.set({.pid = 9, .name = "sh"});
    Looks looks(proc, {named("a")});
    EXPECT_EQ(looks.time_until_anything(0s, 9s), Duration::max());
    proc.replace({.pid = 9, .name = "sh", .start_ticks = 5000});
    EXPECT_THAT(looks.newcomers_at(11s), IsEmpty());
    proc.set({.pid = 9, .name = "a", .start_ticks = 5000});
    EXPECT_THAT(looks.newcomers_at(12s), ElementsAre(9));
}

TEST(DiscoveryTest, finds_within_10_seconds_what_has_grown_enough) {
    TargetSelector rule;
    rule.name = "a";
    rule.min_rss = mebibytes(4);
    for (int pid = 2; pid < 40; ++pid) {
        const ProcOfFiles proc;
        proc.set({.pid = pid, .name = "a", .rss_pages = 1023});
        Looks looks(proc, {rule});
        EXPECT_EQ(looks.time_until_anything(0s, 60s), Duration::max());
        proc.set({.pid = pid, .name = "a", .rss_pages = 1024});
        EXPECT_LE(looks.time_until_anything(61s, 60s), 10s) << pid;
    }
}

TEST(DiscoveryTest, what_waits_for_its_size_is_read_by_turns_too) {
    TargetSelector rule;
    rule.min_rss = mebibytes(4);
    const ProcOfFiles proc;
    for (int pid = 2; pid < 602; ++pid) proc.set({.pid = pid, .name = "a", .rss_pages = 1});
    Looks looks(proc, {rule});
    for (Duration when = 0s; when <= 60s; when += 1s) looks.at(when);
    const auto before = looks.discovery().read();
    for (Duration when = 61s; when <= 120s; when += 1s) looks.at(when);
    const auto read = looks.discovery().read() - before;
    EXPECT_LE(read, 60U * 60U) << "50 a second, and what of the looks falls together";
    EXPECT_GE(read, 60U * 40U);
}

TEST(DiscoveryTest, what_was_found_may_shrink) {
    TargetSelector rule;
    rule.name = "a";
    rule.min_rss = mebibytes(4);
    const ProcOfFiles proc;
    proc.set({.pid = 9, .name = "a", .rss_pages = 1024});
    Looks looks(proc, {rule, named("a")});
    EXPECT_THAT(looks.newcomers_at(0s), ElementsAre(9));
    proc.set({.pid = 9, .name = "a", .rss_pages = 1});
    EXPECT_EQ(looks.time_until_anything(1s, 60s), Duration::max())
        << "it was paged out, and goes neither away nor over to the other rule";
    proc.set({.pid = 9, .name = "b", .rss_pages = 1});
    EXPECT_LE(looks.time_until_anything(62s, 60s), 30s) << "that is another reason";
}

TEST(DiscoveryTest, what_was_found_by_rules_that_are_replaced_stays_however_small) {
    TargetSelector rule;
    rule.name = "a";
    rule.min_rss = mebibytes(4);
    const ProcOfFiles proc;
    for (const int pid : {9, 10, 11, 12}) proc.set({.pid = pid, .name = "a", .rss_pages = 1});
    proc.set({.pid = 13, .name = "b", .rss_pages = 1});
    // 9 is kept; 10 is not; of 11 the pid was another's; 12 was another policy's; 13 does not fit.
    auto discovery =
        Discovery::make({named("x"), rule}, proc.path(),
                        {{9, 4242, 0, 2}, {11, 4241, 0, 2}, {12, 4242, 0, 1}, {13, 4242, 0, 2}});
    ASSERT_TRUE(discovery) << discovery.error().message;
    const auto found = (*discovery)->look(Instant(1000s));
    ASSERT_EQ(found.newcomers.size(), 1U);
    EXPECT_EQ(found.newcomers[0].pid, 9);
    EXPECT_EQ(found.newcomers[0].rule, 1U);
    EXPECT_THAT(found.unfit, IsEmpty());
}

TEST(DiscoveryTest, another_rule_makes_it_a_newcomer_and_not_unfit) {
    TargetSelector in_a;
    in_a.cgroup = "/a";
    TargetSelector in_b;
    in_b.cgroup = "/b";
    const ProcOfFiles proc;
    proc.set({.pid = 9, .name = "x", .cgroup = "/a"});
    Looks looks(proc, {in_a, in_b});
    EXPECT_THAT(looks.newcomers_at(0s), ElementsAre(9));
    proc.set({.pid = 9, .name = "x", .cgroup = "/b"});
    const auto found = looks.at(1s);
    ASSERT_EQ(found.newcomers.size(), 1U);
    EXPECT_EQ(found.newcomers[0].rule, 1U);
    EXPECT_THAT(found.unfit, IsEmpty());
}

TEST(DiscoveryTest, never_finds_what_the_machine_needs) {
    TargetSelector anything;
    anything.min_rss = Bytes{};
    const ProcOfFiles proc;
    proc.set({.pid = 1, .name = "x"});
    proc.set({.pid = 2, .name = "kthreadd", .flags = 0x200000});
    proc.set({.pid = 3, .name = "exited", .state = 'Z'});
    proc.set({.pid = 4, .name = "sshd"});
    proc.set({.pid = 5, .name = "x", .cgroup = "/system.slice/systemd-journald.service"});
    proc.set({.pid = 6, .name = "x", .cgroup = "/system.slice/systemd-journald@a.service"});
    proc.set({.pid = 7, .name = "x", .cgroup = "/system.slice/dbus.service"});
    proc.set({.pid = 8, .name = "x", .cgroup = "/init.scope"});
    proc.set({.pid = 9, .name = "x", .cgroup = "/system.slice/systemd-udevd.service/udev"});
    proc.set({.pid = 10, .name = "x", .executable = "/usr/bin/damon-schemes-remote"});
    proc.set(
        {.pid = 11, .name = "x", .executable = "/usr/bin/x", .cgroup = "/system.slice/x.service"});
    Looks looks(proc, {anything});
    EXPECT_THAT(looks.newcomers_at(0s), ElementsAre(11));
    EXPECT_EQ(looks.time_until_anything(1s, 60s), Duration::max());
}

TEST(DiscoveryTest, judges_anew_who_runs_another_program) {
    TargetSelector anything;
    anything.min_rss = Bytes{};
    const ProcOfFiles proc;
    // A service of systemd's between its fork and its exec; and what becomes a way into the
    // machine.
    proc.set({.pid = 9, .name = "systemd", .cgroup = "/system.slice/a.service"});
    proc.set({.pid = 10, .name = "sh"});
    Looks looks(proc, {anything});
    EXPECT_THAT(looks.newcomers_at(0s), ElementsAre(10));
    proc.set({.pid = 9, .name = "a", .cgroup = "/system.slice/a.service"});
    proc.set({.pid = 10, .name = "sshd"});
    const auto found = looks.at(1s);
    ASSERT_EQ(found.newcomers.size(), 1U);
    EXPECT_EQ(found.newcomers[0].pid, 9);
    EXPECT_THAT(found.unfit, ElementsAre(10));
}

TEST(DiscoveryTest, says_what_is_wrong_before_the_first_look) {
    TargetSelector rule;
    rule.user = "nobody-is-called-so";
    EXPECT_FALSE(Discovery::make({rule}).ok());
    EXPECT_FALSE(Discovery::make({named("a")}, "/proc/no-such-folder").ok());
}

// A child that waits until it is told to exec, or to exit.
class WaitingProgram {
  public:
    // `pid` 0: any.  An errno says why there is none.
    explicit WaitingProgram(pid_t pid = 0) {
        if (::pipe(ends_) != 0) return;
        clone_args arguments{};
        arguments.exit_signal = SIGCHLD;
        arguments.set_tid = pid != 0 ? reinterpret_cast<std::uint64_t>(&pid) : 0;
        arguments.set_tid_size = pid != 0 ? 1 : 0;
        pid_ = static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
        error = pid_ < 0 ? errno : 0;
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            char order = 0;
            if (::read(ends_[0], &order, 1) == 1) ::execl("/bin/sleep", "sleep", "1000", nullptr);
            ::_exit(0);
        }
    }
    ~WaitingProgram() {
        end();
        ::close(ends_[0]);
        ::close(ends_[1]);
    }
    WaitingProgram(const WaitingProgram&) = delete;
    WaitingProgram& operator=(const WaitingProgram&) = delete;
    void exec() const { EXPECT_EQ(::write(ends_[1], "x", 1), 1); }
    void end() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
    pid_t pid() const { return pid_; }
    int error = 0;

  private:
    int ends_[2] = {-1, -1};
    pid_t pid_ = -1;
};

// Those of pid `pid` that looks find until one does; a real second is one of Discovery's here, so
// that no test waits for it.
std::vector<Discovery::Newcomer> found_of(Discovery& discovery, pid_t pid, Instant now) {
    std::vector<Discovery::Newcomer> of_pid;
    for (int tries = 0; of_pid.empty() && tries < 5000; ++tries) {
        for (const auto& newcomer : discovery.look(now).newcomers)
            if (newcomer.pid == pid) of_pid.push_back(newcomer);
        std::this_thread::sleep_for(1ms);
    }
    return of_pid;
}

TEST(DiscoveryOfThisMachineTest, finds_a_child_when_it_has_execed_and_not_before) {
    TargetSelector rule;
    rule.name = "sleep";
    rule.executable = "*";
    auto discovery = Discovery::make({rule});
    ASSERT_TRUE(discovery.ok());
    const Instant now(1h);
    WaitingProgram program;
    ASSERT_GT(program.pid(), 0) << program.error;
    for (const auto& newcomer : (*discovery)->look(now).newcomers)
        EXPECT_NE(newcomer.pid, program.pid());
    program.exec();
    EXPECT_EQ(found_of(**discovery, program.pid(), now).size(), 1U);
}

TEST(DiscoveryOfThisMachineTest, never_finds_our_own_forks) {
    TargetSelector anything;
    anything.min_rss = Bytes{};
    auto discovery = Discovery::make({anything});
    ASSERT_TRUE(discovery.ok());
    WaitingProgram program;
    ASSERT_GT(program.pid(), 0) << program.error;
    for (const auto& newcomer : (*discovery)->look(Instant(1h)).newcomers) {
        EXPECT_NE(newcomer.pid, program.pid()) << "the canary is such a one";
        EXPECT_NE(newcomer.pid, ::getpid());
    }
}

TEST(DiscoveryOfThisMachineTest, notices_a_reused_pid) {
    TargetSelector rule;
    rule.name = "sleep";
    auto discovery = Discovery::make({rule});
    ASSERT_TRUE(discovery.ok());
    WaitingProgram first;
    ASSERT_GT(first.pid(), 0) << first.error;
    first.exec();
    const pid_t pid = first.pid();
    ASSERT_EQ(found_of(**discovery, pid, Instant(1h)).size(), 1U);
    // Now it is old, and not read again soon.
    (*discovery)->look(Instant(1h + 4s));
    first.end();
    std::this_thread::sleep_for(30ms);  // starts are told in ticks of 10 ms
    WaitingProgram second(pid);
    if (second.pid() < 0) GTEST_SKIP() << "a pid cannot be chosen here: errno " << second.error;
    ASSERT_EQ(second.pid(), pid);
    second.exec();
    // A pid that was chosen is noticed in a whole listing.
    EXPECT_EQ(found_of(**discovery, pid, Instant(1h + 4s + Discovery::whole_each)).size(), 1U);
}

TEST(DiscoveryOfThisMachineTest, finds_what_is_new_also_between_whole_listings) {
    TargetSelector rule;
    rule.name = "sleep";
    auto discovery = Discovery::make({rule});
    ASSERT_TRUE(discovery.ok());
    for (int i = 0; i < 10; ++i) (*discovery)->look(Instant(1h));
    std::vector<std::unique_ptr<WaitingProgram>> programs;
    for (int i = 0; i < 5; ++i) {
        programs.push_back(std::make_unique<WaitingProgram>());
        ASSERT_GT(programs.back()->pid(), 0) << programs.back()->error;
        programs.back()->exec();
        EXPECT_EQ(found_of(**discovery, programs.back()->pid(), Instant(1h)).size(), 1U);
    }
}

}  // namespace
}  // namespace damon_schemes

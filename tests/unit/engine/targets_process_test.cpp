// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "engine/targets/process.h"
#include "engine/targets/procfs.h"
#include "tests/unit/engine/laid_out_folder.h"
#include "tests/unit/engine/own_child.h"

namespace damon_schemes {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::LaidOutFolder;
using testing::OwnChild;
using testing::StatLine;

std::string stat_of(int pid, const std::string& comm, char state = 'S', int parent = 1,
                    unsigned flags = 0x400000) {
    StatLine line;
    line.pid = pid;
    line.comm = comm;
    line.state = state;
    line.parent = parent;
    line.flags = flags;
    return line.text();
}

TEST(ProcessStatTest, reads_a_comm_that_looks_like_the_rest_of_the_line) {
    const auto stat = parse_process_stat(stat_of(42, "a) R 1 (b", 'S', 7));
    ASSERT_TRUE(stat.has_value());
    EXPECT_EQ(stat->pid, 42);
    EXPECT_EQ(stat->comm, "a) R 1 (b");
    EXPECT_EQ(stat->state, 'S');
    EXPECT_EQ(stat->parent, 7);
    EXPECT_EQ(stat->start_ticks, 4242U);
}

TEST(ProcessStatTest, refuses_text_of_another_form) {
    for (const char* text :
         {"", "42", "42 (", ") (", "42 (a) S", "x (a) S 1 1 1 0 -1 0 0 0 0 0 0 0"}) {
        EXPECT_FALSE(parse_process_stat(text).has_value()) << text;
    }
}

TEST(ProcfsTest, finds_the_key_itself_and_not_one_that_begins_like_it) {
    const std::string text = "SwapTotal:  8 kB\nSwap:   4 kB\nThreads:\t3\n";
    EXPECT_EQ(kilobytes_of(text, "Swap"), kibibytes(4));
    EXPECT_EQ(number_of(text, "Threads"), 3U);
    EXPECT_FALSE(kilobytes_of(text, "Threads").has_value());
    EXPECT_FALSE(value_of(text, "Thread").has_value());
}

TEST(OpenProcessTest, holds_a_running_process_and_notices_that_it_exits) {
    OwnChild child([] { return std::uint64_t{1}; });
    const auto process = open_process(child.pid());
    ASSERT_TRUE(process.ok()) << process.error().message;
    EXPECT_EQ(process->pid, child.pid());
    EXPECT_TRUE(process->alive());
    child.kill(false);
    EXPECT_FALSE(process->alive()) << "a zombie is not alive";
}

TEST(OpenProcessTest, says_that_a_zombie_has_exited) {
    OwnChild child([] { return std::uint64_t{1}; });
    child.kill(false);
    const auto process = open_process(child.pid());
    ASSERT_FALSE(process.ok());
    EXPECT_EQ(process.error().kind, ErrorKind::usage);
    EXPECT_THAT(process.error().message, HasSubstr("zombie"));
}

TEST(OpenProcessTest, says_that_there_is_no_such_process) {
    OwnChild child([] { return std::uint64_t{1}; });
    child.kill();
    const auto process = open_process(child.pid());
    ASSERT_FALSE(process.ok());
    EXPECT_EQ(process.error().kind, ErrorKind::usage);
    EXPECT_THAT(process.error().message, HasSubstr("no process with pid"));
}

TEST(OpenProcessTest, refuses_what_is_no_pid) {
    for (const std::int32_t pid : {0, -1, INT32_MIN}) {
        const auto process = open_process(pid);
        ASSERT_FALSE(process.ok());
        EXPECT_EQ(process.error().kind, ErrorKind::usage);
    }
}

TEST(OpenProcessTest, names_the_process_of_a_thread) {
    std::mutex mutex;
    std::condition_variable changed;
    pid_t id = 0;
    bool done = false;
    std::thread thread([&] {
        std::unique_lock lock(mutex);
        id = static_cast<pid_t>(::syscall(SYS_gettid));
        changed.notify_all();
        changed.wait(lock, [&] { return done; });
    });
    {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return id != 0; });
    }
    const auto process = open_process(id);
    {
        const std::lock_guard lock(mutex);
        done = true;
    }
    changed.notify_all();
    thread.join();
    ASSERT_FALSE(process.ok());
    EXPECT_EQ(process.error().kind, ErrorKind::usage);
    EXPECT_THAT(process.error().message,
                HasSubstr("is a thread of process " + std::to_string(::getpid())));
}

TEST(OpenProcessTest, refuses_a_kernel_thread) {
    const auto stat = read_process_stat(2, "/proc");
    if (!stat || !stat->kernel_thread)
        GTEST_SKIP() << "pid 2 is no kernel thread here (a container)";
    const auto process = open_process(2);
    ASSERT_FALSE(process.ok());
    EXPECT_EQ(process.error().kind, ErrorKind::usage);
    EXPECT_THAT(process.error().message, HasSubstr("kernel thread"));
}

std::vector<std::int32_t> pids_of(const std::vector<FoundProcess>& found) {
    std::vector<std::int32_t> pids;
    for (const FoundProcess& process : found) pids.push_back(process.pid);
    return pids;
}

TEST(FindProcessesTest, goes_by_comm_and_by_the_executables_name) {
    const LaidOutFolder proc({
        {"30/stat", stat_of(30, "redis-server")},
        {"30/status", "Name:\tredis-server\nVmRSS:\t  2048 kB\n"},
        {"30/cmdline",
         std::string("/usr/bin/redis-server\0", 22) + std::string("127.0.0.1:6379\0", 15)},
        {"4/stat", stat_of(4, "main")},
        {"4/exe", "-> /opt/bin/redis-server (deleted)"},
        {"5/stat", stat_of(5, "redis-serve")},
        {"6/stat", stat_of(6, "redis-server", 'Z')},
        {"7/stat", stat_of(7, "redis-server", 'S', 2, 0x200000)},
        {"self/stat", stat_of(30, "redis-server")},
        {"meminfo", ""},
    });
    const auto found = find_processes("redis-server", proc.path());
    ASSERT_THAT(pids_of(found), ElementsAre(4, 30));
    EXPECT_EQ(found[1].rss, mebibytes(2));
    EXPECT_EQ(found[1].command_line, "/usr/bin/redis-server 127.0.0.1:6379");
}

TEST(FindProcessesTest, compares_what_fits_into_comm) {
    const LaidOutFolder proc({
        {"8/stat", stat_of(8, "postgresql-chec")},
        {"9/stat", stat_of(9, "postgresql")},
    });
    EXPECT_THAT(pids_of(find_processes("postgresql-checkpointer", proc.path())), ElementsAre(8));
    EXPECT_THAT(pids_of(find_processes("postgresql", proc.path())), ElementsAre(9));
    EXPECT_TRUE(find_processes("", proc.path()).empty());
}

TEST(RefusalTest, refuses_pid_1_itself_and_ancestors) {
    const auto self = static_cast<int>(::getpid());
    const LaidOutFolder proc({
        {std::to_string(self) + "/stat", stat_of(self, "damon-schemes", 'R', 900'002)},
        {"900002/stat", stat_of(900'002, "bash", 'S', 900'001)},
        {"900001/stat", stat_of(900'001, "make", 'S', 1)},
        {"900003/stat", stat_of(900'003, "bash", 'S', 900'001)},
        {"1/stat", stat_of(1, "init", 'S', 0)},
    });
    EXPECT_TRUE(refusal(1, proc.path()).has_value());
    EXPECT_TRUE(refusal(self, proc.path()).has_value());
    EXPECT_THAT(refusal(900'002, proc.path()).value_or(""), HasSubstr("ancestor"));
    EXPECT_THAT(refusal(900'001, proc.path()).value_or(""), HasSubstr("ancestor"));
    EXPECT_FALSE(refusal(900'003, proc.path()).has_value()) << "another shell is not an ancestor";
}

TEST(RefusalTest, refuses_session_managers_and_remote_logins) {
    for (const std::string name : {"systemd", "systemd-logind", "dbus-daemon", "gdm3", "sshd",
                                   "(sd-pam)", "gnome-session-binary", "dbus-broker-launch"}) {
        const LaidOutFolder proc({{"77/stat", stat_of(77, name.substr(0, 15))}});
        EXPECT_TRUE(refusal(77, proc.path()).has_value()) << name;
    }
    const LaidOutFolder proc(
        {{"77/stat", stat_of(77, "renamed")}, {"77/exe", "-> /usr/sbin/sshd"}});
    EXPECT_TRUE(refusal(77, proc.path()).has_value());
}

TEST(RefusalTest, refuses_what_all_other_programs_wait_for) {
    for (const std::string name : {"systemd-journald", "systemd-udevd", "(udev-worker)"}) {
        const LaidOutFolder proc({{"77/stat", stat_of(77, name.substr(0, 15))}});
        EXPECT_TRUE(refusal(77, proc.path()).has_value()) << name;
    }
}

TEST(RefusalTest, lets_ordinary_programs_be_acted_on) {
    for (const std::string name : {"redis-server", "bash", "systemctl", "ssh", "dbus"}) {
        const LaidOutFolder proc({{"77/stat", stat_of(77, name)}});
        EXPECT_FALSE(refusal(77, proc.path()).has_value()) << name;
    }
}

TEST(RefusalTest, ends_also_where_parents_go_in_a_circle) {
    const auto self = static_cast<int>(::getpid());
    const LaidOutFolder proc({
        {std::to_string(self) + "/stat", stat_of(self, "a", 'R', 900'002)},
        {"900002/stat", stat_of(900'002, "b", 'S', self)},
    });
    EXPECT_FALSE(refusal(900'003, proc.path()).has_value());
}

TEST(MemoryOfProcessTest, reads_memory_faults_and_time) {
    StatLine line;
    line.pid = 5;
    line.comm = "a b";
    line.minor_faults = 7;
    line.major_faults = 9;
    line.user_ticks = static_cast<int>(::sysconf(_SC_CLK_TCK));
    line.system_ticks = static_cast<int>(::sysconf(_SC_CLK_TCK)) / 2;
    const LaidOutFolder proc({
        {"5/stat", line.text()},
        {"5/status", "VmSize:\t9 kB\nVmRSS:\t 4096 kB\nRssAnon:\t 1024 kB\nVmSwap:\t 512 kB\n"},
    });
    const auto memory = memory_of(5, proc.path());
    ASSERT_TRUE(memory.has_value());
    EXPECT_EQ(memory->rss, mebibytes(4));
    EXPECT_EQ(memory->anonymous, mebibytes(1));
    EXPECT_EQ(memory->swapped, kibibytes(512));
    EXPECT_EQ(memory->minor_faults, 7U);
    EXPECT_EQ(memory->major_faults, 9U);
    EXPECT_EQ(memory->cpu_time, std::chrono::milliseconds(1500));
}

TEST(MemoryOfProcessTest, has_nothing_to_say_of_what_has_exited) {
    const LaidOutFolder proc({
        {"6/stat", stat_of(6, "gone", 'Z')},
        {"6/status", "Name:\tgone\nState:\tZ (zombie)\n"},
    });
    EXPECT_FALSE(memory_of(6, proc.path()).has_value());
    EXPECT_FALSE(memory_of(7, proc.path()).has_value());
}

TEST(MemoryOfProcessTest, reads_this_process) {
    const auto memory = memory_of(::getpid());
    ASSERT_TRUE(memory.has_value());
    EXPECT_GT(memory->rss, mebibytes(1));
    EXPECT_GT(memory->minor_faults, 0U);
}

}  // namespace
}  // namespace damon_schemes

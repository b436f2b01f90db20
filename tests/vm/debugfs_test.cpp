// SPDX-License-Identifier: MIT
// The files in debugfs: what may be written to them, the result file, who may.
#include "debugfs.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "process.h"

namespace damon_schemes::vm {
namespace {

class Debugfs : public DebugfsTest {};

TEST_F(Debugfs, AttrsKeepWhatIsWritten) {
    const std::string example = "5000 100000 1000000 10 1000 /damon.data";
    ASSERT_TRUE(works("echo " + example + " > attrs"));
    EXPECT_EQ(shown("attrs"), example + "\n");
    EXPECT_NE(access("/damon.data", F_OK), 0) << "a file nobody has recorded to yet";
    EXPECT_EQ(shown("record"), "1048576 /damon.data\n");
}

TEST_F(Debugfs, AttrsWithoutAPathAreTheLaterForm) {
    ASSERT_TRUE(works("echo 5000 100000 1000000 10 1000 > attrs"));
    EXPECT_EQ(shown("attrs"), "5000 100000 1000000 10 1000\n");
    EXPECT_EQ(shown("record"), "0 none\n");
    ASSERT_TRUE(works("echo 4096 /damon.data > record"));
    EXPECT_EQ(shown("record"), "4096 /damon.data\n");
    EXPECT_EQ(shown("attrs"), "5000 100000 1000000 10 1000\n");
    // What is read can be written back.
    ASSERT_TRUE(works("cat record > /tmp/kept && cat /tmp/kept > record && rm /tmp/kept"));
    ASSERT_TRUE(works("echo 0 none > record"));
    EXPECT_EQ(shown("record"), "0 none\n");
}

TEST_F(Debugfs, WrongAttrsAreRefusedAndChangeNothing) {
    const std::vector<std::string> wrong{
        "",
        "5000 100000 1000000 10",
        "5000 100000 1000000 10 1000 /damon.data more",
        "5000 100000 1000000 10 1000 damon.data",
        "5000 100000 1000000 10 abc",
        "5000 100000 1000000 -10 1000",
        "5000 100000 1000000 10 4294967306",
        "0 100000 1000000 10 1000",
        "5000 4999 1000000 10 1000",
        "5000 100000 99999 10 1000",
        "5000 100000 1000000 2 1000",
        "5000 100000 1000000 11 10",
        "5000 100000 99999999999999999999 10 1000",
    };
    for (const auto& each : wrong) EXPECT_TRUE(fails("echo '" + each + "' > attrs", EINVAL));
    EXPECT_EQ(shown("attrs"), attrs + "\n");
    EXPECT_EQ(shown("record"), "0 none\n");
}

TEST_F(Debugfs, WrongRecordSettingsAreRefused) {
    for (const std::string each : {"", "4096", "1023 /damon.data", "4194305 /damon.data",
                                   "abc /damon.data", "4096 damon.data", "4096 /damon.data more"})
        EXPECT_TRUE(fails("echo '" + each + "' > record", EINVAL));
    EXPECT_EQ(shown("record"), "0 none\n");
}

TEST_F(Debugfs, PidsKeepWhatIsWritten) {
    ASSERT_TRUE(works("echo 42 4242 > pids"));
    EXPECT_EQ(shown("pids"), "42 4242\n");
    EXPECT_EQ(shown("monitor_on"), "off\n") << "naming pids started the monitoring";
    ASSERT_TRUE(works("echo > pids"));
    EXPECT_EQ(shown("pids"), "\n");
}

TEST_F(Debugfs, PidsEndAtTheFirstWordThatIsNoNumber) {
    ASSERT_TRUE(works("echo '1 2 abc 4' > pids"));
    EXPECT_EQ(shown("pids"), "1 2\n");
    for (const std::string each : {"abc", "abc 1 2", "0", "-5", "2147483648", "12abc"})
        EXPECT_TRUE(fails("echo '" + each + "' > pids", EINVAL));
    EXPECT_EQ(shown("pids"), "1 2\n");
}

TEST_F(Debugfs, UpTo32PidsAreTaken) {
    std::string pids;
    for (int i = 0; i < 32; i++) pids += (i ? " " : "") + std::to_string(2147483000 + i);
    ASSERT_TRUE(works("echo " + pids + " > pids"));
    EXPECT_EQ(shown("pids"), pids + "\n");
    EXPECT_TRUE(fails("echo " + pids + " 33 > pids", EINVAL));
    EXPECT_EQ(shown("pids"), pids + "\n");
}

TEST_F(Debugfs, MonitoringIsTurnedOnAndOff) {
    Target target;
    EXPECT_EQ(shown("monitor_on"), "off\n");
    EXPECT_TRUE(fails("echo off > monitor_on", EPERM));
    EXPECT_TRUE(fails("echo on > monitor_on", EINVAL)) << "nobody was named";
    EXPECT_TRUE(fails("echo maybe > monitor_on", EINVAL));
    name(target);
    ASSERT_TRUE(works("echo on > monitor_on"));
    EXPECT_EQ(shown("monitor_on"), "on\n");
    EXPECT_FALSE(processes_by_name("damon_schemes/").empty());
    EXPECT_TRUE(fails("echo on > monitor_on", EBUSY));
    ASSERT_TRUE(works("echo off > monitor_on"));
    EXPECT_EQ(shown("monitor_on"), "off\n");
    EXPECT_TRUE(eventually([] { return processes_by_name("damon_schemes/").empty(); }));
    EXPECT_TRUE(fails("echo off > monitor_on", EPERM));
}

TEST_F(Debugfs, NothingIsChangedWhileItRuns) {
    Target target;
    name(target);
    const auto pids = shown("pids");
    ASSERT_TRUE(works("echo on > monitor_on"));
    EXPECT_TRUE(fails("echo " + attrs + " > attrs", EINVAL));
    EXPECT_TRUE(fails("echo " + attrs + " " + result + " > attrs", EINVAL));
    EXPECT_TRUE(fails("echo 4096 " + result + " > record", EINVAL));
    EXPECT_TRUE(fails("echo 42 > pids", EINVAL));
    EXPECT_EQ(shown("attrs"), attrs + "\n");
    EXPECT_EQ(shown("pids"), pids);
    EXPECT_TRUE(is_on());
}

TEST_F(Debugfs, WithoutAFileNothingIsRecorded) {
    Target target;
    name(target);
    const auto before = shell("ls / " + place).text;
    ASSERT_TRUE(works("echo on > monitor_on"));
    ASSERT_TRUE(works("echo off > monitor_on"));
    EXPECT_EQ(shell("ls / " + place).text, before);
}

TEST_F(Debugfs, AProcessThatIsGoneIsLeftOutUnlessNoneIsLeft) {
    Target target;
    ASSERT_TRUE(works("echo 2147483647 > pids"));
    EXPECT_TRUE(fails("echo on > monitor_on", ESRCH));
    EXPECT_FALSE(is_on());
    const auto pid = std::to_string(target.pid());
    ASSERT_TRUE(works("echo 2147483647 " + pid + " " + pid + " > pids"));
    ASSERT_TRUE(works("echo on > monitor_on"));
    EXPECT_TRUE(is_on());
}

TEST_F(Debugfs, AnAddressSpaceHasOneSampler) {
    Target target;
    Session session;
    ASSERT_EQ(session.add(target.pid()), 0);
    name(target);
    EXPECT_TRUE(fails("echo on > monitor_on", EBUSY));
    EXPECT_FALSE(is_on());
    session.close();
    ASSERT_TRUE(works("echo on > monitor_on"));
    Session other;
    EXPECT_EQ(other.add(target.pid()), EBUSY);
}

TEST_F(Debugfs, AKernelThreadIsNotWatched) {
    ASSERT_TRUE(works("echo 2 > pids"));
    EXPECT_TRUE(fails("echo on > monitor_on", EINVAL));
}

TEST_F(Debugfs, ItTurnsItselfOffWhenEveryTargetHasExited) {
    Target first, second;
    ASSERT_TRUE(works("echo " + std::to_string(first.pid()) + " " + std::to_string(second.pid()) +
                      " > pids"));
    record_to(result);
    ASSERT_TRUE(works("echo on > monitor_on"));
    first.kill();
    // Until a record says that the first has gone.
    ASSERT_TRUE(eventually([&] {
        const auto intervals = recorded_so_far();
        return !intervals.empty() && intervals.back().targets.at(0).regions.empty();
    }));
    EXPECT_TRUE(is_on()) << "one of two still runs";
    second.kill();
    EXPECT_TRUE(eventually([] { return !is_on(); }));
    EXPECT_TRUE(fails("echo off > monitor_on", EPERM));
    const auto intervals = parse_result(contents(result));
    ASSERT_FALSE(intervals.empty());
    ASSERT_EQ(intervals.back().targets.size(), 2U);
    EXPECT_EQ(intervals.back().targets[1].regions.size(), 0U);
}

TEST_F(Debugfs, TheResultFileHoldsWhatWasSeen) {
    Target target;
    const auto hot = target.map("hot", 16 * mib);
    target.hot("hot");
    name(target);
    ASSERT_TRUE(works("echo " + attrs + " " + result + " > attrs"));
    ASSERT_TRUE(works("echo on > monitor_on"));
    std::vector<ResultInterval> intervals;
    // Half of the hot area at least, in regions that many looks found accessed.
    const auto seen = [&](const ResultInterval& interval) {
        std::uint64_t bytes = 0;
        for (const auto& region : interval.targets.at(0).regions)
            if (region.nr_accesses >= 5 && region.start < hot.end && region.end > hot.start)
                bytes += std::min(region.end, hot.end) - std::max(region.start, hot.start);
        return bytes >= hot.bytes() / 2;
    };
    EXPECT_TRUE(eventually([&] {
        intervals = recorded_so_far();
        return std::any_of(intervals.begin(), intervals.end(), seen);
    }));
    ASSERT_TRUE(works("echo off > monitor_on"));

    intervals = parse_result(contents(result));
    std::int64_t last = 0;
    for (const auto& interval : intervals) {
        const auto time = interval.seconds * 1'000'000'000 + interval.nanoseconds;
        EXPECT_LT(interval.nanoseconds, 1'000'000'000);
        EXPECT_GT(time, last);
        last = time;
        ASSERT_EQ(interval.targets.size(), 1U);
        EXPECT_EQ(interval.targets[0].pid, target.pid());
        const auto& regions = interval.targets[0].regions;
        EXPECT_LE(regions.size(), 1000U);
        for (std::size_t i = 0; i < regions.size(); i++) {
            EXPECT_LT(regions[i].start, regions[i].end);
            EXPECT_LE(regions[i].nr_accesses, 20U);
            if (i > 0) {
                EXPECT_LE(regions[i - 1].end, regions[i].start);
            }
        }
    }
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    EXPECT_LE(last / 1'000'000'000, now.tv_sec);
    EXPECT_GE(last / 1'000'000'000, now.tv_sec - 60);
}

TEST_F(Debugfs, AResultFileIsAppendedTo) {
    Target target;
    name(target);
    record_to(result);
    const auto run = [&] {
        const auto before = contents(result).size();
        ASSERT_TRUE(works("umask 022 && echo on > monitor_on"));
        EXPECT_TRUE(eventually([&] { return contents(result).size() > before + 1024; }));
        ASSERT_TRUE(works("echo off > monitor_on"));
    };
    run();
    struct stat state {};
    ASSERT_EQ(stat(result.c_str(), &state), 0);
    EXPECT_EQ(state.st_mode, S_IFREG | 0644U);
    const auto first = contents(result);
    EXPECT_EQ(first.substr(0, 20), std::string("damon_recfmt_ver\x01\0\0\0", 20));
    const auto intervals = parse_result(first).size();
    run();
    const auto both = contents(result);
    EXPECT_EQ(both.substr(0, first.size()), first);
    EXPECT_GT(parse_result(both).size(), intervals) << "one header, records behind records";
}

TEST_F(Debugfs, OnlyAPlainFileOfResultsIsWrittenTo) {
    Target target;
    name(target);
    const auto expect = [&](const std::string& path, int error) {
        record_to(path);
        EXPECT_TRUE(fails("echo on > monitor_on", error)) << path;
        EXPECT_FALSE(is_on());
    };
    ASSERT_TRUE(shell("cd " + place + " && echo precious > text && ln -s text link && " +
                      "ln -s nowhere dangling && mkdir folder && ln -s folder path && mkfifo pipe")
                    .good());
    expect(place + "/link", ELOOP);
    expect(place + "/dangling", ELOOP);
    expect(place + "/path/damon.data", ELOOP);
    expect(place + "/folder", EISDIR);
    expect(place + "/pipe", EINVAL);
    expect(place + "/text", EEXIST);
    expect(place + "/text/damon.data", ENOTDIR);
    expect(place + "/missing/damon.data", ENOENT);
    expect("/dev/null", EINVAL);
    expect(debugfs + "/damon/attrs", EINVAL);
    EXPECT_EQ(contents(place + "/text"), "precious\n");
    EXPECT_NE(access((place + "/nowhere").c_str(), F_OK), 0);
    EXPECT_NE(access((place + "/folder/damon.data").c_str(), F_OK), 0);
}

TEST_F(Debugfs, AFullDiskEndsTheRecordingAndNotTheMonitoring) {
    Target target;
    target.map("area", 64 * mib);
    name(target);
    const auto disk = place + "/disk";
    ASSERT_TRUE(std::filesystem::create_directory(disk));
    ASSERT_EQ(mount("small", disk.c_str(), "tmpfs", 0, "size=64k"), 0);
    ASSERT_TRUE(works("echo 5000 50000 400000 400 1000 > attrs"));
    record_to(disk + "/damon.data");
    ASSERT_TRUE(works("echo on > monitor_on"));
    const std::string words = "the result file cannot be written (error 28)";
    EXPECT_TRUE(eventually([&] { return times_in_log(words) > 0; }));
    EXPECT_TRUE(is_on());
    // What could be written is whole records.
    const auto bytes = contents(disk + "/damon.data");
    EXPECT_FALSE(parse_result(bytes).empty());
    // A kernel thread's close is done a little later.
    EXPECT_TRUE(eventually([&] { return umount(disk.c_str()) == 0; })) << "the file stays open";
    // It still sees the end of its target.
    target.kill();
    EXPECT_TRUE(eventually([] { return !is_on(); }));
    EXPECT_EQ(times_in_log(words), 1);
}

// Runs `what` in a child and returns what it returns (an errno, mostly).
int in_child(const std::function<int()>& what) {
    const auto child = fork();
    if (child == 0) _exit(what());
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

constexpr uid_t nobody = 65534;
// What a child returns where it could not try.
constexpr int could_not_try = 199;

// No rights over files but everybody's, and the capabilities given.
bool become_nobody(std::uint32_t capabilities) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {{capabilities, capabilities, 0}, {}};
    return prctl(PR_SET_KEEPCAPS, 1) == 0 && setgroups(0, nullptr) == 0 &&
           setresgid(nobody, nobody, nobody) == 0 && setresuid(nobody, nobody, nobody) == 0 &&
           syscall(SYS_capset, &header, data) == 0;
}

constexpr std::uint32_t may_trace = 1U << CAP_SYS_PTRACE;

int write_to(int fd, const std::string& text) {
    return write(fd, text.data(), text.size()) < 0 ? errno : 0;
}

// `echo text > file` by this very process; returns 0 or the errno.
int echo(const std::string& text, const std::string& file) {
    const int fd = open((debugfs + "/damon/" + file).c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return errno;
    const int error = write_to(fd, text + "\n");
    close(fd);
    return error;
}

// Files that everybody may open: what is tested is the module's own check.
class DebugfsRights : public Debugfs {
  protected:
    void SetUp() override {
        Debugfs::SetUp();
        if (IsSkipped()) return;
        ASSERT_TRUE(shell("chmod 755 " + debugfs + " && cd " + debugfs +
                          "/damon && chmod 777 . && " + "chmod 666 *")
                        .good());
        name(target_);
    }
    void TearDown() override {
        Debugfs::TearDown();
        shell("chmod 700 " + debugfs + " && cd " + debugfs +
              "/damon && chmod 755 . && chmod 600 *");
    }
    const std::string pids() const { return std::to_string(target_.pid()); }

  private:
    Target target_;
};

TEST_F(DebugfsRights, TheFilesAreRootsAlone) {
    TearDown();
    for (const std::string file : {"attrs", "record", "pids", "monitor_on"}) {
        struct stat state {};
        ASSERT_EQ(stat((debugfs + "/damon/" + file).c_str(), &state), 0) << file;
        EXPECT_EQ(state.st_uid, 0U);
    }
    ASSERT_TRUE(reload().good());
    for (const std::string file : {"attrs", "record", "pids", "monitor_on"}) {
        struct stat state {};
        ASSERT_EQ(stat((debugfs + "/damon/" + file).c_str(), &state), 0) << file;
        EXPECT_EQ(state.st_mode & 07777, 0600U) << file;
    }
}

TEST_F(DebugfsRights, WithoutCapabilitiesNothingCanBeSaid) {
    EXPECT_EQ(in_child([] { return become_nobody(0) ? echo("on", "monitor_on") : could_not_try; }),
              EPERM);
    EXPECT_EQ(in_child([] { return become_nobody(0) ? echo("1", "pids") : could_not_try; }), EPERM);
}

TEST_F(DebugfsRights, TheFileIsOpenedWithTheWritersRights) {
    ASSERT_TRUE(shell("cd " + place + " && mkdir -m 700 roots && mkdir nobodys && chown " +
                      std::to_string(nobody) + " nobodys")
                    .good());
    const auto try_to_record = [&](const std::string& path) {
        return in_child([&] {
            if (!become_nobody(may_trace)) return could_not_try;
            if (echo(attrs + " " + path, "attrs") != 0 || echo(pids(), "pids") != 0)
                return could_not_try;
            return echo("on", "monitor_on");
        });
    };
    EXPECT_EQ(try_to_record(place + "/roots/damon.data"), EACCES);
    EXPECT_EQ(try_to_record(place + "/damon.data"), EACCES);
    EXPECT_FALSE(is_on());
    EXPECT_EQ(try_to_record(place + "/nobodys/damon.data"), 0);
    EXPECT_TRUE(is_on());
    ASSERT_TRUE(works("echo off > monitor_on"));
    struct stat state {};
    ASSERT_EQ(stat((place + "/nobodys/damon.data").c_str(), &state), 0);
    EXPECT_EQ(state.st_uid, nobody);
}

TEST_F(DebugfsRights, NobodyTurnsOnARecordingThatAnotherNamed) {
    record_to(result);
    EXPECT_EQ(in_child([] {
                  return become_nobody(may_trace) ? echo("on", "monitor_on") : could_not_try;
              }),
              EPERM);
    EXPECT_FALSE(is_on());
    EXPECT_NE(access(result.c_str(), F_OK), 0);
    EXPECT_EQ(times_in_log("named by a process with other rights"), 1);
}

TEST_F(DebugfsRights, ADescriptorDoesNotCarryItsOpenersRights) {
    const int fd = open((debugfs + "/damon/monitor_on").c_str(), O_WRONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    EXPECT_EQ(
        in_child([fd] { return become_nobody(may_trace) ? write_to(fd, "on") : could_not_try; }),
        EPERM);
    EXPECT_EQ(write_to(fd, "on"), 0);
    EXPECT_EQ(write_to(fd, "off"), 0) << "each write is a command of its own";
    close(fd);
}

// Loading and unloading with and without the interfaces.

TEST_F(Debugfs, AParameterTurnsTheInterfacesOff) {
    Target target;
    ASSERT_TRUE(reload("legacy_interfaces=0").good());
    EXPECT_NE(access((debugfs + "/damon").c_str(), F_OK), 0);
    EXPECT_NE(access((debugfs + "/damon_schemes").c_str(), F_OK), 0);
    {
        Session session;
        ASSERT_EQ(session.set(scaled_attrs()), 0);
        ASSERT_EQ(session.add(target.pid()), 0);
        ASSERT_EQ(session.start(), 0);
        session.next();
    }
    ASSERT_TRUE(reload().good());
    EXPECT_EQ(access((debugfs + "/damon/monitor_on").c_str(), F_OK), 0);
}

TEST_F(Debugfs, UnloadingEndsTheMonitoring) {
    Target target;
    name(target);
    record_to(result, "1048576");
    for (int i = 0; i < 3; i++) {
        ASSERT_TRUE(works("echo 1000 20000 400000 200 1000 " + result + " > attrs"));
        name(target);
        ASSERT_TRUE(works("echo on > monitor_on"));
        const auto size = contents(result).size();
        EXPECT_TRUE(eventually([&] { return contents(result).size() > size; }));
        ASSERT_TRUE(shell("rmmod damon_schemes").good());
        EXPECT_NE(access((debugfs + "/damon").c_str(), F_OK), 0);
        EXPECT_FALSE(parse_result(contents(result)).empty());
        ASSERT_TRUE(shell("modprobe damon_schemes").good());
        EXPECT_EQ(shown("monitor_on"), "off\n");
        EXPECT_EQ(shown("pids"), "\n");
    }
}

TEST_F(Debugfs, AFolderThatIsTakenStaysAndOursHasAnotherName) {
    const char* other = "/root/other_damon.ko";
    if (access(other, F_OK) != 0) GTEST_SKIP() << "no " << other;
    ASSERT_TRUE(
        shell("rmmod damon_schemes && insmod " + std::string(other) + " && modprobe damon_schemes")
            .good());
    const auto ours = debugfs + "/damon_schemes";
    EXPECT_EQ(shell("ls " + debugfs + "/damon").text, "");
    EXPECT_EQ(times_in_log("debugfs has a folder damon already; ours is damon_schemes"), 1);
    Target target;
    EXPECT_TRUE(in_folder("echo " + std::to_string(target.pid()) + " > pids", ours).good());
    EXPECT_TRUE(in_folder("echo on > monitor_on", ours).good());
    EXPECT_EQ(in_folder("cat monitor_on", ours).text, "on\n");
    EXPECT_TRUE(in_folder("echo off > monitor_on", ours).good());
    ASSERT_TRUE(shell("rmmod damon_schemes && rmmod other_damon && modprobe damon_schemes").good());
    EXPECT_EQ(access((debugfs + "/damon/attrs").c_str(), F_OK), 0);
}

}  // namespace
}  // namespace damon_schemes::vm

// SPDX-License-Identifier: MIT
// Who may watch whom.  Each case runs in a child that gives its privileges away.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <functional>
#include <string>

#include "session.h"

namespace damon_schemes::vm {
namespace {

constexpr uid_t nobody = 65534;
// What a child returns where it could not try.
constexpr int could_not_try = 199;

// Runs `what` in a child and returns what it returns (an errno, mostly).
int in_child(const std::function<int()>& what) {
    const auto child = fork();
    if (child == 0) {
        int result = could_not_try;
        try {
            result = what();
        } catch (const std::exception&) {
        }
        _exit(result);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool become_nobody() {
    return setgroups(0, nullptr) == 0 && setresgid(nobody, nobody, nobody) == 0 &&
           setresuid(nobody, nobody, nobody) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0;
}

class Permission : public testing::Test {
  protected:
    void SetUp() override {
        NEEDS_MODULE();
        // A node that everybody may open: what is tested is the module's own check.
        struct stat device {};
        ASSERT_EQ(stat(DAMON_SCHEMES_DEVICE, &device), 0);
        unlink(node);
        ASSERT_EQ(mknod(node, S_IFCHR | 0666, device.st_rdev), 0);
        ASSERT_EQ(chmod(node, 0666), 0);
    }
    void TearDown() override { unlink(node); }
    static constexpr const char* node = "/tmp/damon_schemes_for_all";
};

TEST_F(Permission, TheDeviceIsItsOwnersAlone) {
    struct stat device {};
    ASSERT_EQ(stat(DAMON_SCHEMES_DEVICE, &device), 0);
    EXPECT_EQ(device.st_mode & 07777, 0600U);
    EXPECT_EQ(device.st_uid, 0U);
    EXPECT_EQ(in_child([] {
                  if (!become_nobody()) return could_not_try;
                  return open(DAMON_SCHEMES_DEVICE, O_RDWR) < 0 ? errno : 0;
              }),
              EACCES);
}

TEST_F(Permission, WithoutCapabilitiesNothingCanBeWatched) {
    Target target;
    EXPECT_EQ(in_child([&] {
                  if (!become_nobody()) return could_not_try;
                  Session session(O_NONBLOCK, node);
                  return session.add(target.pid());
              }),
              EPERM);
    EXPECT_EQ(in_child([&] {
                  if (!become_nobody()) return could_not_try;
                  Session session(O_NONBLOCK, node);
                  return session.add(getpid());
              }),
              EPERM)
        << "not even oneself";
}

TEST_F(Permission, ADescriptorDoesNotCarryItsOpenersRights) {
    Target target;
    Session session;
    EXPECT_EQ(in_child([&] {
                  if (!become_nobody()) return could_not_try;
                  return session.add(target.pid());
              }),
              EPERM);
}

TEST_F(Permission, APrivilegedCallerCannotBeUsedByWhoOpenedTheDevice) {
    Target target;
    EXPECT_EQ(in_child([&] {
                  // Opened without privileges, used with them.
                  if (seteuid(nobody) != 0) return could_not_try;
                  Session session(O_NONBLOCK, node);
                  if (seteuid(0) != 0) return could_not_try;
                  return session.add(target.pid());
              }),
              EPERM);
}

// In a user namespace of its own a process has CAP_SYS_PTRACE over what is started there.
bool enter_user_namespace() {
    if (!become_nobody() || unshare(CLONE_NEWUSER) != 0) return false;
    const int setgroups = open("/proc/self/setgroups", O_WRONLY);
    if (setgroups >= 0) {
        if (write(setgroups, "deny", 4) != 4) return false;
        close(setgroups);
    }
    const int map = open("/proc/self/uid_map", O_WRONLY);
    if (map < 0 || write(map, "0 65534 1", 9) != 9) return false;
    close(map);
    return true;
}

TEST_F(Permission, TheOwnerOfAUserNamespaceMayWatchWhatRunsInIt) {
    const int result = in_child([] {
        if (!enter_user_namespace()) return could_not_try;
        Target inside;
        Session session(O_NONBLOCK, node);
        return session.add(inside.pid());
    });
    if (result == could_not_try) GTEST_SKIP() << "user namespaces are off for users here";
    EXPECT_EQ(result, 0);
}

TEST_F(Permission, AUserNamespaceGivesNoRightOverWhatRunsOutside) {
    Target outside;
    const int result = in_child([&] {
        if (!enter_user_namespace()) return could_not_try;
        Session session(O_NONBLOCK, node);
        return session.add(outside.pid());
    });
    if (result == could_not_try) GTEST_SKIP() << "user namespaces are off for users here";
    EXPECT_EQ(result, EPERM);
}

// A program that its user may run but not read is nobody's to look into but root's.
TEST_F(Permission, ATargetThatExecsWhatMayNotBeReadIsNoLongerWatched) {
    constexpr const char* secret = "/tmp/vm_secret";
    {
        Target any;
        const auto program = "/proc/" + std::to_string(any.pid()) + "/exe";
        ASSERT_TRUE(std::filesystem::copy_file(program, secret,
                                               std::filesystem::copy_options::overwrite_existing));
    }
    ASSERT_EQ(chmod(secret, 0711), 0);
    constexpr int still_watched = 1, not_watched_before = 2;
    const int result = in_child([&] {
        if (!enter_user_namespace()) return could_not_try;
        Target inside;
        Session session(O_NONBLOCK, node);
        std::uint64_t id = 0;
        if (session.set(scaled_attrs()) != 0 || session.add(inside.pid(), &id) != 0 ||
            session.start() != 0 || session.next().of(id).regions.empty())
            return not_watched_before;
        inside.exec(secret);
        const bool denied = session.wait_for(10, [&](const Snapshot& snapshot) {
            return (snapshot.of(id).record.flags & DAMON_SCHEMES_TARGET_DENIED) != 0;
        });
        return denied && session.next().of(id).regions.empty() ? 0 : still_watched;
    });
    unlink(secret);
    if (result == could_not_try) GTEST_SKIP() << "user namespaces are off for users here";
    EXPECT_EQ(result, 0);
}

}  // namespace
}  // namespace damon_schemes::vm

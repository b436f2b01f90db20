// SPDX-License-Identifier: MIT
// The helper that makes remote calls: what it holds, how it ends, and that no target suffers by it.
#include <dirent.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <set>
#include <string>
#include <thread>

#include "benchmarks/remote/blocked_program.h"
#include "engine/targets/procfs.h"
#include "tests/unit/engine/remote_caller_fixture.h"

namespace damon_schemes::testing {
namespace {

using bench::BlockedProgram;
using std::chrono::microseconds;
using std::chrono::milliseconds;

bool ends(pid_t pid) {
    for (int waited = 0; waited < 10'000; ++waited) {
        const auto stat = read_process_stat(pid, "/proc");
        if (!stat || stat->zombie()) return true;
        std::this_thread::sleep_for(milliseconds(1));
    }
    return false;
}

TEST_F(RemoteCalls, HaveAHelperThatHoldsNothingOfTheEngine) {
    const std::string folder = "/proc/" + std::to_string(helper());
    OwnChild child([] { return filled_memory(page_bytes); });
    EXPECT_FALSE(call(child, RemoteOperation::nohugepage, child.address(), page_bytes).refusal);
    std::set<int> open;
    DIR* listed = ::opendir((folder + "/fd").c_str());
    ASSERT_NE(listed, nullptr);
    while (const dirent* entry = ::readdir(listed)) {
        if (entry->d_name[0] != '.') open.insert(std::atoi(entry->d_name));
    }
    ::closedir(listed);
    EXPECT_EQ(open, (std::set<int>{0, 1, 2, 3}));
    for (const char* standard : {"/fd/0", "/fd/1", "/fd/2"}) {
        struct stat found {
        }, nothing{};
        ASSERT_EQ(::stat((folder + standard).c_str(), &found), 0);
        ASSERT_EQ(::stat("/dev/null", &nothing), 0);
        EXPECT_EQ(found.st_rdev, nothing.st_rdev);
    }
    EXPECT_EQ(::getsid(helper()), helper());
}

TEST_F(RemoteCalls, GoOnWhenTheHelperIsSentSignals) {
    OwnChild child([] { return filled_memory(page_bytes); });
    for (const int signal :
         {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGPIPE, SIGTSTP, SIGALRM}) {
        ASSERT_EQ(::kill(helper(), signal), 0);
    }
    for (int i = 0; i < 3; ++i) {
        EXPECT_FALSE(call(child, RemoteOperation::nohugepage, child.address(), page_bytes).refusal);
    }
}

TEST_F(RemoteCalls, AreRefusedWhenTheHelperWasKilled) {
    BlockedProgram program("read of a pipe");
    const RemoteRequest wanted =
        request(program.pid(), RemoteOperation::mlock_onfault, program.memory(), page_bytes);
    EXPECT_FALSE(caller_->call(wanted, {}).refusal);
    ASSERT_EQ(::kill(helper(), SIGKILL), 0);
    EXPECT_EQ(caller_->call(wanted, {}).refusal, RemoteRefusal::helper_lost);
    EXPECT_EQ(caller_->call(wanted, {}).refusal, RemoteRefusal::helper_lost);
    program.wake();
    EXPECT_TRUE(program.wait_for_rounds(1, std::chrono::seconds(30)));
    EXPECT_EQ(program.ledger().wrong.load(), 0U);
}

TEST_F(RemoteCalls, EndTheirHelperWithThem) {
    const pid_t pid = helper();
    caller_.reset();
    EXPECT_TRUE(ends(pid));
}

// A process that makes calls without end; it writes its helper's pid to `told` first.
[[noreturn]] void be_an_engine(const RemoteRequest& wanted, int told) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    auto caller = start_remote_caller({DAMON_SCHEMES_REMOTE_HELPER});
    if (!caller) ::_exit(1);
    const pid_t helper = dynamic_cast<HelperRemoteCaller&>(**caller).helper_pid();
    if (::write(told, &helper, sizeof helper) != sizeof helper) ::_exit(1);
    for (;;) caller.value()->call(wanted, {});
}

TEST_F(RemoteCalls, LeaveTheTargetUnharmedWhenTheEngineIsKilled) {
    for (const char* kind : {"read of a pipe", "epoll_wait", "computing", "nanosleep"}) {
        BlockedProgram program(kind);
        RemoteRequest wanted =
            request(program.pid(), RemoteOperation::mlock_onfault, program.memory(), 1 << 18);
        wanted.limits.between_stops = microseconds(50);
        for (int turn = 0; turn < 10; ++turn) {
            int ends_of_pipe[2] = {};
            ASSERT_EQ(::pipe(ends_of_pipe), 0);
            const pid_t engine = ::fork();
            if (engine == 0) be_an_engine(wanted, ends_of_pipe[1]);
            pid_t its_helper = -1;
            ASSERT_EQ(::read(ends_of_pipe[0], &its_helper, sizeof its_helper),
                      static_cast<ssize_t>(sizeof its_helper));
            std::this_thread::sleep_for(microseconds(2000 + 137 * turn));
            ASSERT_EQ(::kill(engine, SIGKILL), 0);
            ::waitpid(engine, nullptr, 0);
            EXPECT_TRUE(ends(its_helper));
            ::close(ends_of_pipe[0]);
            ::close(ends_of_pipe[1]);
            const std::uint64_t rounds = program.ledger().rounds.load();
            if (program.needs_waking()) program.wake();
            EXPECT_TRUE(program.wait_for_rounds(rounds + 1, std::chrono::seconds(30))) << kind;
        }
        EXPECT_TRUE(program.running()) << kind;
        EXPECT_EQ(program.ledger().spurious.load(), 0U) << kind;
        EXPECT_EQ(program.ledger().wrong.load(), 0U) << kind;
        EXPECT_EQ(program.ledger().registers.load(), 0U) << kind;
    }
}

TEST(RemoteHelper, ThatIsMissingIsReported) {
    const auto started = start_remote_caller({"/nonexistent/damon-schemes-remote"});
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().kind, ErrorKind::unsupported);
    EXPECT_NE(started.error().message.find("/nonexistent/damon-schemes-remote"), std::string::npos);
}

TEST(RemoteHelper, ThatDoesNotAnswerIsReported) {
    const auto started = start_remote_caller({"/bin/true"});
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().kind, ErrorKind::unsupported);
    EXPECT_NE(started.error().message.find("does not answer"), std::string::npos);
}

TEST(RemoteRefusals, HaveANameAndAnExplanationEach) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < remote_refusal_count; ++i) {
        names.insert(name_of(static_cast<RemoteRefusal>(i)));
        EXPECT_FALSE(explanation_of(static_cast<RemoteRefusal>(i)).empty());
    }
    EXPECT_EQ(names.size(), remote_refusal_count);
    EXPECT_EQ(name_of(RemoteRefusal::helper_lost), "helper_lost");
}

}  // namespace
}  // namespace damon_schemes::testing

// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "engine/targets/process.h"
#include "engine/targets/procfs.h"
#include "tests/unit/engine/laid_out_folder.h"

namespace damon_schemes {
namespace {

using ::testing::HasSubstr;
using testing::LaidOutFolder;

// A test that hangs is ended by its runner.
int wait_for_exit(ChildCommand& child) {
    pollfd waiting{child.process().pidfd.get(), POLLIN, 0};
    while (::poll(&waiting, 1, -1) < 0) {
    }
    return child.poll_exit().value_or(-1);
}

TEST(ChildCommandTest, runs_nothing_before_it_is_released) {
    const LaidOutFolder folder({});
    const std::string mark = folder.path() + "/ran";
    auto child = ChildCommand::start({"sh", "-c", "echo > " + mark});
    ASSERT_TRUE(child.ok()) << child.error().message;
    EXPECT_TRUE(child->process().alive());
    EXPECT_FALSE(child->poll_exit().has_value());
    EXPECT_FALSE(std::filesystem::exists(mark));
    ASSERT_TRUE(child->release().ok());
    EXPECT_EQ(wait_for_exit(*child), 0);
    EXPECT_TRUE(std::filesystem::exists(mark));
}

TEST(ChildCommandTest, has_the_commands_name_once_released) {
    auto child = ChildCommand::start({"sleep", "1000"});
    ASSERT_TRUE(child.ok());
    ASSERT_TRUE(child->release().ok());
    const auto stat = read_process_stat(child->process().pid, "/proc");
    ASSERT_TRUE(stat.has_value());
    EXPECT_EQ(stat->comm, "sleep");
    child->send(SIGTERM);
    EXPECT_EQ(wait_for_exit(*child), 128 + SIGTERM);
}

// "socket:[123]" and the like, of a listing.
std::set<std::string> sockets_of(const std::string& listing) {
    std::set<std::string> sockets;
    for (auto at = listing.find("socket:["); at != std::string::npos;
         at = listing.find("socket:[", at + 1)) {
        sockets.insert(listing.substr(at, listing.find(']', at) - at));
    }
    return sockets;
}

std::set<std::string> own_sockets() {
    std::string listing;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code ignored;
        listing += std::filesystem::read_symlink(entry.path(), ignored).string() + "\n";
    }
    return sockets_of(listing);
}

TEST(ChildCommandTest, gives_the_commands_exit_status) {
    for (const int status : {0, 1, 42, 255}) {
        auto child = ChildCommand::start({"sh", "-c", "exit " + std::to_string(status)});
        ASSERT_TRUE(child.ok());
        ASSERT_TRUE(child->release().ok());
        EXPECT_EQ(wait_for_exit(*child), status);
        EXPECT_EQ(child->poll_exit(), status) << "asking again gives the same";
    }
}

TEST(ChildCommandTest, says_why_a_command_cannot_be_run) {
    const LaidOutFolder folder({{"plain", "no program"}});
    struct Case {
        std::string command;
        const char* says;
    };
    for (const Case& unusable : {Case{"damon-schemes-no-such-command", "no such program"},
                                 Case{folder.path() + "/plain", "not executable"}}) {
        auto child = ChildCommand::start({unusable.command});
        ASSERT_TRUE(child.ok());
        const auto released = child->release();
        ASSERT_FALSE(released.ok());
        EXPECT_EQ(released.error().kind, ErrorKind::usage);
        EXPECT_THAT(released.error().message, HasSubstr(unusable.says));
        EXPECT_TRUE(child->poll_exit().has_value()) << "it has been reaped";
    }
}

TEST(ChildCommandTest, refuses_an_empty_command) {
    for (const std::vector<std::string>& argv : {std::vector<std::string>{}, {""}}) {
        const auto child = ChildCommand::start(argv);
        ASSERT_FALSE(child.ok());
        EXPECT_EQ(child.error().kind, ErrorKind::usage);
    }
}

TEST(ChildCommandTest, leaves_no_process_where_it_is_dropped_unreleased) {
    std::int32_t pid = 0;
    {
        const auto child = ChildCommand::start({"sleep", "1000"});
        ASSERT_TRUE(child.ok());
        pid = child->process().pid;
    }
    EXPECT_EQ(::waitpid(pid, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
}

TEST(ChildCommandTest, gives_the_command_default_signals_and_none_of_our_descriptors) {
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    const auto handler = ::signal(SIGPIPE, SIG_IGN);
    const LaidOutFolder folder({{"ours", ""}});
    const Descriptor ours(::open((folder.path() + "/ours").c_str(), O_RDONLY | O_CLOEXEC));
    // What the test itself was given without close-on-exec goes on to the command.
    const std::set<std::string> given = own_sockets();
    const std::string report = folder.path() + "/report";
    auto child = ChildCommand::start(
        {"sh", "-c",
         "cat /proc/self/status > " + report + "; ls -l /proc/self/fd > " + report + ".fd"});
    ASSERT_TRUE(child.ok());
    const auto released = child->release();
    const int status = released.ok() ? wait_for_exit(*child) : -1;
    ::signal(SIGPIPE, handler);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);

    ASSERT_EQ(status, 0);
    const std::string text = read_file(report).value_or("");
    EXPECT_EQ(number_of(text, "SigBlk", 16), 0U);
    EXPECT_EQ(number_of(text, "SigIgn", 16).value_or(~0ULL) & (1ULL << (SIGPIPE - 1)), 0U);
    const std::string listing = read_file(report + ".fd").value_or("");
    EXPECT_THAT(listing, ::testing::Not(HasSubstr(folder.path() + "/ours")));
    for (const std::string& socket : sockets_of(listing))
        EXPECT_EQ(given.count(socket), 1U) << socket;
}

TEST(ChildCommandTest, stays_usable_when_moved) {
    auto started = ChildCommand::start({"true"});
    ASSERT_TRUE(started.ok());
    ChildCommand child = std::move(*started);
    ASSERT_TRUE(child.release().ok());
    EXPECT_EQ(wait_for_exit(child), 0);
}

TEST(ChildCommandTest, releases_a_child_that_was_killed_without_harm) {
    auto child = ChildCommand::start({"true"});
    ASSERT_TRUE(child.ok());
    child->send(SIGKILL);
    EXPECT_EQ(wait_for_exit(*child), 128 + SIGKILL);
    EXPECT_TRUE(child->release().ok());
    EXPECT_EQ(child->poll_exit(), 128 + SIGKILL);
}

}  // namespace
}  // namespace damon_schemes

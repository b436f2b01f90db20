// SPDX-License-Identifier: MIT
// damon-schemes top on a terminal: what it shows, its keys, and the terminal afterwards.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "session.h"

namespace damon_schemes::vm {
namespace {

class Top : public testing::Test {
  protected:
    void SetUp() override {
        NEEDS_MODULE();
        area = target.map("cold", 32 * mib);
        winsize size{24, 80, 0, 0};
        ASSERT_EQ(openpty(&terminal, &its, nullptr, nullptr, &size), 0);
        ASSERT_EQ(tcgetattr(its, &before), 0);
    }
    void TearDown() override {
        if (pid > 0 && !ended) {
            kill(pid, SIGKILL);
            waitpid(pid, nullptr, 0);
        }
        close(terminal);
        close(its);
    }
    void start() {
        const std::string number = std::to_string(target.pid());
        pid = fork();
        if (pid == 0) {
            setenv("TERM", "xterm", 1);
            close(terminal);
            login_tty(its);
            execlp("damon-schemes", "damon-schemes", "top", "--pid", number.c_str(), "--set",
                   "monitor.aggregation_interval=400ms", "--set", "monitor.sampling_interval=20ms",
                   nullptr);
            _exit(127);
        }
    }
    // Reads what it writes until the text stands in it; false: it ended before.  What changes is
    // written letter by letter, so it is asked now and then to write the screen whole.
    bool sees(const std::string& text) {
        for (int turn = 1; shown.find(text) == std::string::npos; turn++) {
            pollfd ready{terminal, POLLIN, 0};
            if (poll(&ready, 1, 200) == 0 && turn % 5 == 0) redraw();
            char buffer[4096];
            const ssize_t got =
                (ready.revents & POLLIN) ? read(terminal, buffer, sizeof buffer) : 0;
            if (got > 0) {
                shown.append(buffer, static_cast<std::size_t>(got));
            } else if (has_ended()) {
                return shown.find(text) != std::string::npos;
            }
        }
        return true;
    }
    void redraw() {
        const char key = 'L' - '@';
        EXPECT_EQ(write(terminal, &key, 1), 1);
    }
    void press(char key) {
        shown.clear();
        ASSERT_EQ(write(terminal, &key, 1), 1);
        redraw();
    }
    bool has_ended() {
        if (!ended) ended = waitpid(pid, &status, WNOHANG) == pid;
        return ended;
    }
    int wait_for_end() {
        EXPECT_FALSE(sees("this is never written"));
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }
    void expect_the_terminal_as_before() {
        termios after{};
        ASSERT_EQ(tcgetattr(its, &after), 0);
        EXPECT_EQ(before.c_lflag, after.c_lflag);
        EXPECT_EQ(before.c_iflag, after.c_iflag);
        EXPECT_EQ(before.c_oflag, after.c_oflag);
        EXPECT_NE(shown.find("\033[?1049l"), std::string::npos) << "still on the other screen";
    }

    Target target;
    Area area;
    int terminal = -1, its = -1;
    termios before{};
    pid_t pid = -1;
    int status = 0;
    bool ended = false;
    std::string shown;
};

TEST_F(Top, ShowsTargetsAndTheirHeatAndLeavesByAKey) {
    start();
    ASSERT_TRUE(sees("vm_target")) << shown;
    ASSERT_TRUE(sees("q quit")) << shown;
    ASSERT_TRUE(sees("Heat map of")) << shown;
    press('h');
    ASSERT_TRUE(sees("it acts on nothing")) << shown;
    press('h');
    ASSERT_TRUE(sees("Heat map of")) << shown;
    press(' ');
    ASSERT_TRUE(sees("FROZEN")) << shown;
    press('q');
    EXPECT_EQ(wait_for_end(), 0);
    expect_the_terminal_as_before();
}

TEST_F(Top, FitsATerminalThatChangesItsSize) {
    start();
    ASSERT_TRUE(sees("SWAPPED")) << shown;
    shown.clear();
    winsize size{12, 50, 0, 0};
    ASSERT_EQ(ioctl(terminal, TIOCSWINSZ, &size), 0);
    ASSERT_TRUE(sees("IDLE")) << shown;
    // Drawn afresh: the heading, now without the columns that no longer fit.
    press('k');
    ASSERT_TRUE(sees("IDLE")) << shown;
    EXPECT_EQ(shown.find("SWAPPED"), std::string::npos) << shown;
    press('q');
    EXPECT_EQ(wait_for_end(), 0);
}

TEST_F(Top, EndsInOrderWhenItIsToldTo) {
    start();
    ASSERT_TRUE(sees("vm_target")) << shown;
    shown.clear();
    kill(pid, SIGTERM);
    EXPECT_EQ(wait_for_end(), 0);
    expect_the_terminal_as_before();
}

TEST_F(Top, EndsWithItsTarget) {
    start();
    ASSERT_TRUE(sees("vm_target")) << shown;
    shown.clear();
    target.kill();
    EXPECT_EQ(wait_for_end(), 0);
    EXPECT_NE(shown.find("the target has exited"), std::string::npos) << shown;
    expect_the_terminal_as_before();
}

TEST_F(Top, SaysSoWhereSomebodyElseWatches) {
    Session session;
    ASSERT_EQ(session.set(scaled_attrs()), 0);
    ASSERT_EQ(session.add(target.pid()), 0);
    start();
    EXPECT_NE(wait_for_end(), 0);
    EXPECT_NE(shown.find("damon-schemes: "), std::string::npos) << shown;
}

}  // namespace
}  // namespace damon_schemes::vm

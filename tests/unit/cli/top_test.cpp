// SPDX-License-Identifier: MIT
// What becomes of the terminal; what top shows is tests/vm/top_test.cpp's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <string>

#include "cli/screen/guard.h"
#include "cli/screen/screen.h"
#include "tests/unit/cli/program.h"

namespace damon_schemes {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

// What a program wrote on a terminal of its own, and what it left of the terminal's settings.
struct OnTerminal {
    int status = 0;
    std::string output;
    bool as_before = false;
};

OnTerminal on_terminal(const std::function<int()>& program) {
    int terminal = -1;
    int its = -1;
    winsize size{24, 80, 0, 0};
    EXPECT_EQ(openpty(&terminal, &its, nullptr, nullptr, &size), 0);
    termios before{};
    tcgetattr(its, &before);
    const pid_t child = fork();
    if (child == 0) {
        setenv("TERM", "xterm", 1);
        close(terminal);
        login_tty(dup(its));
        close(its);
        _exit(under_guard(program));
    }
    OnTerminal result;
    // As long as a descriptor of ours is open, the end of its output is not the end of ours.
    for (;;) {
        int status = 0;
        const bool ended = waitpid(child, &status, WNOHANG) == child;
        for (;;) {
            fd_set ready;
            FD_ZERO(&ready);
            FD_SET(terminal, &ready);
            timeval soon{0, 20'000};
            if (select(terminal + 1, &ready, nullptr, nullptr, &soon) <= 0) break;
            char buffer[4096];
            const ssize_t got = read(terminal, buffer, sizeof buffer);
            if (got <= 0) break;
            result.output.append(buffer, static_cast<std::size_t>(got));
        }
        if (!ended) continue;
        result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        break;
    }
    termios after{};
    tcgetattr(its, &after);
    result.as_before = before.c_lflag == after.c_lflag && before.c_iflag == after.c_iflag &&
                       before.c_oflag == after.c_oflag;
    close(its);
    close(terminal);
    return result;
}

int shows_then(const std::function<void()>& end) {
    auto screen = Screen::open(false);
    if (!screen) return 9;
    (*screen)->show({{"on the screen", Emphasis::title}});
    end();
    screen->reset();
    return 7;
}

TEST(TopTerminalTest, is_given_back_when_the_program_ends) {
    const auto ran = on_terminal([] { return shows_then([] {}); });
    EXPECT_EQ(ran.status, 7);
    EXPECT_THAT(ran.output, HasSubstr("on the screen"));
    EXPECT_THAT(ran.output, HasSubstr("\033[?1049l"));
    EXPECT_TRUE(ran.as_before);
}

TEST(TopTerminalTest, is_given_back_when_the_program_is_killed) {
    for (const int signal : {SIGKILL, SIGSEGV, SIGABRT}) {
        const auto ran = on_terminal([signal] { return shows_then([signal] { raise(signal); }); });
        EXPECT_EQ(ran.status, 1) << signal;
        EXPECT_THAT(ran.output, HasSubstr("\033[?1049l"));
        EXPECT_THAT(ran.output, HasSubstr("\033[?25h")) << "the cursor";
        // A sanitizer makes an exit of a crash.
        if (signal == SIGKILL || !sanitized) {
            EXPECT_THAT(ran.output, HasSubstr("signal " + std::to_string(signal)));
        }
        EXPECT_TRUE(ran.as_before) << signal;
    }
}

TEST(TopTerminalTest, an_unknown_kind_is_an_error_and_not_the_end) {
    const auto ran = on_terminal([]() -> int {
        setenv("TERM", "no-such-terminal", 1);
        auto screen = Screen::open(false);
        // At once: what ncurses holds on to is no leak of ours.
        _exit(screen ? 0 : static_cast<int>(screen.error().kind));
    });
    EXPECT_EQ(ran.status, 2);
    EXPECT_TRUE(ran.as_before);
}

TEST(TopUsageTest, without_a_target_and_a_daemon_says_what_to_do) {
    const auto ran = run_program({"top", "--socket", "/nonexistent/socket"});
    EXPECT_EQ(ran.status, 4);
    EXPECT_THAT(ran.err, HasSubstr("no daemon answers at /nonexistent/socket"));
    EXPECT_THAT(ran.err, HasSubstr("top --pid 1234"));
}

TEST(TopUsageTest, refuses_a_policy_that_is_wrong) {
    const auto ran = run_program({"top", "--pid", "1", "--policy", "/dev/null"});
    EXPECT_EQ(ran.status, 3);
}

}  // namespace
}  // namespace damon_schemes

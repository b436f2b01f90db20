// SPDX-License-Identifier: MIT
#include "cli/screen/guard.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "cli/command.h"

namespace damon_schemes {
namespace {

// Out of the alternate screen, attributes off, the cursor on, keys as ordinary: what xterm, the
// Linux console, screen and tmux all understand, and others pass over.
constexpr std::string_view ordinary_screen = "\033[?1049l\033[0m\033[?25h\033[?1l\033>\r\n";

// The child; for the handler, which passes on what is meant for the program.
volatile pid_t guarded = 0;

void pass_on(int signal) {
    if (guarded > 0) ::kill(guarded, signal);
}

// Signals that end a program by default come to the child, by itself or through us; it ends in good
// order, and we go on waiting for it.
void watch_signals() {
    struct sigaction action {};
    action.sa_handler = pass_on;
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGTERM, &action, nullptr);
    ::sigaction(SIGHUP, &action, nullptr);
    // These the terminal sends to both.
    action.sa_handler = SIG_IGN;
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGQUIT, &action, nullptr);
}

bool same(const termios& a, const termios& b) {
    return a.c_iflag == b.c_iflag && a.c_oflag == b.c_oflag && a.c_cflag == b.c_cflag &&
           a.c_lflag == b.c_lflag;
}

}  // namespace

int under_guard(const std::function<int()>& program) {
    termios settings{};
    if (::tcgetattr(STDIN_FILENO, &settings) != 0) return program();
    const pid_t guard = ::getpid();
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child < 0) return program();
    if (child == 0) {
        // A guard that is killed takes the program with it, in good order.
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (::getppid() != guard) std::exit(exit_runtime);
        std::exit(program());
    }
    guarded = child;
    watch_signals();
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) return exit_runtime;
    }
    guarded = 0;
    termios now{};
    const bool given_back = ::tcgetattr(STDIN_FILENO, &now) == 0 && same(settings, now);
    if (WIFEXITED(status) && given_back) return WEXITSTATUS(status);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &settings);
    (void)!::write(STDOUT_FILENO, ordinary_screen.data(), ordinary_screen.size());
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    std::fprintf(stderr, "damon-schemes: it was ended by signal %d (%s)\n", WTERMSIG(status),
                 ::strsignal(WTERMSIG(status)));
    return exit_runtime;
}

}  // namespace damon_schemes

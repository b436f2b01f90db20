// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>

#include "engine/reports/terminal.h"

namespace damon_schemes {
namespace {

// Both ends of a pseudo-terminal; the slave is what a program writes to.
class PseudoTerminal {
  public:
    PseudoTerminal() : master_(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
        if (master_ >= 0 && grantpt(master_) == 0 && unlockpt(master_) == 0)
            slave_ = open(ptsname(master_), O_RDWR | O_NOCTTY | O_CLOEXEC);
    }
    ~PseudoTerminal() {
        if (slave_ >= 0) close(slave_);
        if (master_ >= 0) close(master_);
    }
    PseudoTerminal(const PseudoTerminal&) = delete;
    PseudoTerminal& operator=(const PseudoTerminal&) = delete;
    int slave() const { return slave_; }
    void resize(unsigned short columns) const {
        const winsize size{30, columns, 0, 0};
        ASSERT_EQ(ioctl(master_, TIOCSWINSZ, &size), 0);
    }

  private:
    int master_;
    int slave_ = -1;
};

class TerminalTest : public testing::Test {
  protected:
    void SetUp() override {
        if (pty_.slave() < 0) GTEST_SKIP() << "no pseudo-terminal can be opened here";
        std::array<int, 2> ends{};
        ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
        pipe_reader_ = ends[0];
        pipe_ = ends[1];
    }
    void TearDown() override {
        if (pipe_ < 0) return;
        close(pipe_reader_);
        close(pipe_);
    }
    static TerminalEnvironment xterm() {
        TerminalEnvironment environment;
        environment.term = "xterm-256color";
        return environment;
    }

    PseudoTerminal pty_;
    int pipe_reader_ = -1;
    int pipe_ = -1;
};

TEST_F(TerminalTest, APipeIsNotInteractiveAndHasNoColour) {
    const Terminal terminal = terminal_of(pipe_, ColourChoice::automatic, xterm());
    EXPECT_FALSE(terminal.interactive);
    EXPECT_FALSE(terminal.colour);
    EXPECT_EQ(terminal.width, 80U);
}

TEST_F(TerminalTest, ATerminalIsInteractiveAndHasColour) {
    const Terminal terminal = terminal_of(pty_.slave(), ColourChoice::automatic, xterm());
    EXPECT_TRUE(terminal.interactive);
    EXPECT_TRUE(terminal.colour);
}

TEST_F(TerminalTest, ADumbTerminalIsTreatedLikeAPipe) {
    for (const auto& name : {std::optional<std::string>("dumb"), std::optional<std::string>("")}) {
        TerminalEnvironment environment;
        environment.term = name;
        const Terminal terminal = terminal_of(pty_.slave(), ColourChoice::automatic, environment);
        EXPECT_FALSE(terminal.interactive);
        EXPECT_FALSE(terminal.colour);
    }
    EXPECT_FALSE(terminal_of(pty_.slave(), ColourChoice::automatic, {}).interactive);
}

TEST_F(TerminalTest, NoColorTakesTheColourAndNothingElse) {
    TerminalEnvironment environment = xterm();
    environment.no_color = "1";
    const Terminal terminal = terminal_of(pty_.slave(), ColourChoice::automatic, environment);
    EXPECT_TRUE(terminal.interactive);
    EXPECT_FALSE(terminal.colour);
    environment.no_color = "";
    EXPECT_TRUE(terminal_of(pty_.slave(), ColourChoice::automatic, environment).colour);
}

TEST_F(TerminalTest, WhatTheUserAsksForGoesFirst) {
    TerminalEnvironment environment = xterm();
    environment.no_color = "1";
    EXPECT_TRUE(terminal_of(pipe_, ColourChoice::always, environment).colour);
    EXPECT_FALSE(terminal_of(pty_.slave(), ColourChoice::never, xterm()).colour);
}

TEST_F(TerminalTest, TheTerminalsOwnWidthGoesBeforeColumns) {
    TerminalEnvironment environment = xterm();
    environment.columns = "100";
    pty_.resize(132);
    EXPECT_EQ(terminal_of(pty_.slave(), ColourChoice::automatic, environment).width, 132U);
    EXPECT_EQ(terminal_of(pipe_, ColourChoice::automatic, environment).width, 100U);
    EXPECT_EQ(terminal_of(pty_.slave()).height, 30U);
    EXPECT_EQ(terminal_of(pipe_).height, 24U);
}

TEST_F(TerminalTest, AWidthThatIsNoneIsNotTaken) {
    pty_.resize(0);
    for (const char* columns : {"", "0", "-5", "wide", "80x", "99999999999999999999999"}) {
        TerminalEnvironment environment = xterm();
        environment.columns = columns;
        EXPECT_EQ(terminal_of(pty_.slave(), ColourChoice::automatic, environment).width, 80U)
            << columns;
    }
}

TEST_F(TerminalTest, WidthStaysWithinWhatTablesCanBeLaidOutFor) {
    TerminalEnvironment environment = xterm();
    environment.columns = "3";
    EXPECT_EQ(terminal_of(pipe_, ColourChoice::automatic, environment).width, 40U);
    environment.columns = "100000";
    EXPECT_EQ(terminal_of(pipe_, ColourChoice::automatic, environment).width, 500U);
}

TEST_F(TerminalTest, UnicodeGoesByTheLocale) {
    TerminalEnvironment environment = xterm();
    EXPECT_FALSE(terminal_of(pipe_, ColourChoice::automatic, environment).unicode);
    environment.locale = "C";
    EXPECT_FALSE(terminal_of(pipe_, ColourChoice::automatic, environment).unicode);
    environment.locale = "C.UTF-8";
    EXPECT_TRUE(terminal_of(pipe_, ColourChoice::automatic, environment).unicode);
    environment.locale = "de_DE.utf8";
    EXPECT_TRUE(terminal_of(pipe_, ColourChoice::automatic, environment).unicode);
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include "cli/screen/screen.h"

#include <curses.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <string>

namespace damon_schemes {
namespace {

attr_t attributes_of(Emphasis emphasis) {
    switch (emphasis) {
        case Emphasis::title:
            return A_BOLD;
        case Emphasis::heading:
            return A_UNDERLINE;
        case Emphasis::selected:
            return A_REVERSE;
        case Emphasis::faint:
            return A_DIM;
        case Emphasis::keys:
            return A_REVERSE;
        case Emphasis::plain:
            break;
    }
    return A_NORMAL;
}

short pair_of(Emphasis emphasis) {
    switch (emphasis) {
        case Emphasis::title:
            return 1;
        case Emphasis::keys:
            return 2;
        default:
            return 0;
    }
}

}  // namespace

Result<std::unique_ptr<Screen>> Screen::open(bool colour) {
    if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0) {
        return Error{ErrorKind::usage,
                     "top needs a terminal; 'record' and then 'report' do without one, and so does "
                     "'apply' with policies/observe.toml and --json",
                     0};
    }
    std::setlocale(LC_CTYPE, "");
    // initscr() would end the program where it does not know the terminal.
    if (newterm(nullptr, stdout, stdin) == nullptr) {
        const char* term = std::getenv("TERM");
        return Error{ErrorKind::usage,
                     std::string("nothing is known of this terminal (TERM=") +
                         (term == nullptr ? "" : term) + "): set TERM, to xterm or linux say",
                     0};
    }
    return std::unique_ptr<Screen>(new Screen(colour));
}

Screen::Screen(bool colour) {
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    curs_set(0);
    colour_ = colour && has_colors() == TRUE && start_color() == OK && use_default_colors() == OK;
    if (colour_) {
        init_pair(1, COLOR_CYAN, -1);
        init_pair(2, COLOR_CYAN, -1);
    }
}

Screen::~Screen() {
    endwin();
}

std::size_t Screen::width() const {
    return static_cast<std::size_t>(std::max(getmaxx(stdscr), 1));
}

std::size_t Screen::height() const {
    return static_cast<std::size_t>(std::max(getmaxy(stdscr), 1));
}

void Screen::resize() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
        return;
    resizeterm(size.ws_row, size.ws_col);
    redraw();
}

void Screen::redraw() {
    clearok(stdscr, TRUE);
}

void Screen::show(const std::vector<ScreenLine>& lines) {
    werase(stdscr);
    const std::size_t count = std::min(lines.size(), height());
    for (std::size_t i = 0; i < count; ++i) {
        const attr_t attributes = attributes_of(lines[i].emphasis);
        wattr_set(stdscr, attributes, colour_ ? pair_of(lines[i].emphasis) : short{0}, nullptr);
        // The last column of the last line would scroll: ncurses says ERR then, and has written it.
        (void)mvwaddstr(stdscr, static_cast<int>(i), 0, lines[i].text.c_str());
    }
    wattr_set(stdscr, A_NORMAL, 0, nullptr);
    wrefresh(stdscr);
}

Key Screen::key() {
    switch (wgetch(stdscr)) {
        case ERR:
            return Key::none;
        case 'q':
        case 'Q':
        case 27:  // Escape
            return Key::quit;
        case KEY_UP:
        case 'k':
            return Key::up;
        case KEY_DOWN:
        case 'j':
            return Key::down;
        case 's':
            return Key::sort;
        case 'L' - '@':  // Ctrl-L
            return Key::redraw;
        case ' ':
            return Key::freeze;
        case 'h':
        case '?':
        case KEY_F(1):
            return Key::help;
        default:
            return Key::other;
    }
}

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// The terminal's screen, by ncurses.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "engine/reports/overview.h"
#include "schemes/result.h"

namespace damon_schemes {

enum class Key { none, quit, up, down, sort, freeze, help, redraw, other };

// One at a time, on one thread.  While it lives the terminal is its own; its end gives it back as
// it was found.
class Screen {
  public:
    // Error (usage): standard input or output is no terminal, or one that ncurses does not know.
    static Result<std::unique_ptr<Screen>> open(bool colour);
    ~Screen();
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;

    std::size_t width() const;
    std::size_t height() const;
    // After SIGWINCH: takes the terminal's new size.
    void resize();
    // The next show() writes all of it, and not just what changed: something else may have written
    // there.
    void redraw();
    // The lines from the top on; what was there before is gone.
    void show(const std::vector<ScreenLine>& lines);
    // The next key that was pressed; none: there is none.  Never waits.
    Key key();

  private:
    explicit Screen(bool colour);
    bool colour_ = false;
};

}  // namespace damon_schemes

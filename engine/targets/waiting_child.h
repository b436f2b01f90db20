// SPDX-License-Identifier: MIT
// A child of our own that does nothing but be there, to try on what is to be done to others.
#pragma once

#include <sys/types.h>

#include <functional>

namespace damon_schemes {

// Ends and reaps the child whatever happens in between; it ends with us, too.
class WaitingChild {
  public:
    // `prepare` runs in the child before the constructor returns.  It may do only what a signal
    // handler may, since other threads are not forked.
    explicit WaitingChild(const std::function<void()>& prepare = {});
    ~WaitingChild();
    WaitingChild(const WaitingChild&) = delete;
    WaitingChild& operator=(const WaitingChild&) = delete;
    pid_t pid() const { return pid_; }  // -1: fork(2) failed

  private:
    pid_t pid_ = -1;
};

}  // namespace damon_schemes

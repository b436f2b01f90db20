// SPDX-License-Identifier: MIT
// For starting a thread that no signal is delivered to.
#pragma once

#include <pthread.h>

#include <csignal>

namespace damon_schemes {

// Threads inherit the mask: signals are the loop's business, and one delivered elsewhere would kill
// the program if it was blocked only later.
class AllSignalsBlocked {
  public:
    AllSignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    AllSignalsBlocked(const AllSignalsBlocked&) = delete;
    AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

  private:
    sigset_t before_;
};

}  // namespace damon_schemes

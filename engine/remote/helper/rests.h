// SPDX-License-Identifier: MIT
// Calls whose time-out begins anew when they are interrupted (epoll_wait, sigtimedwait, semtimedop,
// io_uring_enter) would never time out if their thread were stopped again and again.  So a thread
// in one is stopped for no longer than the time-out is long, and then left alone for as long.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace damon_schemes::helper {

class Rests {
  public:
    // Whether thread `tid`, in a call with such a time-out, may be stopped now.  Times in ns.
    bool may_stop(pid_t tid, std::uint64_t now) const;
    void note(pid_t tid, std::uint64_t timeout, std::uint64_t now);

  private:
    struct Rest {
        pid_t tid;
        std::uint64_t first;  // of the stops that may have met one call
        std::uint64_t last;
        std::uint64_t timeout;
    };
    static constexpr std::uint32_t room = 256;
    Rest rests_[room] = {};
};

}  // namespace damon_schemes::helper

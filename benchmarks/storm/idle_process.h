// SPDX-License-Identifier: MIT
// A process that holds memory and sleeps.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace damon_schemes::bench {

// A child of this process; killed when this object goes.  Throws std::runtime_error.
class IdleProcess {
  public:
    // Touches the bytes once, and is ready when this returns.
    explicit IdleProcess(std::size_t bytes);
    ~IdleProcess();
    IdleProcess(const IdleProcess&) = delete;
    IdleProcess& operator=(const IdleProcess&) = delete;

    pid_t pid() const { return pid_; }

  private:
    pid_t pid_ = -1;
};

}  // namespace damon_schemes::bench

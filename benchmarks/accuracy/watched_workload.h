// SPDX-License-Identifier: MIT
// The program `phases` as a child of ours: its memory is there and its first phase waits for us.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "engine/targets/process.h"

namespace damon_schemes::accuracy {

class WatchedWorkload {
  public:
    // `command`: the program and what it is to do, without --wait.  Returns once it is ready.
    // Throws std::runtime_error where it ends before that.
    explicit WatchedWorkload(std::vector<std::string> command);
    ~WatchedWorkload();  // kills it, if it still runs
    WatchedWorkload(const WatchedWorkload&) = delete;
    WatchedWorkload& operator=(const WatchedWorkload&) = delete;

    pid_t pid() const { return pid_; }
    void begin();
    // Is at its end of file once the program has ended.
    int output() const { return output_.get(); }
    // Waits for its end; throws where it failed.
    void finish();

  private:
    int wait();

    pid_t pid_ = -1;
    Descriptor input_, output_;
};

}  // namespace damon_schemes::accuracy

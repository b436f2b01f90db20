// SPDX-License-Identifier: MIT
// A process that maps, touches and unmaps all the time, and notes how long each round took.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace damon_schemes::bench {

// How long a round and its parts took, in ns; as many of each as there were rounds.
struct Rounds {
    std::vector<std::uint32_t> map, touch, unmap, whole;
};

// A child of this process; killed when this object goes.  Throws std::runtime_error.
class StormingProcess {
  public:
    // Beside the storm's own `pages` the process holds `idle_bytes`, touched once: what there is to
    // monitor.
    StormingProcess(std::size_t pages, std::size_t idle_bytes);
    ~StormingProcess();
    StormingProcess(const StormingProcess&) = delete;
    StormingProcess& operator=(const StormingProcess&) = delete;

    pid_t pid() const { return pid_; }
    // The rounds of the next `seconds`; where they are more than a million, the last of them.
    Rounds observe(double seconds);

  private:
    struct Shared;
    Shared* shared_ = nullptr;
    pid_t pid_ = -1;
};

}  // namespace damon_schemes::bench

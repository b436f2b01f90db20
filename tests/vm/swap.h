// SPDX-License-Identifier: MIT
// The guest's swap, taken away or made small for one test, and put back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace damon_schemes::vm {

// Turns all swap off while it lives.
class SwapOff {
  public:
    SwapOff();
    ~SwapOff();
    SwapOff(const SwapOff&) = delete;
    SwapOff& operator=(const SwapOff&) = delete;

  private:
    std::vector<std::string> devices_;
};

// A zram swap of its own while it lives.
class SmallSwap {
  public:
    explicit SmallSwap(std::uint64_t bytes);
    ~SmallSwap();
    SmallSwap(const SmallSwap&) = delete;
    SmallSwap& operator=(const SmallSwap&) = delete;

  private:
    std::string number_;
};

// Bytes; 0: there is none.
std::uint64_t swap_total();

// A figure of /proc/PID/status, "VmRSS" or "VmSwap"; 0 where it is not there.
std::uint64_t memory_of(int pid, const std::string& name);

}  // namespace damon_schemes::vm

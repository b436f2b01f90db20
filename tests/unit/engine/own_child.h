// SPDX-License-Identifier: MIT
// A real process for tests to act on: a fork of the test that does what it is told, reports one
// address, and then waits until it is ended.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>

#include "engine/targets/process.h"

namespace damon_schemes::testing {

class OwnChild {
  public:
    // `prepare` runs in the child; what it returns is address().  0 means that it failed.
    explicit OwnChild(const std::function<std::uint64_t()>& prepare);
    ~OwnChild();
    OwnChild(const OwnChild&) = delete;
    OwnChild& operator=(const OwnChild&) = delete;

    std::int32_t pid() const { return pid_; }
    int pidfd() const { return pidfd_.get(); }
    std::uint64_t address() const { return address_; }
    // Ends it and waits until it is dead; reaps it only if told.
    void kill(bool reap = true);

  private:
    pid_t pid_ = -1;
    Descriptor pidfd_;
    std::uint64_t address_ = 0;
    bool reaped_ = false;
};

// Anonymous memory, written to once, without huge pages.
std::uint64_t filled_memory(std::uint64_t size, unsigned char value = 1);

}  // namespace damon_schemes::testing

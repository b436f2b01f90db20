// SPDX-License-Identifier: MIT
// Runs a system call, or nothing for a while, with every register of the processor set to a
// pattern, and looks whether they are the same afterwards: general ones, flags, x87, SSE, AVX and
// AVX-512 as far as there are.
#pragma once

#include <cstdint>
#include <memory>

namespace damon_schemes::bench {

class RegisterCheck {
  public:
    RegisterCheck();
    ~RegisterCheck();
    RegisterCheck(const RegisterCheck&) = delete;
    RegisterCheck& operator=(const RegisterCheck&) = delete;

    // The result of the call as the kernel gives it: -errno where it failed.
    std::int64_t call(long number, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0,
                      std::uint64_t d = 0, std::uint64_t e = 0, std::uint64_t f = 0);
    // Computes for so many turns of a short loop.
    void spin(std::uint64_t turns);
    // How many of the calls and loops so far ended with another register than they should.
    std::uint64_t mismatches() const { return mismatches_; }

  private:
    struct Frame;
    void prepare();
    bool vectors_same() const;

    std::unique_ptr<Frame> frame_;
    std::uint64_t mismatches_ = 0;
};

}  // namespace damon_schemes::bench

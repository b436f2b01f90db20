// SPDX-License-Identifier: MIT
// A program that does one thing over and over: it waits in one kind of system call (or computes),
// with all registers looked at, and checks what each wait ended with.  For trying on it what must
// not be noticed.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace damon_schemes::bench {

// What the program writes down, in memory that it shares with who watches it.
struct Ledger {
    std::atomic<bool> ready;
    std::atomic<std::uint64_t> rounds;       // waits that ended as they should
    std::atomic<std::uint64_t> spurious;     // that failed with EINTR though no signal was handled
    std::atomic<std::uint64_t> wrong;        // that ended otherwise than they should, or too early
    std::atomic<std::int64_t> wrong_result;  // the last of these
    std::atomic<std::uint64_t> registers;    // after which a register was another
    std::atomic<std::uint64_t> signals;      // that its handler was called for
    std::atomic<std::uint64_t> misplaced;    // of those, lost, doubled or out of their order
    std::atomic<std::uint64_t> threads;      // that are there and wait
};

class BlockedProgram {
  public:
    // All kinds, in a fixed order; one that this kernel forbids is left out.
    static std::vector<std::string> kinds();

    // Throws std::runtime_error where it cannot be started.
    explicit BlockedProgram(const std::string& kind);
    ~BlockedProgram();  // kills it
    BlockedProgram(const BlockedProgram&) = delete;
    BlockedProgram& operator=(const BlockedProgram&) = delete;

    pid_t pid() const { return pid_; }
    const Ledger& ledger() const { return *ledger_; }
    // Private memory of the program: where it is, and how much.
    std::uint64_t memory() const { return memory_; }
    static constexpr std::size_t memory_size = 1 << 20;

    // Whether it waits for somebody to end its wait; else its rounds end by themselves.
    bool needs_waking() const;
    // Ends one wait.  The next call comes after that round: rounds() has grown by one.
    void wake();
    std::uint64_t wakes() const { return wakes_; }
    // Whether signals end its rounds or come meanwhile, one at each wake().
    bool counts_signals() const;
    // Whether a wait may miss what is to end it: a signal that is handled just before it goes to
    // sleep does not, in any program that waits like this.
    bool may_miss_wake() const;
    // Until it has ended so many rounds; false: it did not in that time, or it has died.
    bool wait_for_rounds(std::uint64_t rounds, std::chrono::milliseconds patience);
    // Whether it runs still; how it ended, if not, as waitpid(2) says it.
    bool running();
    int status() const { return status_; }

    struct Kind;
    struct Things;

  private:
    [[noreturn]] void run();

    const Kind* kind_ = nullptr;
    std::unique_ptr<Things> things_;
    Ledger* ledger_ = nullptr;
    std::uint64_t memory_ = 0;
    std::uint64_t wakes_ = 0;
    pid_t pid_ = -1;
    int status_ = 0;
    bool ended_ = false;
};

}  // namespace damon_schemes::bench

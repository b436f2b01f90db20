// SPDX-License-Identifier: MIT
// The few things that are asked of ptrace(2) and waitpid(2), as values.
#pragma once

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <cstdint>

#include "engine/remote/x86_64.h"

namespace damon_schemes::helper {

// What waitpid(2) said of a thread that is traced.
class WaitStatus {
  public:
    WaitStatus() = default;
    explicit WaitStatus(int status) : status_(status) {}

    bool stopped() const { return WIFSTOPPED(status_); }
    // Our own trap, or news of a group-stop.
    bool at_trap() const { return stopped() && event() == PTRACE_EVENT_STOP; }
    // The whole process is stopped, and the thread with it.
    bool in_group_stop() const { return at_trap() && WSTOPSIG(status_) != SIGTRAP; }
    bool at_call() const {  // by PTRACE_O_TRACESYSGOOD
        return stopped() && event() == 0 && WSTOPSIG(status_) == (SIGTRAP | 0x80);
    }
    // The signal that is about to be delivered; 0: none.
    int signal() const { return stopped() && event() == 0 && !at_call() ? WSTOPSIG(status_) : 0; }

  private:
    int event() const { return status_ >> 16; }
    int status_ = 0;
};

inline bool trace(int request, pid_t tid, std::uintptr_t address, std::uintptr_t data) {
    return ::ptrace(static_cast<__ptrace_request>(request), tid, reinterpret_cast<void*>(address),
                    reinterpret_cast<void*>(data)) == 0;
}
// False: it was killed.
inline bool get_registers(pid_t tid, architecture::Registers& registers) {
    return trace(PTRACE_GETREGS, tid, 0, reinterpret_cast<std::uintptr_t>(&registers));
}
inline bool set_registers(pid_t tid, const architecture::Registers& registers) {
    return trace(PTRACE_SETREGS, tid, 0, reinterpret_cast<std::uintptr_t>(&registers));
}

// Threads that were asked to stop and did not in time (in an uninterruptible sleep, on a slow
// disk). They cannot be let go before they stop; then they are, at once.
class LateThreads {
  public:
    bool full() const { return count_ == room; }
    bool has(pid_t tid) const;
    void add(pid_t tid);
    void remove(pid_t tid);
    // Lets those go that have stopped by now, these and any other but `current`.  Does not wait;
    // false: nothing is traced any more.
    bool settle(pid_t current = 0);

  private:
    static constexpr std::uint32_t room = 64;
    pid_t tids_[room] = {};
    std::uint32_t count_ = 0;
};

enum class Waited : std::uint8_t {
    stopped,
    gone,  // it has exited, or it is another's now (exec by another thread takes the first one's
           // id)
    late,
};
// For a thread that is traced; until `deadline_ns` (0: for as long as it takes).  Others that stop
// meanwhile are late ones, and are let go.
Waited wait_for(pid_t tid, std::uint64_t deadline_ns, LateThreads& late, WaitStatus& status);

// Lets a stopped thread go that has its own registers, with the signal that it stopped for; a call
// that our stop has ended is made again.
void let_go(pid_t tid, const WaitStatus& status);

}  // namespace damon_schemes::helper

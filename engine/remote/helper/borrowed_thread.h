// SPDX-License-Identifier: MIT
// One stop of one thread, as a scope: it begins with the request to stop, and leaving it gives the
// thread back as it was, whatever happened in between.  No memory of the target is written to.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "engine/remote/helper/target_memory.h"
#include "engine/remote/helper/tracing.h"
#include "engine/remote/x86_64.h"

namespace damon_schemes::helper {

class BorrowedThread {
  public:
    enum class State : std::uint8_t {
        held,        // calls can be made
        given_back,  // it was held
        forbidden,   // the kernel does not let us trace it
        gone,
        late,       // it did not stop in time, and is let go as soon as it does
        disturbed,  // a signal, or something else, came first and had its turn
        stopped,    // it takes part in a stop of its whole process
        unfit,      // it is at a place where it must not be interfered with
        foreign,    // it runs 32-bit or x32 code
        replaced,   // the process has another address space
        homeless,   // there is no syscall instruction to use
        filtered,   // a call of ours was turned away (syscall user dispatch)
    };

    // Stops thread `tid` of process `pid`.  The others outlive it.  `call_site` serves threads that
    // are not in a call of their own (0: there is none).
    BorrowedThread(pid_t pid, pid_t tid, std::uint64_t call_site, const TargetMemory& memory,
                   LateThreads& late);
    ~BorrowedThread() { give_back(); }
    BorrowedThread(const BorrowedThread&) = delete;
    BorrowedThread& operator=(const BorrowedThread&) = delete;

    State state() const { return state_; }
    // Makes one call.  False: it was not made, or what came of it is not known; the thread is not
    // held any more, and state() says why.
    bool call(long number, const std::uint64_t (&arguments)[3], std::int64_t& result);
    // Ends the scope; what the destructor does.
    void give_back();

    bool was_stopped() const { return began_ns_ != 0; }
    std::uint64_t began_ns() const { return began_ns_; }                // when it was asked to stop
    std::uint64_t stopped_ns() const { return ended_ns_ - began_ns_; }  // after it was given back
    std::uint64_t foreign_ns() const { return foreign_ns_; }            // likewise
    // The call that the stop has ended, and that begins anew.
    bool restarts_call() const { return restarts_call_; }
    const architecture::Registers& own_registers() const { return own_; }

  private:
    State look();  // at the thread that has just stopped
    bool in_restartable_sequence() const;
    bool hold_signals_back();
    bool restore();
    bool resume(int request, int signal);
    void await_end();
    State leave_disturbed();

    pid_t tid_;
    std::uint64_t call_site_;
    const TargetMemory& memory_;
    LateThreads& late_;
    State state_ = State::gone;
    bool traced_ = false;
    bool foreign_ = false;  // it has registers of ours
    bool at_call_ = false;  // it stands at a call's entry or exit, not on its way to user space
    bool masked_ = false;
    bool restarts_call_ = false;
    WaitStatus status_;
    std::uint64_t site_ = 0;
    std::uint64_t mask_ = 0;
    std::uint64_t began_ns_ = 0;
    std::uint64_t ended_ns_ = 0;
    std::uint64_t foreign_since_ns_ = 0;
    std::uint64_t foreign_ns_ = 0;
    architecture::Registers own_{};
};

}  // namespace damon_schemes::helper

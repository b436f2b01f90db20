// SPDX-License-Identifier: MIT
#include "engine/remote/helper/borrowed_thread.h"

#include <cerrno>
#include <cstddef>

#include "engine/remote/helper/clock.h"

namespace damon_schemes::helper {

namespace {

// For a thread to come to a stop.  It is late where it sleeps uninterruptibly, on a slow disk.
constexpr std::uint64_t patience_ns = 50'000'000;

// PTRACE_GET_RSEQ_CONFIGURATION (Linux 5.13), and what it answers.
constexpr int get_rseq_configuration = 0x420f;
struct RseqConfiguration {
    std::uint64_t area;
    std::uint32_t area_size;
    std::uint32_t signature;
    std::uint32_t flags;
    std::uint32_t pad;
};
constexpr std::uint64_t rseq_pointer_offset = 8;  // rseq_cs in struct rseq
struct RseqCriticalSection {                      // struct rseq_cs, linux/rseq.h
    std::uint32_t version;
    std::uint32_t flags;
    std::uint64_t start;
    std::uint64_t length;
    std::uint64_t abort;
};

constexpr std::uint64_t bit_of(int signal) {
    return std::uint64_t{1} << (signal - 1);
}
// Signals that a fault of our making would be.  Blocked, they would end the process, or take its
// handler away: the kernel forces them (force_sig_info_to_task()).
constexpr std::uint64_t synchronous = bit_of(SIGSEGV) | bit_of(SIGBUS) | bit_of(SIGILL) |
                                      bit_of(SIGFPE) | bit_of(SIGTRAP) | bit_of(SIGSYS);

}  // namespace

BorrowedThread::BorrowedThread(pid_t pid, pid_t tid, std::uint64_t call_site,
                               const TargetMemory& memory, LateThreads& late)
    : tid_(tid), call_site_(call_site), memory_(memory), late_(late) {
    // Never PTRACE_O_EXITKILL: if we die, the target goes on.
    if (!trace(PTRACE_SEIZE, tid_, 0, PTRACE_O_TRACESYSGOOD)) {
        state_ = errno == EPERM ? State::forbidden : State::gone;
        return;
    }
    traced_ = true;
    began_ns_ = now_ns();
    trace(PTRACE_INTERRUPT, tid_, 0, 0);
    switch (wait_for(tid_, began_ns_ + patience_ns, late_, status_)) {
        case Waited::stopped:
            break;
        case Waited::gone:
            // Or it has exec'd, and goes on under the id of the process, traced by us: then it is
            // to stop by that name, and is let go as late ones are.
            trace(PTRACE_INTERRUPT, pid, 0, 0);
            traced_ = false;
            state_ = State::gone;
            ended_ns_ = now_ns();
            return;
        case Waited::late:
            late_.add(tid_);
            traced_ = false;
            state_ = State::late;
            ended_ns_ = now_ns();
            return;
    }
    state_ = look();
    if (state_ != State::held) give_back();
}

BorrowedThread::State BorrowedThread::look() {
    if (status_.in_group_stop()) return State::stopped;
    if (!status_.at_trap()) return State::disturbed;
    if (!get_registers(tid_, own_)) return State::gone;
    if (architecture::runs_foreign_code(own_) || architecture::in_x32_call(own_)) {
        return State::foreign;
    }
    if (architecture::instruction_of(own_) >= architecture::address_limit) return State::unfit;
    // The instruction of its own call is the best place: if the helper dies, the thread goes on
    // behind its call, with an odd result, and not in the middle of other code.
    if (architecture::in_call(own_)) {
        site_ = architecture::own_call_site(own_);
        switch (memory_.call_instruction_at(site_)) {
            case TargetMemory::Found::yes:
                break;
            case TargetMemory::Found::replaced:
                return State::replaced;
            // Made by another instruction (int 0x80), or a handler is about to run.
            case TargetMemory::Found::no:
                return State::unfit;
        }
        if (architecture::failed_by_stop(own_)) {
            restarts_call_ = true;
            architecture::let_kernel_restart(own_);
        }
        return State::held;
    }
    site_ = call_site_;
    if (site_ == 0) return State::homeless;
    switch (memory_.call_instruction_at(site_)) {
        case TargetMemory::Found::yes:
            break;
        case TargetMemory::Found::replaced:
            return State::replaced;
        case TargetMemory::Found::no:
            return State::homeless;
    }
    return in_restartable_sequence() ? State::unfit : State::held;
}

// A restartable sequence that was left must be aborted, and the kernel does so by looking where the
// thread is when it returns to user space.  Seeing it at our call it would take the sequence for
// finished.
bool BorrowedThread::in_restartable_sequence() const {
    RseqConfiguration configuration{};
    if (::ptrace(static_cast<__ptrace_request>(get_rseq_configuration), tid_, sizeof configuration,
                 &configuration) < 0) {
        return false;  // this kernel has none
    }
    if (configuration.area == 0) return false;
    std::uint64_t pointer = 0;
    if (!memory_.read(configuration.area + rseq_pointer_offset, &pointer, sizeof pointer)) {
        return true;
    }
    if (pointer == 0) return false;
    RseqCriticalSection section{};
    if (!memory_.read(pointer, &section, sizeof section)) return true;
    return architecture::instruction_of(own_) - section.start < section.length;
}

// Calls that wait with a mask of their own (ppoll, sigsuspend) are made again with the usual one in
// force: a signal that theirs holds back must not be delivered meanwhile.
bool BorrowedThread::hold_signals_back() {
    if (!architecture::in_call(own_) || !architecture::blocking_call(own_).masks_signals) {
        return true;
    }
    if (!trace(PTRACE_GETSIGMASK, tid_, sizeof mask_, reinterpret_cast<std::uintptr_t>(&mask_))) {
        return false;
    }
    const std::uint64_t all = ~synchronous | mask_;
    masked_ = trace(PTRACE_SETSIGMASK, tid_, sizeof all, reinterpret_cast<std::uintptr_t>(&all));
    return masked_;
}

bool BorrowedThread::resume(int request, int signal) {
    if (trace(request, tid_, 0, static_cast<std::uintptr_t>(signal)) &&
        wait_for(tid_, 0, late_, status_) == Waited::stopped) {
        return true;
    }
    await_end();
    return false;
}

// It was killed, and there is nothing left to be given back; its end must be taken note of, or its
// parent does not learn of it.
void BorrowedThread::await_end() {
    if (wait_for(tid_, now_ns() + patience_ns, late_, status_) == Waited::late) late_.add(tid_);
    traced_ = false;
    foreign_ = false;
    state_ = State::gone;
    ended_ns_ = now_ns();
}

bool BorrowedThread::call(long number, const std::uint64_t (&arguments)[3], std::int64_t& result) {
    if (state_ != State::held) return false;
    if (!foreign_ && !hold_signals_back()) {
        state_ = State::gone;
        give_back();
        return false;
    }
    const architecture::Registers set = architecture::calling(own_, site_, number, arguments);
    if (!foreign_) foreign_since_ns_ = now_ns();
    foreign_ = true;
    if (!set_registers(tid_, set) || !resume(PTRACE_SYSCALL, 0)) {
        if (traced_) state_ = State::gone;
        give_back();
        return false;
    }
    at_call_ = status_.at_call();
    architecture::Registers seen{};
    if (!at_call_ || !get_registers(tid_, seen)) {
        state_ = leave_disturbed();
        return false;
    }
    const bool ours = architecture::is_at(seen, set);
    if (!ours) {
        architecture::skip_call(seen);
        set_registers(tid_, seen);
    }
    if (!resume(PTRACE_SYSCALL, 0)) return false;
    at_call_ = status_.at_call();
    if (!at_call_ || !get_registers(tid_, seen) || !ours) {
        state_ = leave_disturbed();
        return false;
    }
    result = architecture::result_of(seen);
    return true;
}

// Something other than the call came: a signal, a stop of the whole process.  It is that one's turn
// now; what it finds are the thread's own registers.
BorrowedThread::State BorrowedThread::leave_disturbed() {
    State state = State::disturbed;
    const int signal = status_.signal();
    if (signal != 0 && (synchronous & bit_of(signal)) != 0) {
        siginfo_t about{};
        // From the kernel, about what the thread did with our registers: it is not the program's.
        if (trace(PTRACE_GETSIGINFO, tid_, 0, reinterpret_cast<std::uintptr_t>(&about)) &&
            about.si_code > 0) {
            state = signal == SIGSYS ? State::filtered : State::homeless;
            status_ = WaitStatus();
        }
    }
    give_back();
    return state;
}

// Puts back what is the thread's.
bool BorrowedThread::restore() {
    const bool restored = set_registers(tid_, own_);
    foreign_ns_ = now_ns() - foreign_since_ns_;
    foreign_ = false;
    if (masked_) {
        trace(PTRACE_SETSIGMASK, tid_, sizeof mask_, reinterpret_cast<std::uintptr_t>(&mask_));
        masked_ = false;
    }
    return restored;
}

void BorrowedThread::give_back() {
    if (!traced_) return;
    if (foreign_ && at_call_) {
        // A call that was interrupted is made again by the kernel when the thread comes from where
        // signals are delivered, and not when it comes from the end of a call.  Asked to stop once
        // more, it stops there before it runs any code of its own.
        trace(PTRACE_INTERRUPT, tid_, 0, 0);
        restore();
        at_call_ = false;
        if (!resume(PTRACE_CONT, 0)) return;
    } else if (foreign_ || restarts_call_) {
        if (foreign_since_ns_ == 0) foreign_since_ns_ = now_ns();
        restore();
    } else if (state_ == State::disturbed || state_ == State::stopped) {
        let_go(tid_, status_);
        traced_ = false;
    }
    if (traced_ && !trace(PTRACE_DETACH, tid_, 0, static_cast<std::uintptr_t>(status_.signal()))) {
        await_end();
        return;
    }
    traced_ = false;
    ended_ns_ = now_ns();
    if (state_ == State::held) state_ = State::given_back;
}

}  // namespace damon_schemes::helper

// SPDX-License-Identifier: MIT
// All that remote calls must know of the architecture: what a system call looks like in registers
// and in code, and which of the kernel's calls a thread may be interrupted in.  Another
// architecture needs a file like this one, and nothing else.
//
// Sources: arch/x86/kernel/signal.c (arch_do_signal_or_restart(), handle_signal()) for what happens
// to an interrupted call; signal(7) and the kernel's sources for which calls end how.
#pragma once

#include <elf.h>
#include <sys/syscall.h>
#include <sys/user.h>

#include <cerrno>
#include <cstdint>

namespace damon_schemes::architecture {

inline constexpr unsigned char call_instruction[] = {0x0f, 0x05};  // syscall
inline constexpr std::uint64_t call_length = sizeof call_instruction;
inline constexpr unsigned char elf_class = ELFCLASS64;  // x32 programs have the other
inline constexpr std::uint16_t elf_machine = EM_X86_64;
// User addresses are below; above is the vsyscall page, which is emulated and no place to stop at.
inline constexpr std::uint64_t address_limit = std::uint64_t{1} << 47;

using Registers = user_regs_struct;

// 64-bit code of the kernel's own making: Wine and emulators jump to 32-bit segments.
inline constexpr std::uint64_t code_segment = 0x33;
inline constexpr std::uint64_t x32_bit = 0x40000000;
inline constexpr std::uint64_t trap_and_direction_flags = 0x100 | 0x400;

inline bool runs_foreign_code(const Registers& registers) {
    return registers.cs != code_segment;
}
inline std::uint64_t instruction_of(const Registers& registers) {
    return registers.rip;
}
// On the way out of a system call, or in one.
inline bool in_call(const Registers& registers) {
    return static_cast<std::int64_t>(registers.orig_rax) >= 0;
}
inline bool in_x32_call(const Registers& registers) {
    return in_call(registers) && (registers.orig_rax & x32_bit) != 0;
}
// Where the instruction is by which it made the call, if it made it by that instruction.
inline std::uint64_t own_call_site(const Registers& registers) {
    return registers.rip - call_length;
}
inline std::int64_t result_of(const Registers& registers) {
    return static_cast<std::int64_t>(registers.rax);
}

// The registers with which `from` makes another call, at `site`.  orig_rax = -1 keeps the kernel
// from doing to it what it does to interrupted calls.
inline Registers calling(const Registers& from, std::uint64_t site, long number,
                         const std::uint64_t (&arguments)[3]) {
    Registers registers = from;
    registers.rip = site;
    registers.rax = static_cast<std::uint64_t>(number);
    registers.orig_rax = ~std::uint64_t{0};
    registers.rdi = arguments[0];
    registers.rsi = arguments[1];
    registers.rdx = arguments[2];
    registers.eflags &= ~trap_and_direction_flags;
    return registers;
}
// Whether a thread that stopped at a call is at the one that calling() set up.
inline bool is_at(const Registers& registers, const Registers& call) {
    return registers.orig_rax == call.rax && registers.rip == call.rip + call_length &&
           registers.rdi == call.rdi && registers.rsi == call.rsi && registers.rdx == call.rdx;
}
// At the entry of a call: it is not made.
inline void skip_call(Registers& registers) {
    registers.orig_rax = ~std::uint64_t{0};
}

// How a call takes being interrupted.
enum class Interruption : std::uint8_t {
    unfit,     // it may end with less than it was to do, or is not known
    tolerant,  // the kernel makes it again, and a caller expects to be woken for nothing
    sleeping,  // the kernel makes it again, and keeps its time-out
    reading,   // the kernel makes it again
    failing,   // it ends with EINTR
};

struct Timeout {
    // timespec_behind: at that address is the address of a struct timespec.
    enum class Kind : std::uint8_t { none, milliseconds, timespec_at, timespec_behind };
    Kind kind = Kind::none;
    std::uint64_t value = 0;  // milliseconds, or an address
};

struct BlockingCall {
    Interruption interruption = Interruption::unfit;
    // Of a failing call: it begins anew when the call is made again.
    Timeout timeout{};
    // A mask of signals for the time of the call, which an interruption takes back.
    bool masks_signals = false;
};

inline BlockingCall blocking_call(long number, const std::uint64_t (&arguments)[6]) {
    using Kind = Timeout::Kind;
    const auto milliseconds = [](std::uint64_t word) {
        const auto signed_word = static_cast<std::int32_t>(word);
        return signed_word > 0
                   ? Timeout{Kind::milliseconds, static_cast<std::uint64_t>(signed_word)}
                   : Timeout{};
    };
    const auto timespec_at = [](std::uint64_t address) {
        return address != 0 ? Timeout{Kind::timespec_at, address} : Timeout{};
    };
    constexpr std::uint64_t wait_all_flag = 0x100;  // MSG_WAITALL
    constexpr std::uint64_t futex_command = 0x7f;   // less FUTEX_PRIVATE_FLAG, FUTEX_CLOCK_REALTIME
    constexpr std::uint64_t enter_ext_argument = 8;  // IORING_ENTER_EXT_ARG
    switch (number) {
        case SYS_futex: {
            const std::uint64_t command = arguments[1] & futex_command;
            if (command == 0 || command == 9) return {Interruption::tolerant, {}, false};
            // Of the rest, FUTEX_LOCK_PI and its kin, the kernel's restart is exact.
            return {Interruption::sleeping, {}, false};
        }
        case SYS_poll:
        case SYS_select:
        case SYS_pause:
        case SYS_nanosleep:
        case SYS_clock_nanosleep:
        case SYS_restart_syscall:
        case SYS_futex_waitv:
            return {Interruption::sleeping, {}, false};
        case SYS_rt_sigsuspend:
            return {Interruption::sleeping, {}, true};
        case SYS_ppoll:
            return {Interruption::sleeping, {}, arguments[3] != 0};
        case SYS_pselect6:
            return {Interruption::sleeping, {}, arguments[5] != 0};
        case SYS_recvfrom:
            if ((arguments[3] & wait_all_flag) != 0) return {};
            return {Interruption::reading, {}, false};
        case SYS_recvmsg:
            if ((arguments[2] & wait_all_flag) != 0) return {};
            return {Interruption::reading, {}, false};
        case SYS_read:
        case SYS_readv:
        case SYS_accept:
        case SYS_accept4:
        case SYS_wait4:
        case SYS_waitid:
        case SYS_flock:
        case SYS_msgrcv:
        case SYS_mq_timedreceive:
            return {Interruption::reading, {}, false};
        case SYS_epoll_wait:
            return {Interruption::failing, milliseconds(arguments[3]), false};
        case SYS_epoll_pwait:
            return {Interruption::failing, milliseconds(arguments[3]), arguments[4] != 0};
        case SYS_epoll_pwait2:
            return {Interruption::failing, timespec_at(arguments[3]), arguments[4] != 0};
        case SYS_rt_sigtimedwait:
            return {Interruption::failing, timespec_at(arguments[2]), false};
        case SYS_semop:
            return {Interruption::failing, {}, false};
        case SYS_semtimedop:
            return {Interruption::failing, timespec_at(arguments[3]), false};
        case SYS_io_getevents:
            return {Interruption::failing, timespec_at(arguments[4]), false};
        case SYS_io_uring_enter:
            // What it has submitted is its result, and it does not wait again for the rest.
            if (static_cast<std::uint32_t>(arguments[1]) != 0) return {};
            // Time-out and mask are in a struct io_uring_getevents_arg then; that it has a mask is
            // taken for granted.
            if ((arguments[3] & enter_ext_argument) != 0) {
                return {Interruption::failing, {Kind::timespec_behind, arguments[4] + 16}, true};
            }
            return {Interruption::failing, {}, arguments[4] != 0};
        default:
            return {};
    }
}

// The call of whose end or beginning the registers tell.
inline BlockingCall blocking_call(const Registers& registers) {
    const std::uint64_t arguments[6] = {registers.rdi, registers.rsi, registers.rdx,
                                        registers.r10, registers.r8,  registers.r9};
    return blocking_call(static_cast<long>(registers.orig_rax), arguments);
}

// Whether a call has ended because of our stop, and is to be made again.  Reads and the like end
// with EINTR where their socket has a time-out; nothing was transferred then.
inline bool failed_by_stop(const Registers& registers) {
    if (!in_call(registers)) return false;
    const BlockingCall call = blocking_call(registers);
    const bool may_fail =
        call.interruption == Interruption::failing || call.interruption == Interruption::reading;
    if (may_fail && result_of(registers) == -EINTR) return true;
    // Asked for several completions, and interrupted when some were there, it ends with 0.  When it
    // is made again it ends at once if there are enough.
    constexpr std::uint64_t get_events = 1;  // IORING_ENTER_GETEVENTS
    return static_cast<long>(registers.orig_rax) == SYS_io_uring_enter &&
           call.interruption == Interruption::failing && result_of(registers) == 0 &&
           static_cast<std::uint32_t>(registers.rdx) > 1 && (registers.r10 & get_events) != 0;
}

// Leaves it to the kernel whether the call is made again: it does so unless a handler of a signal
// is to run, and then the call fails with EINTR, as it would have.  If we made it again ourselves,
// a signal that comes before it runs on would not end it.
inline void let_kernel_restart(Registers& registers) {
    constexpr std::int64_t restart_unless_handler = 514;  // ERESTARTNOHAND, include/linux/errno.h
    registers.rax = static_cast<std::uint64_t>(-restart_unless_handler);
}

}  // namespace damon_schemes::architecture

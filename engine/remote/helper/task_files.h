// SPDX-License-Identifier: MIT
// What /proc/PID/task/TID/ says of a thread.  `tasks` is an open descriptor of /proc/PID/task,
// which goes on meaning its process after the pid was reused.  Nothing here allocates.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <cstdint>

#include "engine/remote/x86_64.h"

namespace damon_schemes::helper {

// From `stat`.
struct ThreadState {
    char letter = '?';         // as ps shows it: R, S, D, T, t, Z, …
    bool kernels_own = false;  // a worker of io_uring or vhost: no code of the program's
    bool ended() const { return letter == 'Z' || letter == 'X'; }
};
bool read_state(int tasks, pid_t tid, ThreadState& state);  // false: there is no such thread

// From `syscall`.
struct CallInProgress {
    enum class Kind : std::uint8_t { running, none, call, unreadable } kind = Kind::unreadable;
    long number = -1;
    std::uint64_t arguments[6] = {};
};
CallInProgress read_call(int tasks, pid_t tid);

// From `status`.
struct Guards {
    pid_t tracer = 0;
    bool filtered = false;  // seccomp, of whatever kind
    // Threads that are late are traced by us still.
    bool by_another() const { return tracer != 0 && tracer != ::getpid(); }
};
bool read_guards(int tasks, pid_t tid, Guards& guards);

// The threads of a process, at most `room` of them, as they are listed.
std::uint32_t list_threads(int tasks, pid_t* tids, std::uint32_t room);

}  // namespace damon_schemes::helper

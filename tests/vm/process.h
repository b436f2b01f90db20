// SPDX-License-Identifier: MIT
// Processes and threads as /proc shows them.
#pragma once

#include <poll.h>
#include <sys/types.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace damon_schemes::vm {

inline bool exists(pid_t pid) {
    return access(("/proc/" + std::to_string(pid)).c_str(), F_OK) == 0;
}

// Pids whose command name begins with `name`; zombies count.
std::vector<pid_t> processes_by_name(const std::string& name);

// Waits until `holds()`, asking again and again; false after long enough for any machine.
template <typename Predicate>
bool eventually(const Predicate& holds) {
    for (int i = 0; i < 18000; i++) {
        if (holds()) return true;
        poll(nullptr, 0, 10);
    }
    return false;
}

// A thread that was stopped is seen in /proc a moment longer.
inline bool comes_to_an_end(pid_t pid) {
    return eventually([pid] { return !exists(pid); });
}

}  // namespace damon_schemes::vm

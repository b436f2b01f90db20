// SPDX-License-Identifier: MIT
#include "engine/remote/helper/task_files.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "engine/remote/helper/owned_descriptor.h"

namespace damon_schemes::helper {

namespace {

// Flags of a task (include/linux/sched.h), the same in all kernels that have them.
constexpr unsigned long io_worker = 0x10;
constexpr unsigned long user_worker = 0x4000;
constexpr unsigned long kernel_thread = 0x200000;

// Longer than any of the files is where we look at them; kept here, not on the stack, as it is
// locked once and for all.
char text[8192];

// Reads a file of a thread into `text`, ended by a NUL.
bool read_text(int tasks, pid_t tid, const char* file) {
    char path[64];
    std::snprintf(path, sizeof path, "%d/%s", tid, file);
    const OwnedDescriptor opened(::openat(tasks, path, O_RDONLY | O_CLOEXEC));
    if (!opened) return false;
    const ssize_t length = ::read(opened.get(), text, sizeof text - 1);
    if (length <= 0) return false;
    text[length] = '\0';
    return true;
}

// The number behind "Key:\t"; `missing` where there is no such line.
long status_number(const char* key, long missing) {
    const char* line = std::strstr(text, key);
    return line == nullptr ? missing : std::strtol(line + std::strlen(key), nullptr, 10);
}

}  // namespace

bool read_state(int tasks, pid_t tid, ThreadState& state) {
    if (!read_text(tasks, tid, "stat")) return false;
    // The name may have anything in it, brackets as well.
    const char* name_end = std::strrchr(text, ')');
    if (name_end == nullptr || name_end[1] == '\0') return false;
    char letter = '?';
    unsigned long flags = 0;
    if (std::sscanf(name_end + 1, " %c %*d %*d %*d %*d %*d %lu", &letter, &flags) != 2)
        return false;
    state.letter = letter;
    state.kernels_own = (flags & (io_worker | user_worker | kernel_thread)) != 0;
    return true;
}

CallInProgress read_call(int tasks, pid_t tid) {
    CallInProgress call;
    if (!read_text(tasks, tid, "syscall")) return call;
    if (std::strncmp(text, "running", 7) == 0) {
        call.kind = CallInProgress::Kind::running;
        return call;
    }
    char* rest = nullptr;
    call.number = std::strtol(text, &rest, 10);
    if (rest == text) return call;
    if (call.number < 0) {
        call.kind = CallInProgress::Kind::none;  // in a page fault
        return call;
    }
    for (std::uint64_t& argument : call.arguments) argument = std::strtoull(rest, &rest, 16);
    call.kind = CallInProgress::Kind::call;
    return call;
}

bool read_guards(int tasks, pid_t tid, Guards& guards) {
    if (!read_text(tasks, tid, "status")) return false;
    guards.tracer = static_cast<pid_t>(status_number("\nTracerPid:", 0));
    // A kernel without seccomp has no such line.
    guards.filtered = status_number("\nSeccomp:", 0) != 0;
    return true;
}

std::uint32_t list_threads(int tasks, pid_t* tids, std::uint32_t room) {
    struct Entry {  // struct linux_dirent64
        std::uint64_t inode;
        std::int64_t offset;
        std::uint16_t length;
        std::uint8_t type;
        char name[1];
    };
    alignas(8) static char entries[32768];
    std::uint32_t count = 0;
    if (::lseek(tasks, 0, SEEK_SET) != 0) return 0;
    for (;;) {
        const long length = ::syscall(SYS_getdents64, tasks, entries, sizeof entries);
        if (length <= 0) return count;
        for (long at = 0; at < length;) {
            const auto* entry = reinterpret_cast<const Entry*>(entries + at);
            at += entry->length;
            const long tid = std::strtol(entry->name, nullptr, 10);
            if (tid <= 0) continue;
            if (count == room) return count;
            tids[count++] = static_cast<pid_t>(tid);
        }
    }
}

}  // namespace damon_schemes::helper

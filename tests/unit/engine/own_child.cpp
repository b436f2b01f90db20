// SPDX-License-Identifier: MIT
#include "tests/unit/engine/own_child.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace damon_schemes::testing {

OwnChild::OwnChild(const std::function<std::uint64_t()>& prepare) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::close(ends[0]);
        const std::uint64_t address = prepare();
        if (::write(ends[1], &address, sizeof address) != sizeof address) ::_exit(1);
        for (;;) ::pause();
    }
    ::close(ends[1]);
    pidfd_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (::read(ends[0], &address_, sizeof address_) != sizeof address_) address_ = 0;
    ::close(ends[0]);
}

OwnChild::~OwnChild() {
    kill();
}

void OwnChild::kill(bool reap) {
    if (pid_ <= 0 || reaped_) return;
    ::kill(pid_, SIGKILL);
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | (reap ? 0 : WNOWAIT));
    reaped_ = reap;
}

std::uint64_t filled_memory(std::uint64_t size, unsigned char value) {
    void* memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 0;
    ::madvise(memory, size, MADV_NOHUGEPAGE);
    std::memset(memory, value, size);
    return reinterpret_cast<std::uint64_t>(memory);
}

}  // namespace damon_schemes::testing

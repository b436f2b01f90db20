// SPDX-License-Identifier: MIT
#include "engine/targets/waiting_child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "engine/targets/process.h"

namespace damon_schemes {

WaitingChild::WaitingChild(const std::function<void()>& prepare) {
    std::array<int, 2> ends{-1, -1};
    if (prepare && ::pipe2(ends.data(), O_CLOEXEC) != 0) return;
    Descriptor ready(ends[0]);
    Descriptor tell(ends[1]);
    pid_ = ::fork();
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (prepare) {
            prepare();
            (void)!::write(tell.get(), "", 1);
        }
        for (;;) ::pause();
    }
    if (!prepare) return;
    tell = Descriptor();
    // A child that died closes the pipe, too.
    char byte = 0;
    while (::read(ready.get(), &byte, 1) < 0 && errno == EINTR) {
    }
}

WaitingChild::~WaitingChild() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);  // not reaped yet, so the pid is its own
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

}  // namespace damon_schemes

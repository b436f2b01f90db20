// SPDX-License-Identifier: MIT
#include "engine/remote/helper/tracing.h"

#include <cerrno>
#include <ctime>

#include "engine/remote/helper/clock.h"

namespace damon_schemes::helper {

namespace {

// Until a child has something to report.  SIGCHLD is blocked and so is kept for us, whenever it
// came.
void wait_for_news(std::uint64_t deadline_ns) {
    // Now and then it looks for itself: a thread whose exec took another's id away reports nothing.
    constexpr std::uint64_t longest_ns = 20'000'000;
    std::uint64_t patience = longest_ns;
    if (deadline_ns != 0) {
        const std::uint64_t now = now_ns();
        if (now >= deadline_ns) return;
        if (deadline_ns - now < patience) patience = deadline_ns - now;
    }
    sigset_t child_news;
    ::sigemptyset(&child_news);
    ::sigaddset(&child_news, SIGCHLD);
    const timespec time{0, static_cast<long>(patience)};
    ::sigtimedwait(&child_news, nullptr, &time);
}

}  // namespace

bool LateThreads::has(pid_t tid) const {
    for (std::uint32_t i = 0; i < count_; ++i) {
        if (tids_[i] == tid) return true;
    }
    return false;
}

void LateThreads::add(pid_t tid) {
    if (!full()) tids_[count_++] = tid;
}

void LateThreads::remove(pid_t tid) {
    for (std::uint32_t i = 0; i < count_; ++i) {
        if (tids_[i] == tid) tids_[i--] = tids_[--count_];
    }
}

bool LateThreads::settle(pid_t current) {
    for (;;) {
        siginfo_t news{};
        if (::waitid(P_ALL, 0, &news, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL) != 0) {
            if (errno == ECHILD) count_ = 0;
            return errno != ECHILD;
        }
        const pid_t tid = news.si_pid;
        if (tid == 0 || tid == current) return true;
        int word = 0;
        if (::waitpid(tid, &word, __WALL | WNOHANG) != tid) return true;
        const WaitStatus status(word);
        if (status.stopped()) let_go(tid, status);
        remove(tid);
    }
}

Waited wait_for(pid_t tid, std::uint64_t deadline_ns, LateThreads& late, WaitStatus& status) {
    for (;;) {
        int word = 0;
        const pid_t found = ::waitpid(tid, &word, __WALL | WNOHANG);
        if (found == tid) {
            status = WaitStatus(word);
            return status.stopped() ? Waited::stopped : Waited::gone;
        }
        if (found < 0 && errno != EINTR) return Waited::gone;
        late.settle(tid);
        if (deadline_ns != 0 && now_ns() >= deadline_ns) return Waited::late;
        wait_for_news(deadline_ns);
    }
}

void let_go(pid_t tid, const WaitStatus& status) {
    architecture::Registers registers{};
    if (get_registers(tid, registers) && !architecture::runs_foreign_code(registers) &&
        architecture::failed_by_stop(registers)) {
        architecture::let_kernel_restart(registers);
        set_registers(tid, registers);
    }
    trace(PTRACE_DETACH, tid, 0, static_cast<std::uintptr_t>(status.signal()));
}

}  // namespace damon_schemes::helper

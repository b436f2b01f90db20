// SPDX-License-Identifier: MIT
// damon-schemes-remote: makes system calls in other processes for the engine, which starts it and
// talks to it over descriptor 3.  A process of its own because a target must never be left between
// two states: whatever happens to the engine, this finishes what it has begun, gives the target
// back and ends.  What it does to a program: docs/remote-calls.md.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/remote/helper/owned_descriptor.h"
#include "engine/remote/helper/stop.h"

namespace damon_schemes::helper {

namespace {

using helper_protocol::Kind;
using helper_protocol::Reply;
using helper_protocol::Request;

constexpr int engine = 3;

// All that is kept; nothing is allocated later.
Memories memories;

// From here on nothing but SIGKILL, SIGSTOP and our own faults can disturb us.  What is not
// permitted is done without.
void harden() {
    sigset_t all;
    ::sigfillset(&all);
    for (const int fault : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) ::sigdelset(&all, fault);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    // News of threads that stopped must be kept for us, and not be thrown away.
    ::signal(SIGCHLD, SIG_DFL);
    ::setsid();  // a terminal that goes takes nothing along
    if (::chdir("/") != 0) return;
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int standard = 0; standard <= 2 && nothing >= 0; ++standard) ::dup2(nothing, standard);
    ::close_range(engine + 1, ~0U, 0);
    ::fcntl(engine, F_SETFD, FD_CLOEXEC);
    // The last to be chosen when memory is short.
    const OwnedDescriptor score(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
    for (const char* word : {"-1000", "0"}) {
        if (score && ::write(score.get(), word, std::strlen(word)) > 0) break;
    }
    ::setpriority(PRIO_PROCESS, 0, -20);  // a thread that is held waits for us
    ::prctl(PR_SET_TIMERSLACK, 1);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    // A page of ours that is out in swap would be fetched while a target waits.
    ::mlockall(MCL_CURRENT | MCL_FUTURE);
#endif
}

// One message and the descriptors that come with it.  False: the engine has gone.
bool receive(Request& request, std::size_t& length, OwnedDescriptor (&descriptors)[2]) {
    iovec place{&request, sizeof request};
    alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &place;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t received = 0;
    do {
        received = ::recvmsg(engine, &message, MSG_CMSG_CLOEXEC);
    } while (received < 0 && errno == EINTR);
    if (received <= 0) return false;
    length = static_cast<std::size_t>(received);
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count && i < 2; ++i) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(header) + i * sizeof(int), sizeof number);
            descriptors[i] = OwnedDescriptor(number);
        }
    }
    return true;
}

// Waits for the engine, and lets late threads go as they stop.
void wait_for_engine() {
    pollfd waiting{engine, POLLIN, 0};
    for (;;) {
        const bool any = memories.late.settle();
        if (::poll(&waiting, 1, any ? 2 : -1) > 0) return;
    }
}

// Receives one request and serves it.  False: there is nobody to answer.
bool take_request(Reply& reply) {
    Request request{};
    std::size_t length = 0;
    OwnedDescriptor descriptors[2];
    if (!receive(request, length, descriptors)) return false;
    // Else it is not from an engine of this build.
    if (length != sizeof request || !sound(request)) return false;
    reply = Reply{};
    reply.version = helper_protocol::version;
    reply.verdict = helper_protocol::Verdict::progressed;
    if (request.kind == Kind::greeting) return true;
    if (!descriptors[1]) return false;
    serve(request, descriptors[0].get(), descriptors[1].get(), memories, reply);
    return true;
}

void run() {
    static Reply reply;
    for (;;) {
        wait_for_engine();
        if (!take_request(reply)) return;
        ::send(engine, &reply, sizeof reply, MSG_NOSIGNAL);
    }
}

// Threads that have not stopped yet are given a little time: let go by our end, a call of theirs
// might fail with EINTR.
void settle_late() {
    for (int round = 0; round < 100 && memories.late.settle(); ++round) ::poll(nullptr, 0, 2);
}

}  // namespace

}  // namespace damon_schemes::helper

int main() {
    damon_schemes::helper::harden();
    damon_schemes::helper::run();
    damon_schemes::helper::settle_late();
    return 0;
}

// SPDX-License-Identifier: MIT
#include "engine/remote/helper/stop.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "engine/remote/helper/clock.h"
#include "engine/remote/helper/owned_descriptor.h"
#include "engine/remote/helper/task_files.h"

namespace damon_schemes::helper {

namespace {

using helper_protocol::RangeDone;
using helper_protocol::Reply;
using helper_protocol::Request;
using helper_protocol::Verdict;

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t giving_back_ns = 30'000;  // what it is expected to take
// Of a call that waits with a time-out that cannot be seen (a socket's).
constexpr std::uint64_t unknown_timeout_ns = 1'000'000'000;

struct Call {
    long number = 0;
    std::uint64_t arguments[3] = {};
};

Call call_of(RemoteOperation operation, std::uint64_t start, std::uint64_t length) {
    switch (operation) {
        case RemoteOperation::hugepage:
            return {SYS_madvise, {start, length, MADV_HUGEPAGE}};
        case RemoteOperation::nohugepage:
            return {SYS_madvise, {start, length, MADV_NOHUGEPAGE}};
        case RemoteOperation::mlock:
            return {SYS_mlock, {start, length, 0}};
        case RemoteOperation::mlock_onfault:
            return {SYS_mlock2, {start, length, MLOCK_ONFAULT}};
        case RemoteOperation::munlock:
            return {SYS_munlock, {start, length, 0}};
    }
    return {};
}

bool ended(int pidfd) {
    pollfd waiting{pidfd, POLLIN, 0};
    return ::poll(&waiting, 1, 0) != 0;
}

void refuse(Reply& reply, RemoteRefusal refusal) {
    reply.verdict = Verdict::refused;
    reply.refusal = static_cast<std::uint32_t>(refusal);
}

// It may go better next time; if it never does, that is why.
void defer(Reply& reply, RemoteRefusal reason) {
    reply.verdict = Verdict::later;
    reply.refusal = static_cast<std::uint32_t>(reason);
}

// Goes through the ranges in calls, as long as there is time for another.
void make_calls(const Request& request, BorrowedThread& thread, Pieces& pieces, Reply& reply) {
    const std::uint64_t deadline =
        thread.began_ns() + std::max(request.longest_stop_ns, giving_back_ns) - giving_back_ns;
    for (std::uint32_t i = 0; i < request.range_count; ++i) {
        const helper_protocol::Range& range = request.ranges[i];
        RangeDone& done = reply.ranges[i];
        const std::uint64_t length = range.end - range.start;
        // After a failure the piece is halved, down to a page: `done` says exactly how far it went.
        std::uint64_t most = length;
        while (done.is_over == 0) {
            const std::uint64_t now = now_ns();
            const std::uint64_t left = deadline > now ? deadline - now : 0;
            if (reply.calls > 0 && left < pieces.least_ns(request.operation)) return;
            const std::uint64_t piece =
                std::min({pieces.size(request.operation, left), most, length - done.done});
            const Call call = call_of(request.operation, range.start + done.done, piece);
            std::int64_t result = 0;
            if (!thread.call(call.number, call.arguments, result)) return;
            ++reply.calls;
            pieces.learn(request.operation, piece, now_ns() - now);
            if (result == 0) {
                done.done += piece;
                if (done.done == length) done.is_over = 1;
            } else if (piece > page && result != -EPERM && result != -ENOSYS) {
                most = std::max(page, piece / 2 / page * page);
            } else {
                done.error = static_cast<std::int32_t>(-result);
                done.is_over = 1;
            }
        }
    }
}

// What a stop that got nothing done says of the target; nullopt: it may go better next time.
std::optional<RemoteRefusal> refusal_of(BorrowedThread::State state) {
    using State = BorrowedThread::State;
    switch (state) {
        case State::stopped:
            return RemoteRefusal::stopped;
        case State::replaced:
            return RemoteRefusal::address_space;
        case State::homeless:
            return RemoteRefusal::no_call_site;
        case State::filtered:
            return RemoteRefusal::seccomp;
        case State::foreign:
            return RemoteRefusal::foreign_code;
        case State::held:
        case State::given_back:
        case State::forbidden:
        case State::gone:
        case State::late:
        case State::disturbed:
        case State::unfit:
            break;
    }
    return std::nullopt;
}

void note_rest(const BorrowedThread& thread, pid_t tid, const TargetMemory& memory, Rests& rests) {
    if (!thread.restarts_call()) return;
    const auto call = architecture::blocking_call(thread.own_registers());
    const std::uint64_t timeout = call.interruption == architecture::Interruption::failing
                                      ? memory.length_of(call.timeout)
                                      : unknown_timeout_ns;
    if (timeout != 0) rests.note(tid, timeout, now_ns());
}

}  // namespace

bool sound(const Request& request) {
    if (request.version != helper_protocol::version) return false;
    if (request.kind == helper_protocol::Kind::greeting) return true;
    if (request.kind != helper_protocol::Kind::stop || request.pid <= 0 ||
        request.operation > RemoteOperation::munlock || request.range_count == 0 ||
        request.range_count > helper_protocol::most_ranges) {
        return false;
    }
    return std::all_of(request.ranges, request.ranges + request.range_count, [](const auto& range) {
        return range.start < range.end && range.end <= architecture::address_limit &&
               range.start % page == 0 && range.end % page == 0;
    });
}

void serve(const Request& request, int pidfd, int memory_descriptor, Memories& memories,
           Reply& reply) {
    char path[32];
    std::snprintf(path, sizeof path, "/proc/%d/task", request.pid);
    const OwnedDescriptor tasks(::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // The folder is the process that had the pid when it was opened: the one that is meant, if that
    // one lives still.
    if (!tasks || ended(pidfd)) return refuse(reply, RemoteRefusal::gone);

    const TargetMemory memory(memory_descriptor);
    memories.choice.look(request.pid, tasks.get(), memory, memories.rests, memories.late, now_ns());
    if (memories.choice.refusal()) return refuse(reply, *memories.choice.refusal());
    if (!memories.choice.any_thread()) {
        // All of them end, or have: there may be others to come if not.
        if (ended(pidfd)) return refuse(reply, RemoteRefusal::gone);
        return defer(reply, RemoteRefusal::gone);
    }
    defer(reply, RemoteRefusal::no_safe_thread);
    while (const pid_t tid = memories.choice.next()) {
        if (memories.late.full()) return;
        Guards guards;
        if (!read_guards(tasks.get(), tid, guards)) continue;
        if (guards.by_another()) return refuse(reply, RemoteRefusal::traced);
        if (guards.filtered) return refuse(reply, RemoteRefusal::seccomp);

        BorrowedThread thread(request.pid, tid, request.call_site, memory, memories.late);
        if (thread.state() == BorrowedThread::State::forbidden) {
            Guards again;
            if (read_guards(tasks.get(), tid, again) && again.by_another()) {
                return refuse(reply, RemoteRefusal::traced);
            }
            // A thread that ends, or makes way for another program, is forbidden for a moment.
            defer(reply, RemoteRefusal::permission);
            continue;
        }
        // While it is held its id is its own: now it can be told whose it is.
        ThreadState state;
        if (thread.state() == BorrowedThread::State::held && read_state(tasks.get(), tid, state)) {
            make_calls(request, thread, memories.pieces, reply);
        }
        thread.give_back();
        if (!thread.was_stopped()) continue;  // it had gone: no harm done
        reply.stops = 1;
        reply.stopped_ns = thread.stopped_ns();
        reply.foreign_ns = thread.foreign_ns();
        note_rest(thread, tid, memory, memories.rests);
        if (reply.calls > 0) {
            reply.verdict = Verdict::progressed;
            memories.choice.served(tid);
        } else if (ended(pidfd)) {
            refuse(reply, RemoteRefusal::gone);
        } else if (const auto refusal = refusal_of(thread.state())) {
            refuse(reply, *refusal);
        }
        return;  // one stop a request: the engine spaces them
    }
}

}  // namespace damon_schemes::helper

// SPDX-License-Identifier: MIT
#include "engine/remote/helper_remote_caller.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>
#include <vector>

namespace damon_schemes {

namespace {

using helper_protocol::Kind;
using helper_protocol::Reply;
using helper_protocol::Request;
using helper_protocol::Verdict;
using Clock = std::chrono::steady_clock;

constexpr const char* helper_name = "damon-schemes-remote";
constexpr int helper_channel = 3;
constexpr Duration longest_answer = std::chrono::seconds(10);
constexpr Duration longest_nap = std::chrono::milliseconds(5);

// Sends a message with descriptors.  False: there is nobody to take it.
bool send_message(int channel, const Request& request, const int* descriptors, std::size_t count) {
    Request copy = request;
    iovec place{&copy, sizeof copy};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &place;
    message.msg_iovlen = 1;
    if (count > 0) {
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(count * sizeof(int));
        std::memcpy(CMSG_DATA(header), descriptors, count * sizeof(int));
    }
    ssize_t sent = 0;
    do {
        sent = ::sendmsg(channel, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == static_cast<ssize_t>(sizeof copy);
}

std::optional<Reply> receive_message(int channel) {
    const auto deadline = Clock::now() + longest_answer;
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
        if (left <= 0) return std::nullopt;
        pollfd waiting{channel, POLLIN, 0};
        const int ready = ::poll(&waiting, 1, static_cast<int>(left));
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) return std::nullopt;
        Reply reply{};
        const ssize_t length = ::recv(channel, &reply, sizeof reply, MSG_DONTWAIT);
        if (length < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (length != static_cast<ssize_t>(sizeof reply) ||
            reply.version != helper_protocol::version) {
            return std::nullopt;
        }
        return reply;
    }
}

std::string own_folder() {
    std::array<char, 4096> path;
    const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
    if (length <= 0) return {};
    std::string name(path.data(), static_cast<std::size_t>(length));
    return name.substr(0, name.rfind('/'));
}

Result<std::string> find_helper(const RemoteCallerOptions& options) {
    std::vector<std::string> places;
    if (!options.helper.empty()) {
        places.push_back(options.helper);
    } else {
        const std::string folder = own_folder();
        places.push_back(folder + "/" + helper_name);
        places.push_back(folder + "/../libexec/damon-schemes/" + helper_name);
    }
    for (const std::string& place : places) {
        if (::access(place.c_str(), X_OK) == 0) return place;
    }
    std::string message =
        std::string(helper_name) + ", which makes remote system calls, was not found at ";
    for (std::size_t i = 0; i < places.size(); ++i)
        message += (i == 0 ? "" : " nor at ") + places[i];
    return unsupported(message + ". It is installed with damon-schemes; install that again.",
                       ENOENT);
}

RemoteRefusal reason_of(const Reply& reply) {
    return static_cast<RemoteRefusal>(
        std::min<std::uint32_t>(reply.refusal, remote_refusal_count - 1));
}

// Ends the helper, which needs a moment to give back what it holds, and takes note of its end.
void end_helper(Descriptor& channel, const Descriptor& pidfd, pid_t pid) {
    channel = Descriptor();
    pollfd waiting{pidfd.get(), POLLIN, 0};
    constexpr int patience_ms = 2000;
    int ready = 0;
    do {
        ready = ::poll(&waiting, 1, patience_ms);
    } while (ready < 0 && errno == EINTR);
    // One that hangs is left to whoever inherits it: killing it might harm a target.
    if (ready > 0) ::waitpid(pid, nullptr, 0);
}

}  // namespace

// What of one request has been done so far.
struct HelperRemoteCaller::Course {
    const RemoteRequest& request;
    RemoteOutcome outcome{};
    std::vector<bool> over{};
    std::vector<std::size_t> asked{};  // the ranges of the last message

    bool finished() const { return std::find(over.begin(), over.end(), false) == over.end(); }

    Request next_message(std::uint64_t call_site) {
        Request message{};
        message.version = helper_protocol::version;
        message.kind = Kind::stop;
        message.pid = request.pid;
        message.operation = request.operation;
        message.call_site = call_site;
        message.longest_stop_ns = static_cast<std::uint64_t>(
            std::max(request.limits.longest_stop, Duration::zero()).count());
        asked.clear();
        for (std::size_t i = 0; i < over.size() && asked.size() < helper_protocol::most_ranges;
             ++i) {
            if (over[i]) continue;
            const AddressRange& range = request.ranges[i];
            message.ranges[asked.size()] = {range.start + outcome.ranges[i].done.count, range.end};
            asked.push_back(i);
        }
        message.range_count = static_cast<std::uint8_t>(asked.size());
        return message;
    }

    void add(const Reply& reply) {
        outcome.calls += reply.calls;
        outcome.stops += reply.stops;
        const Duration stopped(reply.stopped_ns), foreign(reply.foreign_ns);
        outcome.stopped += stopped;
        outcome.foreign += foreign;
        outcome.longest_stop = std::max(outcome.longest_stop, stopped);
        outcome.longest_foreign = std::max(outcome.longest_foreign, foreign);
        for (std::size_t i = 0; i < asked.size(); ++i) {
            RemoteOutcome::Range& range = outcome.ranges[asked[i]];
            range.done += Bytes{reply.ranges[i].done};
            range.error = reply.ranges[i].error;
            if (reply.ranges[i].is_over != 0) over[asked[i]] = true;
        }
    }
};

HelperRemoteCaller::HelperRemoteCaller(Descriptor channel, Descriptor pidfd, pid_t pid)
    : channel_(std::move(channel)), pidfd_(std::move(pidfd)), pid_(pid) {}

HelperRemoteCaller::~HelperRemoteCaller() {
    end_helper(channel_, pidfd_, pid_);
}

// Until the target may be stopped again; claims the stop.  False: it was called off.
bool HelperRemoteCaller::wait_for_turn(const Course& course, const RemoteCancelled& cancelled) {
    for (;;) {
        if (cancelled && cancelled()) return false;
        Clock::time_point when;
        {
            const std::lock_guard lock(mutex_);
            const auto now = Clock::now();
            std::erase_if(next_stop_, [&](const auto& entry) { return entry.second <= now; });
            const auto entry = next_stop_.find(course.request.pid);
            if (entry == next_stop_.end()) return true;
            when = entry->second;
        }
        std::this_thread::sleep_until(std::min(
            when, Clock::now() + std::chrono::duration_cast<Clock::duration>(longest_nap)));
    }
}

// One stop.  nullopt: the helper is lost.
std::optional<Reply> HelperRemoteCaller::ask(const Request& request, const RemoteTarget& target) {
    if (!channel_) return std::nullopt;
    const std::array<int, 2> descriptors = {target.pidfd.get(), target.memory.get()};
    std::optional<Reply> reply;
    if (send_message(channel_.get(), request, descriptors.data(), descriptors.size())) {
        reply = receive_message(channel_.get());
    }
    if (!reply) channel_ = Descriptor();
    return reply;
}

RemoteOutcome HelperRemoteCaller::call(const RemoteRequest& request,
                                       const RemoteCancelled& cancelled) {
    Course course{request};
    course.outcome.ranges.resize(request.ranges.size());
    course.over.resize(request.ranges.size());
    for (std::size_t i = 0; i < request.ranges.size(); ++i) {
        course.over[i] = request.ranges[i].empty();
    }
    if (course.finished()) return course.outcome;
    const auto refused = [&](RemoteRefusal refusal) {
        course.outcome.refusal = refusal;
        return course.outcome;
    };
    RemoteTarget target;
    if (const auto refusal = open_remote_target(request.pid, request.pidfd, target)) {
        return refused(*refusal);
    }
    auto last_progress = Clock::now();
    while (!course.finished()) {
        if (!wait_for_turn(course, cancelled)) return refused(RemoteRefusal::cancelled);
        std::optional<Reply> reply;
        {
            const std::lock_guard lock(mutex_);
            reply = ask(course.next_message(target.call_site), target);
            // Looking for a thread in vain costs, too.
            next_stop_[request.pid] = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                                         request.limits.between_stops);
        }
        if (!reply) return refused(RemoteRefusal::helper_lost);
        course.add(*reply);
        switch (reply->verdict) {
            case Verdict::progressed:
                last_progress = Clock::now();
                break;
            case Verdict::refused:
                return refused(reason_of(*reply));
            case Verdict::later:
                if (Clock::now() - last_progress >= request.limits.patience) {
                    return refused(reason_of(*reply));
                }
                break;
        }
    }
    return course.outcome;
}

Result<std::unique_ptr<RemoteCaller>> start_remote_caller(const RemoteCallerOptions& options) {
    auto program = find_helper(options);
    if (!program) return program.error();
    const auto failure = [&](const std::string& what, int code) {
        return unsupported(
            program.value() + " " + what +
                (code != 0 ? std::string(": ") + std::strerror(code) : std::string()) +
                ". Without it no remote system calls are made.",
            code);
    };
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return failure("cannot be talked to", errno);
    }
    Descriptor ours(ends[0]);
    Descriptor theirs(ends[1]);

    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), helper_channel);
    char name[] = "damon-schemes-remote";
    std::array<char*, 2> arguments = {name, nullptr};
    std::array<char*, 1> environment = {nullptr};
    pid_t pid = -1;
    const int error = ::posix_spawn(&pid, program.value().c_str(), &actions, nullptr,
                                    arguments.data(), environment.data());
    ::posix_spawn_file_actions_destroy(&actions);
    theirs = Descriptor();  // so that its end is noticed
    if (error != 0) return failure("does not start", error);
    Descriptor pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));

    Request greeting{};
    greeting.version = helper_protocol::version;
    greeting.kind = Kind::greeting;
    if (!send_message(ours.get(), greeting, nullptr, 0) || !receive_message(ours.get())) {
        end_helper(ours, pidfd, pid);
        return failure("does not answer, or is of another version than this program", 0);
    }
    return std::unique_ptr<RemoteCaller>(
        std::make_unique<HelperRemoteCaller>(std::move(ours), std::move(pidfd), pid));
}

}  // namespace damon_schemes

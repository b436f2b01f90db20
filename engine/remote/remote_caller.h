// SPDX-License-Identifier: MIT
// System calls that a target makes itself, because we ask it to: what process_madvise(2) refuses or
// does not have.  How it is done, and what it never does: docs/remote-calls.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "schemes/observation.h"
#include "schemes/result.h"

namespace damon_schemes {

// All that can be asked for: calls that take addresses and flags, and change no byte of the target.
enum class RemoteOperation : std::uint8_t {
    hugepage,       // madvise(MADV_HUGEPAGE)
    nohugepage,     // madvise(MADV_NOHUGEPAGE)
    mlock,          // mlock(2): what is not there is brought in
    mlock_onfault,  // mlock2(MLOCK_ONFAULT): what is not there is locked when it comes
    munlock,        // munlock(2)
};

// Why a target, or what was left of a request, was let alone.
enum class RemoteRefusal : std::uint8_t {
    gone,            // it has exited, or is exiting
    permission,      // the kernel does not let us trace it (Yama, a security module, privileges)
    traced,          // a debugger has it
    stopped,         // it is stopped (SIGSTOP, a job that was put aside): it is not to be moved
    seccomp,         // a filter watches its system calls
    foreign_code,    // 32-bit or x32 code, or another architecture
    no_call_site,    // no syscall instruction was found in its executable mappings
    no_safe_thread,  // no thread was at a place where it could be borrowed
    address_space,   // it has exec'd: the ranges are another program's
    cancelled,       // the caller said so
    helper_lost,     // the helper process died
    count_,
};
inline constexpr std::size_t remote_refusal_count = static_cast<std::size_t>(RemoteRefusal::count_);
std::string_view name_of(RemoteRefusal refusal);         // stable, for --json
std::string_view explanation_of(RemoteRefusal refusal);  // for people

// How long a target may be held.
struct RemoteLimits {
    // Of one thread, from the request to stop it until it runs on.  A call is not begun when it is
    // not expected to end within that; the last one may be late by what it takes itself.
    Duration longest_stop = std::chrono::milliseconds(1);
    Duration between_stops = std::chrono::milliseconds(20);  // of the same target
    // How long to look for a thread that can be borrowed before the rest is refused
    // (no_safe_thread); counted anew after each stop that got something done.
    Duration patience = std::chrono::seconds(1);
    bool operator==(const RemoteLimits&) const = default;
};

struct RemoteRequest {
    std::int32_t pid = 0;
    int pidfd = -1;  // borrowed
    RemoteOperation operation = RemoteOperation::mlock_onfault;
    std::vector<AddressRange> ranges;  // page-aligned, sorted, disjoint; cut as the limits ask for
    RemoteLimits limits{};
};

struct RemoteOutcome {
    struct Range {
        Bytes done;     // from the range's start
        int error = 0;  // errno of the call that failed behind `done`; 0: all done, or never tried
    };
    std::vector<Range> ranges;             // one a range of the request, in order
    std::optional<RemoteRefusal> refusal;  // why the rest was not tried
    std::uint64_t calls = 0;
    std::uint64_t stops = 0;
    Duration stopped{};       // all stops together
    Duration longest_stop{};  // the longest one
    // Of those, the time in which the thread had our registers instead of its own: when the helper
    // is killed just then, they stay so.
    Duration foreign{};
    Duration longest_foreign{};
};

// May be asked between stops whether to go on; true: stop here.
using RemoteCancelled = std::function<bool()>;

// Any thread; requests of several threads have their turn one after the other.
class RemoteCaller {
  public:
    virtual ~RemoteCaller() = default;
    // Never fails as a whole: what could not be done is in the outcome.
    virtual RemoteOutcome call(const RemoteRequest& request, const RemoteCancelled& cancelled) = 0;
};

}  // namespace damon_schemes

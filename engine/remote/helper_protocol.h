// SPDX-License-Identifier: MIT
// What the engine and damon-schemes-remote say to each other: one message asks for one stop of one
// thread, one message answers.  Over a SOCK_SEQPACKET socket between two processes of one build:
// native byte order and layout; the version is checked all the same, as files can be mixed up.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/remote/remote_caller.h"

namespace damon_schemes::helper_protocol {

inline constexpr std::uint32_t version = 1;
inline constexpr std::size_t most_ranges = 32;

enum class Kind : std::uint32_t {
    greeting,  // answered with the version; asks for nothing
    stop,      // comes with two descriptors: the target's pidfd, and its /proc/PID/mem
};

struct Range {
    std::uint64_t start;
    std::uint64_t end;
};

struct Request {
    std::uint32_t version;
    Kind kind;
    std::int32_t pid;
    RemoteOperation operation;
    std::uint8_t range_count;
    std::uint16_t reserved;  // 0
    // A syscall instruction in the target's code, for threads that are not in a call of their own;
    // 0: there is none.  The helper looks again before it uses it.
    std::uint64_t call_site;
    std::uint64_t longest_stop_ns;
    Range ranges[most_ranges];
};

enum class Verdict : std::uint32_t {
    progressed,  // what was done is in the ranges
    later,       // no thread could be borrowed now; nothing is wrong with the target
    refused,
};

struct RangeDone {
    std::uint64_t done;     // bytes from the start of the range as it was asked for
    std::int32_t error;     // errno behind them
    std::uint32_t is_over;  // nothing is left to be tried
};

struct Reply {
    std::uint32_t version;
    Verdict verdict;
    std::uint32_t refusal;  // a RemoteRefusal: where refused, or where it is never any better later
    std::uint32_t calls;
    std::uint32_t stops;  // 0 or 1
    std::uint32_t reserved;
    std::uint64_t stopped_ns;  // from the request to stop until it ran on
    std::uint64_t foreign_ns;  // of that, with our registers
    RangeDone ranges[most_ranges];
};

}  // namespace damon_schemes::helper_protocol

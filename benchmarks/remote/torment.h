// SPDX-License-Identifier: MIT
// Remote calls on a program of one kind, while it works and is woken at random moments; and what
// came of it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/remote/remote_caller.h"

namespace damon_schemes::bench {

struct TormentResult {
    std::string kind;
    std::uint64_t calls = 0;  // that were made in it
    std::uint64_t stops = 0;
    std::uint64_t failed = 0;                         // calls that ended with an error
    std::map<std::string, std::uint64_t> refusals{};  // by name, of requests
    // What the program noticed; all of it should be 0.
    std::uint64_t spurious = 0;
    std::uint64_t wrong = 0;
    std::int64_t wrong_result = 0;
    std::uint64_t registers = 0;
    std::uint64_t signals_lost = 0;
    std::uint64_t signals_misplaced = 0;
    bool hung = false;
    bool died = false;
    // Of a kind whose waits may miss their end in any case.
    std::uint64_t missed_wakes = 0;
    std::uint64_t rounds = 0;
    std::vector<std::uint64_t> stop_ns{};     // of each stop
    std::vector<std::uint64_t> foreign_ns{};  // of each, the time with foreign registers

    bool unharmed() const {
        return spurious == 0 && wrong == 0 && registers == 0 && signals_lost == 0 &&
               signals_misplaced == 0 && !hung && !died;
    }
};

// Until `calls` were made, or `calls` requests in a row were refused.
TormentResult torment(RemoteCaller& caller, const std::string& kind, std::uint64_t calls,
                      const RemoteLimits& limits);

// The value below which `share` (0 to 1) of the values are; 0 of none.
std::uint64_t percentile(std::vector<std::uint64_t> values, double share);

}  // namespace damon_schemes::bench

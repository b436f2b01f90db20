// SPDX-License-Identifier: MIT
// A service of an overcommitted host: it uses a part of its memory, and the part moves.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace damon_schemes::bench {

struct TenantShape {
    std::uint64_t bytes = 0;             // of memory, all of it written once
    double cold_share = 0;               // what of it is not used at a time
    std::uint64_t seed = 0;              // of all that it does
    std::uint64_t hot_pages = 128;       // a request uses so many of what is hot
    std::uint64_t transient_pages = 32;  // and so many new ones, given back at its end
    double between_ms = 100;             // from the end of a request to the next
    double stays_s = 90;                 // then a quarter of what is hot moves on to what was cold
};

// What it has done; shared with whoever measures.
struct TenantWork {
    // By time, four to an octave from 64 us on.
    static constexpr std::size_t time_bins = 96;
    std::atomic<bool> ready{false};
    std::atomic<bool> counting{false};  // set from outside: latencies count from now on
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> wrong_pages{0};  // that did not hold what was written to them
    std::array<std::atomic<std::uint32_t>, time_bins> times{};

    static std::size_t bin_of(double microseconds);
    static double upper_edge_us(std::size_t bin);
};

// Forks it into the cgroup of that folder; `work` is shared memory.  It ends with its parent.
// Throws std::runtime_error.
pid_t start_tenant(const TenantShape& shape, TenantWork& work, const std::string& cgroup);

}  // namespace damon_schemes::bench

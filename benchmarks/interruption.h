// SPDX-License-Identifier: MIT
// A wait that ends early when the program is interrupted, so that it puts back what it changed.
#pragma once

#include <algorithm>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <thread>

#include "schemes/observation.h"

namespace damon_schemes::bench {

inline volatile std::sig_atomic_t interrupted = 0;

// From now on SIGINT and SIGTERM end the next wait instead of the program.
inline void note_interruptions() {
    struct sigaction action {};
    action.sa_handler = [](int) { interrupted = 1; };
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

// Throws std::runtime_error where it was interrupted.
inline void sleep_unless_interrupted(Duration time) {
    using Clock = std::chrono::steady_clock;
    constexpr Duration step = std::chrono::milliseconds(50);
    const auto until = Clock::now() + time;
    while (Clock::now() < until) {
        if (interrupted != 0) throw std::runtime_error("interrupted");
        std::this_thread::sleep_for(std::min<Duration>(step, until - Clock::now()));
    }
}

inline Duration seconds_of(double seconds) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

}  // namespace damon_schemes::bench

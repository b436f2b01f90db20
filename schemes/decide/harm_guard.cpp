// SPDX-License-Identifier: MIT
#include "schemes/decide/harm_guard.h"

#include <algorithm>

namespace damon_schemes {

namespace {

constexpr Duration shortest_rate = std::chrono::seconds(1);
constexpr Duration soon = std::chrono::minutes(1);

double seconds_of(Duration time) {
    return std::chrono::duration<double>(time).count();
}

}  // namespace

std::string_view name_of(Harm harm) {
    switch (harm) {
        case Harm::refaults:
            return "refaults";
        case Harm::pressure:
            return "pressure";
        case Harm::figure:
            return "figure";
    }
    return "none";
}

bool HarmGuard::look(Instant now, const Limits::Guard& limits, const Readings& readings) {
    if (!since_ || now < *since_) {
        since_ = now;
        stalled_ = readings.stalled;
        back_ = {};
        return false;
    }
    const Duration passed = elapsed(*since_, now);
    if (passed < shortest_rate) return false;
    const double back = static_cast<double>(back_.count) / seconds_of(passed);
    std::optional<double> pressure;
    if (stalled_ && readings.stalled && *readings.stalled >= *stalled_)
        pressure = seconds_of(*readings.stalled - *stalled_) / seconds_of(passed);
    since_ = now;
    stalled_ = readings.stalled;
    back_ = {};
    if (active(now)) return false;
    if (limits.refaults && back > static_cast<double>(limits.refaults->count))
        return begin(now, limits, Harm::refaults, back);
    if (limits.pressure && pressure && *pressure > static_cast<double>(limits.pressure->ppm) / 1e6)
        return begin(now, limits, Harm::pressure, *pressure);
    if (limits.figure && readings.figure && *readings.figure > limits.figure->max)
        return begin(now, limits, Harm::figure, *readings.figure);
    return false;
}

bool HarmGuard::begin(Instant now, const Limits::Guard& limits, Harm harm, double measured) {
    const bool again = pause_ && elapsed(pause_->until, now) <= std::max(length_, soon);
    // Halves compared, as twice the length may be no duration any more.
    if (!again)
        length_ = limits.pause;
    else if (length_ > limits.longest_pause / 2)
        length_ = limits.longest_pause;
    else
        length_ *= 2;
    pause_ = Pause{harm, measured, later(now, length_)};
    return true;
}

}  // namespace damon_schemes

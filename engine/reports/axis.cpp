// SPDX-License-Identifier: MIT
#include "engine/reports/axis.h"

#include <algorithm>
#include <array>

#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

std::string without_zero(std::string text) {
    if (const auto zero = text.find(".0 "); zero != std::string::npos) text.erase(zero, 2);
    return text;
}

}  // namespace

Duration round_step(Duration total, double most) {
    using namespace std::chrono_literals;
    static constexpr std::array<Duration, 33> steps = {
        1ns, 2ns, 5ns,  10ns, 100ns, 1us,   10us,  100us, 200us, 500us, 1ms,
        2ms, 5ms, 10ms, 20ms, 50ms,  100ms, 200ms, 500ms, 1s,    2s,    5s,
        10s, 20s, 30s,  1min, 2min,  5min,  10min, 20min, 30min, 1h,    2h};
    const double least = static_cast<double>(total.count()) / std::max(most, 1.0);
    for (const Duration step : steps) {
        if (static_cast<double>(step.count()) >= least) return step;
    }
    if (static_cast<double>(Duration(6h).count()) >= least) return 6h;
    Duration step = 24h;
    while (static_cast<double>(step.count()) < least && step < Duration::max() / 4) step *= 2;
    return step;
}

Bytes round_step(Bytes total, double most) {
    Bytes step = {1};
    while (static_cast<double>(step.count) * std::max(most, 1.0) <
               static_cast<double>(total.count) &&
           step.count < (1ULL << 62))
        step.count *= 2;
    return step;
}

std::uint64_t round_step(std::uint64_t total, double most) {
    std::uint64_t power = 1;
    for (;;) {
        for (const std::uint64_t factor : {1U, 2U, 5U}) {
            const double covered = static_cast<double>(power * factor) * std::max(most, 1.0);
            if (covered >= static_cast<double>(total) || power > (1ULL << 58))
                return power * factor;
        }
        power *= 10;
    }
}

std::vector<Duration> time_marks(Duration from, Duration to, double most) {
    // Both may be at the ends of what a duration can say.
    const double length = static_cast<double>(to.count()) - static_cast<double>(from.count());
    constexpr Duration longest = Duration::max() / 4;
    const Duration step =
        round_step(length >= static_cast<double>(longest.count())
                       ? longest
                       : Duration(std::max<std::int64_t>(1, static_cast<std::int64_t>(length))),
                   most);
    std::vector<Duration> marks;
    Duration at = from / step * step;
    if (at < from) {
        if (at > Duration::max() - step) return marks;
        at += step;
    }
    while (at <= to && marks.size() < 100) {
        marks.push_back(at);
        if (at > Duration::max() - step) break;
        at += step;
    }
    return marks;
}

std::vector<std::uint64_t> multiples(std::uint64_t step, std::uint64_t greatest) {
    std::vector<std::uint64_t> result = {0};
    while (greatest - result.back() >= step) result.push_back(result.back() + step);
    return result;
}

std::string time_mark(Duration at) {
    using namespace std::chrono_literals;
    if (at == 0s) return "0";
    if (at % 1h == 0s) return std::to_string(at / 1h) + " h";
    if (at % 1min == 0s) return std::to_string(at / 1min) + " min";
    if (at > 1min && at % 1s == 0s) return readable_clock(at);
    if (at % 1s == 0s) return std::to_string(at / 1s) + " s";
    return without_zero(readable(at));
}

std::string size_mark(Bytes bytes) {
    return without_zero(readable(bytes));
}

}  // namespace damon_schemes

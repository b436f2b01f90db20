// SPDX-License-Identifier: MIT
#include "schemes/decide/quota_window.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace damon_schemes {

namespace {

// What is planned in a window as long as nobody knows how long acting takes: some 10 ms at the
// slowest that was measured (30 µs a page under emulation), a fraction of a millisecond on
// hardware.
constexpr std::uint64_t probe = 1 << 20;

}  // namespace

void QuotaWindow::advance(Instant now) {
    if (!origin_) origin_ = now;
    if (quota_.per <= Duration::zero()) return;
    const std::int64_t window = elapsed(*origin_, now) / quota_.per;
    if (window <= window_) return;
    const std::int64_t passed = window - window_;
    window_ = window;
    charged_bytes_ = 0;
    if (quota_.time && *quota_.time > Duration::zero() && passed <= charged_time_ / *quota_.time) {
        charged_time_ -= *quota_.time * passed;
    } else {
        charged_time_ = Duration::zero();
    }
    if (measured_in_window_) {
        tried_bytes_ /= 2;
        spent_ns_ /= 2;
        measured_in_window_ = false;
    }
}

std::optional<QuotaWindow::Allowance> QuotaWindow::allowance(std::optional<Bytes> goals) const {
    constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t by_bytes = unlimited;
    if (quota_.bytes)
        by_bytes = quota_.bytes->count - std::min(quota_.bytes->count, charged_bytes_);
    std::uint64_t by_time = unlimited;
    if (quota_.time) {
        const Duration left = *quota_.time - charged_time_;
        if (left <= Duration::zero()) {
            by_time = 0;
        } else if (!measured_) {
            const std::uint64_t trial = std::max(probe, grain_);
            by_time = trial - std::min(trial, charged_bytes_);
        } else if (spent_ns_ > 0) {
            const double bytes = static_cast<double>(left.count()) * (tried_bytes_ / spent_ns_);
            if (bytes < 9e18) by_time = static_cast<std::uint64_t>(bytes);
            // A window that owes nothing may always take one grain, or a limit below the price of
            // one would stop the scheme for good.  What that overspends, later windows pay back.
            if (by_time < grain_ && charged_time_ <= Duration::zero()) by_time = grain_;
        }
    }
    std::uint64_t by_goals = unlimited;
    if (goals) by_goals = goals->count - std::min(goals->count, charged_bytes_);
    if (by_bytes == unlimited && by_time == unlimited && by_goals == unlimited) return std::nullopt;
    Allowance allowance{{by_bytes}, Reason::quota_bytes};
    if (by_time < allowance.bytes.count) allowance = {{by_time}, Reason::quota_time};
    if (by_goals < allowance.bytes.count) allowance = {{by_goals}, Reason::quota_goal};
    allowance.bytes.count = allowance.bytes.count / grain_ * grain_;
    return allowance;
}

std::optional<Bytes> QuotaWindow::bytes_left() const {
    if (!quota_.bytes) return std::nullopt;
    return *quota_.bytes - Bytes{std::min(quota_.bytes->count, charged_bytes_)};
}

std::optional<Duration> QuotaWindow::time_left() const {
    if (!quota_.time) return std::nullopt;
    return *quota_.time - charged_time_;
}

std::optional<double> QuotaWindow::bytes_per_second() const {
    if (!measured_ || spent_ns_ <= 0) return std::nullopt;
    return tried_bytes_ / spent_ns_ * 1e9;
}

Duration QuotaWindow::charge(Bytes bytes) {
    charged_bytes_ += bytes.count;
    if (!quota_.time || !measured_ || tried_bytes_ <= 0) return Duration::zero();
    const double estimate =
        std::ceil(static_cast<double>(bytes.count) * (spent_ns_ / tried_bytes_));
    // Never more than what is left, so that rounding up leaves no debt.
    const auto room = std::max(Duration::zero(), *quota_.time - charged_time_);
    const auto charged = estimate < static_cast<double>(room.count())
                             ? Duration(static_cast<Duration::rep>(estimate))
                             : room;
    charged_time_ += charged;
    return charged;
}

void QuotaWindow::settle(std::int64_t window, Bytes planned, Duration estimate, Bytes advised,
                         Duration spent) {
    if (window == window_) {
        const std::uint64_t unused = planned.count - std::min(planned.count, advised.count);
        charged_bytes_ -= std::min(charged_bytes_, unused);
        charged_time_ = std::max(Duration::zero(), charged_time_ - estimate);
        charged_time_ += spent;
    } else if (spent > estimate) {
        charged_time_ += spent - estimate;
    }
}

void QuotaWindow::measure(Bytes tried, Duration spent) {
    if (tried.count == 0) return;
    tried_bytes_ += static_cast<double>(tried.count);
    spent_ns_ += static_cast<double>(spent.count());
    measured_ = true;
    measured_in_window_ = true;
}

}  // namespace damon_schemes

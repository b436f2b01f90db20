// SPDX-License-Identifier: MIT
// How much of its quota a scheme has left.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "schemes/decide/plan.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// Windows follow each other without a gap from the first one on.  Bytes that one window leaves
// unused are lost; time that was overspent is paid back by the windows after it, so that the mean
// holds.
class QuotaWindow {
  public:
    // `grain`: the least that can be acted on.
    explicit QuotaWindow(Quota quota, Bytes grain = kibibytes(4))
        : quota_(std::move(quota)), grain_(grain.count) {}

    void advance(Instant now);

    struct Allowance {
        Bytes bytes;                         // whole grains
        Reason limit = Reason::quota_bytes;  // which of the limits it is
    };
    // The least of what bytes, time and the goals leave; `goals` is what they allow in the whole
    // window, nullopt: anything.  nullopt: no limit.
    std::optional<Allowance> allowance(std::optional<Bytes> goals = {}) const;

    // Charges bytes to the window that advance() entered last; returns the time charged for them.
    Duration charge(Bytes bytes);
    std::int64_t window() const { return window_; }

    // Puts right what was charged for `planned` bytes in `window`.  Bytes that were not advised go
    // back only to the window that they were charged to.
    void settle(std::int64_t window, Bytes planned, Duration estimate, Bytes advised,
                Duration spent);

    // Notes what acting on so many bytes took.
    void measure(Bytes tried, Duration spent);

    // What is left; nullopt: there is no such limit.  Time is below zero where later windows pay
    // back.
    std::optional<Bytes> bytes_left() const;
    std::optional<Duration> time_left() const;
    // What time is reckoned by; nullopt: not measured yet, or it took no time.
    std::optional<double> bytes_per_second() const;

  private:
    Quota quota_;
    std::uint64_t grain_;
    std::optional<Instant> origin_;
    std::int64_t window_ = 0;
    std::uint64_t charged_bytes_ = 0;
    Duration charged_time_{};
    // What was tried and what it took, each halved at every window that follows a measurement: a
    // mean over the last two windows or so that acted.
    double tried_bytes_ = 0;
    double spent_ns_ = 0;
    bool measured_ = false;
    bool measured_in_window_ = false;
};

}  // namespace damon_schemes

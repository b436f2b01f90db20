// SPDX-License-Identifier: MIT
// How many lines a log may have: what happens a thousand times a second is not told a thousand
// times.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "schemes/observation.h"

namespace damon_schemes {

// A bucket that fills by the time.  Belongs to one thread.
class LineBudget {
  public:
    static constexpr std::int64_t lines_a_second = 20;
    static constexpr std::int64_t most_at_once = 200;

    explicit LineBudget(std::int64_t a_second = lines_a_second, std::int64_t at_once = most_at_once)
        : a_line_(Duration(std::chrono::seconds(1)) / a_second), most_(at_once), lines_(at_once) {}

    // Whether a line may be written now; else it is counted.
    bool take(Instant now) {
        fill(now);
        if (lines_ > 0) {
            --lines_;
            return true;
        }
        ++left_out_;
        return false;
    }
    // Of those that were counted, told once, as soon as lines may be written again; 0: none, or not
    // yet.
    std::uint64_t left_out(Instant now) {
        fill(now);
        return lines_ > 0 ? std::exchange(left_out_, 0) : 0;
    }

  private:
    void fill(Instant now) {
        if (!filled_) filled_ = now;
        const std::int64_t lines = elapsed(*filled_, now) / a_line_;
        if (lines <= 0) return;
        lines_ = std::min(most_, lines_ + lines);
        filled_ = later(*filled_, a_line_ * lines);
    }

    Duration a_line_;
    std::int64_t most_;
    std::int64_t lines_;
    std::uint64_t left_out_ = 0;
    std::optional<Instant> filled_;
};

}  // namespace damon_schemes

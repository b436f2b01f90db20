// SPDX-License-Identifier: MIT
// How much of what a scheme paged out came back soon.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "schemes/observation.h"

namespace damon_schemes {

// What was paged out is kept by when that was, in slots of an eighth of the window, for three
// windows; what comes back counts in the slot that it left in, so that a refault that is found late
// weighs against the right bytes.  What a slot holds is complete once a window has passed; until
// then its refaults are a lower bound.  Newer slots weigh more (time constant: the window).
class RefaultMeter {
  public:
    explicit RefaultMeter(Duration window);

    // `age` is the threshold that let it go.
    void paged_out(Instant when, Bytes bytes, Duration age);
    // What left `away` before `found` is in memory again.
    void came_back(Instant found, Duration away, Bytes bytes);

    // The share that came back: of what has had its whole window, or of all, where that is more
    // already.  nullopt: less than 1 MiB was paged out within the horizon.
    std::optional<double> share(Instant now) const;
    // The same as it would have been with such a threshold: memory that came back sooner than that
    // after its last use would never have left.
    std::optional<double> share_with(Instant now, Duration age) const;
    // The least age above `from` with which the share would not have been above `target`.
    Duration least_age(Instant now, Duration from, double target) const;

    Bytes paged_out() const { return paged_out_; }  // so far
    Bytes came_back() const { return came_back_; }

  private:
    // By the time from the last use to the refault, eight to an octave from 10 ms (to 46 h).
    static constexpr std::size_t idle_bins = 192;
    struct Slot {
        std::int64_t number = -1;
        double paged_out = 0;
        Duration age{};
        std::array<float, idle_bins> came_back{};
    };
    enum class Which { complete, all };
    // What a slot weighs; 0: it does not count.
    double weight_of(const Slot& slot, std::int64_t current, Which which) const;

    // Weighted sums over slots.
    struct Evidence {
        bool enough = false;
        double paged_out = 0;
        std::array<double, idle_bins> came_back{};
        double share(std::size_t avoided) const;  // had the refaults in so many bins not been
    };
    Evidence gather(Instant now, Which which) const;
    std::int64_t slot_of(Instant when) const;
    static std::size_t bin_of(Duration idle);
    static std::size_t bins_below(Duration age);

    Duration width_;
    std::vector<Slot> slots_;  // a ring, by number; empty until something was paged out
    Bytes paged_out_;
    Bytes came_back_;
};

}  // namespace damon_schemes

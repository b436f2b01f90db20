// SPDX-License-Identifier: MIT
// How long idle memory stays idle: what a lower age threshold would bring, told without paging
// anything out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "schemes/observation.h"

namespace damon_schemes {

// A life table.  For each idle age it keeps how many bytes were idle for so long, times the time
// that they were watched there, and how many were accessed then: the rate at which idle spells of
// that age end.  A spell that begins before it is watched, or that is watched no longer (the memory
// was paged out, or freed), counts for the ages at which it was watched, and for no other.  So
// nothing has to be complete before it says something, and what is paged out early hides nothing:
// what it would have done later is what refaults tell.
//
// Older observations weigh less (time constant: the window).  Not thread-safe.
class IdleSpells {
  public:
    explicit IdleSpells(Duration window);

    // Before observations of that instant.
    void advance(Instant now);
    // Memory that had been idle for `idle` was watched for `length` more, which is positive: so
    // many bytes stayed idle, and so many were accessed.
    void observe(Duration idle, Duration length, double stayed, double accessed);
    // What was observed counts no longer.
    void forget();

    // The first observation that counts; nullopt: there is none.
    std::optional<Instant> since() const { return since_; }

    // Of what becomes idle for `age`, the share that is accessed within the window after that.
    // Memory that has been idle for `left` has left memory: of that, the share `back` is accessed
    // within the window (nullopt: not known).  nullopt: less than 1 MiB was watched at some of the
    // ages that it depends on, or `back` would have to be known.
    std::optional<double> share(Duration age, Duration left, std::optional<double> back) const;
    // The least age from `from` to below `left` whose share is not above `most`.
    std::optional<Duration> least_age(Duration from, Duration left, std::optional<double> back,
                                      double most) const;

  private:
    // Eight to an octave, from 8 ms (to 73 h).
    static constexpr std::size_t bins = 208;
    static std::size_t bin_of(Duration idle);
    static Duration begin_of(std::size_t bin);

    Duration window_;
    Duration slot_;
    std::optional<Instant> since_;
    Instant now_{};
    Instant faded_{};                      // when older observations lost weight last
    std::array<double, bins> watched_{};   // bytes × ns
    std::array<double, bins> accessed_{};  // bytes
};

}  // namespace damon_schemes

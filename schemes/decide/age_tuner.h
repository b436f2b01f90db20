// SPDX-License-Identifier: MIT
// Moves a scheme's age threshold after the refaults that it causes.
#pragma once

#include <cstdint>
#include <optional>

#include "schemes/decide/refault_meter.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// Looks four times in a window.  Above one and a half times the target, or above it for a whole
// window, the age is raised to the least that would have avoided enough of the refaults, four times
// higher at most.  After a whole window below half
// of the target, or two without anything paged out, it is lowered by a fifth.  In between it stays.
//
// What a raise left behind was too low.  The age does not go below it for eight windows, and for
// twice as long after each time that it was tried in vain (256 windows at most); then only after
// four windows below half of the target, for chance makes one look so.  It was not in vain where it
// lasts for twice the wait: then what was too low is forgotten.
class AgeTuner {
  public:
    // `age` is where it starts, if that lies between the bounds.
    AgeTuner(const Tune& tune, Duration age, Duration window);

    Duration age() const { return age_; }
    void look(Instant now, const RefaultMeter& refaults);
    // Other programs are watched now: what was too low for the former ones need not be for them.
    void forget();

  private:
    std::int64_t calm_windows(bool measured) const;
    void raise(Instant now, const RefaultMeter& refaults);
    void lower(Instant now);

    Tune tune_;
    Duration window_;
    double target_;
    Duration age_;
    std::optional<Instant> looked_;
    std::optional<Instant> above_since_;  // the target
    Instant calm_since_{};                // not above half of the target since, nor moved

    Duration too_low_{};  // ages below it were
    Duration wait_;       // before they are tried again
    Instant try_again_{};
    std::optional<Instant> below_since_;  // trying
};

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// Moves a scheme's age threshold after the refaults that it causes, and after the idle spells that
// tell what a lower one would cause.
#pragma once

#include <cstdint>
#include <optional>

#include "schemes/decide/idle_spells.h"
#include "schemes/decide/refault_meter.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// Looks four times in a window.  Above one and a half times the target, or above it for a whole
// window, the age is raised to the least that would have avoided enough of the refaults, four times
// higher at most.  After a whole window below half of the target, or two without anything paged
// out, it is lowered by a fifth.  In between it stays.
//
// What a raise left behind was too low.  The age does not go below it for eight windows, and for
// twice as long after each time that it was tried in vain (256 windows at most); then only after
// four windows below half of the target, for chance makes one look so.  It was not in vain where it
// lasts for twice the wait: then what was too low is forgotten.
//
// Idle spells spare the trying.  Where they say that with a lower age less than half of the target
// would come back, and what came back of late does not speak against it, it is lowered to the least
// such age at once: by half at most and once in a window, but below one that was too low before,
// too, for they have been watched for a window since.  Yet a monitor sees less than a program does.
// So after a raise that such a step led to, they are heeded after a window, two, four, … (256 at
// most), until a step lasts for twice that wait.  They are heeded, too, where the age cannot be
// raised any more: what is used with a long period comes back whatever the age below it, but may
// not come back within a window of a far lower one.
class AgeTuner {
  public:
    // `age` is where it starts, if that lies between the bounds.
    AgeTuner(const Tune& tune, Duration age, Duration window);

    Duration age() const { return age_; }
    // Over all the time between the first look and the last.
    Duration mean_age() const;
    // True: it was raised, so what spells said before was said of other times.
    bool look(Instant now, const RefaultMeter& refaults, const IdleSpells& spells);
    // Other programs are watched now: what was too low for the former ones need not be for them.
    void forget();

  private:
    void note(Instant now);
    std::int64_t calm_windows(bool measured) const;
    bool raise(Instant now, const RefaultMeter& refaults);
    bool heed(Instant now, std::optional<double> share, const RefaultMeter& refaults,
              const IdleSpells& spells);
    void lower(Instant now);
    void lower_to(Instant now, Duration age);

    Tune tune_;
    Duration window_;
    double target_;
    Duration age_;
    std::optional<Instant> noted_;
    double noted_time_ = 0;  // in ns: a clock that jumps may make it longer than a Duration
    double noted_ages_ = 0;  // times how long they held, in ns²
    std::optional<Instant> looked_;
    std::optional<Instant> above_since_;  // the target
    Instant calm_since_{};                // not above half of the target since, nor moved

    Duration too_low_{};  // ages below it were
    Duration wait_;       // before they are tried again
    Instant try_again_{};
    std::optional<Instant> below_since_;  // trying

    Instant moved_{};
    Duration spells_wait_;  // after a raise, before they are heeded again
    Instant heed_from_{};
    std::optional<Instant> heeded_;  // they have lowered it, and nothing has raised it since
};

}  // namespace damon_schemes

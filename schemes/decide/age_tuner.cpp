// SPDX-License-Identifier: MIT
#include "schemes/decide/age_tuner.h"

#include <algorithm>

namespace damon_schemes {

namespace {

constexpr std::int64_t looks_in_window = 4;
constexpr std::int64_t highest_raise = 4;
constexpr Duration least_raised = std::chrono::milliseconds(1);  // an age of 0 is raised, too
constexpr double clearly_above = 1.5;
// In windows.
constexpr std::int64_t first_wait = 8;
constexpr std::int64_t longest_wait = 256;

Duration times(Duration by, std::int64_t factor) {
    return by > Duration::max() / factor ? Duration::max() : by * factor;
}

}  // namespace

AgeTuner::AgeTuner(const Tune& tune, Duration age, Duration window)
    : tune_(tune),
      window_(std::max(window, Duration(looks_in_window))),
      target_(tune.refaults.ppm / 1e6),
      age_(std::min(std::max(age, tune.min), std::max(tune.min, tune.max))),
      wait_(times(window_, first_wait)),
      spells_wait_(window_) {}

Duration AgeTuner::mean_age() const {
    if (noted_time_ <= 0) return age_;
    // Rounding must not make it more than a Duration can be.
    const double mean = noted_ages_ / noted_time_;
    return mean < static_cast<double>(tune_.max.count())
               ? Duration(static_cast<Duration::rep>(mean))
               : tune_.max;
}

void AgeTuner::note(Instant now) {
    if (noted_ && *noted_ < now) {
        const auto held = static_cast<double>(elapsed(*noted_, now).count());
        noted_time_ += held;
        noted_ages_ += held * static_cast<double>(age_.count());
    }
    noted_ = now;
}

bool AgeTuner::look(Instant now, const RefaultMeter& refaults, const IdleSpells& spells) {
    note(now);
    if (!looked_ || now < *looked_) {
        looked_ = calm_since_ = moved_ = now;
        return false;
    }
    if (elapsed(*looked_, now) < window_ / looks_in_window) return false;
    looked_ = now;

    // As it would be had the present age always held: what an earlier one let go says nothing
    // against this one.
    const std::optional<double> share = refaults.share_with(now, age_);
    bool raised = false;
    if (!share || *share <= target_) above_since_.reset();
    if (share && *share > target_) {
        if (!above_since_) above_since_ = now;
        calm_since_ = now;
        // A little above may be chance.
        if (*share > target_ * clearly_above || elapsed(*above_since_, now) >= window_)
            raised = raise(now, refaults);
        // Where the age cannot be raised a lower one may still be right: what is idle for long may
        // be used with its period, and what becomes idle not soon again.
        if (age_ == tune_.max && !raised) heed(now, share, refaults, spells);
    } else if (share && *share >= target_ / 2) {
        calm_since_ = now;
    } else if (!heed(now, share, refaults, spells) &&
               elapsed(calm_since_, now) >= times(window_, calm_windows(share.has_value()))) {
        lower(now);
    }
    if (below_since_ && elapsed(*below_since_, now) >= times(wait_, 2)) {
        below_since_.reset();
        too_low_ = Duration::zero();
        wait_ = times(window_, first_wait);
    }
    if (heeded_ && elapsed(*heeded_, now) >= times(spells_wait_, 2)) spells_wait_ = window_;
    return raised;
}

// How long it has to be calm before the age is lowered.
std::int64_t AgeTuner::calm_windows(bool measured) const {
    // Near an age that was too low, chance alone may make it look calm for a window.
    if (too_low_ > Duration::zero()) return 4;
    return measured ? 1 : 2;
}

bool AgeTuner::raise(Instant now, const RefaultMeter& refaults) {
    const Duration age = std::min({refaults.least_age(now, age_, target_),
                                   times(std::max(age_, least_raised), highest_raise), tune_.max});
    if (age <= age_) return false;
    if (below_since_) wait_ = std::min(times(wait_, 2), times(window_, longest_wait));
    below_since_.reset();
    if (heeded_) spells_wait_ = std::min(times(spells_wait_, 2), times(window_, longest_wait));
    heeded_.reset();
    too_low_ = age_ = age;
    moved_ = now;
    try_again_ = later(now, wait_);
    heed_from_ = later(now, spells_wait_);
    return true;
}

// `share` comes back at the present age, as far as that is known.
bool AgeTuner::heed(Instant now, std::optional<double> share, const RefaultMeter& refaults,
                    const IdleSpells& spells) {
    if (now < heed_from_ || elapsed(moved_, now) < window_ || !spells.since() ||
        elapsed(*spells.since(), now) < window_)
        return false;
    Duration least = std::max(age_ / 2, tune_.min);
    // What came back of late would raise it again at once; unless the present age is no better.
    if (!share || *share <= target_) least = refaults.least_age(now, least, target_);
    const auto age = spells.least_age(least, age_, share, target_ / 2);
    if (!age || *age > age_ / 10 * 9) return false;
    lower_to(now, *age);
    heeded_ = now;
    return true;
}

void AgeTuner::lower(Instant now) {
    Duration age = std::max(age_ / 5 * 4, tune_.min);
    if (now < try_again_) age = std::max(age, std::min(too_low_, age_));
    if (age < age_) lower_to(now, age);
}

void AgeTuner::lower_to(Instant now, Duration age) {
    age_ = age;
    calm_since_ = moved_ = now;
    if (age_ < too_low_ && !below_since_) below_since_ = now;
}

void AgeTuner::forget() {
    too_low_ = Duration::zero();
    wait_ = times(window_, first_wait);
    try_again_ = {};
    below_since_.reset();
}

}  // namespace damon_schemes

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
      wait_(times(window_, first_wait)) {}

void AgeTuner::look(Instant now, const RefaultMeter& refaults) {
    if (!looked_ || now < *looked_) {
        looked_ = calm_since_ = now;
        return;
    }
    if (elapsed(*looked_, now) < window_ / looks_in_window) return;
    looked_ = now;

    // As it would be had the present age always held: what an earlier one let go says nothing
    // against this one.
    const std::optional<double> share = refaults.share_with(now, age_);
    if (!share || *share <= target_) above_since_.reset();
    if (share && *share > target_) {
        if (!above_since_) above_since_ = now;
        calm_since_ = now;
        // A little above may be chance.
        if (*share > target_ * clearly_above || elapsed(*above_since_, now) >= window_)
            raise(now, refaults);
    } else if (share && *share >= target_ / 2) {
        calm_since_ = now;
    } else if (elapsed(calm_since_, now) >= times(window_, calm_windows(share.has_value()))) {
        lower(now);
    }
    if (below_since_ && elapsed(*below_since_, now) >= times(wait_, 2)) {
        below_since_.reset();
        too_low_ = Duration::zero();
        wait_ = times(window_, first_wait);
    }
}

// How long it has to be calm before the age is lowered.
std::int64_t AgeTuner::calm_windows(bool measured) const {
    // Near an age that was too low, chance alone may make it look calm for a window.
    if (too_low_ > Duration::zero()) return 4;
    return measured ? 1 : 2;
}

void AgeTuner::raise(Instant now, const RefaultMeter& refaults) {
    const Duration age = std::min({refaults.least_age(now, age_, target_),
                                   times(std::max(age_, least_raised), highest_raise), tune_.max});
    if (age <= age_) return;
    if (below_since_) wait_ = std::min(times(wait_, 2), times(window_, longest_wait));
    below_since_.reset();
    too_low_ = age_ = age;
    try_again_ = later(now, wait_);
}

void AgeTuner::lower(Instant now) {
    Duration age = std::max(age_ / 5 * 4, tune_.min);
    if (now < try_again_) age = std::max(age, std::min(too_low_, age_));
    if (age >= age_) return;
    age_ = age;
    calm_since_ = now;
    if (age_ < too_low_ && !below_since_) below_since_ = now;
}

void AgeTuner::forget() {
    too_low_ = Duration::zero();
    wait_ = times(window_, first_wait);
    try_again_ = {};
    below_since_.reset();
}

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include "schemes/decide/fault_brake.h"

#include <algorithm>
#include <cmath>

namespace damon_schemes {

namespace {

constexpr Duration shortest_rate = std::chrono::seconds(1);
constexpr Duration shortest_history = std::chrono::seconds(3);
constexpr double forgets_in_seconds = 30;

}  // namespace

void FaultBrake::observe(Instant now, std::uint64_t faults, const Limits::Brake& limits) {
    if (!last_ || faults < last_->faults || now < last_->time) {
        last_ = {now, faults};
        return;
    }
    const Duration passed = elapsed(last_->time, now);
    if (passed < shortest_rate) return;
    const double seconds = std::chrono::duration<double>(passed).count();
    const auto risen = static_cast<double>(faults - last_->faults);
    const double rate = risen / seconds;
    if (seen_ >= shortest_history) {
        const double earlier = faults_ / seconds_;
        if (rate > static_cast<double>(limits.faults_per_second) &&
            rate > earlier * static_cast<double>(limits.times))
            until_ = later(now, limits.pause);
    }
    // Also while the brake is on.  Faults that go on although nothing is done to the target are its
    // own, and become its usual rate; the burst that we caused is forgotten by the time the pause
    // ends.
    const double kept = std::exp(-seconds / forgets_in_seconds);
    faults_ = faults_ * kept + risen;
    seconds_ = seconds_ * kept + seconds;
    seen_ += std::min(passed, shortest_history);  // enough to know, and cannot overflow soon
    last_ = {now, faults};
}

void FaultBrake::forget_rate() {
    last_.reset();
    seen_ = Duration::zero();
    faults_ = 0;
    seconds_ = 0;
}

}  // namespace damon_schemes

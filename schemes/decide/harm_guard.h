// SPDX-License-Identifier: MIT
// Lets a target go that pays for what a scheme does to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// What the guard goes by.
enum class Harm : std::uint8_t { refaults, pressure, figure };
std::string_view name_of(Harm harm);  // stable, for --json

// The guard of one scheme over one target.  Rates are taken over at least a second.  A pause begins
// as soon as one is over its limit.  One that follows another within as long as that lasted, and a
// minute at least, lasts twice as long as that did; what is measured during a pause is what came
// before it, and begins none.
class HarmGuard {
  public:
    struct Readings {
        std::optional<Duration> stalled;  // PSI of the target's cgroup, ever growing
        std::optional<double> figure;
    };
    struct Pause {
        Harm harm{};
        double measured = 0;  // bytes a second; a share as 0..1; or the figure
        Instant until{};
    };

    // Of what the scheme had paged out, so much is back.
    void came_back(Bytes bytes) { back_ += bytes; }
    // True: a pause begins.
    bool look(Instant now, const Limits::Guard& limits, const Readings& readings);
    // Another program runs in the target now.  A pause that is on stays on.
    void forget_rates() { since_.reset(); }

    bool active(Instant now) const { return pause_ && now < pause_->until; }
    const std::optional<Pause>& pause() const { return pause_; }  // the last

  private:
    bool begin(Instant now, const Limits::Guard& limits, Harm harm, double measured);

    std::optional<Instant> since_;
    std::optional<Duration> stalled_;  // at that time
    Bytes back_;                       // since then
    std::optional<Pause> pause_;
    Duration length_{};  // of the last pause
};

}  // namespace damon_schemes

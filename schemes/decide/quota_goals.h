// SPDX-License-Identifier: MIT
// The feedback that moves a quota after its goals.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "schemes/decide/conditions.h"
#include "schemes/decide/explanation.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// damon.md's feedback.  At each new window, but at most once a second, score = the greatest of
// current/target.  consistent: the bytes of a window become last × (1 + (1 − score)), at least a
// page, at most the quota's bytes (or 1 TiB); they begin at 1 MiB.  temporal: no limit while the
// score is below 1, then nothing.
class QuotaGoals {
  public:
    explicit QuotaGoals(const Quota& quota);

    // To be called at each decision.  A scheme that is not at work moves nothing.  Of refaults,
    // nullopt (too little was paged out to say) is none.
    void look(const Conditions& conditions, Instant now, std::optional<double> refaults,
              bool at_work);

    bool any() const { return !goals_.empty(); }
    // Could every goal's metric be had at the last look?
    bool measured() const { return measured_; }
    // What the goals allow in a window; nullopt: anything.
    std::optional<Bytes> bytes() const;

    const std::vector<SchemeControls::Goal>& standing() const { return standing_; }

  private:
    // A time that only grows: which share of the time that passed is it?
    struct StallMeter {
        std::optional<Duration> last;
        std::optional<double> share;
        void measure(std::optional<Duration> stalled, Duration passed);
    };
    struct OfTarget {
        TargetId target;
        StallMeter meter;
        bool seen = false;
    };

    bool enter_window(Instant now);
    void measure_stalls(const Conditions& conditions, Duration passed);
    std::optional<double> current(const QuotaGoal& goal, const Conditions& conditions,
                                  std::optional<double> refaults) const;
    void move(double score);

    std::vector<QuotaGoal> goals_;
    GoalTuner tuner_;
    double most_;
    double bytes_;
    bool unlimited_ = false;
    bool measured_ = true;

    Duration step_;  // whole windows, a second at least
    std::optional<Instant> origin_;
    std::int64_t steps_ = 0;
    Instant stepped_{};

    StallMeter machine_;
    std::vector<OfTarget> cgroups_;
    std::vector<SchemeControls::Goal> standing_;
};

}  // namespace damon_schemes

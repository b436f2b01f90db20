// SPDX-License-Identifier: MIT
// Whether a scheme rests by its watermarks.
#pragma once

#include <optional>

#include "schemes/decide/conditions.h"
#include "schemes/decide/explanation.h"
#include "schemes/decide/plan.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// damon.md's rule for each metric: a scheme rests above high and below low, and once it rests
// begins again only at mid and below.  At work are those whose every metric says so.
class WatermarkRest {
  public:
    explicit WatermarkRest(const std::optional<Watermarks>& watermarks);

    // Looks, unless the last look is not an interval old yet.  A look that could not measure
    // everything is none: the next comes at once.
    void look(const Conditions& conditions, Instant now);

    // Reason::unmeasured, Reason::watermark, or nullopt: at work.
    std::optional<Reason> held_back() const;

    using Rest = SchemeControls::Rest;
    std::optional<Rest> free_memory() const { return memory_.rest(); }
    std::optional<Rest> free_swap() const { return swap_.rest(); }

  private:
    class Level {
      public:
        explicit Level(const std::optional<Watermark>& mark) : mark_(mark) {}
        void move(std::optional<Share> free);
        std::optional<Rest> rest() const;
        bool unmeasured() const { return mark_ && !measured_; }
        bool rests() const { return mark_ && resting_ != Rest::no; }

      private:
        std::optional<Watermark> mark_;
        Rest resting_ = Rest::no;
        bool measured_ = false;
    };

    Level memory_;
    Level swap_;
    Duration interval_;
    std::optional<Instant> looked_;
};

}  // namespace damon_schemes

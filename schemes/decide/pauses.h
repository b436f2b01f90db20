// SPDX-License-Identifier: MIT
// What people have told the schemes to leave alone for a while.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "schemes/observation.h"

namespace damon_schemes {

// A pause of everything, and pauses of single targets; each lasts until it is resumed, or until its
// time has come.
class Pauses {
  public:
    struct Pause {
        std::optional<TargetId> target;  // nullopt: all
        std::optional<Instant> until;    // nullopt: until it is resumed
    };

    // In place of an earlier pause of the same.
    void pause(const Pause& pause) {
        if (pause.target)
            of_targets_[*pause.target] = pause;
        else
            of_all_ = pause;
    }
    void resume(std::optional<TargetId> target) {
        if (target)
            of_targets_.erase(*target);
        else
            of_all_.reset();
    }
    bool active(TargetId target, Instant now) const {
        if (of_all_ && lasts(*of_all_, now)) return true;
        const auto found = of_targets_.find(target);
        return found != of_targets_.end() && lasts(found->second, now);
    }
    std::vector<Pause> active(Instant now) const {
        std::vector<Pause> active;
        if (of_all_ && lasts(*of_all_, now)) active.push_back(*of_all_);
        for (const auto& [target, pause] : of_targets_)
            if (lasts(pause, now)) active.push_back(pause);
        return active;
    }

  private:
    static bool lasts(const Pause& pause, Instant now) {
        return !pause.until || now < *pause.until;
    }

    std::optional<Pause> of_all_;
    std::map<TargetId, Pause> of_targets_;
};

}  // namespace damon_schemes

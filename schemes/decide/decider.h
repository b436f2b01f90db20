// SPDX-License-Identifier: MIT
// Snapshot + policy + what happened so far → plan.  Pure: the same inputs give the same plan, live,
// in a dry run and on a recording.  Time is what snapshots say.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "schemes/decide/conditions.h"
#include "schemes/decide/explanation.h"
#include "schemes/decide/pauses.h"
#include "schemes/decide/plan.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// What became of a planned range, told back so that quotas, ages and the next plan know.  Due for
// every planned range, also for one that was dropped; a part of a planned range may be reported
// too.  Until then the range is not planned again, for 60 s at most.
struct ActionReport {
    std::uint32_t scheme = 0;
    TargetId target;
    AddressRange range;  // as planned
    Bytes advised;       // what the call said it did; 0 if it was refused or dropped
    Duration spent{};    // time in the acting calls; 0 with 0 advised: nothing was tried
    Instant time{};      // when it was done
    Bytes paged_out{};   // what of it really left memory for swap; 0 where that is not known
    // Nothing was tried, since a look found that nothing had to be, or could be, done: that holds
    // as long as an action does.
    bool looked = false;
    bool unlock = false;    // the range was planned as one to unlock
    bool released = false;  // of such: it is no longer locked, or never was
};

// Memory that a scheme had paged out was found in memory again, within the policy's
// refaults.window.
struct RefaultReport {
    std::uint32_t scheme = 0;
    TargetId target;
    Bytes bytes;
    Duration away{};  // from the action to the look that found it
    Instant time{};   // of that look
};

// Not thread-safe: belongs to the thread that takes the snapshots.
class Decider {
  public:
    explicit Decider(Policy policy);
    ~Decider();
    Decider(Decider&&) noexcept;
    Decider& operator=(Decider&&) noexcept;

    // The plan refers to the snapshot's targets by index.  A quota counts a range from the moment
    // it is planned; report() corrects it by what was really advised and spent.
    // `explanation`, where given, is filled with every region's verdicts; the plan is the same.
    Plan decide(const Snapshot& snapshot, const Conditions& conditions,
                Explanation* explanation = nullptr);

    void report(const ActionReport& report);
    void report(const RefaultReport& report);
    // An mlock scheme has locked this; from before the decider was there, perhaps: the target may
    // be one that no snapshot has told of yet.  It is planned to be unlocked when it has cooled.
    void hold_lock(std::uint32_t scheme, TargetId target, AddressRange range, Instant time);

    // While every scheme rests by its watermarks (a stat scheme without any never does) there is
    // nothing to monitor for.  True: they all rest under these conditions, so the monitor may sleep
    // until longest_rest() has passed; ask again then.
    bool all_rest(const Conditions& conditions, Instant now);
    Duration longest_rest() const;  // the shortest of the schemes' watermark intervals; or 5 s

    // Where each scheme's controllers stand, as of the last decision.
    std::vector<SchemeControls> controls() const;

    // Until when a target is left alone by the brake; nullopt: it is not.
    struct BrakedTarget {
        TargetId target;
        Instant until;
    };
    std::vector<BrakedTarget> braked() const;
    // What a scheme leaves alone by the guard.
    struct GuardedTarget {
        TargetId target;
        std::uint32_t scheme = 0;
        HarmGuard::Pause pause;
    };
    std::vector<GuardedTarget> guarded() const;

    // Of what is paused nothing is planned; all else goes on as ever.  They are no part of the
    // policy: who replaces a decider hands them on.
    void pause(const Pauses::Pause& pause);
    void resume(std::optional<TargetId> target);  // nullopt: the pause of all
    const Pauses& pauses() const;
    void keep(Pauses pauses);

    const Policy& policy() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace damon_schemes

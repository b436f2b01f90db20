// SPDX-License-Identifier: MIT
// A policy at work on physical memory: mainline DAMON watches and acts, in the kernel; this sets it
// up, sees to it that swap is left, counts what was done, and takes it down.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/events/actors.h"
#include "engine/events/loop.h"
#include "engine/machine/memory.h"
#include "engine/monitors/kdamond.h"
#include "schemes/policy/model.h"
#include "schemes/result.h"

namespace damon_schemes {

// What the kernel says of one scheme, since the session began.
struct PhysicalTotals {
    std::uint64_t tried_regions = 0;
    Bytes tried;  // what matched and the quota let through
    std::uint64_t applied_regions = 0;
    Bytes applied;  // of that, what the action took
    std::uint64_t quota_exceeded = 0;

    bool operator==(const PhysicalTotals&) const = default;
    PhysicalTotals& operator+=(const PhysicalTotals& other);
};

// Belongs to the loop's thread; what waits for the kdamond runs on a thread of its own.
class PhysicalSession {
  public:
    struct Parts {
        MainlinePaths mainline{};
        MachinePaths machine{};
        std::shared_ptr<KernelFiles> files = std::make_shared<KernelFiles>();
        Duration interval = std::chrono::seconds(1);  // between two looks at what was done
    };

    // `setup` is physical_setup()'s of this policy.  `loop` outlives the session.
    PhysicalSession(EventLoop& loop, Policy policy, KdamondSetup setup, Parts parts);
    ~PhysicalSession();
    PhysicalSession(const PhysicalSession&) = delete;
    PhysicalSession& operator=(const PhysicalSession&) = delete;

    // Errors: as Kdamond has them.
    Result<void> start();
    // What was done is counted once more, and then it ends; then on_finished is called.
    void finish(const std::string& why);

    std::function<void()> on_finished;
    std::function<void(const Error&)> on_error;  // it failed, and finishes by itself

    const std::vector<PhysicalTotals>& totals() const { return totals_; }
    // Why nothing is done for the time being; nullopt: it is.
    const std::optional<std::string>& resting() const { return resting_; }
    const std::string& why_finished() const { return why_finished_; }
    Duration thread_time() const { return kdamond_.thread_time(); }

  private:
    using Counts = Result<std::vector<PhysicalTotals>>;

    Result<void> turn_on();
    void forget(EventLoop::Watch& watch);
    void look();
    void ask_for_counts();
    void take(const Counts& counts);
    void add_up(const Counts& counts);
    void settle(const Counts& counts);
    void end();
    void fail(const Error& error);
    std::string limited() const;

    EventLoop& loop_;
    Policy policy_;
    KdamondSetup setup_;
    Parts parts_;
    Kdamond kdamond_;
    std::vector<PhysicalTotals> earlier_;  // of kdamonds that were turned off
    std::vector<PhysicalTotals> totals_;
    std::optional<std::string> resting_;
    std::string why_finished_;
    bool asking_ = false;
    bool ask_again_ = false;  // what is under way was asked for before the end
    bool finishing_ = false;
    bool finished_ = false;
    EventLoop::Watch ticks_ = 0;
    EventLoop::Watch last_wait_ = 0;
    EventLoop::Watch end_watch_ = 0;
    std::shared_ptr<PhysicalSession*> self_;
    Actors counter_;  // last: its thread ends before anything it uses goes
};

}  // namespace damon_schemes

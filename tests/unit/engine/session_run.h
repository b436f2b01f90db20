// SPDX-License-Identifier: MIT
// A session over a monitor and an executor that do what a test says, on real processes.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "engine/session/session.h"
#include "tests/unit/engine/loop_run.h"
#include "tests/unit/engine/own_child.h"
#include "tests/unit/engine/scripted_monitor.h"
#include "tests/unit/schemes/observed.h"

namespace damon_schemes::testing {

using namespace std::chrono_literals;

// What actor threads were asked to do; what they answer is a test's to say.
class ExecutorScript {
  public:
    std::vector<ActionOutcome> execute(const ActionRequest& request, const Cancelled& cancelled) {
        std::unique_lock lock(mutex_);
        requests_.push_back(request);
        times_.push_back(std::chrono::steady_clock::now());
        changed_.notify_all();
        while (held_ && (stubborn_ || !cancelled())) changed_.wait_for(lock, 1ms);
        std::vector<ActionOutcome> outcomes;
        for (const auto& range : request.ranges) {
            ActionOutcome outcome;
            outcome.asked = range.size();
            outcome.calls = 1;
            if (filters_) {
                outcome.gaps[static_cast<std::size_t>(Gap::filtered)] = range.size();
            } else if (advises_) {
                outcome.advised = range.size();
                outcome.paged_out = range.size();
                outcome.spent = 2ms;
            }
            if (tells_what_left_ && request.tell_what_left) outcome.left = {range};
            outcomes.push_back(outcome);
        }
        return outcomes;
    }
    std::vector<ActionRequest> requests() const {
        const std::scoped_lock lock(mutex_);
        return requests_;
    }
    std::vector<Instant> times() const {
        const std::scoped_lock lock(mutex_);
        return times_;
    }
    void advises_nothing() { advises_ = false; }
    void filters_everything() { filters_ = true; }
    void tells_what_left() { tells_what_left_ = true; }
    // Calls do not return until they are cancelled, or let go.
    void hold() {
        const std::scoped_lock lock(mutex_);
        held_ = true;
    }
    // As a call in the kernel does: until they are let go, whoever cancels them.
    void hold_on() {
        const std::scoped_lock lock(mutex_);
        held_ = stubborn_ = true;
    }
    void let_go() {
        const std::scoped_lock lock(mutex_);
        held_ = false;
    }
    void wait_for_request() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !requests_.empty(); });
    }

  private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<ActionRequest> requests_;
    std::vector<Instant> times_;  // when each was asked for
    bool tells_what_left_ = false;
    bool held_ = false;
    bool stubborn_ = false;
    bool advises_ = true;
    bool filters_ = false;
};

class ScriptedExecutor final : public Executor {
  public:
    explicit ScriptedExecutor(std::shared_ptr<ExecutorScript> script)
        : script_(std::move(script)) {}
    std::vector<ActionOutcome> execute(const ActionRequest& request,
                                       const Cancelled& cancelled) override {
        return script_->execute(request, cancelled);
    }

  private:
    std::shared_ptr<ExecutorScript> script_;
};

inline Policy one_scheme(Action action = Action::pageout) {
    Policy policy = observed::policy({observed::scheme(action)});
    policy.limits = {std::nullopt, std::nullopt};  // the machine's own swap is not the test's
    return policy;
}

// As a monitor says it now: a plan older than an aggregation interval is not carried out, and no
// test may depend on how fast this machine is.
inline Snapshot fresh(std::vector<TargetSnapshot> targets) {
    Snapshot snapshot = observed::snapshot(0s, std::move(targets));
    snapshot.time = std::chrono::steady_clock::now();
    snapshot.aggregation_interval = 1h;
    for (auto& target : snapshot.targets) {
        for (auto& region : target.regions) region.age = 1;
    }
    return snapshot;
}

inline Snapshot fresh(std::vector<Region> regions) {
    return fresh(std::vector{observed::target(1, std::move(regions))});
}

class SessionTest : public LoopTest {
  protected:
    void begin(Policy policy, bool dry_run = false) {
        session_ = std::make_unique<Session>(
            *loop_, std::move(policy),
            Session::Parts{std::make_unique<ScriptedMonitor>(monitor_),
                           std::make_unique<ScriptedExecutor>(executor_), dry_run, paths_});
        session_->on_finished = [this] {
            ++finished_;
            loop_->stop();
        };
        session_->on_decision = [this](const Snapshot&, const Plan& plan) {
            plans_.push_back(plan);
        };
    }
    void add(const OwnChild& child) {
        auto process = open_process(child.pid());
        ASSERT_TRUE(process) << process.error().message;
        const auto added = session_->add(std::move(*process));
        ASSERT_TRUE(added) << added.error().message;
    }
    void start() { ASSERT_TRUE(session_->start()); }
    void allow() { ASSERT_TRUE(session_->allow_acting(TlbPolicy::automatic)); }
    void see(Snapshot snapshot) { monitor_->waiting.emplace_back(std::move(snapshot)); }
    void run_until_advised(Bytes bytes) {
        run_until([this, bytes] { return session_->totals()[0].advised >= bytes; });
    }
    void run_until_decided(std::size_t plans) {
        run_until([this, plans] { return plans_.size() >= plans; });
    }
    void run_to_the_end() {
        while (finished_ == 0) ASSERT_TRUE(loop_->run());
    }
    static Bytes gap(const SchemeTotals& totals, Gap gap) {
        return totals.gaps[static_cast<std::size_t>(gap)];
    }

    MachinePaths paths_;
    std::shared_ptr<MonitorScript> monitor_ = std::make_shared<MonitorScript>();
    std::shared_ptr<ExecutorScript> executor_ = std::make_shared<ExecutorScript>();
    std::vector<Plan> plans_;
    int finished_ = 0;
    OwnChild child_{[] { return std::uint64_t{1}; }};
    std::unique_ptr<Session> session_;
};

}  // namespace damon_schemes::testing

// SPDX-License-Identifier: MIT
// A monitor that sees what a test says, and keeps what it was told.
#pragma once

#include <sys/eventfd.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "engine/monitors/monitor.h"
#include "engine/targets/process.h"

namespace damon_schemes::testing {

// Outlives the monitors that play it, so that a test can look at it after they have gone.  One
// thread.
struct MonitorScript {
    std::vector<MonitorAttributes> attributes;
    std::vector<std::int32_t> added;  // pids; the first target has id 1, and so on
    std::vector<TargetId> removed;
    std::optional<Error> refuses_targets;
    Duration longest_update = Duration::max();  // longer update intervals are refused
    bool started = false;
    bool stopped = false;
    int starts = 0;
    int stops = 0;
    int monitors = 0;  // that are there now
    std::shared_ptr<PageScanner> scanner;
    bool flushes = true;

    // What is to be taken; once it is empty, `source` makes one more at each wake-up.
    std::deque<Result<Snapshot>> waiting;
    std::function<Result<Snapshot>()> source;
};

class ScriptedMonitor final : public Monitor {
  public:
    explicit ScriptedMonitor(std::shared_ptr<MonitorScript> script)
        : script_(std::move(script)), readable_(eventfd(1, EFD_CLOEXEC)) {
        if (!readable_) throw std::runtime_error("eventfd");
        ++script_->monitors;
    }
    ~ScriptedMonitor() override { --script_->monitors; }

    Result<void> set_attributes(const MonitorAttributes& attributes) override {
        if (attributes.update_interval > script_->longest_update)
            return Error{ErrorKind::policy, "the monitor does not take this update interval", 0};
        script_->attributes.push_back(attributes);
        return {};
    }
    Result<TargetId> add_target(std::int32_t pid) override {
        if (script_->refuses_targets) return *script_->refuses_targets;
        script_->added.push_back(pid);
        return TargetId{script_->added.size()};
    }
    Result<void> remove_target(TargetId id) override {
        script_->removed.push_back(id);
        return {};
    }
    Result<void> start() override {
        script_->started = true;
        ++script_->starts;
        return {};
    }
    Result<void> stop() override {
        script_->stopped = true;
        ++script_->stops;
        return {};
    }
    // Always readable: a loop that runs asks again and again, and mostly none waits.
    int descriptor() const override { return readable_.get(); }
    Result<std::optional<Snapshot>> take_snapshot() override {
        made_ = !made_;
        if (!script_->waiting.empty()) {
            Result<Snapshot> next = std::move(script_->waiting.front());
            script_->waiting.pop_front();
            return wrapped(std::move(next));
        }
        if (!script_->source || !made_) return std::optional<Snapshot>();
        return wrapped(script_->source());
    }
    Result<MonitorCost> cost() const override { return MonitorCost{}; }
    std::shared_ptr<PageScanner> page_scanner() override { return script_->scanner; }
    bool flushes() const override { return script_->flushes; }

  private:
    static Result<std::optional<Snapshot>> wrapped(Result<Snapshot> snapshot) {
        if (!snapshot) return snapshot.error();
        return std::optional<Snapshot>(std::move(*snapshot));
    }

    std::shared_ptr<MonitorScript> script_;
    Descriptor readable_;
    bool made_ = false;
};

}  // namespace damon_schemes::testing

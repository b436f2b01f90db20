// SPDX-License-Identifier: MIT
// The one kdamond that an engine sets up: only where nobody has one, written down before, and gone
// afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/monitors/damon_tree.h"
#include "engine/monitors/kernel_files.h"
#include "engine/monitors/mainline_record.h"
#include "engine/targets/process.h"
#include "schemes/observation.h"
#include "schemes/result.h"

namespace damon_schemes {

// Where things are; tests lay out their own.
struct MainlinePaths {
    std::string proc = "/proc";
    std::string sys = "/sys";
    std::string tracing = "/sys/kernel/tracing";
    std::string state = "/run/damon-schemes";
};

// Whether one could be set up here, as far as looking tells: the kernel has DAMON, this user may
// use it, and nobody else does, or what is there may be left by an engine that was killed.  Errors
// (unsupported) say who does, and what to do.
Result<void> may_set_up_kdamond(KernelFiles& files, const MainlinePaths& paths);

// Who is there, for people.
std::string kdamonds_there(KernelFiles& files, const MainlinePaths& paths);

// Belongs to one thread.  Destroying it takes all down that it set up.
class Kdamond {
  public:
    Kdamond(std::shared_ptr<KernelFiles> files, MainlinePaths paths);
    ~Kdamond() { take_down(); }
    Kdamond(const Kdamond&) = delete;
    Kdamond& operator=(const Kdamond&) = delete;

    // Takes down what a killed engine left, exactly as it was recorded, and claims the only place.
    // `setup` is what will be set up.  Errors: somebody else uses DAMON, or another engine does
    // (unsupported).
    Result<void> claim(const KdamondSetup& setup);
    bool claimed() const { return keeper_.has_value(); }
    // The name for a trace buffer of its own; whoever finds the record removes that.
    const std::string& instance() const { return record_.instance; }

    // Sets it up and starts it.  Waits for its first instruction.  Errors: EINVAL where a process
    // of the set-up is gone.
    Result<void> turn_on(const KdamondSetup& setup);
    // It takes this over while it runs, at the end of its aggregation interval.  Waits for that.
    // False: it ended instead.
    Result<bool> commit(const KdamondSetup& setup);
    // Waits for its pass.  What it found is gone.
    Result<void> turn_off();
    // After it was found to have ended by itself.
    void note_end();
    // Gives the place up.  What cannot be taken away stays on record for the next start.
    void take_down();

    bool running() const { return running_; }
    std::int32_t pid() const { return running_ ? record_.kdamond : 0; }
    // Readable once it has ended.  Valid while it runs.
    int pidfd() const { return pidfd_.get(); }
    DamonTree& tree() { return tree_; }
    const DamonTree& tree() const { return tree_; }

    // CPU time of all that it ran.  It can only be read while a thread lives: note it from time to
    // time.
    void note_thread_time();
    Duration thread_time() const;

  private:
    Result<void> take_down_leftover();
    Duration time_of_thread() const;

    std::shared_ptr<KernelFiles> files_;
    MainlinePaths paths_;
    DamonTree tree_;
    std::optional<RecordKeeper> keeper_;
    MainlineRecord record_;
    Descriptor pidfd_;
    bool running_ = false;
    Duration earlier_time_{};
    Duration noted_time_{};
};

}  // namespace damon_schemes

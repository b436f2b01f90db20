// SPDX-License-Identifier: MIT
// Which thread of a target to borrow: the one that notices least.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "engine/remote/helper/rests.h"
#include "engine/remote/helper/target_memory.h"
#include "engine/remote/helper/tracing.h"
#include "engine/remote/remote_caller.h"

namespace damon_schemes::helper {

// How little a thread is hurt by being stopped, the least first.
enum class Hurt : std::uint8_t {
    tolerant,  // asleep in a futex: it expects to be woken for nothing
    sleeping,  // asleep in a call that goes on with its time-out kept
    reading,   // asleep in a call that is made again
    failing,   // asleep in a call that is made again because we say so
    running,   // loses the time of the stop
    delayed,   // asleep in a call whose time-out begins anew
    count_,
};

class ThreadChoice {
  public:
    // Looks at threads of the target: first at the one that was chosen last, then at others from
    // where the last look ended, a bounded number of them.
    void look(pid_t pid, int tasks, const TargetMemory& memory, const Rests& rests,
              const LateThreads& late, std::uint64_t now);

    // The next best thread that was found; 0: there is none.
    pid_t next();
    // What stands against the target as a whole; nullopt: nothing does.
    std::optional<RemoteRefusal> refusal() const { return refusal_; }
    bool any_thread() const { return any_thread_; }
    // The one that next() gave out served well.
    void served(pid_t tid) { favourite_ = tid; }

  private:
    void consider(pid_t tid, int tasks, const TargetMemory& memory, const Rests& rests,
                  const LateThreads& late, std::uint64_t now);

    static constexpr std::uint32_t most_threads = 16384;
    static constexpr std::uint32_t most_looks = 64;
    static constexpr std::uint32_t kept = 4;  // of each kind

    pid_t favourite_ = 0;
    pid_t looked_at_pid_ = 0;
    std::uint32_t next_look_ = 0;  // an index into the list of threads
    bool any_thread_ = false;
    std::optional<RemoteRefusal> refusal_;
    pid_t found_[static_cast<std::uint32_t>(Hurt::count_)][kept] = {};
    std::uint32_t found_count_[static_cast<std::uint32_t>(Hurt::count_)] = {};
    pid_t tids_[most_threads] = {};
};

}  // namespace damon_schemes::helper

// SPDX-License-Identifier: MIT
// A daemon's state as metrics.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "engine/control/counter_ledger.h"
#include "engine/machine/memory.h"
#include "engine/reports/daemon_status.h"
#include "engine/reports/exposition.h"
#include "schemes/observation.h"

namespace damon_schemes {

// What there is to tell beside the policies.
struct EngineFigures {
    using Clock = std::chrono::system_clock;  // people's time, since 1970
    std::string version;
    Clock::time_point began;
    std::uint64_t reloads = 0;         // that were done; the start is none
    std::uint64_t failed_reloads = 0;  // that changed nothing
    bool last_reload_failed = false;
    Clock::time_point policies_read;    // when those in force were
    Duration cpu{};                     // of the whole process
    std::optional<Bytes> rss;           // likewise
    std::optional<MachineMemory> host;  // nullopt: cannot be read, as are all that follow
    std::optional<Duration> stalled;    // PSI: time in which some task waited for memory
};

// All that may ever be told, in the order of telling.  docs/operate.md has a row for each.
std::span<const MetricFamily> daemon_metric_families();

// Counters grow as long as the daemon lives, also over reloads: what a policy has counted goes on
// where a scheme of its name has the same action.  A series goes with its policy, scheme or rule.
//
// The number of series is bounded: no label is a process's.  Policies, schemes and rules that are
// more than have series of their own are added up in one whose labels say "other" (of which there
// is no quota, watermark, goal or age).  Belongs to one thread.
class DaemonMetrics {
  public:
    struct Limits {
        std::size_t policies = 64;
        std::size_t schemes = 128;  // of all policies, as the next one
        std::size_t rules = 128;
    };
    // Longer names are cut, and end with a number that tells them apart.
    static constexpr std::size_t longest_label = 120;

    DaemonMetrics() = default;
    explicit DaemonMetrics(Limits limits) : limits_(limits) {}

    Metrics of(const DaemonStatus& status, const EngineFigures& engine);

  private:
    class Collection;

    Limits limits_{};
    CounterLedger ledger_;
    std::set<std::string> shown_;  // what had a value once is shown from then on, also as 0
};

}  // namespace damon_schemes

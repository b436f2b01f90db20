// SPDX-License-Identifier: MIT
// What a session did, at its end: plain values, a table for people and an object for programs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/actions/totals.h"
#include "engine/machine/cgroup.h"
#include "engine/monitors/monitor.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// A figure that could not be read is nullopt, and shown as "-" (null in JSON).
struct TargetSummary {
    std::int32_t pid = 0;
    std::string name;
    std::optional<Bytes> rss_before;
    std::optional<Bytes> rss_after;  // of an exited target: as it was last read
    std::optional<Bytes> rss_peak;
    std::optional<Bytes> swapped;               // at the end
    std::optional<std::uint64_t> major_faults;  // during the session
    bool exited = false;
    std::string note;                    // why it was left alone, say; may be empty
    std::optional<std::string> heatmap;  // as drawn; only where one was asked for
    // Pages of its cgroup that came back after reclaim had evicted them, during the session: a hint
    // at what the schemes do, as others evict, too.
    std::optional<WorkingsetRefaults> cgroup_refaults;
};

struct SchemeSummary : SchemeTotals {
    std::string name;
    Action action = Action::stat;
    std::optional<Verify> verify;                // as the policy asks for it
    Duration refault_window{};                   // refaults.window
    std::optional<Duration> tuned_age;           // at the end, in place of age.min
    std::optional<Duration> mean_tuned_age;      // over the time
    std::optional<double> recent_refault_share;  // as the controllers measured it last
};

struct RunSummary {
    Duration elapsed{};
    std::string ended;     // why: "interrupted", "the target exited", …
    bool dry_run = false;  // nothing was meant to be acted on
    std::optional<std::string>
        observed_only;  // why nothing was acted on although it was meant to be

    std::vector<TargetSummary> targets;
    std::vector<SchemeSummary> schemes;

    // Of the machine, before and after.
    std::optional<Bytes> used_before;
    std::optional<Bytes> used_after;
    std::optional<Bytes> swap_used_before;
    std::optional<Bytes> swap_used_after;
    std::optional<Bytes> zram_before;  // memory that zram takes for what it holds
    std::optional<Bytes> zram_after;

    // Of the monitor, at the end; how often they were changed: nullopt without a goal for them.
    Duration sampling_interval{};
    Duration aggregation_interval{};
    std::optional<std::uint64_t> interval_changes;

    std::string monitor_kind = "module";  // or "mainline"
    std::optional<MonitorCost> monitor;
    Duration engine_time{};  // CPU time of the whole engine
    std::optional<Bytes> engine_rss;
    std::uint64_t snapshots = 0;
    std::uint64_t lost_snapshots = 0;
};

// By how much the targets' RSS fell less what zram's own memory grew by; negative where it cost
// more than it gave.  nullopt: nothing was acted on, a figure is missing, or a target has exited
// (what it gave back then was not the schemes' doing).
std::optional<std::int64_t> net_saved(const RunSummary& summary);

// At most `width` columns wide (not less than 60); each line ended by a newline.
std::string summary_table(const RunSummary& summary, std::size_t width = 80);

// One JSON object, indented, without a newline at its end.  Keys are stable; bytes and nanoseconds
// are integers, shares are fractions of 1:
//   elapsed_ns, ended, dry_run, observed_only, net_saved_bytes,
//   targets[]: pid, name, exited, rss_before_bytes, rss_after_bytes, rss_peak_bytes, swapped_bytes,
//              major_faults, note, heatmap (text of several lines; null unless asked for),
//              cgroup_refaulted_pages (a hint; null without cgroup v2): anonymous, file
//   schemes[]: name, action, matched_regions, matched_bytes, planned_bytes, advised_bytes,
//              paged_out_bytes, quota_exceeded_snapshots, calls, spent_ns, gaps_bytes{cause},
//              confirmed_bytes (found done by a look afterwards: of collapse, hugepage, nohugepage,
//                mlock and munlock), grown_bytes (of collapse), unlocked_bytes (of mlock, what
//                cooled)
//              remote: stops, stopped_ns, longest_stop_ns, refused_bytes{refusal}
//              held_back_bytes{reason}, errors{errno's name: planned ranges that met it last},
//              verify (null without): idle_ns, looked_bytes, idle_bytes, not_idle_bytes, acts,
//                longest_from_look_to_act_ns, mean_from_look_to_act_ns
//              refaults: watched_bytes, refaulted_bytes, recent_share
//              tuned_age_ns (at the end) and tuned_age_mean_ns (both null without)
//   system: used_before_bytes, used_after_bytes, swap_used_before_bytes, swap_used_after_bytes,
//           zram_before_bytes, zram_after_bytes
//   monitor (null without one): kind ("module", "mainline"), thread_ns, cpu_share, passes,
//           late_passes, lost_snapshots, flush_ipis, irq_off_max_ns, lock_max_ns, memory_bytes,
//           regions, children, children_unwatched, tlb, sampling_ns and aggregation_ns (the
//           intervals at the end), interval_changes (null without monitor.interval_goal)
//   engine: cpu_ns, cpu_share, rss_bytes, snapshots, lost_snapshots
std::string summary_json(const RunSummary& summary);

}  // namespace damon_schemes

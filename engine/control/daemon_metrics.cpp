// SPDX-License-Identifier: MIT
#include "engine/control/daemon_metrics.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/actions/executor.h"
#include "schemes/decide/plan.h"
#include "schemes/quantity.h"

namespace damon_schemes {
namespace {

constexpr std::string_view bytes = "bytes";
constexpr std::string_view seconds = "seconds";
constexpr std::string_view ratio = "ratio";
constexpr std::string_view none;

constexpr MetricFamily counter(std::string_view name, std::string_view unit,
                               std::string_view help) {
    return {name, MetricKind::counter, unit, help};
}
constexpr MetricFamily gauge(std::string_view name, std::string_view unit, std::string_view help) {
    return {name, MetricKind::gauge, unit, help};
}

enum Family : std::size_t {
    build,
    start_time,
    dry_run,
    engine_cpu,
    engine_resident,
    reloads,
    reload_successful,
    reload_time,
    policies,
    unwatched,
    host_memory,
    host_memory_free,
    host_memory_available,
    host_swap,
    host_swap_free,
    host_zram,
    host_stalled,
    observing,
    resting,
    snapshots,
    lost_snapshots,
    passes,
    late_passes,
    regions,
    actor_cpu,
    monitor_cpu,
    monitor_memory,
    targets,
    target_resident,
    target_swapped,
    braked,
    paused,
    matched,
    matched_regions,
    held_back,
    planned,
    advised,
    confirmed,
    paged_out,
    skipped,
    refault_watched,
    refaulted,
    verified,
    grown,
    calls,
    action_time,
    errors,
    remote_stops,
    remote_stopped,
    guarded,
    guard_pauses,
    quota_exceeded,
    quota_bytes,
    quota_bytes_left,
    quota_time,
    quota_time_left,
    goal_bytes,
    goal_current,
    goal_target,
    goal_score,
    watermark,
    tuned_age,
    refault_ratio,
    families_count
};

constexpr std::array<MetricFamily, families_count> families{{
    {"damon_schemes_build", MetricKind::info, none, "The version that runs."},
    gauge("damon_schemes_start_time_seconds", seconds,
          "When the daemon began, in seconds since 1970."),
    gauge("damon_schemes_dry_run", none, "1: nothing is acted on, by --dry-run."),
    counter("damon_schemes_engine_cpu_seconds", seconds,
            "CPU time of the daemon's process, all of its threads."),
    gauge("damon_schemes_engine_resident_bytes", bytes, "What the daemon's process has in memory."),
    counter("damon_schemes_reloads", none, "Reloads of the policies, done or failed."),
    gauge("damon_schemes_last_reload_successful", none,
          "0: the last reload failed, and the policies before it are in force."),
    gauge("damon_schemes_policies_read_timestamp_seconds", seconds,
          "When the policies in force were read, in seconds since 1970."),
    gauge("damon_schemes_policies", none, "Policies at work."),
    gauge("damon_schemes_unwatched_processes", none,
          "Processes that fit a rule and cannot be watched for now."),
    gauge("damon_schemes_host_memory_bytes", bytes, "Memory of the machine."),
    gauge("damon_schemes_host_memory_free_bytes", bytes, "Memory of the machine that is free."),
    gauge("damon_schemes_host_memory_available_bytes", bytes,
          "Memory that programs could still get without swapping, as the kernel estimates."),
    gauge("damon_schemes_host_swap_bytes", bytes, "Swap of the machine."),
    gauge("damon_schemes_host_swap_free_bytes", bytes, "Swap of the machine that is free."),
    gauge("damon_schemes_host_zram_bytes", bytes, "Memory that zram takes for what it holds."),
    counter("damon_schemes_host_memory_stalled_seconds", seconds,
            "Time in which some task of the machine waited for memory (PSI)."),
    gauge("damon_schemes_policy_observing", none,
          "1: the policy would act and does not, as it has not proved that it sees accesses."),
    gauge("damon_schemes_policy_resting", none,
          "1: nothing is monitored, as all schemes of the policy rest by their watermarks."),
    counter("damon_schemes_snapshots", none, "Snapshots that were decided on."),
    counter("damon_schemes_lost_snapshots", none,
            "Snapshots that were replaced before they were read."),
    counter("damon_schemes_monitor_passes", none, "Sampling passes."),
    counter("damon_schemes_monitor_late_passes", none,
            "Sampling passes that began more than an interval late."),
    gauge("damon_schemes_regions", none, "Regions in the newest snapshot."),
    counter("damon_schemes_actor_cpu_seconds", seconds,
            "CPU time of the threads that act; a part of the engine's."),
    counter("damon_schemes_monitor_cpu_seconds", seconds,
            "CPU time of the kernel's monitoring thread; no part of the engine's."),
    gauge("damon_schemes_monitor_memory_bytes", bytes, "Memory that the monitor has allocated."),
    gauge("damon_schemes_targets", none, "Processes that are watched."),
    gauge("damon_schemes_target_resident_bytes", bytes, "What they have in memory."),
    gauge("damon_schemes_target_swapped_bytes", bytes, "What they have in swap."),
    gauge("damon_schemes_braked_targets", none,
          "Processes that are left alone, since their major faults rose."),
    gauge("damon_schemes_paused_targets", none,
          "Processes that are left alone, since somebody said pause or release."),
    gauge("damon_schemes_matched_bytes", bytes,
          "Memory in the newest snapshot that fits size, frequency and age."),
    gauge("damon_schemes_matched_regions", none, "Regions of it."),
    gauge("damon_schemes_held_back_bytes", bytes,
          "Memory in the newest snapshot that was not acted on, by the first reason."),
    counter("damon_schemes_planned_bytes", bytes, "Memory that was to be acted on."),
    counter("damon_schemes_advised_bytes", bytes, "Of it, what the system calls said they did."),
    counter("damon_schemes_confirmed_bytes", bytes,
            "Of it, what a look afterwards found done (collapses, flags and locks)."),
    counter("damon_schemes_paged_out_bytes", bytes, "Of it, what really left memory."),
    counter("damon_schemes_skipped_bytes", bytes,
            "Of it, what was not advised, or did not leave memory, by the reason."),
    counter("damon_schemes_refault_watched_bytes", bytes,
            "Memory that left for swap and was looked after for refaults."),
    counter("damon_schemes_refaulted_bytes", bytes,
            "Of it, what was back in memory within refaults.window."),
    counter("damon_schemes_verified_bytes", bytes,
            "Memory that was verified page by page, by what it was found to be."),
    counter("damon_schemes_grown_bytes", bytes,
            "Memory that collapses brought in, which was not there before."),
    counter("damon_schemes_action_calls", none, "System calls that acted."),
    counter("damon_schemes_action_seconds", seconds, "Time in system calls that acted."),
    counter("damon_schemes_action_errors", none,
            "Ranges that a system call failed on, by the error."),
    counter("damon_schemes_remote_stops", none,
            "Times that a target was stopped for a remote system call."),
    counter("damon_schemes_remote_stopped_seconds", seconds,
            "Time that targets were stopped for remote system calls."),
    gauge("damon_schemes_guarded_targets", none,
          "Processes that the scheme leaves alone by its guard, by what harmed them."),
    counter("damon_schemes_guard_pauses", none, "Pauses that the scheme's guard has begun."),
    counter("damon_schemes_quota_exceeded_snapshots", none,
            "Snapshots of which the quota did not let all through."),
    gauge("damon_schemes_quota_bytes", bytes, "The quota of bytes in a window."),
    gauge("damon_schemes_quota_left_bytes", bytes, "What is left of it in the window."),
    gauge("damon_schemes_quota_time_seconds", seconds, "The quota of time in a window."),
    gauge("damon_schemes_quota_time_left_seconds", seconds,
          "What is left of it in the window; below 0: later windows pay back."),
    gauge("damon_schemes_goal_quota_bytes", bytes, "What the quota's goals allow in a window."),
    gauge("damon_schemes_goal_current", none,
          "What a goal's metric was last, as a share of 1 or as the user's figure."),
    gauge("damon_schemes_goal_target", none, "What it is to be, likewise."),
    gauge("damon_schemes_goal_score", none, "Current by target: the quota shrinks above 1."),
    gauge("damon_schemes_watermark_resting", none, "1: the scheme rests by this watermark."),
    gauge("damon_schemes_tuned_age_seconds", seconds, "The age that is in force by tune."),
    gauge("damon_schemes_refault_ratio", ratio,
          "Share of what was paged out lately that came back soon, as goals and tune take it."),
}};

double value_of(Bytes count) {
    return static_cast<double>(count.count);
}
double value_of(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}
double value_of(EngineFigures::Clock::time_point time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
}
double value_of(std::uint64_t count) {
    return static_cast<double>(count);
}
double value_of(double value) {
    return value;
}

constexpr std::string_view other = "other";
constexpr std::string_view no_rule = "none";

// FNV-1a.
std::uint32_t number_of(std::string_view text) {
    std::uint32_t hash = 2166136261U;
    for (const char each : text) hash = (hash ^ static_cast<unsigned char>(each)) * 16777619U;
    return hash;
}

// As a value of a label: different names stay different.
std::string label_of(std::string_view name) {
    std::string label = to_utf8(name);
    if (label == name && label.size() <= DaemonMetrics::longest_label) return label;
    std::array<char, 8> digits;
    const auto written =
        std::to_chars(digits.data(), digits.data() + digits.size(), number_of(name), 16);
    const std::string number(digits.data(), written.ptr);
    std::size_t end = std::min(label.size(), DaemonMetrics::longest_label - digits.size() - 1);
    while (end < label.size() && end > 0 &&
           (static_cast<unsigned char>(label[end]) & 0xC0U) == 0x80)
        --end;
    return label.substr(0, end) + "~" + number;
}

std::string label_of(const TargetSelector& rule) {
    std::string text;
    const auto add = [&](std::string_view key, const std::string& value) {
        text += (text.empty() ? "" : ", ") + std::string(key) + "=" + value;
    };
    if (rule.pid) add("pid", std::to_string(*rule.pid));
    if (rule.name) add("name", *rule.name);
    if (rule.executable) add("executable", *rule.executable);
    if (rule.user) add("user", *rule.user);
    if (rule.unit) add("unit", *rule.unit);
    if (rule.cgroup) add("cgroup", *rule.cgroup);
    if (rule.min_rss) add("min_rss", to_string(*rule.min_rss));
    return label_of(text);
}

std::string error_name(int number) {
    const char* name = ::strerrorname_np(number);
    return name != nullptr ? name : std::to_string(number);
}

// A series, or a source, as a key.
std::string key_of(Family family, const MetricLabels& labels) {
    std::string key(families[family].name);
    for (const MetricLabel& label : labels) {
        key += '\0';
        key += label.name;
        key += '\0';
        key += label.value;
    }
    return key;
}

MetricLabels with(MetricLabels labels, std::string_view name, std::string_view value) {
    labels.push_back({name, std::string(value)});
    return labels;
}

}  // namespace

std::span<const MetricFamily> daemon_metric_families() {
    return families;
}

// One turn of telling all.
class DaemonMetrics::Collection {
  public:
    explicit Collection(DaemonMetrics& of) : of_(of), room_(of.limits_) {
        for (std::size_t i = 0; i < families_count; ++i) metrics_[i].family = &families[i];
        of_.ledger_.begin();
    }

    Metrics finish() {
        of_.ledger_.end();
        of_.shown_ = std::move(shown_);
        return {metrics_.begin(), metrics_.end()};
    }

    void add_engine(const DaemonStatus& status, const EngineFigures& engine) {
        set(build, {{"version", engine.version}}, 1.0);
        set(start_time, {}, engine.began);
        set(dry_run, {}, status.dry_run ? 1.0 : 0.0);
        count(engine_cpu, {}, engine.cpu);
        if (engine.rss) set(engine_resident, {}, *engine.rss);
        count(reloads, {{"result", "done"}}, engine.reloads);
        count(reloads, {{"result", "failed"}}, engine.failed_reloads);
        set(reload_successful, {}, engine.last_reload_failed ? 0.0 : 1.0);
        set(reload_time, {}, engine.policies_read);
        set(policies, {}, std::uint64_t{status.policies.size()});
        set(unwatched, {}, std::uint64_t{status.unwatched});
        if (engine.host) add_host(*engine.host);
        if (engine.stalled) count(host_stalled, {}, *engine.stalled);
    }

    void add_policy(const DaemonStatus::OfPolicy& policy, bool all_paused) {
        const bool own = room_.policies > 0;
        if (own) --room_.policies;
        const std::string name = label_of(policy.name);
        const MetricLabels labels{{"policy", own ? name : std::string(other)}};
        const MetricLabels source{{"policy", name}};
        set(observing, labels, policy.observing.empty() ? 0.0 : 1.0);
        set(resting, labels, policy.resting.empty() ? 0.0 : 1.0);
        set(regions, labels, policy.regions);
        count(snapshots, labels, policy.snapshots, source);
        count(actor_cpu, labels, policy.actor_time, source);
        if (policy.monitor) {
            count(lost_snapshots, labels, policy.monitor->lost_snapshots, source);
            count(passes, labels, policy.monitor->passes, source);
            count(late_passes, labels, policy.monitor->late_passes, source);
            count(monitor_cpu, labels, policy.monitor->thread_time, source);
            set(monitor_memory, labels, policy.monitor->memory);
        }
        add_targets(policy, all_paused, labels, own);
        for (const DaemonStatus::OfScheme& scheme : policy.schemes)
            add_scheme(policy, scheme, labels, source, own);
    }

  private:
    void add_host(const MachineMemory& host) {
        set(host_memory, {}, host.total);
        set(host_memory_free, {}, host.free);
        set(host_memory_available, {}, host.available);
        set(host_swap, {}, host.swap_total);
        set(host_swap_free, {}, host.swap_free);
        set(host_zram, {}, host.zram);
    }

    // By the rule that each fits.  Each rule is told of, also where nothing fits it.
    void add_targets(const DaemonStatus::OfPolicy& policy, bool all_paused,
                     const MetricLabels& labels, bool own) {
        std::vector<MetricLabels> of_rules;
        for (const TargetSelector& rule : policy.rules) {
            const bool room = own && room_.rules > 0;
            if (room) --room_.rules;
            of_rules.push_back(with(labels, "rule", room ? label_of(rule) : std::string(other)));
            for (const Family each : {targets, target_resident, target_swapped, braked, paused})
                set(each, of_rules.back(), 0.0);
        }
        const MetricLabels of_none = with(labels, "rule", own ? no_rule : other);
        for (const DaemonStatus::Target& target : policy.targets) {
            const MetricLabels& mine =
                target.rule && *target.rule < of_rules.size() ? of_rules[*target.rule] : of_none;
            set(targets, mine, 1.0);
            set(target_resident, mine, target.rss.value_or(Bytes{}));
            set(target_swapped, mine, target.swapped.value_or(Bytes{}));
            set(braked, mine, target.braked ? 1.0 : 0.0);
            set(paused, mine, all_paused || policy.paused || target.paused ? 1.0 : 0.0);
        }
    }

    void add_scheme(const DaemonStatus::OfPolicy& policy, const DaemonStatus::OfScheme& scheme,
                    const MetricLabels& of_policy, const MetricLabels& policy_source, bool of_own) {
        const bool own = of_own && room_.schemes > 0;
        if (own) --room_.schemes;
        const std::string_view action = name_of(scheme.action);
        const auto labelled = [&](const MetricLabels& whose, std::string_view name) {
            return with(with(whose, "scheme", name), "action", action);
        };
        labels_ = labelled(of_policy, own ? std::string_view(scheme.name) : other);
        source_ = labelled(policy_source, scheme.name);
        set(matched, labels_, scheme.totals.matched);
        set(matched_regions, labels_, scheme.totals.matched_regions);
        for (std::size_t i = 0; i < reason_count; ++i)
            set_once_seen(held_back, with(labels_, "reason", name_of(static_cast<Reason>(i))),
                          scheme.totals.held_back[i]);
        if (!acts(scheme.action)) return;
        add_guarded(policy, scheme);
        add_totals(scheme.totals, scheme.action);
        if (own) add_controls(scheme);
    }

    void add_guarded(const DaemonStatus::OfPolicy& policy, const DaemonStatus::OfScheme& scheme) {
        for (const Harm harm : {Harm::refaults, Harm::pressure, Harm::figure}) {
            std::uint64_t count = 0;
            for (const DaemonStatus::Target& target : policy.targets)
                for (const auto& each : target.guarded)
                    if (each.scheme == scheme.name && each.harm == harm) ++count;
            set(guarded, with(labels_, "harm", name_of(harm)), count);
        }
        count_of_scheme(guard_pauses, scheme.guard_pauses);
    }

    void add_totals(const SchemeTotals& totals, Action action) {
        count_of_scheme(planned, totals.planned);
        count_of_scheme(advised, totals.advised);
        for (std::size_t i = 0; i < gap_count; ++i)
            count_once_seen(skipped, "reason", name_of(static_cast<Gap>(i)), totals.gaps[i]);
        if (action == Action::pageout) {
            count_of_scheme(paged_out, totals.paged_out);
            count_of_scheme(refault_watched, totals.watched);
            count_of_scheme(refaulted, totals.refaulted);
            count_once_seen(verified, "result", "idle", totals.verified.idle);
            count_once_seen(verified, "result", "not_idle", totals.verified.not_idle);
        }
        if (lasts(action) || locks(action)) count_of_scheme(confirmed, totals.confirmed);
        if (action == Action::collapse) count_of_scheme(grown, totals.grown);
        count_of_scheme(calls, totals.calls);
        count_of_scheme(action_time, totals.spent);
        for (const auto& [number, ranges] : totals.errors)
            count_once_seen(errors, "error", error_name(number), ranges);
        if (totals.remote.stops > 0) {
            count_of_scheme(remote_stops, totals.remote.stops);
            count_of_scheme(remote_stopped, totals.remote.stopped);
        }
        count_of_scheme(quota_exceeded, totals.quota_exceeded);
    }

    void add_controls(const DaemonStatus::OfScheme& scheme) {
        const SchemeControls& controls = scheme.controls;
        set_known(quota_bytes, controls.quota_bytes);
        set_known(quota_bytes_left, controls.bytes_left);
        set_known(quota_time, controls.quota_time);
        set_known(quota_time_left, controls.time_left);
        set_known(goal_bytes, controls.goal_bytes);
        std::map<std::string, int> named;
        for (std::size_t i = 0; i < std::min(controls.goals.size(), scheme.goals.size()); ++i) {
            std::string name(name_of(scheme.goals[i]));
            if (const int before = named[name]++; before > 0)
                name += "-" + std::to_string(before + 1);
            const MetricLabels labels = with(labels_, "goal", name);
            const SchemeControls::Goal& goal = controls.goals[i];
            if (goal.current) set(goal_current, labels, *goal.current);
            set(goal_target, labels, goal.target);
            if (goal.score) set(goal_score, labels, *goal.score);
        }
        const auto rests = [&](std::string_view what, std::optional<SchemeControls::Rest> rest) {
            if (rest)
                set(watermark, with(labels_, "watermark", what),
                    *rest == SchemeControls::Rest::no ? 0.0 : 1.0);
        };
        rests("free_memory", controls.free_memory);
        rests("free_swap", controls.free_swap);
        set_known(tuned_age, controls.tuned_age);
        set_known(refault_ratio, controls.refault_share);
    }

    // What has the same labels is added up.
    MetricSample& sample(Family family, const MetricLabels& labels, const std::string& key) {
        Metric& metric = metrics_[family];
        const auto [place, fresh] = places_.emplace(key, metric.samples.size());
        if (fresh) metric.samples.push_back({labels, 0});
        return metric.samples[place->second];
    }
    template <typename Value>
    void set(Family family, const MetricLabels& labels, Value value) {
        sample(family, labels, key_of(family, labels)).value += value_of(value);
    }
    template <typename Value>
    void set_known(Family family, const std::optional<Value>& value) {
        if (value) set(family, labels_, *value);
    }
    void set_once_seen(Family family, const MetricLabels& labels, Bytes value) {
        const std::string key = key_of(family, labels);
        if (value.count == 0 && !of_.shown_.contains(key)) return;
        shown_.insert(key);
        set(family, labels, value);
    }

    template <typename Value>
    void count(Family family, const MetricLabels& labels, Value value, const MetricLabels& source) {
        const std::string key = key_of(family, labels);
        sample(family, labels, key).value =
            of_.ledger_.add(key, key_of(family, source), value_of(value));
    }
    template <typename Value>
    void count(Family family, const MetricLabels& labels, Value value) {
        count(family, labels, value, labels);
    }
    template <typename Value>
    void count_of_scheme(Family family, Value value) {
        count(family, labels_, value, source_);
    }
    template <typename Value>
    void count_once_seen(Family family, std::string_view label, std::string_view is, Value value) {
        const MetricLabels labels = with(labels_, label, is);
        if (value_of(value) == 0 && !of_.ledger_.knows(key_of(family, labels))) return;
        count(family, labels, value, with(source_, label, is));
    }

    DaemonMetrics& of_;
    Limits room_;
    std::array<Metric, families_count> metrics_;
    std::map<std::string, std::size_t> places_;  // of samples, by their keys
    std::set<std::string> shown_;
    // Of the scheme whose turn it is.
    MetricLabels labels_;
    MetricLabels source_;
};

Metrics DaemonMetrics::of(const DaemonStatus& status, const EngineFigures& engine) {
    Collection collection(*this);
    collection.add_engine(status, engine);
    for (const DaemonStatus::OfPolicy& policy : status.policies)
        collection.add_policy(policy, status.paused.has_value());
    return collection.finish();
}

}  // namespace damon_schemes

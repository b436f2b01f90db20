// SPDX-License-Identifier: MIT
#include "engine/reports/summary.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "engine/reports/figure_table.h"
#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

constexpr std::size_t figure_columns = FigureTable::figure_columns;

template <typename T>
std::string figure(const std::optional<T>& value) {
    return value ? readable(*value) : "-";
}

// Moves from `before` to `after`; "-" unless both are known.
std::string change(const std::optional<Bytes>& before, const std::optional<Bytes>& after) {
    if (!before || !after) return "-";
    return readable_change(static_cast<std::int64_t>(after->count) -
                           static_cast<std::int64_t>(before->count));
}

double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

std::string_view name_of_tlb(TlbPolicy tlb) {
    switch (tlb) {
        case TlbPolicy::automatic:
            return "auto";
        case TlbPolicy::none:
            return "none";
        case TlbPolicy::page:
            return "page";
        case TlbPolicy::full:
            return "full";
    }
    return "auto";
}

void add_targets(FigureTable& table, const RunSummary& summary) {
    if (summary.targets.empty()) return;
    table.line(left("Target", 16) + right("PID", 8) + right("RSS before", 12) +
               right("after", figure_columns) + right("peak", figure_columns) +
               right("swapped", figure_columns) + right("maj.faults", figure_columns));
    for (const TargetSummary& target : summary.targets) {
        table.line(left(target.name, 16) + right(std::to_string(target.pid), 8) +
                   right(figure(target.rss_before), 12) +
                   right(figure(target.rss_after), figure_columns) +
                   right(figure(target.rss_peak), figure_columns) +
                   right(figure(target.swapped), figure_columns) +
                   right(figure(target.major_faults), figure_columns));
        if (target.exited) table.line("  has exited; \"after\" is what was last read");
        if (target.cgroup_refaults) {
            table.line("  a hint: " + readable(target.cgroup_refaults->anonymous) +
                       " anonymous and " + readable(target.cgroup_refaults->file) +
                       " file pages of its cgroup refaulted");
        }
        if (!target.note.empty()) table.line("  " + target.note);
    }
    table.blank();
}

Duration mean_time_to_act(const Verified& verified) {
    return verified.acts == 0 ? Duration{}
                              : verified.total / static_cast<Duration::rep>(verified.acts);
}

void add_controls(FigureTable& table, const SchemeSummary& scheme, bool dry_run) {
    if (scheme.verify && dry_run) {
        table.row("verified", "-", "a dry run verifies nothing: what was planned counts as done");
    } else if (scheme.verify) {
        const Verified& verified = scheme.verified;
        std::string text = "looked at again after " + readable(scheme.verify->idle) + ": " +
                           readable(verified.idle) + " idle, " + readable(verified.not_idle) +
                           " not";
        if (verified.acts > 0) {
            text += "; from look to act " + readable(mean_time_to_act(verified)) + " (mean), " +
                    readable(verified.longest) + " at most";
        }
        table.row("verified", readable(verified.looked), text);
    }
    if (scheme.watched.count > 0) {
        table.row("came back", readable(scheme.refaulted),
                  "of " + readable(scheme.watched) + " that left for swap, within " +
                      readable(scheme.refault_window) + " (" +
                      readable_percent(static_cast<double>(scheme.refaulted.count),
                                       static_cast<double>(scheme.watched.count)) +
                      ")");
    }
    if (scheme.tuned_age)
        table.row("tuned age", readable(*scheme.tuned_age),
                  "at the end, in place of age.min" +
                      (scheme.mean_tuned_age ? "; " + readable(*scheme.mean_tuned_age) + " (mean)"
                                             : std::string()));
}

// What a look afterwards found of actions that leave memory where it is.
void add_effect(FigureTable& table, const SchemeSummary& scheme) {
    switch (scheme.action) {
        case Action::collapse:
            table.row("became huge", readable(scheme.confirmed), "as a look afterwards found");
            table.row("grown", readable(scheme.grown),
                      "of that, was not in memory before, and is now");
            break;
        case Action::hugepage:
        case Action::nohugepage:
            table.row("flagged", readable(scheme.confirmed), "as a look afterwards found");
            break;
        case Action::mlock:
            table.row("locked", readable(scheme.confirmed), "as a look afterwards found");
            table.row("unlocked", readable(scheme.unlocked), "of that, when it had cooled");
            break;
        case Action::munlock:
            table.row("unlocked", readable(scheme.confirmed), "as a look afterwards found");
            break;
        default:
            return;
    }
    const RemoteTally& remote = scheme.remote;
    if (remote.stops != 0)
        table.row("stops", readable(remote.stops),
                  "of targets for system calls of theirs; " + readable(remote.stopped) +
                      " together, the longest " + readable(remote.longest_stop));
    for (std::size_t i = 0; i < remote_refusal_count; ++i) {
        if (remote.refused[i].count == 0) continue;
        const auto refusal = static_cast<RemoteRefusal>(i);
        table.row(name_of(refusal), readable(remote.refused[i]),
                  "no remote system call: " + std::string(explanation_of(refusal)), 4);
    }
}

void add_scheme(FigureTable& table, const SchemeSummary& scheme, bool dry_run) {
    table.line("Scheme " + scheme.name + " (" + std::string(name_of(scheme.action)) + ")");
    table.row("matched", readable(scheme.matched),
              "in " + readable(scheme.matched_regions) +
                  (scheme.matched_regions == 1 ? " region" : " regions") + " of the last snapshot");
    for (std::size_t i = 0; i < reason_count; ++i) {
        if (scheme.held_back[i].count == 0) continue;
        const auto reason = static_cast<Reason>(i);
        table.row(name_of(reason), readable(scheme.held_back[i]),
                  (acts(scheme.action) ? "not acted on: " : "does not count: ") +
                      std::string(explanation_of(reason)),
                  4);
    }
    if (!acts(scheme.action)) return;
    if (scheme.quota_exceeded != 0) {
        table.row("quota", readable(scheme.quota_exceeded),
                  scheme.quota_exceeded == 1 ? "snapshot in which it was used up"
                                             : "snapshots in which it was used up");
    }
    table.row("planned", readable(scheme.planned), "for all of the session");
    if (!dry_run) {
        table.row("advised", readable(scheme.advised),
                  "by the calls' own account, " + readable(scheme.calls) + " calls, " +
                      readable(scheme.spent));
        if (scheme.action == Action::pageout)
            table.row("paged out", readable(scheme.paged_out), "really left memory (sampled)");
        add_effect(table, scheme);
    }
    add_controls(table, scheme, dry_run);
    for (std::size_t i = 0; i < gap_count; ++i) {
        if (scheme.gaps[i].count == 0) continue;
        const auto gap = static_cast<Gap>(i);
        table.row(name_of(gap), readable(scheme.gaps[i]),
                  "not done: " + std::string(explanation_of(gap)), 4);
    }
}

void add_saving(FigureTable& table, const RunSummary& summary) {
    Bytes advised;
    Bytes paged_out;
    bool pages_out = false;
    for (const SchemeSummary& scheme : summary.schemes) {
        if (scheme.action != Action::pageout) continue;
        pages_out = true;
        advised += scheme.advised;
        paged_out += scheme.paged_out;
    }
    table.line("Memory");
    table.row("system used", change(summary.used_before, summary.used_after),
              figure(summary.used_before) + " before, " + figure(summary.used_after) + " after");
    table.row("swap used", change(summary.swap_used_before, summary.swap_used_after),
              figure(summary.swap_used_before) + " before, " + figure(summary.swap_used_after) +
                  " after");
    table.row("zram's own memory", change(summary.zram_before, summary.zram_after),
              figure(summary.zram_before) + " before, " + figure(summary.zram_after) + " after");
    if (pages_out && !summary.dry_run) {
        table.row("advised", readable(advised), "what was asked of the kernel, and taken");
        table.row("left memory", readable(paged_out), "of that, what really went");
    }
    const auto saved = net_saved(summary);
    table.row("net saved", saved ? readable_change(*saved) : "-",
              saved ? "the targets' RSS drop less the growth of zram's own memory"
                    : "not known: a figure is missing, or a target has exited");
}

void add_cost(FigureTable& table, const RunSummary& summary) {
    table.line("Cost");
    if (summary.monitor) {
        const MonitorCost& cost = *summary.monitor;
        const std::string thread =
            readable_percent(seconds(cost.thread_time), seconds(summary.elapsed));
        if (summary.monitor_kind == "mainline") {
            table.row("kdamond", thread,
                      "of one CPU; the kernel's own DAMON, " + readable(cost.passes) +
                          " passes and no TLB flush");
            table.row("trace buffer", readable(cost.memory),
                      readable(std::uint64_t{cost.regions}) + " regions");
        } else {
            table.row("monitoring thread", thread,
                      "of one CPU; " + readable(cost.passes) + " passes, " +
                          readable(cost.late_passes) + " late, " + readable(cost.flush_ipis) +
                          " TLB flush IPIs (" + std::string(name_of_tlb(cost.tlb)) + ")");
            table.row("module memory", readable(cost.memory),
                      readable(std::uint64_t{cost.regions}) + " regions; interrupts off at most " +
                          readable(cost.irq_off_max) + ", lock held at most " +
                          readable(cost.lock_max));
        }
        if (summary.interval_changes)
            table.row("sampling interval", readable(summary.sampling_interval),
                      "at the end, aggregation " + readable(summary.aggregation_interval) +
                          "; changed " + readable(*summary.interval_changes) +
                          (*summary.interval_changes == 1 ? " time" : " times"));
        if (cost.children != 0 || cost.children_unwatched != 0)
            table.row(
                "children", readable(cost.children),
                "became targets; " + readable(cost.children_unwatched) + " at the end could not");
    }
    table.row("engine", readable_percent(seconds(summary.engine_time), seconds(summary.elapsed)),
              "of one CPU");
    if (summary.engine_rss) table.row("engine RSS", readable(*summary.engine_rss), "");
    table.row("snapshots", readable(summary.snapshots), readable(summary.lost_snapshots) + " lost");
}

nlohmann::json json_of(const std::optional<Bytes>& bytes) {
    if (!bytes) return nullptr;
    return bytes->count;
}

nlohmann::json json_of(const std::optional<double>& number) {
    if (!number) return nullptr;
    return *number;
}

nlohmann::json json_of(const RemoteTally& remote) {
    nlohmann::json refused = nlohmann::json::object();
    for (std::size_t i = 0; i < remote_refusal_count; ++i)
        refused[std::string(name_of(static_cast<RemoteRefusal>(i)))] = remote.refused[i].count;
    return {{"stops", remote.stops},
            {"stopped_ns", remote.stopped.count()},
            {"longest_stop_ns", remote.longest_stop.count()},
            {"refused_bytes", std::move(refused)}};
}

nlohmann::json json_of(const std::optional<WorkingsetRefaults>& refaults) {
    if (!refaults) return nullptr;
    return {{"anonymous", refaults->anonymous}, {"file", refaults->file}};
}

nlohmann::json nanoseconds_of(std::optional<Duration> duration) {
    return duration ? nlohmann::json(duration->count()) : nlohmann::json(nullptr);
}

nlohmann::json json_of_verify(const SchemeSummary& scheme) {
    if (!scheme.verify) return nullptr;
    const Verified& verified = scheme.verified;
    return {{"idle_ns", scheme.verify->idle.count()},
            {"looked_bytes", verified.looked.count},
            {"idle_bytes", verified.idle.count},
            {"not_idle_bytes", verified.not_idle.count},
            {"acts", verified.acts},
            {"longest_from_look_to_act_ns", verified.longest.count()},
            {"mean_from_look_to_act_ns", mean_time_to_act(verified).count()}};
}

// "EINVAL", as the manuals call it.
std::string name_of_errno(int number) {
    const char* name = strerrorname_np(number);
    return name != nullptr ? name : std::to_string(number);
}

double share(Duration part, Duration whole) {
    return whole.count() > 0 ? seconds(part) / seconds(whole) : 0;
}

}  // namespace

std::optional<std::int64_t> net_saved(const RunSummary& summary) {
    if (summary.dry_run || summary.observed_only) return std::nullopt;
    if (summary.targets.empty() || !summary.zram_before || !summary.zram_after) return std::nullopt;
    std::int64_t saved = static_cast<std::int64_t>(summary.zram_before->count) -
                         static_cast<std::int64_t>(summary.zram_after->count);
    for (const TargetSummary& target : summary.targets) {
        if (target.exited || !target.rss_before || !target.rss_after) return std::nullopt;
        saved += static_cast<std::int64_t>(target.rss_before->count) -
                 static_cast<std::int64_t>(target.rss_after->count);
    }
    return saved;
}

std::string summary_table(const RunSummary& summary, std::size_t width) {
    FigureTable table(width);
    std::string head = "Ran for " + readable(summary.elapsed);
    if (!summary.ended.empty()) head += ". Ended: " + summary.ended;
    table.paragraph(head + ".");
    if (summary.dry_run) table.paragraph("A dry run: nothing was acted on.");
    if (summary.observed_only)
        table.paragraph("Only observed, nothing was acted on: " + *summary.observed_only);
    table.blank();
    add_targets(table, summary);
    for (const SchemeSummary& scheme : summary.schemes) {
        add_scheme(table, scheme, summary.dry_run);
        table.blank();
    }
    add_saving(table, summary);
    table.blank();
    add_cost(table, summary);
    return table.finish();
}

std::string summary_json(const RunSummary& summary) {
    using nlohmann::json;
    json targets = json::array();
    for (const TargetSummary& target : summary.targets) {
        targets.push_back(
            {{"pid", target.pid},
             {"name", target.name},
             {"exited", target.exited},
             {"rss_before_bytes", json_of(target.rss_before)},
             {"rss_after_bytes", json_of(target.rss_after)},
             {"rss_peak_bytes", json_of(target.rss_peak)},
             {"swapped_bytes", json_of(target.swapped)},
             {"major_faults", target.major_faults ? json(*target.major_faults) : json(nullptr)},
             {"note", target.note},
             {"heatmap", target.heatmap ? json(*target.heatmap) : json(nullptr)},
             {"cgroup_refaulted_pages", json_of(target.cgroup_refaults)}});
    }
    json schemes = json::array();
    for (const SchemeSummary& scheme : summary.schemes) {
        json gaps = json::object();
        for (std::size_t i = 0; i < gap_count; ++i)
            gaps[std::string(name_of(static_cast<Gap>(i)))] = scheme.gaps[i].count;
        json held_back = json::object();
        for (std::size_t i = 0; i < reason_count; ++i)
            held_back[std::string(name_of(static_cast<Reason>(i)))] = scheme.held_back[i].count;
        json errors = json::object();
        for (const auto& [number, ranges] : scheme.errors) errors[name_of_errno(number)] = ranges;
        schemes.push_back({{"name", scheme.name},
                           {"action", name_of(scheme.action)},
                           {"matched_regions", scheme.matched_regions},
                           {"matched_bytes", scheme.matched.count},
                           {"planned_bytes", scheme.planned.count},
                           {"advised_bytes", scheme.advised.count},
                           {"paged_out_bytes", scheme.paged_out.count},
                           {"quota_exceeded_snapshots", scheme.quota_exceeded},
                           {"calls", scheme.calls},
                           {"spent_ns", scheme.spent.count()},
                           {"confirmed_bytes", scheme.confirmed.count},
                           {"grown_bytes", scheme.grown.count},
                           {"unlocked_bytes", scheme.unlocked.count},
                           {"remote", json_of(scheme.remote)},
                           {"gaps_bytes", std::move(gaps)},
                           {"held_back_bytes", std::move(held_back)},
                           {"errors", std::move(errors)},
                           {"verify", json_of_verify(scheme)},
                           {"refaults",
                            {{"watched_bytes", scheme.watched.count},
                             {"refaulted_bytes", scheme.refaulted.count},
                             {"recent_share", json_of(scheme.recent_refault_share)}}},
                           {"tuned_age_ns", nanoseconds_of(scheme.tuned_age)},
                           {"tuned_age_mean_ns", nanoseconds_of(scheme.mean_tuned_age)}});
    }
    json monitor = nullptr;
    if (summary.monitor) {
        const MonitorCost& cost = *summary.monitor;
        monitor = {{"kind", summary.monitor_kind},
                   {"thread_ns", cost.thread_time.count()},
                   {"cpu_share", share(cost.thread_time, summary.elapsed)},
                   {"passes", cost.passes},
                   {"late_passes", cost.late_passes},
                   {"lost_snapshots", cost.lost_snapshots},
                   {"flush_ipis", cost.flush_ipis},
                   {"irq_off_max_ns", cost.irq_off_max.count()},
                   {"lock_max_ns", cost.lock_max.count()},
                   {"memory_bytes", cost.memory.count},
                   {"regions", cost.regions},
                   {"children", cost.children},
                   {"children_unwatched", cost.children_unwatched},
                   {"tlb", name_of_tlb(cost.tlb)},
                   {"sampling_ns", summary.sampling_interval.count()},
                   {"aggregation_ns", summary.aggregation_interval.count()},
                   {"interval_changes",
                    summary.interval_changes ? json(*summary.interval_changes) : json(nullptr)}};
    }
    const auto saved = net_saved(summary);
    const json root = {
        {"elapsed_ns", summary.elapsed.count()},
        {"ended", summary.ended},
        {"dry_run", summary.dry_run},
        {"observed_only", summary.observed_only ? json(*summary.observed_only) : json(nullptr)},
        {"net_saved_bytes", saved ? json(*saved) : json(nullptr)},
        {"targets", std::move(targets)},
        {"schemes", std::move(schemes)},
        {"system",
         {{"used_before_bytes", json_of(summary.used_before)},
          {"used_after_bytes", json_of(summary.used_after)},
          {"swap_used_before_bytes", json_of(summary.swap_used_before)},
          {"swap_used_after_bytes", json_of(summary.swap_used_after)},
          {"zram_before_bytes", json_of(summary.zram_before)},
          {"zram_after_bytes", json_of(summary.zram_after)}}},
        {"monitor", std::move(monitor)},
        {"engine",
         {{"cpu_ns", summary.engine_time.count()},
          {"cpu_share", share(summary.engine_time, summary.elapsed)},
          {"rss_bytes", json_of(summary.engine_rss)},
          {"snapshots", summary.snapshots},
          {"lost_snapshots", summary.lost_snapshots}}}};
    // A process may call itself anything: what is no UTF-8 is replaced, not thrown on.
    return root.dump(2, ' ', false, json::error_handler_t::replace);
}

}  // namespace damon_schemes

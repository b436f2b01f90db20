// SPDX-License-Identifier: MIT
#include "engine/simulation/simulator.h"

#include <algorithm>
#include <utility>

#include "schemes/decide/filters.h"

namespace damon_schemes {
namespace {

// Takes out of a policy what no recording can tell, and says so.
class WithoutTheMachine {
  public:
    WithoutTheMachine(const SimulationOptions& options, std::vector<std::string>& left_out)
        : options_(options), left_out_(left_out) {}

    Policy of(Policy policy) {
        for (Scheme& scheme : policy.schemes) take_out(scheme);
        return policy;
    }

  private:
    void note(const Scheme& scheme, const std::string& what) {
        left_out_.push_back(scheme.name + ": " + what);
    }

    void take_out(Scheme& scheme) {
        if (scheme.watermarks && scheme.watermarks->free_memory) {
            scheme.watermarks->free_memory.reset();
            note(scheme, "watermarks.free_memory, as a recording has no free memory");
        }
        if (scheme.watermarks && scheme.watermarks->free_swap && !options_.swap) {
            scheme.watermarks->free_swap.reset();
            note(scheme, "watermarks.free_swap, as no --swap is given");
        }
        if (scheme.watermarks && !scheme.watermarks->free_memory && !scheme.watermarks->free_swap)
            scheme.watermarks.reset();
        for (const QuotaGoal& goal : scheme.quota.goals) {
            note(scheme, "the goal '" + std::string(name_of(goal.metric)) +
                             "', as a recording has nothing to measure it by");
        }
        scheme.quota.goals.clear();
        if (scheme.min_rss) note(scheme, "min_rss, as a recording has no RSS");
        scheme.min_rss.reset();
        if (scheme.floor.rss || scheme.floor.share)
            note(scheme, "floor, as a recording has no RSS");
        scheme.floor = {};
        if (scheme.verify) note(scheme, "verify, as a recording has no looks at single pages");
        scheme.verify.reset();
        if (scheme.tune) note(scheme, "tune, as nothing is known of refaults; age.min stays");
        scheme.tune.reset();
        if (ask_for_pages(scheme.filters)) {
            note(scheme, "filters as far as they ask for single pages: these count as let through");
        }
        if (ask_for_cgroup(scheme.filters)) {
            note(scheme,
                 "the filter by cgroup, which a recording does not have: what it would "
                 "decide is held back as unmeasured");
        }
    }

    const SimulationOptions& options_;
    std::vector<std::string>& left_out_;
};

MappedArea area_of(const RecordedMapping& mapping) {
    MappedArea area;
    area.range = mapping.range;
    area.shared = mapping.kind == MappingKind::shared;
    area.file = mapping.kind == MappingKind::file || (area.shared && !mapping.name.empty());
    area.name = mapping.name;
    return area;
}

constexpr Bytes page_size{4096};

std::uint64_t present_bytes(const Region& region) {
    if (region.sampled == 0) return 0;
    if (region.absent == 0) return region.range.size().count;
    const double share =
        1 - static_cast<double>(std::min(region.absent, region.sampled)) / region.sampled;
    return static_cast<std::uint64_t>(static_cast<double>(region.range.size().count) * share);
}

// What of the range was present, by the looks at the regions that it lies in.
Bytes present_in(const std::vector<Region>& regions, AddressRange range) {
    double bytes = 0;
    auto at = std::partition_point(regions.begin(), regions.end(), [&](const Region& region) {
        return region.range.end <= range.start;
    });
    for (; at != regions.end() && at->range.start < range.end; ++at) {
        const std::uint64_t start = std::max(at->range.start, range.start);
        const std::uint64_t end = std::min(at->range.end, range.end);
        bytes += static_cast<double>(present_bytes(*at)) * static_cast<double>(end - start) /
                 static_cast<double>(at->range.size().count);
    }
    return {static_cast<std::uint64_t>(bytes)};
}

CameBack how_soon(Duration away) {
    if (away <= std::chrono::seconds(10)) return CameBack::within_10_seconds;
    return away <= std::chrono::minutes(1) ? CameBack::within_a_minute : CameBack::later;
}

Bytes mean(double sum, std::uint64_t count) {
    return {count == 0 ? 0 : static_cast<std::uint64_t>(sum / static_cast<double>(count))};
}

}  // namespace

Simulator::Simulator(Policy policy, SimulationOptions options)
    : options_(options),
      decider_(WithoutTheMachine(options_, left_out_).of(std::move(policy))),
      filters_(std::any_of(decider_.policy().schemes.begin(), decider_.policy().schemes.end(),
                           [](const Scheme& scheme) { return !scheme.filters.empty(); })),
      sums_(decider_.policy().schemes.size()) {}

void Simulator::see(const RecordedTarget& target) {
    std::vector<Mapping> mappings;
    mappings.reserve(target.mappings.size());
    for (const RecordedMapping& recorded : target.mappings) {
        Mapping mapping;
        mapping.range = recorded.range;
        mapping.kernel_provided = recorded.kind == MappingKind::special;
        mappings.push_back(std::move(mapping));
    }
    TargetState& state = targets_[target.id];
    state.name = target.name;
    // A recording of DAMON's knows of no mappings, which is not the same as that there are none.
    if (mappings.empty()) {
        state.mappings.reset();
        state.areas.reset();
    } else {
        state.mappings = std::move(mappings);
        std::vector<MappedArea> areas;
        areas.reserve(target.mappings.size());
        for (const RecordedMapping& recorded : target.mappings) areas.push_back(area_of(recorded));
        state.areas = std::make_shared<const std::vector<MappedArea>>(std::move(areas));
    }
}

Conditions Simulator::conditions() const {
    Conditions conditions;
    conditions.sees = true;  // or it would not have been recorded
    if (options_.swap && options_.swap->count > 0) {
        const std::uint64_t used = std::min(out().count, options_.swap->count);
        const double free =
            1 - static_cast<double>(used) / static_cast<double>(options_.swap->count);
        conditions.free_swap = Share{static_cast<std::uint32_t>(free * 1e6)};
    }
    if (!filters_) return conditions;
    for (const auto& [id, state] : targets_) {
        Conditions::Target target;
        target.id = id;
        target.name = state.name;
        target.mappings = state.areas;
        conditions.targets.push_back(std::move(target));
    }
    return conditions;
}

Bytes Simulator::out() const {
    Bytes bytes;
    for (const auto& [id, state] : targets_) bytes += state.out.bytes();
    return bytes;
}

// What is accessed is in memory again; what is no longer there is neither in nor out.
void Simulator::bring_back(const Snapshot& snapshot) {
    std::erase_if(targets_, [&](const auto& entry) {
        return std::none_of(snapshot.targets.begin(), snapshot.targets.end(),
                            [&](const TargetSnapshot& target) { return target.id == entry.first; });
    });
    std::vector<AddressRange> covered;
    for (const TargetSnapshot& target : snapshot.targets) {
        TargetState& state = targets_[target.id];
        if (target.exited || target.generation != state.generation) state.out.clear();
        state.generation = target.generation;
        if (state.out.ranges() == 0) continue;
        covered.clear();
        for (const Region& region : target.regions) {
            if (!covered.empty() && covered.back().end == region.range.start) {
                covered.back().end = region.range.end;
            } else {
                covered.push_back(region.range);
            }
            if (region.accessed == 0) continue;
            state.out.take(region.range, [&](Bytes bytes, Instant since) {
                const CameBack soon = how_soon(elapsed(since, snapshot.time));
                returned_[static_cast<std::size_t>(soon)] += bytes;
            });
        }
        state.out.keep_within(covered);
    }
}

Bytes Simulator::advisable(const TargetState& state, AddressRange range) const {
    if (!state.mappings) return range.size();
    Bytes bytes;
    for (const MappedPart& part : clip(range, *state.mappings, page_size).parts)
        bytes += part.range.size();
    return bytes;
}

void Simulator::carry_out(const TargetSnapshot& target, const PlannedRange& planned, Instant time) {
    const Scheme& scheme = decider_.policy().schemes[planned.scheme];
    TargetState& state = targets_[target.id];
    ActionReport report;
    report.scheme = planned.scheme;
    report.target = target.id;
    report.range = planned.range;
    report.time = time;
    if (planned.unlock) {
        report.unlock = true;
        report.released = true;
        decider_.report(report);
        return;
    }
    SchemeSums& sums = sums_[planned.scheme];
    const Bytes advised = advisable(state, planned.range);
    const Duration spent = assumed_cost(advised, options_.page_cost);
    sums.spent += spent;
    if (scheme.action == Action::pageout) {
        const Bytes gone =
            state.out.add(planned.range, present_in(target.regions, planned.range), time);
        sums.paged_out += gone;
        left_ += gone;
    } else if (scheme.action == Action::willneed) {
        state.out.take(planned.range, [](Bytes, Instant) {});
    }
    if (scheme.action == Action::mlock && advised.count != 0)
        decider_.hold_lock(planned.scheme, target.id, planned.range, time);
    report.advised = advised;
    report.spent = spent;
    decider_.report(report);
}

void Simulator::carry_out(const Snapshot& snapshot) {
    for (const PlannedRange& planned : plan_.ranges) {
        if (acts(decider_.policy().schemes[planned.scheme].action))
            carry_out(snapshot.targets[planned.target], planned, plan_.time);
    }
}

const Plan& Simulator::see(const Snapshot& snapshot) {
    if (!first_) first_ = snapshot.time;
    last_ = snapshot.time;
    ++snapshots_;
    bring_back(snapshot);
    if (filters_ && !mappings_missed_) {
        mappings_missed_ = std::any_of(targets_.begin(), targets_.end(), [](const auto& entry) {
            return entry.second.areas == nullptr;
        });
    }
    plan_ = decider_.decide(snapshot, conditions());
    for (std::size_t i = 0; i < sums_.size(); ++i) {
        const SchemeTally& tally = plan_.schemes[i];
        sums_[i].planned += tally.planned;
        sums_[i].quota_exceeded += tally.quota_exceeded ? 1 : 0;
        sums_[i].matched += static_cast<double>(tally.matched.count);
        for (std::size_t reason = 0; reason < reason_count; ++reason)
            sums_[i].held_back[reason] += static_cast<double>(tally.held_back[reason].count);
    }
    carry_out(snapshot);
    for (const TargetSnapshot& target : snapshot.targets) {
        for (const Region& region : target.regions)
            present_sum_ += static_cast<double>(present_bytes(region));
    }
    note_moment(snapshot.time);
    return plan_;
}

// When the course has grown too long, its moments are joined in pairs, the later of which stays.
void Simulator::note_moment(Instant time) {
    SimulatedMoment moment;
    moment.at = elapsed(*first_, time);
    moment.out = out();
    moment.left = left_;
    for (const Bytes bytes : returned_) moment.returned += bytes;
    out_peak_ = std::max(out_peak_, moment.out);
    out_sum_ += static_cast<double>(moment.out.count);
    if ((snapshots_ - 1) % moment_snapshots_ == 0 && course_.size() == max_moments) {
        for (std::size_t i = 0; i < max_moments / 2; ++i) course_[i] = course_[2 * i + 1];
        course_.resize(max_moments / 2);
        moment_snapshots_ *= 2;
    }
    if ((snapshots_ - 1) % moment_snapshots_ == 0) {
        course_.push_back(moment);
    } else {
        course_.back() = moment;
    }
}

SimulationResult Simulator::result() const {
    SimulationResult result;
    result.left_out = left_out_;
    for (const Scheme& scheme : decider_.policy().schemes) {
        if (!mappings_missed_ || !ask_for_mappings(scheme.filters)) continue;
        result.left_out.push_back(
            scheme.name +
            ": filters by mapping, of targets whose mappings are not in the recording: what they "
            "would decide is held back as unmeasured");
    }
    result.snapshots = snapshots_;
    if (first_) result.length = elapsed(*first_, last_);
    for (std::size_t i = 0; i < sums_.size(); ++i) {
        const Scheme& scheme = decider_.policy().schemes[i];
        const SchemeSums& sums = sums_[i];
        SimulatedScheme row;
        row.name = scheme.name;
        row.action = scheme.action;
        row.quota_exceeded = sums.quota_exceeded;
        row.planned = sums.planned;
        row.paged_out = sums.paged_out;
        row.spent = sums.spent;
        row.matched_mean = mean(sums.matched, snapshots_);
        for (std::size_t reason = 0; reason < reason_count; ++reason)
            row.held_back_mean[reason] = mean(sums.held_back[reason], snapshots_);
        result.schemes.push_back(std::move(row));
    }
    result.left = left_;
    result.returned = returned_;
    result.out_mean = mean(out_sum_, snapshots_);
    result.out_peak = out_peak_;
    result.out_at_end = out();
    result.present_mean = mean(present_sum_, snapshots_);
    result.course = course_;
    return result;
}

}  // namespace damon_schemes

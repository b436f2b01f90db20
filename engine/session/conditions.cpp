// SPDX-License-Identifier: MIT
#include "engine/session/conditions.h"

#include <algorithm>
#include <utility>

#include "engine/actions/mappings.h"
#include "engine/machine/figure.h"
#include "engine/machine/pressure.h"
#include "engine/targets/procfs.h"
#include "schemes/decide/filters.h"

namespace damon_schemes {

namespace {

constexpr Duration refresh_after = std::chrono::milliseconds(500);
constexpr Duration memory_counts_for = std::chrono::seconds(1);

void add_figure(ConditionNeeds& needs, const std::string& file) {
    if (std::find(needs.figures.begin(), needs.figures.end(), file) == needs.figures.end())
        needs.figures.push_back(file);
}

void add_needs(ConditionNeeds& needs, const QuotaGoal& goal) {
    switch (goal.metric) {
        case GoalMetric::pressure:
            needs.stalled = true;
            break;
        case GoalMetric::cgroup_pressure:
            needs.cgroup_stalled = true;
            break;
        case GoalMetric::free_memory:
            needs.free_memory = true;
            break;
        case GoalMetric::figure:
            add_figure(needs, goal.file);
            break;
        case GoalMetric::refaults:
            break;  // the session tells them as they are found
    }
}

void add_needs(ConditionNeeds& needs, const Scheme& scheme) {
    for (const QuotaGoal& goal : scheme.quota.goals) add_needs(needs, goal);
    if (scheme.watermarks) {
        needs.free_memory |= scheme.watermarks->free_memory.has_value();
        needs.free_swap |= scheme.watermarks->free_swap.has_value();
    }
    needs.memory |= scheme.min_rss || scheme.floor.rss || scheme.floor.share;
    needs.mappings |= ask_for_mappings(scheme.filters);
    needs.cgroup |= ask_for_cgroup(scheme.filters);
    needs.name |= ask_for_target(scheme.filters);
}

void add_needs(ConditionNeeds& needs, const Limits& limits, Action action) {
    if (!acts(action)) return;
    needs.major_faults |= limits.brake.has_value();
    needs.headroom |= limits.min_headroom.has_value();
    if (action == Action::pageout) {
        needs.free_swap |= limits.min_free_swap.has_value();
        needs.zram_saving |= limits.min_zram_saving.has_value();
    }
    if (!limits.guard) return;
    needs.cgroup_stalled |= limits.guard->pressure.has_value();
    if (limits.guard->figure) add_figure(needs, limits.guard->figure->file);
}

}  // namespace

ConditionNeeds needs_of(const Policy& policy) {
    ConditionNeeds needs;
    for (const Scheme& scheme : policy.schemes) {
        add_needs(needs, scheme);
        add_needs(needs, policy.limits, scheme.action);
    }
    return needs;
}

std::shared_ptr<const std::vector<MappedArea>> mapped_areas_of(const SurveyedTarget& target,
                                                               const MachinePaths& paths) {
    const auto folder = open_process_folder(target.pid, target.pidfd, paths.proc);
    const auto text = folder ? read_file_at(folder->get(), "maps") : std::nullopt;
    // A program that has exited has an address space no more, and the file nothing in it.
    if (!text || text->empty()) return nullptr;
    return std::make_shared<const std::vector<MappedArea>>(areas_of(parse_mappings(*text)));
}

MachineSurvey survey_of_machine(const ConditionNeeds& needs, const MachinePaths& paths) {
    MachineSurvey survey;
    survey.figures.reserve(needs.figures.size());
    for (const std::string& file : needs.figures) survey.figures.push_back({file, figure_in(file)});
    if (needs.zram_saving) survey.zram_saving = zram_use(paths).saving();
    return survey;
}

ConditionsReader::ConditionsReader(ConditionNeeds needs, MachinePaths paths)
    : needs_(std::move(needs)), paths_(std::move(paths)) {
    for (const std::string& file : needs_.figures) conditions_.figures.push_back({file, {}});
}

const Conditions& ConditionsReader::at(Instant now) {
    if (!read_at_ || now - *read_at_ >= refresh_after) {
        read_at_ = now;
        read_machine();
    }
    if (changed_ || (stale_at_ && now > *stale_at_)) put_together(now);
    return conditions_;
}

void ConditionsReader::read_machine() {
    conditions_.free_swap.reset();
    conditions_.free_memory.reset();
    conditions_.headroom.reset();
    conditions_.stalled.reset();
    if (needs_.stalled) conditions_.stalled = memory_stalled(paths_);
    if (!needs_.free_memory && !needs_.free_swap && !needs_.headroom) return;
    // Not memory_of_machine(): what zram takes is none of the conditions.
    const auto text = read_file(paths_.proc + "/meminfo");
    const auto machine = text ? parse_meminfo(*text) : std::nullopt;
    if (!machine) return;
    if (needs_.free_swap && machine->swap_total.count > 0)
        conditions_.free_swap = machine->free_swap_share();
    if (needs_.free_memory) conditions_.free_memory = machine->free_memory_share();
    if (needs_.headroom) conditions_.headroom = machine->headroom_share();
}

void ConditionsReader::put_together(Instant now) {
    changed_ = false;
    stale_at_.reset();
    conditions_.targets.clear();
    if (!needs_.of_targets()) return;
    for (const auto& [id, known] : known_) {
        if (known.gone || (!known.survey && !known.mappings)) continue;
        Conditions::Target target;
        target.id = id;
        target.mappings = known.mappings;
        if (known.survey) {
            const TargetSurvey& survey = *known.survey;
            if (survey.memory && needs_.major_faults)
                target.major_faults = survey.memory->major_faults;
            const Instant stale_at = later(survey.time, memory_counts_for);
            if (survey.memory && needs_.memory && now <= stale_at) {
                stale_at_ = stale_at_ ? std::min(*stale_at_, stale_at) : stale_at;
                target.rss = survey.memory->rss;
                target.swapped = survey.memory->swapped;
            }
            target.name = survey.name;
            target.cgroup = survey.cgroup;
            target.cgroup_stalled = survey.cgroup_stalled;
        }
        conditions_.targets.push_back(std::move(target));
    }
}

void ConditionsReader::know(TargetSurvey survey) {
    Known& known = known_[survey.id];
    if (known.gone) return;
    known.survey = std::move(survey);
    changed_ = true;
}

void ConditionsReader::know(TargetId target,
                            std::shared_ptr<const std::vector<MappedArea>> mappings) {
    Known& known = known_[target];
    if (known.gone) return;
    known.mappings = std::move(mappings);
    changed_ = true;
}

void ConditionsReader::know(MachineSurvey survey) {
    conditions_.figures = std::move(survey.figures);
    conditions_.zram_saving = survey.zram_saving;
}

void ConditionsReader::know_figure(const std::string& file, double value) {
    for (Conditions::Figure& figure : conditions_.figures)
        if (figure.file == file) figure.value = value;
}

void ConditionsReader::forget(TargetId target) {
    known_[target] = {std::nullopt, nullptr, true};
    changed_ = true;
}

void ConditionsReader::forget_for_good(TargetId target) {
    known_.erase(target);
    changed_ = true;
}

void ConditionsReader::forget_mappings(TargetId target) {
    known_[target].mappings.reset();
    changed_ = true;
}

const TargetSurvey* ConditionsReader::survey(TargetId target) const {
    const auto found = known_.find(target);
    return found == known_.end() || !found->second.survey ? nullptr : &*found->second.survey;
}

}  // namespace damon_schemes

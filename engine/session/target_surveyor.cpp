// SPDX-License-Identifier: MIT
#include "engine/session/target_surveyor.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "engine/machine/cgroup.h"
#include "engine/machine/pressure.h"

namespace damon_schemes {
namespace {

// Memory comes by faults and goes from the resident set, and both are in `stat`.  What the kernel
// counts by processor may lie a little behind there, so all of it is read again after so long.
constexpr Duration trusted_for = std::chrono::seconds(5);
// So a program that has done nothing for a while and is then hurt is noticed two seconds later, at
// the latest.
constexpr unsigned most_passed_over = 3;

bool same_memory(const ProcessStat& a, const ProcessStat& b) {
    return a.rss == b.rss && a.minor_faults == b.minor_faults && a.major_faults == b.major_faults;
}

}  // namespace

TargetSurveyor::TargetSurveyor(ConditionNeeds needs, MachinePaths paths)
    : needs_(std::move(needs)), paths_(std::move(paths)) {}

bool TargetSurveyor::due(TargetId target) {
    const auto found = known_.find(target);
    if (needs_.memory || found == known_.end() || found->second.pass_over == 0) return true;
    --found->second.pass_over;
    return false;
}

void TargetSurveyor::plan_next(Known& known, bool idle) {
    known.passed_over = idle ? std::min(2 * known.passed_over + 1, most_passed_over) : 0;
    known.pass_over = known.passed_over;
}

std::optional<TargetSurvey> TargetSurveyor::survey(const SurveyedTarget& target, Instant now) {
    Known& known = known_[target.id];
    auto survey = read(target, known, now);
    // Whatever the cause is, the next time begins with the pidfd again.
    if (!survey) known_.erase(target.id);
    return survey;
}

std::optional<TargetSurvey> TargetSurveyor::read(const SurveyedTarget& target, Known& known,
                                                 Instant now) const {
    Descriptor folder;
    const auto open_folder = [&] {
        if (folder) return true;
        auto opened = open_process_folder(target.pid, target.pidfd, paths_.proc);
        if (opened) folder = std::move(*opened);
        return static_cast<bool>(folder);
    };
    if (!known.stat_file) {
        if (!open_folder()) return std::nullopt;
        known.stat_file = Descriptor(::openat(folder.get(), "stat", O_RDONLY | O_CLOEXEC));
    }
    const auto text = read_from_start(known.stat_file);
    const auto stat = text ? parse_process_stat(*text) : std::nullopt;
    if (!stat || stat->zombie()) return std::nullopt;

    const Duration cpu_time = cpu_time_of(*stat);
    const bool unchanged = known.memory && same_memory(*stat, known.stat);
    const bool idle = unchanged && known.memory->cpu_time == cpu_time;
    if (!unchanged || now - known.read_at >= trusted_for) {
        const auto status = open_folder() ? read_file_at(folder.get(), "status") : std::nullopt;
        known.memory = status ? memory_from(*stat, *status) : std::nullopt;
        known.stat = *stat;
        known.read_at = now;
    }
    if (!known.memory) return std::nullopt;
    plan_next(known, idle);
    known.memory->cpu_time = cpu_time;

    TargetSurvey survey;
    survey.id = target.id;
    survey.time = now;
    survey.memory = known.memory;
    if (needs_.name) survey.name = stat->comm;
    if (needs_.cgroup || needs_.cgroup_stalled)
        survey.cgroup = open_folder() ? cgroup_of_process(folder.get()) : std::nullopt;
    if (needs_.cgroup_stalled && survey.cgroup)
        survey.cgroup_stalled = memory_stalled_of(*survey.cgroup, paths_);
    return survey;
}

void TargetSurveyor::keep_only(const std::vector<SurveyedTarget>& targets) {
    std::vector<TargetId> kept;
    kept.reserve(targets.size());
    for (const SurveyedTarget& target : targets) kept.push_back(target.id);
    std::sort(kept.begin(), kept.end());
    std::erase_if(known_, [&](const auto& known) {
        return !std::binary_search(kept.begin(), kept.end(), known.first);
    });
}

}  // namespace damon_schemes

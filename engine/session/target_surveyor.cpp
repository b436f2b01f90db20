// SPDX-License-Identifier: MIT
#include "engine/session/target_surveyor.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "engine/machine/cgroup.h"
#include "engine/machine/pressure.h"

namespace damon_schemes {
namespace {

// Files of a process by what it takes to read them: statm 1, stat 5, status and the way to it 20.
// What is in memory is in the first, and nobody faults memory in without changing it; but the
// kernel counts by thread and by processor, and may be a little behind.
constexpr Duration stat_trusted_for = std::chrono::seconds(10);
constexpr Duration memory_trusted_for = std::chrono::seconds(30);
// So a program that has done nothing for a while and is then hurt is noticed a second later, at the
// latest; where nothing of it is in swap that could come back, two.
constexpr unsigned most_passed_over = 1;
constexpr unsigned most_passed_over_all_in_memory = 3;

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

std::optional<TargetSurvey> TargetSurveyor::survey(const SurveyedTarget& target, Instant now) {
    Known& known = known_[target.id];
    auto survey = read(target, known, now);
    // Whatever the cause is, the next time begins with the pidfd again.
    if (!survey) known_.erase(target.id);
    return survey;
}

Descriptor TargetSurveyor::folder_of(const SurveyedTarget& target) const {
    auto opened = open_process_folder(target.pid, target.pidfd, paths_.proc);
    return opened ? std::move(*opened) : Descriptor();
}

bool TargetSurveyor::read_memory(const SurveyedTarget& target, Known& known, Instant now) const {
    const auto text = read_record(known.stat_file);
    const auto stat = text ? parse_process_stat(*text) : std::nullopt;
    if (!stat || stat->zombie()) return false;
    const bool unchanged = known.memory && same_memory(*stat, known.stat);
    known.stat = *stat;
    known.stat_read_at = now;
    if (unchanged && now - known.memory_read_at < memory_trusted_for) {
        known.memory->cpu_time = cpu_time_of(*stat);
        return true;
    }
    const Descriptor folder = folder_of(target);
    const auto status = folder ? read_file_at(folder.get(), "status") : std::nullopt;
    known.memory = status ? memory_from(*stat, *status) : std::nullopt;
    known.memory_read_at = now;
    return known.memory.has_value();
}

std::optional<TargetSurvey> TargetSurveyor::read(const SurveyedTarget& target, Known& known,
                                                 Instant now) const {
    if (!known.stat_file) {
        const Descriptor folder = folder_of(target);
        if (!folder) return std::nullopt;
        known.statm_file = Descriptor(::openat(folder.get(), "statm", O_RDONLY | O_CLOEXEC));
        known.stat_file = Descriptor(::openat(folder.get(), "stat", O_RDONLY | O_CLOEXEC));
    }
    // Where it cannot be read, what follows says whether the process is still there.
    std::string statm = read_record(known.statm_file).value_or("");
    const bool idle = known.memory && !statm.empty() && statm == known.statm;
    known.statm = std::move(statm);
    if ((!idle || now - known.stat_read_at >= stat_trusted_for) && !read_memory(target, known, now))
        return std::nullopt;
    const unsigned most =
        known.memory->swapped.count > 0 ? most_passed_over : most_passed_over_all_in_memory;
    known.passed_over = idle ? std::min(2 * known.passed_over + 1, most) : 0;
    known.pass_over = known.passed_over;

    TargetSurvey survey;
    survey.id = target.id;
    survey.time = now;
    survey.memory = known.memory;
    if (needs_.name) survey.name = known.stat.comm;
    if (!needs_.cgroup && !needs_.cgroup_stalled) return survey;
    if (const Descriptor folder = folder_of(target))
        survey.cgroup = cgroup_of_process(folder.get());
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

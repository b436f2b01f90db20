// SPDX-License-Identifier: MIT
// What the machine and the targets look like when a snapshot is decided on.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/machine/memory.h"
#include "engine/targets/process.h"
#include "schemes/decide/conditions.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// What a policy's controls ask for.  Nothing else is measured.
struct ConditionNeeds {
    bool free_memory = false;
    bool free_swap = false;
    bool headroom = false;
    bool zram_saving = false;
    bool stalled = false;
    bool major_faults = false;
    bool memory = false;  // a target's in memory and in swap
    bool name = false;    // as it is now: a program may rename itself
    bool cgroup = false;
    bool cgroup_stalled = false;
    bool mappings = false;
    std::vector<std::string> figures;  // files, each once

    bool of_targets() const {
        return major_faults || memory || name || cgroup || cgroup_stalled || mappings;
    }
};
ConditionNeeds needs_of(const Policy& policy);

// What is read of one target (TargetSurveyor).  Reading it may wait: for the address space to end
// if the target exits just then, or for a lock of the cgroups.  So the loop's thread does not.
struct TargetSurvey {
    TargetId id;
    Instant time{};  // when its reading began
    std::optional<ProcessMemory> memory;
    std::string name;
    std::optional<std::string> cgroup;
    std::optional<Duration> cgroup_stalled;
};
struct SurveyedTarget {
    TargetId id;
    std::int32_t pid = 0;
    int pidfd = -1;  // borrowed; -1: the pid is not checked
};
// Its mappings, sorted and disjoint; null: it has exited, or they may not be read.  Waits for the
// target's mmap lock.  Any thread.
std::shared_ptr<const std::vector<MappedArea>> mapped_areas_of(const SurveyedTarget& target,
                                                               const MachinePaths& paths = {});
// What is read of the machine and may wait: the users' figures, whose files may be on any file
// system, and zram.  Any thread.
struct MachineSurvey {
    std::vector<Conditions::Figure> figures;
    std::optional<Share> zram_saving;
};
MachineSurvey survey_of_machine(const ConditionNeeds& needs, const MachinePaths& paths = {});

// Puts together what is known.  It reads files of the machine itself, which never wait, at most
// twice a second: a snapshot may come far more often, and brake, guard and controls look at changes
// over a second and more.  What was surveyed it is told; what a target has in memory and in swap
// counts for a second and is then not known, as a floor rests on it.  Belongs to the loop's thread.
class ConditionsReader {
  public:
    explicit ConditionsReader(ConditionNeeds needs, MachinePaths paths = {});

    // `now` is the snapshot's time.  `sees` is left false.  Holds the targets that are known.
    const Conditions& at(Instant now);
    const Conditions& last() const { return conditions_; }

    void know(TargetSurvey survey);
    void know(TargetId target, std::shared_ptr<const std::vector<MappedArea>> mappings);
    void know(MachineSurvey survey);
    // In place of what the file holds, until the next survey of the machine.
    void know_figure(const std::string& file, double value);
    // It has exited: nothing of it is known any more, also when a survey comes late.
    void forget(TargetId target);
    // No survey of it is under way any more, either.
    void forget_for_good(TargetId target);
    // It runs another program: the mappings are those of the one before.
    void forget_mappings(TargetId target);
    // As it was last surveyed; nullptr: it was not yet.
    const TargetSurvey* survey(TargetId target) const;

  private:
    struct Known {
        std::optional<TargetSurvey> survey;
        std::shared_ptr<const std::vector<MappedArea>> mappings;
        bool gone = false;
    };
    void read_machine();
    void put_together(Instant now);

    ConditionNeeds needs_;
    MachinePaths paths_;
    Conditions conditions_;
    std::map<TargetId, Known> known_;
    std::optional<Instant> read_at_;
    bool changed_ = false;             // something was told since it was put together
    std::optional<Instant> stale_at_;  // when something that was put together counts no longer
};

}  // namespace damon_schemes

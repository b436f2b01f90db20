// SPDX-License-Identifier: MIT
// Reads of targets what the policy's controls ask for, twice a second and of hundreds of them: most
// have not done anything since the last time, and that costs next to nothing.  One that goes on
// doing nothing is passed over, three times in a row at most, and once where some of it is in swap.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/session/conditions.h"
#include "engine/targets/process.h"
#include "engine/targets/procfs.h"

namespace damon_schemes {

// Keeps two descriptors for each target.  Any thread, one at a time.
class TargetSurveyor {
  public:
    explicit TargetSurveyor(ConditionNeeds needs, MachinePaths paths = {});

    // Whether its turn has come; each survey of all asks this once.  What controls count on being
    // new (ConditionNeeds::memory) is read each time.
    bool due(TargetId target);
    // `memory` is read in any case, people are shown it; the rest as far as it is needed.  nullopt:
    // it has exited, or cannot be read.
    std::optional<TargetSurvey> survey(const SurveyedTarget& target, Instant now);
    // Nothing is kept of any other target from now on.
    void keep_only(const std::vector<SurveyedTarget>& targets);

  private:
    // Files mean the same process for good, as its folder does.
    struct Known {
        Descriptor statm_file, stat_file;
        std::string statm;
        ProcessStat stat;
        std::optional<ProcessMemory> memory;
        Instant stat_read_at{}, memory_read_at{};
        unsigned pass_over = 0;    // so many turns from now on
        unsigned passed_over = 0;  // before its last survey
    };
    std::optional<TargetSurvey> read(const SurveyedTarget& target, Known& known, Instant now) const;
    // False: it has exited.
    bool read_memory(const SurveyedTarget& target, Known& known, Instant now) const;
    Descriptor folder_of(const SurveyedTarget& target) const;

    const ConditionNeeds needs_;
    const MachinePaths paths_;
    std::map<TargetId, Known> known_;
};

}  // namespace damon_schemes

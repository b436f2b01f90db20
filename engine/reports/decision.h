// SPDX-License-Identifier: MIT
// One decision, explained to a person: what each scheme would act on, what holds the rest back, and
// where every controller stands.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schemes/decide/conditions.h"
#include "schemes/decide/explanation.h"
#include "schemes/decide/plan.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// What decide() was given and what came of it; all of one call.
struct Decision {
    Policy policy;
    Snapshot snapshot;
    Conditions conditions;
    Plan plan;
    Explanation explanation;
    std::vector<SchemeControls> controls;  // parallel to the policy's schemes
    Duration watched{};                    // for how long its targets had been watched
};

// The same of one target alone: with what each scheme found of it, and not of all together; without
// any target where the snapshot has it not, or it has exited.
Decision decision_on(TargetId target, Decision decision);
// Several lines, none wider than `width` (at least 60 columns are taken).
std::string decision_table(const Decision& decision, std::size_t width);
// The same of one address; of several targets, of each that has it.
std::string decision_table(const Decision& decision, std::uint64_t address, std::size_t width);
// Whether any region of the snapshot holds it.
bool is_seen(const Decision& decision, std::uint64_t address);
// All of it as one JSON object; with an address, the regions that hold it alone.
std::string decision_json(const Decision& decision, std::optional<std::uint64_t> address);

}  // namespace damon_schemes

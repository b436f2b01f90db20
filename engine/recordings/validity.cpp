// SPDX-License-Identifier: MIT
#include "engine/recordings/validity.h"

namespace damon_schemes {
namespace {

const char* contradiction_in(const std::vector<Region>& regions) {
    // No early return: this is read as often as regions are.
    bool out_of_order = false;
    bool miscounted = false;
    std::uint64_t reached = 0;
    for (const Region& region : regions) {
        out_of_order |= region.range.start < reached || region.range.empty();
        miscounted |= std::uint64_t{region.accessed} + region.absent > region.sampled;
        reached = region.range.end;
    }
    if (out_of_order) return "regions that are empty, overlap or are not in order";
    if (miscounted) return "a region with more accesses than samples";
    return nullptr;
}

}  // namespace

const char* contradiction_in(const Snapshot& snapshot) {
    constexpr Duration none = Duration::zero();
    if (snapshot.duration < none || snapshot.sampling_interval < none ||
        snapshot.aggregation_interval < none) {
        return "a negative length of time";
    }
    for (const auto& target : snapshot.targets) {
        if (const char* what = contradiction_in(target.regions)) return what;
    }
    return nullptr;
}

const char* contradiction_in(const RecordedTarget& target) {
    std::uint64_t reached = 0;
    for (const auto& mapping : target.mappings) {
        if (mapping.range.start < reached || mapping.range.empty())
            return "mappings that are empty, overlap or are not in order";
        if (mapping.kind > MappingKind::special) return "a kind of mapping that there is not";
        reached = mapping.range.end;
    }
    return nullptr;
}

const char* contradiction_in(const RecordedAction& action, std::size_t schemes) {
    if (action.scheme >= schemes) return "an action of a scheme that there is not";
    if (action.range.empty()) return "an action on an empty range";
    if (action.spent < Duration::zero()) return "a negative length of time";
    return nullptr;
}

const char* contradiction_in(const RecordedEvent& event, std::size_t schemes) {
    if (const auto* snapshot = std::get_if<Snapshot>(&event)) return contradiction_in(*snapshot);
    if (const auto* target = std::get_if<RecordedTarget>(&event)) return contradiction_in(*target);
    return contradiction_in(std::get<RecordedAction>(event), schemes);
}

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// Snapshots and schemes in a line each, so that a test says what the world looks like and no more.
#pragma once

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "schemes/decide/decider.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes::observed {

using namespace std::chrono_literals;

inline constexpr std::uint64_t mib = 1 << 20;
inline constexpr Duration interval = 100ms;

inline Instant at(Duration since_start) {
    return Instant(1000s + since_start);
}

// A region by its first and last MiB, as cold as can be.
inline Region cold(std::uint64_t first_mib, std::uint64_t end_mib, std::uint32_t age = 200) {
    return {{first_mib * mib, end_mib * mib}, 20, 0, 0, age};
}
inline Region hot(std::uint64_t first_mib, std::uint64_t end_mib, std::uint32_t age = 200) {
    return {{first_mib * mib, end_mib * mib}, 20, 20, 0, age};
}
inline Region unknown(std::uint64_t first_mib, std::uint64_t end_mib, std::uint32_t age = 200) {
    return {{first_mib * mib, end_mib * mib}, 0, 0, 0, age};
}
inline Region absent(std::uint64_t first_mib, std::uint64_t end_mib, std::uint32_t age = 200) {
    return {{first_mib * mib, end_mib * mib}, 20, 0, 20, age};
}

inline TargetSnapshot target(std::uint64_t id, std::vector<Region> regions) {
    TargetSnapshot target;
    target.id = {id};
    target.pid = static_cast<std::int32_t>(1000 + id);
    target.generation = 1;
    target.regions = std::move(regions);
    return target;
}

inline Snapshot snapshot(Duration since_start, std::vector<TargetSnapshot> targets) {
    Snapshot snapshot;
    snapshot.sequence = static_cast<std::uint64_t>(since_start / interval) + 1;
    snapshot.time = at(since_start);
    snapshot.duration = interval;
    snapshot.sampling_interval = 5ms;
    snapshot.aggregation_interval = interval;
    snapshot.passes = 20;
    snapshot.targets = std::move(targets);
    return snapshot;
}

// A snapshot of one target.
inline Snapshot snapshot(Duration since_start, std::vector<Region> regions) {
    return snapshot(since_start, std::vector{target(1, std::move(regions))});
}

// Cold for ten seconds and no quota, unless a test says otherwise.
inline Scheme scheme(Action action, Duration min_age = 10s) {
    Scheme scheme;
    scheme.name = std::string(name_of(action));
    scheme.action = action;
    scheme.frequency.max = Share{0};
    scheme.age.min = min_age;
    return scheme;
}

inline Policy policy(std::vector<Scheme> schemes) {
    Policy policy;
    policy.schemes = std::move(schemes);
    return policy;
}

inline Conditions seeing() {
    Conditions conditions;
    conditions.sees = true;
    conditions.free_swap = Share{1'000'000};
    return conditions;
}

inline Bytes held(const SchemeTally& tally, Reason reason) {
    return tally.held_back[static_cast<std::size_t>(reason)];
}

inline ActionReport done(const Snapshot& snapshot, const PlannedRange& planned, Instant when,
                         Duration spent = {}) {
    ActionReport report;
    report.scheme = planned.scheme;
    report.target = snapshot.targets[planned.target].id;
    report.range = planned.range;
    report.advised = planned.range.size();
    report.spent = spent;
    report.time = when;
    return report;
}

// What of a plan is one scheme's.
inline std::vector<AddressRange> ranges_of(const Plan& plan, std::uint32_t scheme = 0) {
    std::vector<AddressRange> ranges;
    for (const PlannedRange& planned : plan.ranges)
        if (planned.scheme == scheme) ranges.push_back(planned.range);
    return ranges;
}

inline AddressRange mibs(std::uint64_t first, std::uint64_t end) {
    return {first * mib, end * mib};
}

inline Filter filter(bool allow, FilterKind kind, std::string pattern = {}) {
    Filter filter;
    filter.allow = allow;
    filter.kind = kind;
    filter.pattern = std::move(pattern);
    return filter;
}

inline ActionReport refused(const Snapshot& snapshot, const PlannedRange& planned, Instant when) {
    ActionReport report = done(snapshot, planned, when);
    report.advised = {};
    return report;
}

}  // namespace damon_schemes::observed

namespace damon_schemes {

// How GoogleTest shows them.
inline std::ostream& operator<<(std::ostream& out, const AddressRange& range) {
    return out << range.start / observed::mib << "-" << range.end / observed::mib << " MiB";
}

}  // namespace damon_schemes

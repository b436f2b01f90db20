// SPDX-License-Identifier: MIT
// A policy, read and checked: what a TOML file means, with no TOML left in it.  docs/policy.md is
// the reference for people; every default stated there is the one below.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemes/observation.h"

namespace damon_schemes {

enum class TlbPolicy { automatic, none, page, full };

// [monitor]
struct MonitorAttributes {
    Duration sampling_interval = std::chrono::milliseconds(5);
    Duration aggregation_interval = std::chrono::milliseconds(100);
    Duration update_interval = std::chrono::seconds(1);
    std::uint32_t min_regions = 10;
    std::uint32_t max_regions = 1000;
    Bytes min_region_size = kibibytes(4);
    TlbPolicy tlb = TlbPolicy::automatic;

    bool operator==(const MonitorAttributes&) const = default;
};

// [[target]]: exactly one of the two.
struct TargetSelector {
    std::optional<std::int32_t> pid;
    std::optional<std::string> name;  // the command name, as in /proc/PID/comm
    bool all = false;                 // name: every process of that name, not just a single one
};

enum class Action { pageout, cold, willneed, stat };
std::string_view name_of(Action action);
std::optional<Action> action_named(std::string_view name);  // nullopt: there is no such action
constexpr bool acts(Action action) {
    return action != Action::stat;
}

// Inclusive bounds, both optional.
template <typename T>
struct Range {
    std::optional<T> min;
    std::optional<T> max;
    bool operator==(const Range&) const = default;
    constexpr bool contains(const T& value) const {
        return (!min || *min <= value) && (!max || value <= *max);
    }
};

// At most so much per window.  A limit that is nullopt is off.
struct Quota {
    std::optional<Bytes> bytes;    // bytes advised
    std::optional<Duration> time;  // time spent in the acting system calls
    Duration per = std::chrono::seconds(1);
    bool operator==(const Quota&) const = default;
};

// What a pageout scheme has unless the policy says otherwise by name.
inline constexpr Quota default_pageout_quota() {
    return {mebibytes(128), std::chrono::milliseconds(10), std::chrono::seconds(1)};
}

// [[scheme]]
struct Scheme {
    std::string name;
    Action action = Action::stat;
    Range<Bytes> size;
    Range<Share> frequency;
    Range<Duration> age;
    Quota quota;
    bool allow_unseen_accesses = false;  // act on targets whose memory others map too
    bool split_huge_pages = false;       // act on parts of huge pages
    bool operator==(const Scheme&) const = default;
};

// [limits]: on unless the policy turns them off by name ("off").
struct Limits {
    // Pageout stops while less than this share of all swap is free.
    std::optional<Share> min_free_swap = Share{100'000};
    // The brake: a target whose major faults per second rise over `faults` and over `times` its
    // earlier rate is left alone for `pause`.
    struct Brake {
        std::uint64_t faults_per_second = 100;
        std::uint32_t times = 10;
        Duration pause = std::chrono::seconds(60);
        bool operator==(const Brake&) const = default;
    };
    std::optional<Brake> brake = Brake{};
    bool operator==(const Limits&) const = default;
};

struct Policy {
    MonitorAttributes monitor;
    std::vector<TargetSelector> targets;
    std::vector<Scheme> schemes;
    Limits limits;
};

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// What `top` shows, as lines of text: plain values in, no terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/monitors/monitor.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// The bytes of one target in one snapshot, by use.  They add up to all that is watched of it.
struct MemoryUse {
    Bytes often;     // accessed in more than half of the looks
    Bytes at_times;  // in some
    Bytes idle;      // in none, and there
    Bytes absent;    // no look found a page there
    Bytes unknown;   // not looked at: not to be taken for idle
    Bytes cold;      // of `idle`: so for `cold_age` at least
    bool operator==(const MemoryUse&) const = default;
};
inline constexpr Duration cold_age = std::chrono::seconds(10);
// Bytes of a region count as absent in the share in which its looks found no page.
MemoryUse use_of(const TargetSnapshot& target, Duration aggregation_interval);

struct OverviewTarget {
    std::int32_t pid = 0;
    std::string name;
    std::optional<Bytes> rss;
    std::optional<Bytes> swapped;
    MemoryUse use;
    std::size_t regions = 0;
    std::string state;  // "exited", "denied", …; empty: watched
};

struct OverviewScheme {
    std::string name;
    Action action = Action::stat;
    std::uint64_t matched_regions = 0;
    Bytes matched;
};

enum class OverviewOrder { size, cold, name };

struct Overview {
    Duration elapsed{};
    std::optional<MonitorCost> cost;
    std::optional<Intervals> intervals;  // in force, where they have a goal
    bool frozen = false;
    bool help = false;
    OverviewOrder order = OverviewOrder::size;
    std::vector<OverviewTarget> targets;  // in any order
    std::vector<OverviewScheme> schemes;
    std::int32_t selected = 0;  // pid
    std::string heatmap;        // of the selected target: lines, as drawn without colour
};

// The targets as they are shown: largest, coldest or alphabetically first.
std::vector<OverviewTarget> in_order(std::vector<OverviewTarget> targets, OverviewOrder order);

enum class Emphasis { plain, title, heading, selected, faint, keys };
struct ScreenLine {
    std::string text;  // not wider than the screen
    Emphasis emphasis = Emphasis::plain;
};

// How many lines of a screen of so many the heat map gets.
std::size_t heatmap_lines(const Overview& overview, std::size_t height);

// Exactly `height` lines.  80×24 shows everything; what does not fit is left out from the middle
// (the heat map, then schemes, then targets other than the selected one), never the keys.
std::vector<ScreenLine> draw(const Overview& overview, std::size_t width, std::size_t height);

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "schemes/policy/sections.h"

namespace damon_schemes {

namespace {

constexpr auto layout_names = std::to_array<std::string_view>({"gaps", "mappings"});
constexpr auto tlb_names = std::to_array<std::string_view>({"auto", "none", "page", "full"});
constexpr auto memory_names = std::to_array<std::string_view>({"targets", "physical"});

// Whether it is the policy's or the default, so that its order says something.
bool read_interval(TableReader& reader, const Table& table, std::string_view key, Duration& into) {
    if (table.find(key) == nullptr) return true;
    const auto duration = reader.duration_of(table, key);
    if (!duration) return false;
    if (*duration < std::chrono::microseconds(1) ||
        *duration % std::chrono::microseconds(1) != Duration::zero()) {
        reader.fail_at_value(table, key,
                             quoted(key) + " is " + to_string(*duration) +
                                 "; intervals are whole microseconds, at least 1us",
                             "write an interval such as \"5ms\"");
        return false;
    }
    into = *duration;
    return true;
}

// 0 < sampling <= aggregation <= update, the missing ones being the defaults.
void check_interval_order(TableReader& reader, const Table& table, std::string_view shorter,
                          Duration a, std::string_view longer, Duration b) {
    if (a <= b) return;
    // Point at the one that the policy sets; at the shorter one if it sets both.
    const std::string_view set = table.find(shorter) != nullptr ? shorter : longer;
    const std::string_view other = set == shorter ? longer : shorter;
    const auto described = [&](std::string_view key, Duration value) {
        return quoted(key) + " (" + to_string(value) +
               (table.find(key) == nullptr ? ", the default)" : ")");
    };
    reader.fail_at_value(
        table, set, described(shorter, a) + " is longer than " + described(longer, b),
        "sampling_interval <= aggregation_interval <= update_interval; set " + quoted(other) +
            (table.find(other) == nullptr ? " too" : " accordingly"));
}

void read_regions(TableReader& reader, const Table& regions, MonitorAttributes& monitor) {
    constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
    bool sound = true;
    const auto count = [&](std::string_view key, std::uint32_t& into) {
        const auto number = reader.number_of(regions, key, 3, most);
        if (number)
            into = static_cast<std::uint32_t>(*number);
        else if (regions.find(key) != nullptr)
            sound = false;
    };
    if (const auto layout = reader.word_of(regions, "layout", "layout of regions", layout_names))
        monitor.layout = static_cast<RegionLayout>(*layout);
    count("min", monitor.min_regions);
    count("max", monitor.max_regions);
    if (sound && monitor.min_regions > monitor.max_regions)
        reader.fail(regions.place, regions.shown,
                    "the least number of regions, " + std::to_string(monitor.min_regions) +
                        ", is above the most, " + std::to_string(monitor.max_regions),
                    "set both, min <= max; the defaults are 10 and 1000");
}

// Where the bound is not in the table it is the default.
std::string described_bound(const Table& sampling, std::string_view key, Duration value) {
    return quoted(key) + " (" + to_string(value) +
           (sampling.find(key) == nullptr ? ", the default)" : ")");
}

// Bounds of the sampling interval, which has to begin between them.
void check_interval_bounds(TableReader& reader, const Table& table, const Table& sampling,
                           const MonitorAttributes& monitor, const IntervalGoal& goal) {
    const std::string least = described_bound(sampling, "min", goal.min);
    const std::string most = described_bound(sampling, "max", goal.max);
    const Duration begin = monitor.sampling_interval;
    if (goal.min > goal.max) {
        reader.fail_at_value(sampling, sampling.find("min") != nullptr ? "min" : "max",
                             least + " is above " + most, "set both, min <= max");
        return;
    }
    if (begin < goal.min || begin > goal.max) {
        const bool below = begin < goal.min;
        const std::string_view key = "sampling_interval";
        const bool set = table.find(key) != nullptr;
        const std::string message =
            quoted(key) + " (" + to_string(begin) + (set ? ")" : ", the default)") +
            ", which the goal begins at, is " + (below ? "below " + least : "above " + most) +
            " of interval_goal.sampling";
        const std::string suggestion = "min <= sampling_interval <= max; set " +
                                       std::string(set ? "the bound" : "'sampling_interval' too");
        if (set)
            reader.fail_at_value(table, key, message, suggestion);
        else
            reader.fail_at_value(sampling, below ? "min" : "max", message, suggestion);
        return;
    }
    if (with_sampling_interval(monitor, goal.max).aggregation_interval < longest_duration) return;
    reader.fail_at_value(sampling, "max",
                         "with a sampling interval of " + to_string(goal.max) +
                             " the aggregation interval, which grows with it, would be too long",
                         "lower 'max', or aggregation_interval");
}

IntervalGoal read_interval_goal(TableReader& reader, const Table& monitor_table, const Table& table,
                                const MonitorAttributes& monitor, bool sound) {
    constexpr std::uint64_t most_aggregations = 1000;
    IntervalGoal goal;
    if (const auto accesses = reader.share_of(table, "accesses")) {
        goal.accesses = *accesses;
        if (*accesses == Share{} || *accesses == Share{1'000'000})
            reader.fail_at_value(table, "accesses",
                                 "a share of " + to_string(*accesses) + " can never be " +
                                     (*accesses == Share{} ? "fallen below" : "exceeded") +
                                     ", so the intervals would only go one way",
                                 "write a share between 0% and 100%, such as \"4%\"");
    }
    if (const auto number = reader.number_of(table, "aggregations", 1, most_aggregations))
        goal.aggregations = static_cast<std::uint32_t>(*number);
    Table bounds = table;
    if (const auto sampling = reader.table_in(table, "sampling")) {
        sound &= read_interval(reader, *sampling, "min", goal.min);
        sound &= read_interval(reader, *sampling, "max", goal.max);
        bounds = *sampling;
    } else if (table.find("sampling") != nullptr) {
        sound = false;
    }
    if (sound) check_interval_bounds(reader, monitor_table, bounds, monitor, goal);
    return goal;
}

// Whole microseconds, held at the longest duration.
Duration scaled(Duration interval, Duration from, Duration to) {
    const double times = static_cast<double>(to.count()) / static_cast<double>(from.count());
    const double microseconds = static_cast<double>(interval.count()) / 1e3 * times;
    if (microseconds >= static_cast<double>(longest_duration.count()) / 1e3)
        return longest_duration;
    return std::chrono::microseconds(std::llround(microseconds));
}

}  // namespace

MonitorAttributes with_sampling_interval(const MonitorAttributes& attributes, Duration sampling) {
    MonitorAttributes result = attributes;
    const Duration from = attributes.sampling_interval;
    result.sampling_interval = sampling;
    // What is rounded must not come into another order.
    result.aggregation_interval =
        std::max(scaled(attributes.aggregation_interval, from, sampling), sampling);
    result.update_interval = std::max(attributes.update_interval, result.aggregation_interval);
    return result;
}

MonitorAttributes read_monitor(TableReader& reader, const Table& table) {
    MonitorAttributes monitor;
    const bool sampling =
        read_interval(reader, table, "sampling_interval", monitor.sampling_interval);
    const bool aggregation =
        read_interval(reader, table, "aggregation_interval", monitor.aggregation_interval);
    const bool update = read_interval(reader, table, "update_interval", monitor.update_interval);
    if (sampling && aggregation)
        check_interval_order(reader, table, "sampling_interval", monitor.sampling_interval,
                             "aggregation_interval", monitor.aggregation_interval);
    if (aggregation && update)
        check_interval_order(reader, table, "aggregation_interval", monitor.aggregation_interval,
                             "update_interval", monitor.update_interval);

    if (const auto goal = reader.table_in(table, "interval_goal"))
        monitor.interval_goal =
            read_interval_goal(reader, table, *goal, monitor, sampling && aggregation && update);

    const Node* value = table.find("regions");
    if (value != nullptr && value->kind == Node::Kind::string) {
        // The short form, where all the rest is as by default.
        if (const auto layout = reader.word_of(table, "regions", "layout of regions", layout_names))
            monitor.layout = static_cast<RegionLayout>(*layout);
    } else if (const auto regions = reader.table_in(table, "regions")) {
        read_regions(reader, *regions, monitor);
    }
    if (const auto size = reader.size_of(table, "min_region_size")) {
        if (*size < least_size || (size->count & (size->count - 1)) != 0)
            reader.fail_at_value(table, "min_region_size",
                                 "'min_region_size' is " + to_string(*size) +
                                     "; it has to be a power of two and at least a page, 4KiB",
                                 "write for example \"4KiB\" or \"2MiB\"");
        else
            monitor.min_region_size = *size;
    }
    if (const auto tlb = reader.word_of(table, "tlb", "TLB policy", tlb_names))
        monitor.tlb = static_cast<TlbPolicy>(*tlb);
    if (const auto search = reader.truth_of(table, "search")) monitor.search = *search;
    if (const auto children = reader.truth_of(table, "children")) monitor.children = *children;
    if (const auto memory = reader.word_of(table, "memory", "memory to watch", memory_names))
        monitor.memory = static_cast<WatchedMemory>(*memory);
    return monitor;
}

}  // namespace damon_schemes

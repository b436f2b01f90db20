// SPDX-License-Identifier: MIT
#include <array>
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

}  // namespace

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

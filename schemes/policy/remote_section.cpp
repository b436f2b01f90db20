// SPDX-License-Identifier: MIT
#include "schemes/policy/sections.h"

namespace damon_schemes {

RemoteBounds read_remote(TableReader& reader, const Table& table) {
    constexpr Duration shortest = std::chrono::microseconds(50);
    constexpr Duration longest = std::chrono::milliseconds(100);
    RemoteBounds bounds;
    if (const auto stop = reader.duration_of(table, "longest_stop")) {
        bounds.longest_stop = *stop;
        if (*stop < shortest || *stop > longest)
            reader.fail_at_value(
                table, "longest_stop",
                "'longest_stop' is " + to_string(*stop) + ", which is out of its range",
                "write a duration from \"" + to_string(shortest) + "\" to \"" + to_string(longest) +
                    "\"");
    }
    const auto between = reader.duration_of(table, "between_stops");
    if (between) bounds.between_stops = *between;
    if (bounds.between_stops < bounds.longest_stop || bounds.between_stops > longest_duration)
        reader.fail_at_value(table, between ? "between_stops" : "longest_stop",
                             "'between_stops' (" + to_string(bounds.between_stops) +
                                 ") is less than 'longest_stop' (" +
                                 to_string(bounds.longest_stop) +
                                 "), so a target might be held for most of its time",
                             "write a longer 'between_stops'");
    return bounds;
}

}  // namespace damon_schemes

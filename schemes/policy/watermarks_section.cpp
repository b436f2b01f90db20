// SPDX-License-Identifier: MIT
#include "schemes/policy/sections.h"

namespace damon_schemes {

namespace {

Watermark read_watermark(TableReader& reader, const Table& table) {
    Watermark mark;
    const auto high = reader.share_of(table, "high");
    const auto mid = reader.share_of(table, "mid");
    const auto low = reader.share_of(table, "low");
    if (high) mark.high = *high;
    mark.mid = mid.value_or(mark.high);
    if (low) mark.low = *low;
    // What could not be read says nothing of the order.
    if ((table.find("high") != nullptr && !high) || (table.find("mid") != nullptr && !mid) ||
        (table.find("low") != nullptr && !low))
        return mark;
    if (table.node->members.empty()) {
        reader.fail(table.place, table.shown, "this watermark says neither high, mid nor low",
                    "write for example { high = \"50%\", mid = \"40%\", low = \"20%\" }");
    } else if (mark.low >= mark.high) {
        const std::string_view key = low ? "low" : "high";
        reader.fail_at_value(table, key,
                             "the scheme rests above 'high' (" + to_string(mark.high) +
                                 ") and below 'low' (" + to_string(mark.low) +
                                 "), so it would always rest",
                             "write a 'high' above 'low'");
    } else if (mark.mid > mark.high) {
        reader.fail_at_value(
            table, "mid",
            "'mid' (" + to_string(mark.mid) + ") is above 'high' (" + to_string(mark.high) + ")",
            "high >= mid >= low; without 'mid' it is as high as 'high'");
    } else if (mark.mid < mark.low) {
        reader.fail_at_value(table, mid ? "mid" : "low",
                             "'mid' (" + to_string(mark.mid) + ") is below 'low' (" +
                                 to_string(mark.low) + "), so what rests would never begin again",
                             "high >= mid >= low; without 'mid' it is as high as 'high'");
    }
    return mark;
}

}  // namespace

std::optional<Watermarks> read_watermarks(TableReader& reader, const Table& scheme) {
    const auto table = reader.table_in(scheme, "watermarks");
    if (!table) return std::nullopt;
    Watermarks marks;
    if (const auto memory = reader.table_in(*table, "free_memory"))
        marks.free_memory = read_watermark(reader, *memory);
    if (const auto swap = reader.table_in(*table, "free_swap"))
        marks.free_swap = read_watermark(reader, *swap);
    // A key that is not known may have been meant for one, and was told.
    const std::size_t others = table->find("interval") != nullptr ? 1 : 0;
    if (table->node->members.size() == others)
        reader.fail(table->place, table->shown,
                    "these watermarks say neither free_memory nor free_swap",
                    "add free_memory = { high = \"50%\", mid = \"40%\", low = \"20%\" }");
    if (const auto interval = reader.duration_of(*table, "interval")) {
        marks.interval = *interval;
        if (*interval < std::chrono::milliseconds(1))
            reader.fail_at_value(*table, "interval",
                                 "'interval' is " + to_string(*interval) +
                                     ", which is too short to look at anything",
                                 "write at least \"1ms\"");
    }
    return marks;
}

}  // namespace damon_schemes

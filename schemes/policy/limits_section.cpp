// SPDX-License-Identifier: MIT
#include <cmath>

#include "schemes/policy/sections.h"

namespace damon_schemes {

namespace {

Limits::Brake read_brake(TableReader& reader, const Table& table) {
    Limits::Brake brake;
    if (const auto faults = reader.number_of(table, "faults_per_second", 1, 1'000'000'000))
        brake.faults_per_second = *faults;
    if (const auto times = reader.number_of(table, "times", 1, 1'000'000))
        brake.times = static_cast<std::uint32_t>(*times);
    if (const auto pause = reader.duration_of(table, "pause")) {
        brake.pause = *pause;
        if (*pause < std::chrono::seconds(1))
            reader.fail_at_value(
                table, "pause",
                "'pause' is " + to_string(*pause) + ", which is too short to brake anything",
                "write at least \"1s\", or brake = \"off\"");
    }
    return brake;
}

// A limit that "off" turns off; one that is left out stays as it is.
template <typename T, typename Read>
void read_limit(const Table& table, std::string_view key, std::optional<T>& limit, Read read) {
    if (is_off(table.find(key)))
        limit.reset();
    else if (const auto value = read())
        limit = *value;
}

std::optional<Limits::Guard::Figure> read_guard_figure(TableReader& reader, const Table& table) {
    Limits::Guard::Figure figure;
    const std::string* file = reader.text_of(table, "file");
    if (file == nullptr || table.find("max") == nullptr) {
        reader.fail(table.place, table.shown_as(file == nullptr ? "file" : "max"),
                    "a figure to guard needs the file that it is kept in, and its greatest value",
                    "write { file = \"/run/latency_ms\", max = 20 }, whichever they are");
        return std::nullopt;
    }
    if (!file->starts_with('/') || file->find('\0') != std::string::npos)
        reader.fail_at_value(table, "file", "'file' is not an absolute path",
                             "write the whole path, such as \"/run/latency_ms\"");
    figure.file = *file;
    if (const auto max = reader.figure_of(table, "max")) {
        figure.max = *max;
        if (!std::isfinite(*max))
            reader.fail_at_value(table, "max", "'max' is no number that can be passed",
                                 "write for example max = 20");
    }
    return figure;
}

void check_pauses(TableReader& reader, const Table& table, const Limits::Guard& guard) {
    if (guard.pause < std::chrono::seconds(1))
        reader.fail_at_value(
            table, "pause",
            "'pause' is " + to_string(guard.pause) + ", which is too short to help anybody",
            "write at least \"1s\", or guard = \"off\"");
    else if (guard.longest_pause < guard.pause)
        reader.fail_at_value(table,
                             table.find("longest_pause") != nullptr ? "longest_pause" : "pause",
                             "'longest_pause' (" + to_string(guard.longest_pause) +
                                 ") is less than 'pause' (" + to_string(guard.pause) + ")",
                             "write a longer 'longest_pause'");
}

Limits::Guard read_guard(TableReader& reader, const Table& table) {
    Limits::Guard guard;
    read_limit(table, "refaults", guard.refaults,
               [&] { return reader.size_of(table, "refaults"); });
    if (guard.refaults == Bytes{})
        reader.fail_at_value(table, "refaults",
                             "'refaults' is 0, so whatever comes back would begin a pause",
                             "write a size such as \"4MiB\", or \"off\"");
    read_limit(table, "pressure", guard.pressure,
               [&] { return reader.share_of(table, "pressure"); });
    if (guard.pressure == Share{})
        reader.fail_at_value(table, "pressure", "'pressure' is 0%, so any wait would begin a pause",
                             "write a share such as \"10%\", or \"off\"");
    if (const auto figure = reader.table_in(table, "figure"))
        guard.figure = read_guard_figure(reader, *figure);
    if (const auto pause = reader.duration_of(table, "pause")) guard.pause = *pause;
    if (const auto longest = reader.duration_of(table, "longest_pause"))
        guard.longest_pause = *longest;
    check_pauses(reader, table, guard);
    return guard;
}

}  // namespace

Limits read_limits(TableReader& reader, const Table& table) {
    Limits limits;
    read_limit(table, "min_free_swap", limits.min_free_swap,
               [&] { return reader.share_of(table, "min_free_swap"); });
    read_limit(table, "min_headroom", limits.min_headroom,
               [&] { return reader.share_of(table, "min_headroom"); });
    read_limit(table, "min_zram_saving", limits.min_zram_saving,
               [&] { return reader.share_of(table, "min_zram_saving"); });
    if (is_off(table.find("brake")))
        limits.brake.reset();
    else if (const auto brake = reader.table_in(table, "brake"))
        limits.brake = read_brake(reader, *brake);
    if (is_off(table.find("guard")))
        limits.guard.reset();
    else if (const auto guard = reader.table_in(table, "guard"))
        limits.guard = read_guard(reader, *guard);
    return limits;
}

}  // namespace damon_schemes

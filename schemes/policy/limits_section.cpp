// SPDX-License-Identifier: MIT
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

}  // namespace

Limits read_limits(TableReader& reader, const Table& table) {
    Limits limits;
    if (is_off(table.find("min_free_swap")))
        limits.min_free_swap.reset();
    else if (const auto share = reader.share_of(table, "min_free_swap"))
        limits.min_free_swap = *share;
    if (is_off(table.find("brake")))
        limits.brake.reset();
    else if (const auto brake = reader.table_in(table, "brake"))
        limits.brake = read_brake(reader, *brake);
    return limits;
}

}  // namespace damon_schemes

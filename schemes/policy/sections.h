// SPDX-License-Identifier: MIT
// What each table of a policy means, and whether its values go together.  Every function reads one
// table that is known to be one, tells what is wrong through the reader, and gives the defaults
// where it was.
#pragma once

#include <string>
#include <unordered_map>

#include "schemes/policy/checked_table.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// A page, the least that anything is done with.
inline constexpr Bytes least_size = kibibytes(4);
// TASK_COMM_LEN less the NUL: what is longer is cut by the kernel.
inline constexpr std::size_t longest_command_name = 15;

// Where the names of schemes were given, so that no two have the same.
using SchemeNames = std::unordered_map<std::string, Place>;

MonitorAttributes read_monitor(TableReader& reader, const Table& table);
TargetSelector read_target(TableReader& reader, const Table& table);
Scheme read_scheme(TableReader& reader, const Table& table, const MonitorAttributes& monitor,
                   SchemeNames& names);
Limits read_limits(TableReader& reader, const Table& table);
RefaultWatch read_refaults(TableReader& reader, const Table& table);

// `action`: the scheme's, nullopt where it is not known, so that nothing is checked by it.
// `scheme` is the table that may have them.
Quota read_quota(TableReader& reader, const Table& scheme, std::optional<Action> action);
std::vector<Filter> read_filters(TableReader& reader, const Table& scheme,
                                 std::optional<Action> action);
std::optional<Watermarks> read_watermarks(TableReader& reader, const Table& scheme);

}  // namespace damon_schemes

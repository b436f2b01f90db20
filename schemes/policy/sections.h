// SPDX-License-Identifier: MIT
// What each table of a policy means, and whether its values go together.  Every function reads one
// table that is known to be one, tells what is wrong through the reader, and gives the defaults
// where it was.
#pragma once

#include <optional>
#include <string>
#include <string_view>
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

// What [remote] says; whether such calls may be made at all is `remote_syscall` of the root.
RemoteBounds read_remote(TableReader& reader, const Table& table);

// Says of a control that it does not go with the action.  Whether it does.
bool goes_with(TableReader& reader, const Table& table, std::string_view key, bool sound,
               std::string reason, std::string_view suggestion);
// A duration in which there are snapshots; nullopt: it is not given, or is none.
std::optional<Duration> read_time_of_snapshots(TableReader& reader, const Table& table,
                                               std::string_view key, Duration aggregation);
// What only schemes that have to do with huge pages, and those that lock, can have.
void read_huge_page_controls(TableReader& reader, const Table& table, std::optional<Action> action,
                             Scheme& scheme);
void read_lock_controls(TableReader& reader, const Table& table, std::optional<Action> action,
                        const MonitorAttributes& monitor, Scheme& scheme);

// `action`: the scheme's, nullopt where it is not known, so that nothing is checked by it.
// `scheme` is the table that may have them.
Quota read_quota(TableReader& reader, const Table& scheme, std::optional<Action> action);
std::vector<Filter> read_filters(TableReader& reader, const Table& scheme,
                                 std::optional<Action> action);
std::optional<Watermarks> read_watermarks(TableReader& reader, const Table& scheme);

}  // namespace damon_schemes

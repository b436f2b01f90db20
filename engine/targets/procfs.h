// SPDX-License-Identifier: MIT
// What procfs says of a process, as values.  Paths are relative to a folder so that tests lay out
// their own. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemes/observation.h"

namespace damon_schemes {

class Descriptor;

// The whole of a file, read to its end (procfs gives files no size); nullopt: it cannot be opened
// or read, and errno says why.
std::optional<std::string> read_file(const std::string& path);
// The same, relative to an open folder: a descriptor of /proc/PID keeps meaning the same process
// after its pid was reused.
std::optional<std::string> read_file_at(int folder, const char* path);
// The whole of an open file that the kernel writes at once and in less than a page, such as stat
// and statm of a process, by one call.
std::optional<std::string> read_record(const Descriptor& file);

// The fields of /proc/PID/stat that the engine uses (proc(5)).
struct ProcessStat {
    std::int32_t pid = 0;
    std::string comm;
    char state = '?';
    std::int32_t parent = 0;
    bool kernel_thread = false;
    std::uint64_t minor_faults = 0;
    std::uint64_t major_faults = 0;
    std::uint64_t user_ticks = 0;  // of sysconf(_SC_CLK_TCK)
    std::uint64_t system_ticks = 0;
    std::uint64_t start_ticks = 0;  // since boot: a pid with a start time names a process for good
    Bytes rss;                      // a little behind where the kernel counts by processor

    bool zombie() const { return state == 'Z' || state == 'X' || state == 'x'; }
};
// nullopt: not a line of that form.
std::optional<ProcessStat> parse_process_stat(std::string_view line);
std::optional<ProcessStat> read_process_stat(std::int32_t pid, const std::string& proc);

// The value behind "Key:" in a file of such lines (status, meminfo, smaps_rollup), blanks around it
// cut off.
std::optional<std::string_view> value_of(std::string_view text, std::string_view key);
// The same for "Key:   123 kB".
std::optional<Bytes> kilobytes_of(std::string_view text, std::string_view key);
// The same for a plain number, decimal or (`base` 16) hexadecimal without a prefix.
std::optional<std::uint64_t> number_of(std::string_view text, std::string_view key, int base = 10);
std::optional<std::uint64_t> parse_number(std::string_view text, int base = 10);

// The pids that a mounted procfs lists, sorted.
std::vector<std::int32_t> list_pids(const std::string& proc);

}  // namespace damon_schemes

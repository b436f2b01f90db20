// SPDX-License-Identifier: MIT
// What the kernel keeps about each mapping of a process: VmFlags of /proc/PID/smaps.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "schemes/observation.h"
#include "schemes/range_set.h"

namespace damon_schemes {

struct MappingFlags {
    AddressRange range;
    bool hugepage = false;    // hg: MADV_HUGEPAGE was asked for
    bool nohugepage = false;  // nh: MADV_NOHUGEPAGE
    bool locked = false;      // lo: mlock(2) and its kin
    bool device = false;      // io, pf or ht: device memory or hugetlb, which locks nothing
};

// The text of /proc/PID/smaps, in its order.  A kernel without VmFlags says nothing of any.
std::vector<MappingFlags> parse_mapping_flags(std::string_view smaps);

// Reads the whole address space's, for which the kernel walks all its page tables: some
// milliseconds a GiB, with the target's mmap lock held for reading.  `process_folder` is an open
// /proc/PID.  nullopt: cannot be read; errno says why.  Any thread.
std::optional<std::vector<MappingFlags>> read_mapping_flags(int process_folder);

// Where they have a flag: `ranges_with(flags, &MappingFlags::locked)`.
RangeSet ranges_with(const std::vector<MappingFlags>& flags, bool MappingFlags::*flag);

}  // namespace damon_schemes

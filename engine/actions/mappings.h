// SPDX-License-Identifier: MIT
// What of an address space is mapped, from /proc/PID/maps.  Plain functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schemes/decide/conditions.h"
#include "schemes/observation.h"

namespace damon_schemes {

struct Mapping {
    AddressRange range;
    bool readable = false;
    bool writable = false;
    bool executable = false;
    bool shared = false;     // MAP_SHARED
    bool anonymous = false;  // no file behind it
    // The kernel's own pages in every program ([vdso], [vvar], …): nothing that could be advised.
    bool kernel_provided = false;
    std::string name;  // path, [heap], [stack], …; empty for plain anonymous memory
};

// The text of /proc/PID/maps; sorted by address, as the kernel writes it.  Lines of another form
// are left out: what is not known to be mapped is not acted on.
std::vector<Mapping> parse_mappings(std::string_view text);

// As filters know them.  The text is not read in one piece, so a target that changes its mappings
// meanwhile may have some in it twice: of those that overlap the first stays.
std::vector<MappedArea> areas_of(const std::vector<Mapping>& mappings);

// A part of a range that lies within one mapping.
struct MappedPart {
    AddressRange range;
    std::size_t mapping = 0;  // index
};

struct Clipped {
    std::vector<MappedPart>
        parts;  // sorted, disjoint, whole pages, within mappings that take advice
    Bytes unmapped;
    Bytes special;  // kernel-provided mappings, and parts of a page at the range's borders
};
// range.size() = parts + unmapped + special, always.
Clipped clip(AddressRange range, const std::vector<Mapping>& mappings, Bytes page_size);

}  // namespace damon_schemes

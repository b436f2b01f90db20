// SPDX-License-Identifier: MIT
// A scheme's filters, on what is known of memory: once when it is decided, by ranges, and once more
// when it is acted on, by pages.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemes/decide/conditions.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// What is known of a piece of memory that is the same throughout.  nullopt: not known (here).
struct FilterFacts {
    AddressRange range;
    std::string_view target_name;
    std::optional<std::string_view> cgroup;
    const MappedArea* mapping = nullptr;  // null: not known, unless:
    bool unmapped = false;                // nothing is mapped there, so nothing but addresses fits
    std::optional<bool> anonymous;        // else it is a file's, or shared
    std::optional<bool> huge_page;
    std::optional<bool> young;
};

struct FilterVerdict {
    enum class Kind : std::uint8_t { allowed, rejected, undecided } kind = Kind::allowed;
    std::optional<std::uint32_t> by;  // which filter; nullopt: none fitted (or there is none)
};
// undecided: the first filter that could fit asks for something that is not known.  Where
// `anonymous` is not said, the mapping may say it.  Of an address filter that a piece lies only
// half in, the safe half counts: a reject fits, an allow does not.
FilterVerdict judge(const std::vector<Filter>& filters, const FilterFacts& facts);

// Whether all of a mapping is anonymous, or none; nullopt where its pages differ, as they do where
// a file is mapped privately.  Memory that programs share is a file's, as pagemap has it (bit 61).
std::optional<bool> anonymity_of(const MappedArea& mapping);

// Whether the filters ask for anything that only a look at single pages tells (huge_page, young,
// and anonymous or file where a file is mapped privately), for mappings (also anonymous and file),
// for the target's name, or for its cgroup.
bool ask_for_pages(const std::vector<Filter>& filters);
bool ask_for_mappings(const std::vector<Filter>& filters);
bool ask_for_young(const std::vector<Filter>& filters);
bool ask_for_huge_pages(const std::vector<Filter>& filters);
bool ask_for_target(const std::vector<Filter>& filters);
bool ask_for_cgroup(const std::vector<Filter>& filters);

// A range cut where mappings and the filters' addresses begin and end, so that within each piece
// the facts are the same.  Pieces are sorted and cover the range; no mapping: unmapped.  Addresses
// are rounded to pages, to the safe side.  What was in `pieces` is replaced.
struct FilterPiece {
    AddressRange range;
    const MappedArea* mapping = nullptr;
};
void cut_for_filters(const std::vector<Filter>& filters, AddressRange range,
                     const std::vector<MappedArea>& mappings, std::vector<FilterPiece>& pieces);

}  // namespace damon_schemes

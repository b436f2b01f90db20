// SPDX-License-Identifier: MIT
#include "engine/actions/mapping_flags.h"

#include <algorithm>

#include "engine/actions/mappings.h"
#include "engine/targets/procfs.h"

namespace damon_schemes {

std::vector<MappingFlags> parse_mapping_flags(std::string_view smaps) {
    std::vector<MappingFlags> result;
    while (!smaps.empty()) {
        const std::string_view line = smaps.substr(0, smaps.find('\n'));
        smaps.remove_prefix(std::min(line.size() + 1, smaps.size()));
        // A mapping's own line starts with lower-case hexadecimal digits, those about it with a
        // capital.
        if (!line.empty() && (line.front() < 'A' || line.front() > 'Z')) {
            const auto found = parse_mappings(line);
            if (!found.empty()) result.push_back({found.front().range});
            continue;
        }
        auto flags = value_of(line, "VmFlags");
        if (!flags || result.empty()) continue;
        MappingFlags& mapping = result.back();
        while (!flags->empty()) {
            const std::string_view flag = flags->substr(0, flags->find(' '));
            flags->remove_prefix(std::min(flag.size() + 1, flags->size()));
            if (flag == "hg") mapping.hugepage = true;
            if (flag == "nh") mapping.nohugepage = true;
            if (flag == "lo") mapping.locked = true;
            if (flag == "io" || flag == "pf" || flag == "ht") mapping.device = true;
        }
    }
    return result;
}

std::optional<std::vector<MappingFlags>> read_mapping_flags(int process_folder) {
    const auto text = read_file_at(process_folder, "smaps");
    if (!text) return std::nullopt;
    return parse_mapping_flags(*text);
}

RangeSet ranges_with(const std::vector<MappingFlags>& flags, bool MappingFlags::*flag) {
    RangeSet set;
    for (const MappingFlags& mapping : flags)
        if (mapping.*flag) set.add(mapping.range);
    return set;
}

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include "engine/actions/mappings.h"

#include <algorithm>
#include <optional>

#include "engine/targets/procfs.h"

namespace damon_schemes {

namespace {

// Takes the next word off the front; empty at the end.
std::string_view take_word(std::string_view& line) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    const std::string_view word = line.substr(0, line.find(' '));
    line.remove_prefix(word.size());
    return word;
}

// start-end perms offset dev inode name; proc(5).
std::optional<Mapping> parse_mapping(std::string_view line) {
    const std::string_view range = take_word(line);
    const std::string_view permissions = take_word(line);
    take_word(line);  // offset
    take_word(line);  // device
    const auto inode = parse_number(take_word(line));
    const auto dash = range.find('-');
    if (dash == std::string_view::npos || permissions.size() != 4 || !inode) return std::nullopt;
    const auto start = parse_number(range.substr(0, dash), 16);
    const auto end = parse_number(range.substr(dash + 1), 16);
    if (!start || !end || *end <= *start) return std::nullopt;

    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    Mapping mapping;
    mapping.range = {*start, *end};
    mapping.readable = permissions[0] == 'r';
    mapping.writable = permissions[1] == 'w';
    mapping.executable = permissions[2] == 'x';
    mapping.shared = permissions[3] == 's';
    mapping.anonymous = *inode == 0;
    mapping.name = line;
    mapping.kernel_provided = line.starts_with("[vdso") || line.starts_with("[vvar") ||
                              line.starts_with("[vsyscall") || line.starts_with("[uprobes");
    return mapping;
}

}  // namespace

std::vector<Mapping> parse_mappings(std::string_view text) {
    std::vector<Mapping> mappings;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        if (auto mapping = parse_mapping(line)) mappings.push_back(std::move(*mapping));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    return mappings;
}

std::vector<MappedArea> areas_of(const std::vector<Mapping>& mappings) {
    std::vector<MappedArea> areas;
    areas.reserve(mappings.size());
    std::uint64_t reached = 0;
    for (const Mapping& mapping : mappings) {
        if (mapping.range.start < reached) continue;
        areas.push_back({mapping.range, !mapping.anonymous, mapping.shared, mapping.name});
        reached = mapping.range.end;
    }
    return areas;
}

Clipped clip(AddressRange range, const std::vector<Mapping>& mappings, Bytes page_size) {
    Clipped clipped;
    if (range.empty()) return clipped;
    const std::uint64_t mask = page_size.count - 1;
    const AddressRange pages{(range.start + mask) & ~mask, range.end & ~mask};
    if (pages.empty() || pages.start < range.start) {
        clipped.special = range.size();
        return clipped;
    }
    clipped.special = range.size() - pages.size();

    std::uint64_t reached = pages.start;
    auto next = std::partition_point(mappings.begin(), mappings.end(), [&](const Mapping& mapping) {
        return mapping.range.end <= pages.start;
    });
    for (; next != mappings.end() && next->range.start < pages.end; ++next) {
        const AddressRange part{std::max(reached, next->range.start),
                                std::min(pages.end, next->range.end)};
        if (part.empty()) continue;
        clipped.unmapped += Bytes{part.start - reached};
        if (next->kernel_provided) {
            clipped.special += part.size();
        } else {
            clipped.parts.push_back({part, static_cast<std::size_t>(next - mappings.begin())});
        }
        reached = part.end;
    }
    clipped.unmapped += Bytes{pages.end - reached};
    return clipped;
}

}  // namespace damon_schemes

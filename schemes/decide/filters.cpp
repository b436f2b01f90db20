// SPDX-License-Identifier: MIT
#include "schemes/decide/filters.h"

#include <algorithm>
#include <limits>

#include "schemes/pattern.h"

namespace damon_schemes {

namespace {

constexpr std::uint64_t page = 4096;

enum class Fit { no, yes, unknown };

Fit fit_if(bool fits) {
    return fits ? Fit::yes : Fit::no;
}

Fit fit_if(std::optional<bool> fits) {
    return fits ? fit_if(*fits) : Fit::unknown;
}

// The whole pages that an address filter speaks for: all that a reject touches, but only those that
// an allow covers.
AddressRange pages_of(const Filter& filter) {
    const auto down = [](std::uint64_t address) { return address / page * page; };
    const auto up = [&](std::uint64_t address) {
        constexpr std::uint64_t last = std::numeric_limits<std::uint64_t>::max() / page * page;
        return address > last ? address : down(address + page - 1);
    };
    const auto [start, end] = filter.range;
    return filter.allow ? AddressRange{up(start), down(end)} : AddressRange{down(start), up(end)};
}

Fit fits_anonymity(const FilterFacts& facts, bool wanted) {
    std::optional<bool> anonymous = facts.anonymous;
    if (!anonymous && facts.unmapped) return Fit::no;
    if (!anonymous && facts.mapping != nullptr) anonymous = anonymity_of(*facts.mapping);
    return anonymous ? fit_if(*anonymous == wanted) : Fit::unknown;
}

Fit fits(const Filter& filter, const FilterFacts& facts) {
    switch (filter.kind) {
        case FilterKind::anonymous:
            return fits_anonymity(facts, true);
        case FilterKind::file:
            return fits_anonymity(facts, false);
        case FilterKind::mapping:
            if (facts.mapping == nullptr) return facts.unmapped ? Fit::no : Fit::unknown;
            return fit_if(matches_pattern(facts.mapping->name, filter.pattern));
        case FilterKind::address: {
            const AddressRange pages = pages_of(filter);
            if (filter.allow)
                return fit_if(facts.range.start >= pages.start && facts.range.end <= pages.end);
            return fit_if(facts.range.start < pages.end && pages.start < facts.range.end);
        }
        case FilterKind::huge_page:
            return facts.unmapped ? Fit::no : fit_if(facts.huge_page);
        case FilterKind::young:
            return facts.unmapped ? Fit::no : fit_if(facts.young);
        case FilterKind::target:
            return fit_if(matches_pattern(facts.target_name, filter.pattern));
        case FilterKind::cgroup:
            if (!facts.cgroup) return Fit::unknown;
            return fit_if(matches_pattern(*facts.cgroup, filter.pattern));
    }
    return Fit::unknown;
}

template <typename... Kinds>
bool any_of_kind(const std::vector<Filter>& filters, Kinds... kinds) {
    return std::any_of(filters.begin(), filters.end(),
                       [&](const Filter& filter) { return ((filter.kind == kinds) || ...); });
}

}  // namespace

FilterVerdict judge(const std::vector<Filter>& filters, const FilterFacts& facts) {
    using Kind = FilterVerdict::Kind;
    for (std::size_t i = 0; i < filters.size(); ++i) {
        switch (fits(filters[i], facts)) {
            case Fit::yes:
                return {filters[i].allow ? Kind::allowed : Kind::rejected,
                        static_cast<std::uint32_t>(i)};
            case Fit::unknown:
                return {Kind::undecided, {}};
            case Fit::no:
                break;
        }
    }
    return {filters.empty() || !filters.back().allow ? Kind::allowed : Kind::rejected, {}};
}

std::optional<bool> anonymity_of(const MappedArea& mapping) {
    if (mapping.shared) return false;
    if (mapping.file) return std::nullopt;
    return true;
}

bool ask_for_pages(const std::vector<Filter>& filters) {
    return any_of_kind(filters, FilterKind::huge_page, FilterKind::young, FilterKind::anonymous,
                       FilterKind::file);
}

bool ask_for_mappings(const std::vector<Filter>& filters) {
    return any_of_kind(filters, FilterKind::mapping, FilterKind::anonymous, FilterKind::file);
}

bool ask_for_young(const std::vector<Filter>& filters) {
    return any_of_kind(filters, FilterKind::young);
}

bool ask_for_huge_pages(const std::vector<Filter>& filters) {
    return any_of_kind(filters, FilterKind::huge_page);
}

bool ask_for_target(const std::vector<Filter>& filters) {
    return any_of_kind(filters, FilterKind::target);
}

bool ask_for_cgroup(const std::vector<Filter>& filters) {
    return any_of_kind(filters, FilterKind::cgroup);
}

void cut_for_filters(const std::vector<Filter>& filters, AddressRange range,
                     const std::vector<MappedArea>& mappings, std::vector<FilterPiece>& pieces) {
    pieces.clear();
    auto mapping =
        std::partition_point(mappings.begin(), mappings.end(),
                             [&](const MappedArea& area) { return area.range.end <= range.start; });
    for (std::uint64_t position = range.start; position < range.end;) {
        FilterPiece piece{{position, range.end}, nullptr};
        const auto end_at = [&](std::uint64_t border) {
            if (border > position) piece.range.end = std::min(piece.range.end, border);
        };
        while (mapping != mappings.end() && mapping->range.end <= position) ++mapping;
        if (mapping != mappings.end()) {
            if (mapping->range.start > position) {
                end_at(mapping->range.start);
            } else {
                piece.mapping = &*mapping;
                end_at(mapping->range.end);
            }
        }
        for (const Filter& filter : filters) {
            if (filter.kind != FilterKind::address) continue;
            const AddressRange pages = pages_of(filter);
            end_at(pages.start);
            end_at(pages.end);
        }
        pieces.push_back(piece);
        position = piece.range.end;
    }
}

}  // namespace damon_schemes

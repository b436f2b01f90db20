// SPDX-License-Identifier: MIT
#include <array>
#include <limits>

#include "schemes/policy/sections.h"

namespace damon_schemes {

namespace {

constexpr auto kind_names = std::to_array<std::string_view>(
    {"anonymous", "file", "mapping", "address", "huge_page", "young", "target", "cgroup"});

constexpr bool has_pattern(FilterKind kind) {
    return kind == FilterKind::mapping || kind == FilterKind::target || kind == FilterKind::cgroup;
}

// Which is known only when a page is about to be acted on.
constexpr bool asks_for_pages_alone(FilterKind kind) {
    return kind == FilterKind::huge_page || kind == FilterKind::young;
}

// Its word and which key it stands under; nullopt: what is wrong has been told.
std::optional<FilterKind> read_kind(TableReader& reader, const Table& table, bool& allow) {
    const bool allows = table.find("allow") != nullptr;
    const bool rejects = table.find("reject") != nullptr;
    if (allows && rejects) {
        reader.fail_at_key(table, "allow", "this filter says both allow and reject",
                           "keep one of them; several filters take several [[scheme.filter]]");
        return std::nullopt;
    }
    if (!allows && !rejects) {
        reader.fail(table.place, table.shown, "this filter says neither allow nor reject",
                    "add reject = \"mapping\" or allow = \"anonymous\", whichever it is");
        return std::nullopt;
    }
    allow = allows;
    const auto kind = reader.word_of(table, allows ? "allow" : "reject", "filter", kind_names);
    if (!kind) return std::nullopt;
    return static_cast<FilterKind>(*kind);
}

void check_pattern(TableReader& reader, const Table& table, FilterKind kind,
                   const std::string& pattern) {
    const bool any = pattern.find('*') != std::string::npos;
    if (pattern.empty())
        reader.fail_at_value(table, "name", "'name' is empty, so nothing would fit",
                             "give a name, with * for any text and ? for any character");
    else if (kind == FilterKind::target && !any && pattern.size() > longest_command_name)
        reader.fail_at_value(
            table, "name",
            "'name' is longer than the 15 bytes that the kernel keeps of a command's name, so "
            "nothing could ever fit",
            "give it as ps -o comm shows it: \"" +
                shortened_for_message(pattern.substr(0, longest_command_name)) + "\"");
    else if (kind == FilterKind::cgroup &&
             std::string_view("/*?").find(pattern.front()) == std::string_view::npos)
        reader.fail_at_value(table, "name",
                             "the path of a cgroup begins with a slash, so nothing could ever fit",
                             "write \"/" + shortened_for_message(pattern) + "\" or \"*" +
                                 shortened_for_message(pattern) + "\"");
}

void read_pattern(TableReader& reader, const Table& table, std::string_view kind_name,
                  Filter& filter) {
    const std::string* pattern = reader.text_of(table, "name");
    if (has_pattern(filter.kind)) {
        if (table.find("name") == nullptr)
            reader.fail(table.place, table.shown_as("name"),
                        "a filter on " + quoted(kind_name) + " needs a name",
                        "add name = \"…\", with * for any text and ? for any character");
        if (pattern != nullptr) {
            check_pattern(reader, table, filter.kind, *pattern);
            filter.pattern = *pattern;
        }
    } else if (table.find("name") != nullptr) {
        reader.fail_at_key(table, "name", "a filter on " + quoted(kind_name) + " has no name",
                           "remove it; 'mapping', 'target' and 'cgroup' have one");
    }
}

// An address: it has to begin a page.
std::optional<std::uint64_t> read_address(TableReader& reader, const Table& table,
                                          std::string_view key) {
    const auto address = reader.number_of(table, key, 0, std::numeric_limits<std::int64_t>::max());
    if (!address || *address % least_size.count == 0) return address;
    reader.fail_at_value(table, key, quoted(key) + " is within a page, and pages are not divided",
                         "write a multiple of 4096, as /proc/PID/maps has them");
    return std::nullopt;
}

void read_addresses(TableReader& reader, const Table& table, std::string_view kind_name,
                    Filter& filter) {
    const auto start = read_address(reader, table, "start");
    const auto end = read_address(reader, table, "end");
    if (filter.kind != FilterKind::address) {
        for (const std::string_view key : {"start", "end"})
            if (table.find(key) != nullptr)
                reader.fail_at_key(table, key,
                                   "a filter on " + quoted(kind_name) + " has no addresses",
                                   "remove it; 'address' has them");
        return;
    }
    for (const std::string_view key : {"start", "end"})
        if (table.find(key) == nullptr)
            reader.fail(table.place, table.shown_as(key),
                        "a filter on 'address' needs 'start' and 'end'",
                        "add " + std::string(key) + " = 0x…, as /proc/PID/maps shows it");
    if (!start || !end) return;
    if (*start >= *end)
        reader.fail_at_value(table, "end",
                             "'end' is not above 'start', so no address lies between them",
                             "swap them, or write an 'end' above 'start'; 'end' itself is out");
    filter.range = {*start, *end};
}

}  // namespace

std::string_view name_of(FilterKind kind) {
    return kind_names[static_cast<std::size_t>(kind)];
}

std::vector<Filter> read_filters(TableReader& reader, const Table& scheme,
                                 std::optional<Action> action) {
    std::vector<Filter> filters;
    for (const Table& table : reader.tables_in(scheme, "filter")) {
        Filter filter;
        const auto kind = read_kind(reader, table, filter.allow);
        if (!kind) continue;
        filter.kind = *kind;
        read_pattern(reader, table, name_of(*kind), filter);
        read_addresses(reader, table, name_of(*kind), filter);
        if (asks_for_pages_alone(*kind) && action && *action != Action::pageout &&
            *action != Action::cold)
            reader.fail_at_value(
                table, filter.allow ? "allow" : "reject",
                "'" + std::string(name_of(*action)) +
                    "' looks at no single pages, which alone tell " +
                    (*kind == FilterKind::young ? "whether they are young"
                                                : "whether a huge page backs them"),
                "remove the filter, or use it with 'pageout' or 'cold'");
        filters.push_back(std::move(filter));
    }
    return filters;
}

}  // namespace damon_schemes

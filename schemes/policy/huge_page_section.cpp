// SPDX-License-Identifier: MIT
#include "schemes/policy/sections.h"

namespace damon_schemes {

namespace {

constexpr Share whole{1'000'000};

void read_present(TableReader& reader, const Table& table, Share& present) {
    if (table.node->members.empty())
        reader.fail(table.place, table.shown, "'present' does not say how much",
                    "write for example { min = \"50%\" }");
    if (const auto min = reader.share_of(table, "min")) present = *min;
}

void read_growth(TableReader& reader, const Table& table, Growth& growth) {
    growth.bytes = reader.size_of(table, "bytes");
    growth.share = reader.share_of(table, "share");
    if (table.node->members.empty())
        reader.fail(table.place, table.shown, "this growth says neither bytes nor share",
                    "write for example { bytes = \"64MiB\", share = \"5%\" }");
}

}  // namespace

void read_huge_page_controls(TableReader& reader, const Table& table, std::optional<Action> action,
                             Scheme& scheme) {
    const std::string name = action ? quoted(name_of(*action)) : std::string();
    const bool collapsing = !action || *action == Action::collapse;
    const std::string makes_none = name + " makes no huge pages";
    constexpr std::string_view use_collapse = "remove it, or use it with 'collapse'";
    if (goes_with(reader, table, "present", collapsing, makes_none, use_collapse))
        if (const auto present = reader.table_in(table, "present"))
            read_present(reader, *present, scheme.present);
    if (goes_with(reader, table, "growth", collapsing, makes_none + ", so nothing grows by it",
                  use_collapse))
        if (const auto growth = reader.table_in(table, "growth"))
            read_growth(reader, *growth, scheme.growth);
    if (action == Action::collapse && scheme.split_huge_pages)
        reader.fail_at_value(table, "split_huge_pages",
                             "'collapse' takes whole 2 MiB alone, and splits nothing", "remove it");
    if (action == Action::collapse && scheme.present == whole && scheme.growth.any())
        reader.fail_at_key(table, "growth",
                           "with present = { min = \"100%\" } nothing grows by a collapse, so "
                           "there is nothing to limit",
                           "remove one of the two");
}

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include <limits>

#include "schemes/policy/sections.h"

namespace damon_schemes {

namespace {

void check_command_name(TableReader& reader, const Table& table, const std::string& name) {
    if (name.empty())
        reader.fail_at_value(table, "name", "'name' is empty",
                             "give the command's name, as ps -o comm shows it");
    else if (name.front() == '/')
        reader.fail_at_value(
            table, "name", "'name' is a path; the command's name is expected",
            "give it as ps -o comm shows it: \"" +
                shortened_for_message(name.substr(name.rfind('/') + 1, longest_command_name)) +
                "\"");
    else if (name.size() > longest_command_name)
        reader.fail_at_value(
            table, "name",
            "'name' is longer than the 15 bytes that the kernel keeps of a command's name, so "
            "nothing could ever match",
            "give it as ps -o comm shows it: \"" +
                shortened_for_message(name.substr(0, longest_command_name)) + "\"");
}

}  // namespace

TargetSelector read_target(TableReader& reader, const Table& table) {
    TargetSelector target;
    const bool pid = table.find("pid") != nullptr;
    const bool name = table.find("name") != nullptr;
    if (const auto number =
            reader.number_of(table, "pid", 1, std::numeric_limits<std::int32_t>::max()))
        target.pid = static_cast<std::int32_t>(*number);
    if (const std::string* text = reader.text_of(table, "name")) {
        target.name = *text;
        check_command_name(reader, table, *text);
    }
    if (!pid && !name)
        reader.fail(table.place, table.shown, "this target says neither pid nor name",
                    "add name = \"redis-server\" or pid = 4242, whichever it is");
    if (pid && name)
        reader.fail_at_key(table, "pid", "this target says both pid and name",
                           "keep one of them; several targets take several [[target]]");
    if (const auto all = reader.truth_of(table, "all")) {
        target.all = *all;
        if (*all && !name && pid)
            reader.fail_at_key(table, "all", "'all' goes with a name; a pid is one process",
                               "remove it");
    }
    return target;
}

}  // namespace damon_schemes

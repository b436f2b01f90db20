// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <system_error>

#include "schemes/pattern.h"
#include "schemes/policy/sections.h"

namespace damon_schemes {

namespace {

// Units that have a cgroup (systemd.unit(5)).
constexpr auto unit_kinds =
    std::to_array<std::string_view>({".service", ".scope", ".slice", ".socket", ".mount", ".swap"});
// What a rule may ask for.
constexpr auto conditions =
    std::to_array<std::string_view>({"name", "executable", "user", "unit", "cgroup", "min_rss"});
// (uid_t)-1 is no user (setreuid(2)).
constexpr std::uint64_t greatest_uid = std::numeric_limits<std::uint32_t>::max() - 1;

bool begins_with_wildcard(std::string_view pattern) {
    return has_wildcards(pattern.substr(0, 1));
}

void check_command_name(TableReader& reader, const Table& table, const std::string& name) {
    // The least that a text has that fits.
    const auto stars = static_cast<std::size_t>(std::count(name.begin(), name.end(), '*'));
    if (name.empty())
        reader.fail_at_value(table, "name", "'name' is empty",
                             "give the command's name, as ps -o comm shows it");
    else if (name.front() == '/')
        reader.fail_at_value(
            table, "name", "'name' is a path; the command's name is expected",
            "give it as ps -o comm shows it: \"" +
                shortened_for_message(name.substr(name.rfind('/') + 1, longest_command_name)) +
                "\"; 'executable' goes by the path");
    else if (name.size() - stars > longest_command_name)
        reader.fail_at_value(
            table, "name",
            "'name' is longer than the 15 bytes that the kernel keeps of a command's name, so "
            "nothing could ever match",
            has_wildcards(name)
                ? "shorten it; 'executable' goes by the path, however long"
                : "give it as ps -o comm shows it: \"" +
                      shortened_for_message(name.substr(0, longest_command_name)) + "\"");
}

// Paths that begin at the root.
void check_path(TableReader& reader, const Table& table, std::string_view key,
                std::string_view whose, const std::string& path) {
    if (path.empty())
        reader.fail_at_value(table, key, quoted(key) + " is empty, so nothing would fit",
                             "give a path, with * for any text and ? for any character");
    else if (path.front() != '/' && !begins_with_wildcard(path))
        reader.fail_at_value(
            table, key,
            "the path of " + std::string(whose) + " begins with a slash, so nothing could ever fit",
            "write \"/" + shortened_for_message(path) + "\" or \"*/" + shortened_for_message(path) +
                "\"");
    else if (path.size() > 1 && path.back() == '/')
        reader.fail_at_value(table, key,
                             "the path of " + std::string(whose) +
                                 " does not end with a slash, so nothing could ever fit",
                             "write \"" + shortened_for_message(path) +
                                 "*\" for what is below it, or leave the slash out");
}

void check_unit(TableReader& reader, const Table& table, const std::string& unit) {
    if (unit.empty())
        reader.fail_at_value(table, "unit", "'unit' is empty, so nothing would fit",
                             "give a unit's name, as systemctl status shows it");
    else if (unit.find('/') != std::string::npos)
        reader.fail_at_value(table, "unit", "'unit' is a path; the name of one unit is expected",
                             "name the innermost unit, or use 'cgroup' for a path");
    else if (!is_unit_name(unit) && !has_wildcards(unit.substr(unit.size() - 1)))
        reader.fail_at_value(
            table, "unit",
            "the name of a unit that has processes ends in .service, .scope, .slice, .socket, "
            ".mount or .swap, so nothing could ever fit",
            "write \"" + shortened_for_message(unit) + ".service\", or whichever it is");
}

void check_user(TableReader& reader, const Table& table, const std::string& user) {
    if (user.empty())
        return reader.fail_at_value(table, "user", "'user' is empty, so nothing would fit",
                                    "give a login name, or a uid in quotes");
    if (user.find_first_not_of("0123456789") != std::string::npos) return;
    std::uint64_t uid = 0;
    const auto read = std::from_chars(user.data(), user.data() + user.size(), uid);
    if (read.ec != std::errc() || uid > greatest_uid)
        reader.fail_at_value(table, "user",
                             "there is no uid " + shortened_for_message(user) + ": they end at " +
                                 std::to_string(greatest_uid),
                             "give a uid as id -u shows it, or a login name");
}

void check_pid_alone(TableReader& reader, const Table& table) {
    for (const std::string_view key : conditions) {
        if (table.find(key) == nullptr) continue;
        reader.fail_at_key(table, "pid", "this target says both pid and " + std::string(key),
                           "keep one of them; several targets take several [[target]]");
        return;
    }
    const Node* all = table.find("all");
    if (all != nullptr && all->kind == Node::Kind::boolean && all->boolean)
        reader.fail_at_key(table, "all", "'all' goes with a name; a pid is one process",
                           "remove it");
}

// A rule takes what fits, however many.
void read_all(TableReader& reader, const Table& table, TargetSelector& target) {
    const auto all = reader.truth_of(table, "all");
    target.all = all.value_or(false);
    if (!target.is_rule()) return;
    if (all && !*all)
        reader.fail_at_value(table, "all",
                             "a target with wildcards or conditions besides its name is every "
                             "process that fits",
                             "remove it, or give nothing but a plain name");
    target.all = true;
}

}  // namespace

bool TargetSelector::is_rule() const {
    return executable || user || unit || cgroup || min_rss || (name && has_wildcards(*name));
}

bool is_unit_name(std::string_view name) {
    return std::any_of(unit_kinds.begin(), unit_kinds.end(), [&](std::string_view kind) {
        return name.size() > kind.size() && name.ends_with(kind);
    });
}

TargetSelector read_target(TableReader& reader, const Table& table) {
    TargetSelector target;
    if (const auto number =
            reader.number_of(table, "pid", 1, std::numeric_limits<std::int32_t>::max()))
        target.pid = static_cast<std::int32_t>(*number);
    if (const std::string* text = reader.text_of(table, "name")) {
        target.name = *text;
        check_command_name(reader, table, *text);
    }
    if (const std::string* text = reader.text_of(table, "executable")) {
        target.executable = *text;
        check_path(reader, table, "executable", "an executable", *text);
    }
    if (const std::string* text = reader.text_of(table, "user")) {
        target.user = *text;
        check_user(reader, table, *text);
    }
    if (const std::string* text = reader.text_of(table, "unit")) {
        target.unit = *text;
        check_unit(reader, table, *text);
    }
    if (const std::string* text = reader.text_of(table, "cgroup")) {
        target.cgroup = *text;
        check_path(reader, table, "cgroup", "a cgroup", *text);
    }
    target.min_rss = reader.size_of(table, "min_rss");
    read_all(reader, table, target);
    if (table.find("pid") != nullptr)
        check_pid_alone(reader, table);
    else if (std::none_of(conditions.begin(), conditions.end(),
                          [&](std::string_view key) { return table.find(key) != nullptr; }))
        reader.fail(table.place, table.shown,
                    "this target says neither pid nor name, nor anything else of its processes",
                    "add name = \"redis-server\", pid = 4242 or unit = \"postgresql*\", whichever "
                    "it is");
    return target;
}

}  // namespace damon_schemes

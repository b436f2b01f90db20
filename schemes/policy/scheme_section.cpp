// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <vector>

#include "schemes/policy/sections.h"

namespace damon_schemes {

namespace {

constexpr std::size_t longest_scheme_name = 64;

constexpr auto action_names =
    std::to_array<std::string_view>({"pageout", "cold", "willneed", "stat", "collapse", "hugepage",
                                     "nohugepage", "mlock", "munlock"});
static_assert(action_names.size() == action_count);
// Actions that DAMON has, and this version does not.
constexpr auto other_actions =
    std::to_array<std::string_view>({"lru_prio", "lru_deprio", "migrate_hot", "migrate_cold"});

// "'pageout', 'cold' and 'stat'", all of them; or "\"pageout\", … or \"munlock\"", those that act.
std::string listed_actions(bool all) {
    std::vector<std::string> words;
    for (const std::string_view name : action_names)
        if (all || acts(*action_named(name)))
            words.push_back(all ? quoted(name) : "\"" + std::string(name) + "\"");
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i)
        text += (i == 0 ? "" : i + 1 < words.size() ? ", " : all ? " and " : " or ") + words[i];
    return text;
}

void read_name(TableReader& reader, const Table& table, SchemeNames& names, Scheme& scheme) {
    const Node* node = table.find("name");
    if (node == nullptr) {
        reader.fail_at_key(table, "name", "this scheme has no name",
                           "add name = \"cold\", or whatever it is for");
        return;
    }
    const std::string* name = reader.text_of(table, "name");
    if (name == nullptr) return;
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    const bool sound = !name->empty() && name->size() <= longest_scheme_name &&
                       letter(name->front()) &&
                       std::all_of(name->begin(), name->end(), [&](char c) {
                           return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_';
                       });
    if (!sound) {
        reader.fail_at_value(table, "name", "a scheme cannot have this name",
                             "use a letter, then letters, digits, '-' and '_', at most 64 in all");
        return;
    }
    const auto [known, fresh] = names.emplace(*name, node->place);
    if (!fresh)
        reader.fail_at_value(table, "name",
                             "the name " + quoted(*name) + " is taken" +
                                 (known->second.line == 0 ? std::string(" by another scheme")
                                                          : " by the scheme at line " +
                                                                std::to_string(known->second.line)),
                             "give each scheme a name of its own");
    scheme.name = *name;
}

// nullopt: it is not known, so nothing can be checked by it.
std::optional<Action> read_action(TableReader& reader, const Table& table) {
    if (table.find("action") == nullptr) {
        reader.fail_at_key(
            table, "action", "this scheme has no action",
            "add action = \"stat\" to count what matches, or " + listed_actions(false));
        return std::nullopt;
    }
    const std::string* word = reader.text_of(table, "action");
    if (word == nullptr) return std::nullopt;
    if (const auto action = action_named(*word)) return action;
    if (std::find(other_actions.begin(), other_actions.end(), *word) != other_actions.end())
        reader.fail_at_value(table, "action",
                             "this version does not have the action " + quoted(*word),
                             "it has " + listed_actions(true));
    else
        reader.fail_at_value(table, "action",
                             "unknown action " + quoted(shortened_for_message(*word)),
                             suggest_word(*word, action_names));
    return std::nullopt;
}

template <typename T>
void check_range(TableReader& reader, const Table& table, const Range<T>& range) {
    if (range.min && range.max && *range.max < *range.min)
        reader.fail_at_value(table, "min",
                             "'min' (" + to_string(*range.min) + ") is above 'max' (" +
                                 to_string(*range.max) + "), so nothing could match",
                             "swap them, or drop one");
}

void read_size(TableReader& reader, const Table& table, const MonitorAttributes& monitor,
               Range<Bytes>& size) {
    size.min = reader.size_of(table, "min");
    size.max = reader.size_of(table, "max");
    check_range(reader, table, size);
    if (size.max && *size.max < monitor.min_region_size)
        reader.fail_at_value(table, "max",
                             "'max' (" + to_string(*size.max) +
                                 ") is below monitor.min_region_size (" +
                                 to_string(monitor.min_region_size) + "), so nothing could match",
                             "raise it, or lower monitor.min_region_size");
}

// Ages are counted in aggregation intervals: is there a multiple of it between the two?
void check_age_step(TableReader& reader, const Table& table, const Range<Duration>& age,
                    Duration interval) {
    if (!age.min || !age.max || *age.max < *age.min) return;
    const Duration first = (*age.min + interval - Duration(1)) / interval * interval;
    if (first <= *age.max) return;
    reader.fail_at_value(table, "max",
                         "ages are counted in aggregation intervals (" + to_string(interval) +
                             "), and none lies between 'min' (" + to_string(*age.min) +
                             ") and 'max' (" + to_string(*age.max) + "), so nothing could match",
                         "set 'max' to at least \"" + to_string(first) + "\"");
}

Floor read_floor(TableReader& reader, const Table& table) {
    Floor floor;
    floor.rss = reader.size_of(table, "rss");
    floor.share = reader.share_of(table, "share");
    if (table.node->members.empty())
        reader.fail(table.place, table.shown, "this floor says neither rss nor share",
                    "write for example { rss = \"64MiB\", share = \"20%\" }");
    if (floor.share == Share{1'000'000})
        reader.fail_at_value(table, "share", "all memory stays, so the scheme could never act",
                             "write less than \"100%\"");
    return floor;
}

constexpr Duration longest_idle = std::chrono::seconds(30);

bool is_age(const Node* node) {
    return node != nullptr && node->kind == Node::Kind::string && node->string == "age";
}

std::optional<Verify> read_verify(TableReader& reader, const Table& table) {
    if (table.find("idle") == nullptr)
        reader.fail(table.place, table.shown_as("idle"),
                    "'verify' does not say for how long pages have to stay idle",
                    "write for example { idle = \"2s\" }");
    if (is_age(table.find("idle"))) return Verify{{}, true};
    const auto idle = reader.duration_of(table, "idle");
    if (!idle) return std::nullopt;
    if (*idle < std::chrono::milliseconds(1) || *idle > longest_idle)
        reader.fail_at_value(table, "idle",
                             "'idle' is " + to_string(*idle) + ", which is out of its range",
                             "write a duration from \"1ms\" to \"30s\", or \"age\"");
    return Verify{*idle};
}

// Where each page has to stay idle for the scheme's age, there must be one, and not too long.
void check_verified_age(TableReader& reader, const Table& table, const Scheme& scheme) {
    if (!scheme.verify || !scheme.verify->of_age) return;
    const auto verify = reader.table_in(table, "verify");
    if (!verify) return;
    const auto fail = [&](std::string message, std::string suggestion) {
        reader.fail_at_value(*verify, "idle", std::move(message), std::move(suggestion));
    };
    const auto& least = scheme.age.min;
    if (!least || *least < std::chrono::milliseconds(1))
        fail("'idle' is the scheme's age.min, and the scheme has none",
             "add age = { min = \"5s\" }, or write a duration here");
    else if (const Duration most = scheme.tune ? std::max(*least, scheme.tune->max) : *least;
             most > longest_idle)
        fail(
            "'idle' is the scheme's age.min, which may become " + to_string(most) +
                " here, and pages are watched for 30s at most",
            scheme.tune ? "write tune.age = { max = \"30s\" }" : "write age.min = \"30s\" or less");
    else if (scheme.age.max)
        fail(
            "'idle' is the scheme's age.min, so the ages of regions play no part, and age.max is "
            "one",
            "remove age.max, or write a duration here");
}

// What age.min may become: by the policy, or a tenth and ten times of what it begins at.
void read_tuned_ages(TableReader& reader, const Table& tune, const Scheme& scheme,
                     Duration aggregation, Tune& result) {
    const Duration begin = *scheme.age.min;
    result.min = std::max(begin / 10, aggregation);
    result.max = std::min(begin * 10, longest_duration);
    if (scheme.age.max) result.max = std::min(result.max, *scheme.age.max);
    const auto table = reader.table_in(tune, "age");
    if (!table) return;
    const auto least = reader.duration_of(*table, "min");
    const auto most = reader.duration_of(*table, "max");
    if (least) result.min = *least;
    if (most) result.max = *most;
    if (least && most && *most < *least)
        return reader.fail_at_value(
            *table, "min",
            "'min' (" + to_string(*least) + ") is above 'max' (" + to_string(*most) + ")",
            "swap them, or drop one");
    if (least && *least < aggregation)
        reader.fail_at_value(*table, "min",
                             "'min' (" + to_string(*least) +
                                 ") is shorter than monitor.aggregation_interval (" +
                                 to_string(aggregation) + "), which ages are counted in",
                             "write at least \"" + to_string(aggregation) + "\"");
    else if (least && *least > begin)
        reader.fail_at_value(*table, "min",
                             "'min' (" + to_string(*least) + ") is above the scheme's age.min (" +
                                 to_string(begin) + "), which tuning begins at",
                             "write at most \"" + to_string(begin) + "\", or raise age.min");
    if (most && *most < begin)
        reader.fail_at_value(*table, "max",
                             "'max' (" + to_string(*most) + ") is below the scheme's age.min (" +
                                 to_string(begin) + "), which tuning begins at",
                             "write at least \"" + to_string(begin) + "\", or lower age.min");
    else if (most && scheme.age.max && *most > *scheme.age.max)
        reader.fail_at_value(*table, "max",
                             "'max' (" + to_string(*most) + ") is above the scheme's age.max (" +
                                 to_string(*scheme.age.max) + "), so nothing could match there",
                             "write at most \"" + to_string(*scheme.age.max) + "\"");
}

std::optional<Tune> read_tune(TableReader& reader, const Table& table, const Scheme& scheme,
                              Duration aggregation) {
    Tune tune;
    if (table.find("refaults") == nullptr)
        reader.fail(table.place, table.shown_as("refaults"),
                    "'tune' does not say how much may come back",
                    "write for example { refaults = \"1%\" }");
    if (const auto refaults = reader.share_of(table, "refaults")) {
        tune.refaults = *refaults;
        if (*refaults == Share{} || *refaults == Share{1'000'000})
            reader.fail_at_value(table, "refaults",
                                 "a share of " + to_string(*refaults) + " can " +
                                     (*refaults == Share{} ? "never be kept" : "never be missed"),
                                 "write a share between 0% and 100%, such as \"1%\"");
    }
    if (!scheme.age.min) {
        reader.fail(table.place, table.shown, "'tune' moves age.min, and the scheme has none",
                    "add age = { min = \"10s\" }, or whatever it is to begin at");
        return std::nullopt;
    }
    if (*scheme.age.min < aggregation) {
        reader.fail(table.place, table.shown,
                    "'tune' moves age.min, and here that (" + to_string(*scheme.age.min) +
                        ") is shorter than monitor.aggregation_interval (" +
                        to_string(aggregation) + "), which ages are counted in",
                    "raise age.min to at least \"" + to_string(aggregation) + "\"");
        return std::nullopt;
    }
    read_tuned_ages(reader, table, scheme, aggregation, tune);
    return tune;
}

// The controls that only some actions can have.
void read_controls_of_action(TableReader& reader, const Table& table, std::optional<Action> action,
                             Duration aggregation, Scheme& scheme) {
    const std::string name = action ? quoted(name_of(*action)) : std::string();
    const bool acting = !action || acts(*action);
    const bool paging_out = !action || *action == Action::pageout;
    const std::string only_counts =
        "a scheme that only counts cannot have this: it counts whatever "
        "its pattern fits, in each snapshot";
    const std::string_view let_it_act =
        "remove it, or give the scheme an action that does something";
    if (goes_with(reader, table, "apply_interval", acting, only_counts, let_it_act))
        scheme.apply_interval =
            read_time_of_snapshots(reader, table, "apply_interval", aggregation);
    if (goes_with(reader, table, "min_rss", acting, only_counts, let_it_act))
        scheme.min_rss = reader.size_of(table, "min_rss");
    if (goes_with(reader, table, "filter", acting, only_counts, let_it_act))
        scheme.filters = read_filters(reader, table, action);
    if (goes_with(reader, table, "cool_down", acting,
                  "a scheme that only counts has nothing to cool down from",
                  "remove it, or give the scheme an action that does something"))
        scheme.cool_down = reader.duration_of(table, "cool_down");
    if (goes_with(reader, table, "floor", paging_out,
                  name + " takes nothing out of memory, so it needs no floor",
                  "remove it, or use it with 'pageout'"))
        if (const auto floor = reader.table_in(table, "floor"))
            scheme.floor = read_floor(reader, *floor);
    if (goes_with(reader, table, "verify", paging_out,
                  "only 'pageout' verifies that pages are idle, not " + name,
                  "remove it, or use it with 'pageout'"))
        if (const auto verify = reader.table_in(table, "verify"))
            scheme.verify = read_verify(reader, *verify);
    if (goes_with(reader, table, "tune", paging_out,
                  name + " pages nothing out, so there are no refaults to tune by",
                  "remove it, or use it with 'pageout'"))
        if (const auto tune = reader.table_in(table, "tune"))
            scheme.tune = read_tune(reader, *tune, scheme, aggregation);
    check_verified_age(reader, table, scheme);
}

}  // namespace

std::optional<Duration> read_time_of_snapshots(TableReader& reader, const Table& table,
                                               std::string_view key, Duration aggregation) {
    const auto time = reader.duration_of(table, key);
    if (time && *time < aggregation)
        reader.fail_at_value(table, key,
                             "'" + std::string(key) + "' (" + to_string(*time) +
                                 ") is shorter than monitor.aggregation_interval (" +
                                 to_string(aggregation) + "), and there is nothing new in between",
                             "write at least \"" + to_string(aggregation) + "\"");
    return time;
}

bool goes_with(TableReader& reader, const Table& table, std::string_view key, bool sound,
               std::string reason, std::string_view suggestion) {
    if (sound) return true;
    if (table.find(key) != nullptr)
        reader.fail_at_key(table, key, std::move(reason), std::string(suggestion));
    return false;
}

std::string_view name_of(Action action) {
    return action_names[static_cast<std::size_t>(action)];
}

std::optional<Action> action_named(std::string_view name) {
    const auto found = std::find(action_names.begin(), action_names.end(), name);
    if (found == action_names.end()) return std::nullopt;
    return static_cast<Action>(found - action_names.begin());
}

Scheme read_scheme(TableReader& reader, const Table& table, const MonitorAttributes& monitor,
                   SchemeNames& names) {
    Scheme scheme;
    read_name(reader, table, names, scheme);
    const auto action = read_action(reader, table);
    if (action) scheme.action = *action;
    if (const auto size = reader.table_in(table, "size"))
        read_size(reader, *size, monitor, scheme.size);
    if (const auto frequency = reader.table_in(table, "frequency")) {
        scheme.frequency.min = reader.share_of(*frequency, "min");
        scheme.frequency.max = reader.share_of(*frequency, "max");
        check_range(reader, *frequency, scheme.frequency);
    }
    if (const auto age = reader.table_in(table, "age")) {
        scheme.age.min = reader.duration_of(*age, "min");
        scheme.age.max = reader.duration_of(*age, "max");
        check_range(reader, *age, scheme.age);
        check_age_step(reader, *age, scheme.age, monitor.aggregation_interval);
    }
    scheme.quota = read_quota(reader, table, action);
    scheme.watermarks = read_watermarks(reader, table);
    read_controls_of_action(reader, table, action, monitor.aggregation_interval, scheme);
    if (const auto allow = reader.truth_of(table, "allow_unseen_accesses"))
        scheme.allow_unseen_accesses = *allow;
    if (const auto split = reader.truth_of(table, "split_huge_pages"))
        scheme.split_huge_pages = *split;
    read_huge_page_controls(reader, table, action, scheme);
    read_lock_controls(reader, table, action, monitor, scheme);
    return scheme;
}

}  // namespace damon_schemes

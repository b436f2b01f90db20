// SPDX-License-Identifier: MIT
#include "schemes/policy/reader.h"

#include <algorithm>
#include <array>
#include <limits>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "schemes/policy/document.h"
#include "schemes/policy/keys.h"
#include "schemes/policy/spelling.h"
#include "schemes/quantity.h"

namespace damon_schemes {

namespace {

constexpr std::uint64_t page = 4096;
// TASK_COMM_LEN less the NUL: what is longer is cut by the kernel.
constexpr std::size_t longest_command_name = 15;
constexpr std::size_t longest_scheme_name = 64;

constexpr auto action_names =
    std::to_array<std::string_view>({"pageout", "cold", "willneed", "stat"});
// Actions that DAMON has, or that this project is going to have, and this version does not.
constexpr auto other_actions =
    std::to_array<std::string_view>({"hugepage", "nohugepage", "collapse", "mlock", "munlock",
                                     "lru_prio", "lru_deprio", "migrate_hot", "migrate_cold"});
constexpr auto tlb_names = std::to_array<std::string_view>({"auto", "none", "page", "full"});

std::string quoted(std::string_view text) {
    return "'" + std::string(text) + "'";
}

std::string_view kind_of(const Node& node) {
    switch (node.kind) {
        case Node::Kind::string:
            return "text";
        case Node::Kind::integer:
            return "a whole number";
        case Node::Kind::floating:
            return "a number";
        case Node::Kind::boolean:
            return "true or false";
        case Node::Kind::date_time:
            return "a date or time";
        case Node::Kind::table:
            return "a table";
        case Node::Kind::array:
            return "an array";
    }
    return "something else";
}

// A table of the policy: where it is known by (a path of policy_keys()) and how messages call it.
struct Table {
    const Node* node = nullptr;
    std::string path;   // "scheme.age"
    std::string shown;  // "scheme.cold.age"
    Place place;        // where to point for what is missing

    const Node* find(std::string_view key) const {
        const Member* member = node == nullptr ? nullptr : node->find(key);
        return member == nullptr ? nullptr : &member->value;
    }
    Place key_place(std::string_view key) const {
        const Member* member = node == nullptr ? nullptr : node->find(key);
        return member == nullptr ? place : member->place;
    }
    std::string path_of(std::string_view key) const {
        return path.empty() ? std::string(key) : path + "." + std::string(key);
    }
    std::string shown_as(std::string_view key) const {
        return shown.empty() ? std::string(key) : shown + "." + std::string(key);
    }
};

std::string title_of(std::string_view path) {
    if (path.empty()) return "at the top level of a policy";
    if (path == "scheme" || path == "target") return "in [[" + std::string(path) + "]]";
    if (path == "monitor" || path == "limits") return "in [" + std::string(path) + "]";
    return "in " + quoted(path);
}

const PolicyKey* key_at(std::string_view path) {
    for (const PolicyKey& key : policy_keys())
        if (key.path == path) return &key;
    return nullptr;
}

class PolicyChecker {
  public:
    PolicyChecker(const Document& document, std::vector<PolicyError>& errors)
        : document_(document), errors_(errors) {}

    void check(Policy& policy) {
        const Table root{&document_.root, "", "", {0, 1, 1, 1, 1}};
        check_version(root);
        check_keys(root);
        if (const auto monitor = table_in(root, "monitor")) check_monitor(*monitor, policy.monitor);
        if (const auto limits = table_in(root, "limits")) check_limits(*limits, policy.limits);
        for (const Table& target : tables_in(root, "target")) check_target(target, policy.targets);
        const Node* schemes = root.find("scheme");
        if (schemes == nullptr || (schemes->kind == Node::Kind::array && schemes->elements.empty()))
            fail(root.place, "scheme", "the policy has no scheme, so it does nothing",
                 "add a [[scheme]] with a name and an action");
        for (const Table& scheme : tables_in(root, "scheme"))
            check_scheme(scheme, policy.monitor, policy.schemes);
    }

  private:
    void fail(const Place& place, std::string key, std::string message, std::string suggestion) {
        ++found_;
        if (errors_.size() < max_policy_errors)
            errors_.push_back(document_.error_at(place, std::move(key), std::move(message),
                                                 std::move(suggestion)));
    }

    void fail_type(const Table& table, std::string_view key, const Node& node) {
        const PolicyKey* known = key_at(table.path_of(key));
        std::string suggestion;
        const std::string_view example = known == nullptr               ? std::string_view()
                                         : known->default_value.empty() ? known->example
                                                                        : known->default_value;
        if (!example.empty() &&
            (known->type == KeyType::size || known->type == KeyType::duration ||
             known->type == KeyType::share) &&
            (node.kind == Node::Kind::integer || node.kind == Node::Kind::floating))
            suggestion = "put it in quotes, with its unit: " + std::string(key) + " = " +
                         std::string(example);
        else if (!example.empty())
            suggestion = "write for example " + std::string(key) + " = " + std::string(example);
        else
            suggestion =
                "write [" + table.path_of(key) + "] on a line of its own, and its keys below";
        fail(node.place, table.shown_as(key),
             quoted(key) + " is " + std::string(kind_of(node)) + ", but " +
                 std::string(known == nullptr ? "something else" : known->expected) +
                 " is expected",
             std::move(suggestion));
    }

    // Every key of the table must be one of the reader's.
    void check_keys(const Table& table) {
        if (table.node == nullptr) return;
        for (const Member& member : table.node->members) {
            if (key_at(table.path_of(member.key)) != nullptr) continue;
            // What nobody is going to see needs no suggestion.
            if (errors_.size() >= max_policy_errors) {
                ++found_;
                continue;
            }
            fail(member.place, table.shown_as(shorten(member.key)),
                 "unknown key " + quoted(shorten(member.key)) + " " + title_of(table.path),
                 suggest_key(table.path, member.key));
        }
    }

    static std::string shorten(std::string_view text) {
        if (text.size() <= 80) return std::string(text);
        std::size_t end = 80;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
        return std::string(text.substr(0, end)) + "…";
    }

    static std::string suggest_key(std::string_view table, std::string_view written) {
        std::vector<std::string_view> here;
        std::vector<std::string_view> meant;
        for (const PolicyKey& key : policy_keys()) {
            const auto dot = key.path.rfind('.');
            const std::string_view parent =
                dot == std::string_view::npos ? std::string_view() : key.path.substr(0, dot);
            if (parent != table) continue;
            here.push_back(key.path.substr(dot == std::string_view::npos ? 0 : dot + 1));
            meant.push_back(here.back());
        }
        for (const KeyAlias& alias : policy_key_aliases()) {
            if (alias.table != table) continue;
            here.push_back(alias.written);
            meant.push_back(alias.meant);
        }
        // Right, but in the wrong place?
        for (const PolicyKey& key : policy_keys()) {
            const auto dot = key.path.rfind('.');
            if (dot == std::string_view::npos || key.path.substr(dot + 1) != written) continue;
            const std::string_view parent = key.path.substr(0, dot);
            if (parent.find('.') == std::string_view::npos && written != "name" &&
                !nearest(written, here))
                return "it belongs " + title_of(parent);
        }
        if (const auto near = nearest(written, here)) {
            const auto at =
                static_cast<std::size_t>(std::find(here.begin(), here.end(), *near) - here.begin());
            return meant[at].find(' ') == std::string_view::npos
                       ? "did you mean " + quoted(meant[at]) + "?"
                       : "did you mean " + std::string(meant[at]) + "?";
        }
        std::string known = "the keys here are ";
        bool first = true;
        for (std::size_t i = 0; i < here.size() && here[i] == meant[i]; ++i) {
            known += (first ? "" : ", ") + std::string(here[i]);
            first = false;
        }
        return known;
    }

    std::optional<Table> table_in(const Table& parent, std::string_view key) {
        const Node* node = parent.find(key);
        if (node == nullptr) return std::nullopt;
        if (node->kind != Node::Kind::table) {
            if (node->kind == Node::Kind::array && !node->elements.empty() &&
                node->elements.front().kind == Node::Kind::table && parent.path.empty())
                fail(parent.key_place(key), std::string(key),
                     "there can be only one [" + std::string(key) + "]",
                     "write [" + std::string(key) + "], with single brackets");
            else
                fail_type(parent, key, *node);
            return std::nullopt;
        }
        Table table{node, parent.path_of(key), parent.shown_as(key), parent.key_place(key)};
        check_keys(table);
        return table;
    }

    std::vector<Table> tables_in(const Table& parent, std::string_view key) {
        std::vector<Table> tables;
        const Node* node = parent.find(key);
        if (node == nullptr) return tables;
        if (node->kind == Node::Kind::table) {
            fail(parent.key_place(key), std::string(key),
                 "there can be several of " + quoted(key) + ", so its brackets are double",
                 "write [[" + std::string(key) + "]]");
            return tables;
        }
        if (node->kind != Node::Kind::array) {
            fail(node->place, std::string(key),
                 quoted(key) + " is " + std::string(kind_of(*node)) + ", but tables are expected",
                 "write [[" + std::string(key) + "]] on a line of its own, and its keys below");
            return tables;
        }
        for (std::size_t i = 0; i < node->elements.size(); ++i) {
            const Node& element = node->elements[i];
            std::string shown = std::string(key) + "." + std::to_string(i);
            if (element.kind != Node::Kind::table) {
                fail(element.place, std::move(shown),
                     "this is " + std::string(kind_of(element)) + ", but a table is expected",
                     "write [[" + std::string(key) + "]] on a line of its own, and its keys below");
                continue;
            }
            if (const Member* name = element.find("name");
                key == "scheme" && name != nullptr && name->value.kind == Node::Kind::string)
                shown = std::string(key) + "." + shorten(name->value.string);
            tables.push_back({&element, std::string(key), std::move(shown), element.place});
            check_keys(tables.back());
        }
        return tables;
    }

    // The value of a key that is text with a meaning.
    template <typename T>
    std::optional<T> quantity_of(const Table& table, std::string_view key,
                                 QuantityReading<T> (*parse)(std::string_view)) {
        const Node* node = table.find(key);
        if (node == nullptr) return std::nullopt;
        if (node->kind != Node::Kind::string) {
            fail_type(table, key, *node);
            return std::nullopt;
        }
        QuantityReading<T> reading = parse(node->string);
        if (!reading)
            fail(node->place, table.shown_as(key), quoted(key) + ": " + reading.message,
                 reading.suggestion);
        return reading.value;
    }
    std::optional<Duration> duration_of(const Table& table, std::string_view key) {
        return quantity_of<Duration>(table, key, parse_duration);
    }
    std::optional<Share> share_of(const Table& table, std::string_view key) {
        return quantity_of<Share>(table, key, parse_share);
    }
    // A whole number is a number of bytes.
    std::optional<Bytes> size_of(const Table& table, std::string_view key) {
        const Node* node = table.find(key);
        if (node == nullptr || node->kind != Node::Kind::integer)
            return quantity_of<Bytes>(table, key, parse_bytes);
        if (node->integer >= 0) return Bytes{static_cast<std::uint64_t>(node->integer)};
        fail(node->place, table.shown_as(key), quoted(key) + ": a size cannot be negative",
             "write a size such as \"4KiB\"");
        return std::nullopt;
    }

    std::optional<std::uint64_t> number_of(const Table& table, std::string_view key,
                                           std::uint64_t least, std::uint64_t most) {
        const Node* node = table.find(key);
        if (node == nullptr) return std::nullopt;
        if (node->kind != Node::Kind::integer) {
            fail_type(table, key, *node);
            return std::nullopt;
        }
        if (node->integer < 0 || static_cast<std::uint64_t>(node->integer) < least ||
            static_cast<std::uint64_t>(node->integer) > most) {
            fail(node->place, table.shown_as(key),
                 quoted(key) + " is " + std::to_string(node->integer) +
                     ", which is out of its range",
                 "write a whole number from " + std::to_string(least) + " to " +
                     std::to_string(most));
            return std::nullopt;
        }
        return static_cast<std::uint64_t>(node->integer);
    }

    std::optional<bool> truth_of(const Table& table, std::string_view key) {
        const Node* node = table.find(key);
        if (node == nullptr) return std::nullopt;
        if (node->kind == Node::Kind::boolean) return node->boolean;
        fail_type(table, key, *node);
        return std::nullopt;
    }

    const std::string* text_of(const Table& table, std::string_view key) {
        const Node* node = table.find(key);
        if (node == nullptr) return nullptr;
        if (node->kind == Node::Kind::string) return &node->string;
        fail_type(table, key, *node);
        return nullptr;
    }

    static bool is_off(const Node* node) {
        return node != nullptr && node->kind == Node::Kind::string && node->string == "off";
    }

    // Place of a value, or of its table where it is not given.
    static Place place_in(const Table& table, std::string_view key) {
        const Node* node = table.find(key);
        return node == nullptr ? table.place : node->place;
    }

    void check_version(const Table& root) {
        if (root.find("version") == nullptr) {
            fail(root.place, "version",
                 "the policy does not say which version of the format it has",
                 "add version = 1 as its first line");
            return;
        }
        const Node& node = *root.find("version");
        if (node.kind != Node::Kind::integer)
            fail_type(root, "version", node);
        else if (node.integer != 1)
            fail(node.place, "version",
                 "version " + std::to_string(node.integer) + " of the format is not known",
                 "this program takes version = 1; a newer one may take more");
    }

    void check_monitor(const Table& table, MonitorAttributes& monitor) {
        // Whether it is the policy's or the default, so that its order says something.
        const auto interval = [&](std::string_view key, Duration& into) {
            const Node* node = table.find(key);
            if (node == nullptr) return true;
            const auto duration = duration_of(table, key);
            if (!duration) return false;
            if (*duration < std::chrono::microseconds(1) ||
                *duration % std::chrono::microseconds(1) != Duration::zero()) {
                fail(node->place, table.shown_as(key),
                     quoted(key) + " is " + to_string(*duration) +
                         "; intervals are whole microseconds, at least 1us",
                     "write an interval such as \"5ms\"");
                return false;
            }
            into = *duration;
            return true;
        };
        const bool sampling = interval("sampling_interval", monitor.sampling_interval);
        const bool aggregation = interval("aggregation_interval", monitor.aggregation_interval);
        const bool update = interval("update_interval", monitor.update_interval);
        if (sampling && aggregation)
            check_interval_order(table, "sampling_interval", monitor.sampling_interval,
                                 "aggregation_interval", monitor.aggregation_interval);
        if (aggregation && update)
            check_interval_order(table, "aggregation_interval", monitor.aggregation_interval,
                                 "update_interval", monitor.update_interval);

        if (const auto regions = table_in(table, "regions")) {
            constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
            bool sound = true;
            const auto count = [&](std::string_view key, std::uint32_t& into) {
                const auto number = number_of(*regions, key, 3, most);
                if (number)
                    into = static_cast<std::uint32_t>(*number);
                else if (regions->find(key) != nullptr)
                    sound = false;
            };
            count("min", monitor.min_regions);
            count("max", monitor.max_regions);
            if (sound && monitor.min_regions > monitor.max_regions)
                fail(regions->place, regions->shown,
                     "the least number of regions, " + std::to_string(monitor.min_regions) +
                         ", is above the most, " + std::to_string(monitor.max_regions),
                     "set both, min <= max; the defaults are 10 and 1000");
        }
        if (const Node* node = table.find("min_region_size")) {
            if (const auto size = size_of(table, "min_region_size")) {
                const std::uint64_t bytes = size->count;
                if (bytes < page || (bytes & (bytes - 1)) != 0)
                    fail(node->place, table.shown_as("min_region_size"),
                         "'min_region_size' is " + to_string(*size) +
                             "; it has to be a power of two and at least a page, 4KiB",
                         "write for example \"4KiB\" or \"2MiB\"");
                else
                    monitor.min_region_size = *size;
            }
        }
        if (const std::string* word = text_of(table, "tlb")) {
            const auto found = std::find(tlb_names.begin(), tlb_names.end(), *word);
            if (found == tlb_names.end())
                fail(table.find("tlb")->place, table.shown_as("tlb"),
                     "unknown TLB policy " + quoted(shorten(*word)),
                     suggest_word(*word, tlb_names));
            else
                monitor.tlb = static_cast<TlbPolicy>(found - tlb_names.begin());
        }
    }

    // 0 < sampling <= aggregation <= update, the missing ones being the defaults.
    void check_interval_order(const Table& table, std::string_view shorter, Duration a,
                              std::string_view longer, Duration b) {
        if (a <= b) return;
        // Point at the one that the policy sets; at the shorter one if it sets both.
        const std::string_view set = table.find(shorter) != nullptr ? shorter : longer;
        const std::string_view other = set == shorter ? longer : shorter;
        const auto described = [&](std::string_view key, Duration value) {
            return quoted(key) + " (" + to_string(value) +
                   (table.find(key) == nullptr ? ", the default)" : ")");
        };
        fail(place_in(table, set), table.shown_as(set),
             described(shorter, a) + " is longer than " + described(longer, b),
             "sampling_interval <= aggregation_interval <= update_interval; set " + quoted(other) +
                 (table.find(other) == nullptr ? " too" : " accordingly"));
    }

    static std::string suggest_word(std::string_view word,
                                    std::span<const std::string_view> words) {
        if (const auto near = nearest(word, words)) return "did you mean " + quoted(*near) + "?";
        std::string all;
        for (std::size_t i = 0; i < words.size(); ++i)
            all += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + quoted(words[i]);
        return "write " + all;
    }

    void check_limits(const Table& table, Limits& limits) {
        if (const Node* swap = table.find("min_free_swap")) {
            if (is_off(swap))
                limits.min_free_swap.reset();
            else if (const auto share = share_of(table, "min_free_swap"))
                limits.min_free_swap = *share;
        }
        if (is_off(table.find("brake"))) {
            limits.brake.reset();
        } else if (const auto brake = table_in(table, "brake")) {
            Limits::Brake set;
            if (const auto faults = number_of(*brake, "faults_per_second", 1, 1'000'000'000))
                set.faults_per_second = *faults;
            if (const auto times = number_of(*brake, "times", 1, 1'000'000))
                set.times = static_cast<std::uint32_t>(*times);
            if (const auto pause = duration_of(*brake, "pause")) {
                set.pause = *pause;
                if (*pause < std::chrono::seconds(1))
                    fail(place_in(*brake, "pause"), brake->shown_as("pause"),
                         "'pause' is " + to_string(*pause) +
                             ", which is too short to brake anything",
                         "write at least \"1s\", or brake = \"off\"");
            }
            limits.brake = set;
        }
    }

    void check_target(const Table& table, std::vector<TargetSelector>& targets) {
        TargetSelector target;
        const Node* pid = table.find("pid");
        const Node* name = table.find("name");
        if (const auto number =
                number_of(table, "pid", 1, std::numeric_limits<std::int32_t>::max()))
            target.pid = static_cast<std::int32_t>(*number);
        if (const std::string* text = text_of(table, "name")) {
            target.name = *text;
            if (text->empty())
                fail(name->place, table.shown_as("name"), "'name' is empty",
                     "give the command's name, as ps -o comm shows it");
            else if (text->front() == '/')
                fail(name->place, table.shown_as("name"),
                     "'name' is a path; the command's name is expected",
                     "give it as ps -o comm shows it: \"" +
                         shorten(text->substr(text->rfind('/') + 1, longest_command_name)) + "\"");
            else if (text->size() > longest_command_name)
                fail(name->place, table.shown_as("name"),
                     "'name' is longer than the 15 bytes that the kernel keeps of a command's "
                     "name, so nothing "
                     "could ever match",
                     "give it as ps -o comm shows it: \"" +
                         shorten(text->substr(0, longest_command_name)) + "\"");
        }
        if (pid == nullptr && name == nullptr)
            fail(table.place, table.shown, "this target says neither pid nor name",
                 "add name = \"redis-server\" or pid = 4242, whichever it is");
        if (pid != nullptr && name != nullptr)
            fail(table.key_place("pid"), table.shown_as("pid"),
                 "this target says both pid and name",
                 "keep one of them; several targets take several [[target]]");
        if (const auto all = truth_of(table, "all")) {
            target.all = *all;
            if (*all && name == nullptr && pid != nullptr)
                fail(table.key_place("all"), table.shown_as("all"),
                     "'all' goes with a name; a pid is one process", "remove it");
        }
        targets.push_back(std::move(target));
    }

    template <typename T>
    void check_range(const Table& table, Range<T>& range) {
        if (range.min && range.max && *range.max < *range.min)
            fail(place_in(table, "min"), table.shown_as("min"),
                 "'min' (" + to_string(*range.min) + ") is above 'max' (" + to_string(*range.max) +
                     "), so nothing could match",
                 "swap them, or drop one");
    }

    void check_scheme(const Table& table, const MonitorAttributes& monitor,
                      std::vector<Scheme>& schemes) {
        Scheme scheme;
        check_scheme_name(table, scheme);
        const bool action = check_action(table, scheme);
        if (const auto size = table_in(table, "size")) {
            scheme.size.min = size_of(*size, "min");
            scheme.size.max = size_of(*size, "max");
            check_range(*size, scheme.size);
            if (scheme.size.max && *scheme.size.max < monitor.min_region_size)
                fail(place_in(*size, "max"), size->shown_as("max"),
                     "'max' (" + to_string(*scheme.size.max) +
                         ") is below monitor.min_region_size (" +
                         to_string(monitor.min_region_size) + "), so nothing could match",
                     "raise it, or lower monitor.min_region_size");
        }
        if (const auto frequency = table_in(table, "frequency")) {
            scheme.frequency.min = share_of(*frequency, "min");
            scheme.frequency.max = share_of(*frequency, "max");
            check_range(*frequency, scheme.frequency);
        }
        if (const auto age = table_in(table, "age")) {
            scheme.age.min = duration_of(*age, "min");
            scheme.age.max = duration_of(*age, "max");
            check_range(*age, scheme.age);
            check_age_step(*age, scheme.age, monitor.aggregation_interval);
        }
        check_quota(table, scheme, action);
        if (const auto allow = truth_of(table, "allow_unseen_accesses"))
            scheme.allow_unseen_accesses = *allow;
        if (const auto split = truth_of(table, "split_huge_pages"))
            scheme.split_huge_pages = *split;
        schemes.push_back(std::move(scheme));
    }

    void check_scheme_name(const Table& table, Scheme& scheme) {
        const Node* node = table.find("name");
        if (node == nullptr) {
            fail(table.place, table.shown_as("name"), "this scheme has no name",
                 "add name = \"cold\", or whatever it is for");
            return;
        }
        const std::string* name = text_of(table, "name");
        if (name == nullptr) return;
        const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
        const bool sound = !name->empty() && name->size() <= longest_scheme_name &&
                           letter(name->front()) &&
                           std::all_of(name->begin(), name->end(), [&](char c) {
                               return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_';
                           });
        if (!sound) {
            fail(node->place, table.shown_as("name"), "a scheme cannot have this name",
                 "use a letter, then letters, digits, '-' and '_', at most 64 in all");
            return;
        }
        const auto [known, fresh] = names_.emplace(*name, node->place);
        if (!fresh)
            fail(node->place, table.shown_as("name"),
                 "the name " + quoted(*name) + " is taken" +
                     (known->second.line == 0
                          ? std::string(" by another scheme")
                          : " by the scheme at line " + std::to_string(known->second.line)),
                 "give each scheme a name of its own");
        scheme.name = *name;
    }

    // Whether the scheme's action is known, so that checks may go by it.
    bool check_action(const Table& table, Scheme& scheme) {
        const Node* node = table.find("action");
        if (node == nullptr) {
            fail(table.place, table.shown_as("action"), "this scheme has no action",
                 "add action = \"stat\" to count what matches, or \"pageout\", \"cold\" or "
                 "\"willneed\"");
            return false;
        }
        const std::string* word = text_of(table, "action");
        if (word == nullptr) return false;
        if (const auto action = action_named(*word)) {
            scheme.action = *action;
            return true;
        }
        if (std::find(other_actions.begin(), other_actions.end(), *word) != other_actions.end())
            fail(node->place, table.shown_as("action"),
                 "this version does not have the action " + quoted(*word),
                 "it has 'pageout', 'cold', 'willneed' and 'stat'");
        else
            fail(node->place, table.shown_as("action"), "unknown action " + quoted(shorten(*word)),
                 suggest_word(*word, action_names));
        return false;
    }

    // Ages are counted in aggregation intervals: is there a multiple of it between the two?
    void check_age_step(const Table& table, const Range<Duration>& age, Duration interval) {
        if (!age.min || !age.max || *age.max < *age.min) return;
        const Duration first = (*age.min + interval - Duration(1)) / interval * interval;
        if (first <= *age.max) return;
        fail(place_in(table, "max"), table.shown_as("max"),
             "ages are counted in aggregation intervals (" + to_string(interval) +
                 "), and none lies between 'min' (" + to_string(*age.min) + ") and 'max' (" +
                 to_string(*age.max) + "), so nothing could match",
             "set 'max' to at least \"" + to_string(first) + "\"");
    }

    void check_quota(const Table& table, Scheme& scheme, bool action_known) {
        const Node* node = table.find("quota");
        if (action_known && scheme.action == Action::pageout)
            scheme.quota = default_pageout_quota();
        if (is_off(node)) {
            scheme.quota.bytes.reset();
            scheme.quota.time.reset();
            return;
        }
        const auto quota = table_in(table, "quota");
        if (!quota) return;
        if (action_known && scheme.action == Action::stat)
            fail(table.key_place("quota"), quota->shown,
                 "a scheme that only counts cannot have a quota",
                 "remove it, or give the scheme an action that does something");

        if (is_off(quota->find("bytes"))) {
            scheme.quota.bytes.reset();
        } else if (const auto bytes = size_of(*quota, "bytes")) {
            scheme.quota.bytes = *bytes;
            if (bytes->count < page)
                fail(place_in(*quota, "bytes"), quota->shown_as("bytes"),
                     "'bytes' is less than a page, 4KiB, so the scheme could never act",
                     "write at least \"4KiB\", or \"off\" for no limit");
        }
        if (const auto per = duration_of(*quota, "per")) {
            if (*per < std::chrono::milliseconds(1))
                fail(place_in(*quota, "per"), quota->shown_as("per"),
                     "'per' is " + to_string(*per) + ", which is too short for a window",
                     "write at least \"1ms\"");
            else
                scheme.quota.per = *per;
        }
        if (is_off(quota->find("time"))) {
            scheme.quota.time.reset();
        } else if (const auto time = duration_of(*quota, "time")) {
            scheme.quota.time = *time;
            if (*time <= Duration::zero())
                fail(place_in(*quota, "time"), quota->shown_as("time"),
                     "'time' is 0, so the scheme could never act",
                     "write for example \"10ms\", or \"off\" for no limit");
        }
        if (scheme.quota.time && *scheme.quota.time > scheme.quota.per)
            fail(
                quota->find("time") != nullptr ? place_in(*quota, "time") : place_in(*quota, "per"),
                quota->shown_as(quota->find("time") != nullptr ? "time" : "per"),
                "'time' (" + to_string(*scheme.quota.time) +
                    ") is more than the whole window, 'per' (" + to_string(scheme.quota.per) + ")",
                "write less, or time = \"off\"");
        if (quota->find("per") != nullptr && !scheme.quota.bytes && !scheme.quota.time)
            fail(quota->key_place("per"), quota->shown_as("per"),
                 "a window without a limit of bytes or time limits nothing",
                 "set bytes or time, or remove 'per'");
    }

    const Document& document_;
    std::vector<PolicyError>& errors_;
    std::unordered_map<std::string, Place> names_;

  public:
    std::size_t found_ = 0;
};

bool is_blank(std::string_view text) {
    while (!text.empty()) {
        const auto end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        const auto first = line.find_first_not_of(" \t\r");
        if (first != std::string_view::npos && line[first] != '#') return false;
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return true;
}

}  // namespace

std::string_view name_of(Action action) {
    return action_names[static_cast<std::size_t>(action)];
}

std::optional<Action> action_named(std::string_view name) {
    const auto found = std::find(action_names.begin(), action_names.end(), name);
    if (found == action_names.end()) return std::nullopt;
    return static_cast<Action>(found - action_names.begin());
}

std::string to_string(const PolicyError& error) {
    std::string text = error.source;
    if (error.line != 0) {
        text += ':' + std::to_string(error.line);
        if (error.column != 0) text += ':' + std::to_string(error.column);
    }
    text += ": " + error.message;
    if (!error.suggestion.empty()) text += "; " + error.suggestion;
    if (error.excerpt.empty() || error.excerpt_column == 0) return text;

    const std::string number = std::to_string(error.line);
    text +=
        "\n  " + number + " | " + error.excerpt + "\n  " + std::string(number.size(), ' ') + " | ";
    // Tabs are copied, so that the caret stands where the text stands, however wide they are shown.
    std::uint32_t column = 1;
    for (const char c : error.excerpt) {
        if (column >= error.excerpt_column) break;
        if ((static_cast<unsigned char>(c) & 0xC0U) == 0x80U) continue;
        text += c == '\t' ? '\t' : ' ';
        ++column;
    }
    text += '^';
    const auto characters = std::count_if(error.text.begin(), error.text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    });
    if (characters > 1) text.append(static_cast<std::size_t>(characters) - 1, '~');
    return text;
}

PolicyReading read_policy(std::string_view text, const PolicyReadOptions& options) {
    PolicyReading reading;
    // Some editors begin a file with a byte order mark.
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    // What is too large is told so below, whatever it holds.
    if (text.size() <= max_policy_bytes && is_blank(text)) {
        PolicyError error;
        error.source = options.source;
        error.message = "the policy is empty";
        error.suggestion = "policies/observe.toml is a small one to start from";
        reading.errors.push_back(std::move(error));
        return reading;
    }
    DocumentReading parsed = parse_document(text, options);
    reading.errors = std::move(parsed.errors);
    if (!parsed.parsed) return reading;

    std::vector<PolicyError> errors;
    PolicyChecker checker(parsed.document, errors);
    checker.check(reading.policy);
    reading.errors.insert(reading.errors.end(), std::make_move_iterator(errors.begin()),
                          std::make_move_iterator(errors.end()));
    // The file's in the order of their lines, then the command line's.
    std::stable_sort(reading.errors.begin(), reading.errors.end(),
                     [](const PolicyError& a, const PolicyError& b) {
                         const auto rank = [](const PolicyError& error) {
                             return std::tuple(error.line == 0, error.line, error.column);
                         };
                         return rank(a) < rank(b);
                     });
    if (checker.found_ > errors.size()) {
        PolicyError more;
        more.source = options.source;
        more.message =
            "there are " + std::to_string(checker.found_ - errors.size()) + " more errors";
        more.suggestion = "correct these first";
        reading.errors.push_back(std::move(more));
    }
    return reading;
}

}  // namespace damon_schemes

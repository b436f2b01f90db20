// SPDX-License-Identifier: MIT
#include "schemes/policy/checked_table.h"

#include <algorithm>
#include <utility>

#include "schemes/policy/keys.h"
#include "schemes/policy/spelling.h"

namespace damon_schemes {

namespace {

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

const PolicyKey* key_at(std::string_view path) {
    for (const PolicyKey& key : policy_keys())
        if (key.path == path) return &key;
    return nullptr;
}

std::string title_of(std::string_view path) {
    if (path.empty()) return "at the top level of a policy";
    const PolicyKey* key = key_at(path);
    if (key != nullptr && key->type == KeyType::tables) return "in [[" + std::string(path) + "]]";
    if (path.find('.') == std::string_view::npos) return "in [" + std::string(path) + "]";
    return "in " + quoted(path);
}

std::string suggest_key(std::string_view table, std::string_view written) {
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
    // Right, but in the wrong place?  What only resembles it here is less likely meant.
    const bool said_here = std::find(here.begin(), here.end(), written) != here.end();
    for (const PolicyKey& key : policy_keys()) {
        const auto dot = key.path.rfind('.');
        if (dot == std::string_view::npos || key.path.substr(dot + 1) != written) continue;
        const std::string_view parent = key.path.substr(0, dot);
        if (parent.find('.') == std::string_view::npos && written != "name" && !said_here)
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

}  // namespace

const Node* Table::find(std::string_view key) const {
    const Member* member = node == nullptr ? nullptr : node->find(key);
    return member == nullptr ? nullptr : &member->value;
}

Place Table::key_place(std::string_view key) const {
    const Member* member = node == nullptr ? nullptr : node->find(key);
    return member == nullptr ? place : member->place;
}

Place Table::value_place(std::string_view key) const {
    const Node* value = find(key);
    return value == nullptr ? place : value->place;
}

std::string Table::path_of(std::string_view key) const {
    return path.empty() ? std::string(key) : path + "." + std::string(key);
}

std::string Table::shown_as(std::string_view key) const {
    return shown.empty() ? std::string(key) : shown + "." + std::string(key);
}

std::string quoted(std::string_view text) {
    return "'" + std::string(text) + "'";
}

std::string shortened_for_message(std::string_view text) {
    if (text.size() <= 80) return std::string(text);
    std::size_t end = 80;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    return std::string(text.substr(0, end)) + "…";
}

std::string suggest_word(std::string_view word, std::span<const std::string_view> words) {
    if (const auto near = nearest(word, words)) return "did you mean " + quoted(*near) + "?";
    std::string all;
    for (std::size_t i = 0; i < words.size(); ++i)
        all += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + quoted(words[i]);
    return "write " + all;
}

bool is_off(const Node* node) {
    return node != nullptr && node->kind == Node::Kind::string && node->string == "off";
}

void TableReader::fail(const Place& place, std::string key, std::string message,
                       std::string suggestion) {
    ++found_;
    if (errors_.size() < max_policy_errors)
        errors_.push_back(
            document_.error_at(place, std::move(key), std::move(message), std::move(suggestion)));
}

void TableReader::fail_at_value(const Table& table, std::string_view key, std::string message,
                                std::string suggestion) {
    fail(table.value_place(key), table.shown_as(key), std::move(message), std::move(suggestion));
}

void TableReader::fail_at_key(const Table& table, std::string_view key, std::string message,
                              std::string suggestion) {
    fail(table.key_place(key), table.shown_as(key), std::move(message), std::move(suggestion));
}

void TableReader::fail_type(const Table& table, std::string_view key, const Node& node) {
    const PolicyKey* known = key_at(table.path_of(key));
    std::string suggestion;
    const std::string_view example = known == nullptr               ? std::string_view()
                                     : known->default_value.empty() ? known->example
                                                                    : known->default_value;
    if (!example.empty() &&
        (known->type == KeyType::size || known->type == KeyType::duration ||
         known->type == KeyType::share) &&
        (node.kind == Node::Kind::integer || node.kind == Node::Kind::floating))
        suggestion =
            "put it in quotes, with its unit: " + std::string(key) + " = " + std::string(example);
    else if (!example.empty())
        suggestion = "write for example " + std::string(key) + " = " + std::string(example);
    else
        suggestion = "write [" + table.path_of(key) + "] on a line of its own, and its keys below";
    fail(node.place, table.shown_as(key),
         quoted(key) + " is " + std::string(kind_of(node)) + ", but " +
             std::string(known == nullptr ? "something else" : known->expected) + " is expected",
         std::move(suggestion));
}

// Every key of the table must be one of the reader's.
void TableReader::check_keys(const Table& table) {
    if (table.node == nullptr) return;
    for (const Member& member : table.node->members) {
        if (key_at(table.path_of(member.key)) != nullptr) continue;
        // What nobody is going to see needs no suggestion.
        if (errors_.size() >= max_policy_errors) {
            ++found_;
            continue;
        }
        const std::string written = shortened_for_message(member.key);
        fail(member.place, table.shown_as(written),
             "unknown key " + quoted(written) + " " + title_of(table.path),
             suggest_key(table.path, member.key));
    }
}

Table TableReader::root() {
    Table table{&document_.root, "", "", {0, 1, 1, 1, 1}};
    check_keys(table);
    return table;
}

std::optional<Table> TableReader::table_in(const Table& parent, std::string_view key) {
    const Node* node = parent.find(key);
    if (node == nullptr) return std::nullopt;
    if (node->kind != Node::Kind::table) {
        if (node->kind == Node::Kind::array && !node->elements.empty() &&
            node->elements.front().kind == Node::Kind::table && parent.path.empty())
            fail_at_key(parent, key, "there can be only one [" + std::string(key) + "]",
                        "write [" + std::string(key) + "], with single brackets");
        else
            fail_type(parent, key, *node);
        return std::nullopt;
    }
    Table table{node, parent.path_of(key), parent.shown_as(key), parent.key_place(key)};
    check_keys(table);
    return table;
}

std::vector<Table> TableReader::tables_in(const Table& parent, std::string_view key) {
    std::vector<Table> tables;
    const Node* node = parent.find(key);
    if (node == nullptr) return tables;
    const std::string header = "[[" + parent.path_of(key) + "]]";
    if (node->kind == Node::Kind::table) {
        fail_at_key(parent, key,
                    "there can be several of " + quoted(key) + ", so its brackets are double",
                    "write " + header);
        return tables;
    }
    if (node->kind != Node::Kind::array) {
        fail_at_value(
            parent, key,
            quoted(key) + " is " + std::string(kind_of(*node)) + ", but tables are expected",
            "write " + header + " on a line of its own, and its keys below");
        return tables;
    }
    for (std::size_t i = 0; i < node->elements.size(); ++i) {
        const Node& element = node->elements[i];
        std::string shown = parent.shown_as(key) + "." + std::to_string(i);
        if (element.kind != Node::Kind::table) {
            fail(element.place, std::move(shown),
                 "this is " + std::string(kind_of(element)) + ", but a table is expected",
                 "write " + header + " on a line of its own, and its keys below");
            continue;
        }
        if (const Member* name = element.find("name");
            key == "scheme" && name != nullptr && name->value.kind == Node::Kind::string)
            shown = std::string(key) + "." + shortened_for_message(name->value.string);
        tables.push_back({&element, parent.path_of(key), std::move(shown), element.place});
        check_keys(tables.back());
    }
    return tables;
}

// The value of a key that is text with a meaning.
template <typename T>
std::optional<T> TableReader::quantity_of(const Table& table, std::string_view key,
                                          QuantityReading<T> (*parse)(std::string_view)) {
    const Node* node = table.find(key);
    if (node == nullptr) return std::nullopt;
    if (node->kind != Node::Kind::string) {
        fail_type(table, key, *node);
        return std::nullopt;
    }
    QuantityReading<T> reading = parse(node->string);
    if (!reading)
        fail_at_value(table, key, quoted(key) + ": " + reading.message, reading.suggestion);
    return reading.value;
}

std::optional<Duration> TableReader::duration_of(const Table& table, std::string_view key) {
    return quantity_of<Duration>(table, key, parse_duration);
}

std::optional<Share> TableReader::share_of(const Table& table, std::string_view key) {
    return quantity_of<Share>(table, key, parse_share);
}

// A whole number is a number of bytes.
std::optional<Bytes> TableReader::size_of(const Table& table, std::string_view key) {
    const Node* node = table.find(key);
    if (node == nullptr || node->kind != Node::Kind::integer)
        return quantity_of<Bytes>(table, key, parse_bytes);
    if (node->integer >= 0) return Bytes{static_cast<std::uint64_t>(node->integer)};
    fail_at_value(table, key, quoted(key) + ": a size cannot be negative",
                  "write a size such as \"4KiB\"");
    return std::nullopt;
}

std::optional<std::uint64_t> TableReader::number_of(const Table& table, std::string_view key,
                                                    std::uint64_t least, std::uint64_t most) {
    const Node* node = table.find(key);
    if (node == nullptr) return std::nullopt;
    if (node->kind != Node::Kind::integer) {
        fail_type(table, key, *node);
        return std::nullopt;
    }
    if (node->integer < 0 || static_cast<std::uint64_t>(node->integer) < least ||
        static_cast<std::uint64_t>(node->integer) > most) {
        fail_at_value(
            table, key,
            quoted(key) + " is " + std::to_string(node->integer) + ", which is out of its range",
            "write a whole number from " + std::to_string(least) + " to " + std::to_string(most));
        return std::nullopt;
    }
    return static_cast<std::uint64_t>(node->integer);
}

std::optional<double> TableReader::figure_of(const Table& table, std::string_view key) {
    const Node* node = table.find(key);
    if (node == nullptr) return std::nullopt;
    if (node->kind == Node::Kind::integer) return static_cast<double>(node->integer);
    if (node->kind == Node::Kind::floating) return node->floating;
    fail_type(table, key, *node);
    return std::nullopt;
}

std::optional<bool> TableReader::truth_of(const Table& table, std::string_view key) {
    const Node* node = table.find(key);
    if (node == nullptr) return std::nullopt;
    if (node->kind == Node::Kind::boolean) return node->boolean;
    fail_type(table, key, *node);
    return std::nullopt;
}

const std::string* TableReader::text_of(const Table& table, std::string_view key) {
    const Node* node = table.find(key);
    if (node == nullptr) return nullptr;
    if (node->kind == Node::Kind::string) return &node->string;
    fail_type(table, key, *node);
    return nullptr;
}

std::optional<std::size_t> TableReader::word_of(const Table& table, std::string_view key,
                                                std::string_view what,
                                                std::span<const std::string_view> words) {
    const std::string* word = text_of(table, key);
    if (word == nullptr) return std::nullopt;
    const auto found = std::find(words.begin(), words.end(), *word);
    if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
    fail_at_value(table, key,
                  "unknown " + std::string(what) + " " + quoted(shortened_for_message(*word)),
                  suggest_word(*word, words));
    return std::nullopt;
}

}  // namespace damon_schemes

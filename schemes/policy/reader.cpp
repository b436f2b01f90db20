// SPDX-License-Identifier: MIT
#include "schemes/policy/reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>
#include <utility>

#include "schemes/policy/checked_table.h"
#include "schemes/policy/document.h"
#include "schemes/policy/sections.h"
#include "schemes/policy/warnings.h"

namespace damon_schemes {

namespace {

void check_version(TableReader& reader, const Table& root) {
    const Node* node = root.find("version");
    if (node == nullptr)
        reader.fail_at_key(root, "version",
                           "the policy does not say which version of the format it has",
                           "add version = 1 as its first line");
    else if (node->kind != Node::Kind::integer)
        reader.fail_type(root, "version", *node);
    else if (node->integer != 1)
        reader.fail_at_value(
            root, "version",
            "version " + std::to_string(node->integer) + " of the format is not known",
            "this program takes version = 1; a newer one may take more");
}

Policy read_root(TableReader& reader, std::vector<Table>& schemes) {
    Policy policy;
    const Table root = reader.root();
    check_version(reader, root);
    if (const auto monitor = reader.table_in(root, "monitor"))
        policy.monitor = read_monitor(reader, *monitor);
    if (const auto limits = reader.table_in(root, "limits"))
        policy.limits = read_limits(reader, *limits);
    if (const auto refaults = reader.table_in(root, "refaults"))
        policy.refaults = read_refaults(reader, *refaults);
    constexpr auto remote_words = std::to_array<std::string_view>({"never", "allow"});
    if (const auto word = reader.word_of(root, "remote_syscall", "remote_syscall", remote_words))
        policy.remote_syscall = *word == 1;
    if (const auto remote = reader.table_in(root, "remote"))
        policy.remote = read_remote(reader, *remote);
    for (const Table& target : reader.tables_in(root, "target"))
        policy.targets.push_back(read_target(reader, target));
    const Node* list = root.find("scheme");
    if (list == nullptr || (list->kind == Node::Kind::array && list->elements.empty()))
        reader.fail(root.place, "scheme", "the policy has no scheme, so it does nothing",
                    "add a [[scheme]] with a name and an action");
    SchemeNames names;
    schemes = reader.tables_in(root, "scheme");
    for (const Table& scheme : schemes)
        policy.schemes.push_back(read_scheme(reader, scheme, policy.monitor, names));
    return policy;
}

// Where a warning points: at the last key of its path that the scheme has.
Place place_of(const Warning& warning, const Table& scheme) {
    Place place = scheme.place;
    const Node* node = scheme.node;
    for (std::string_view rest = warning.key; node != nullptr && !rest.empty();) {
        const auto dot = rest.find('.');
        const std::string_view part = rest.substr(0, dot);
        if (node->kind == Node::Kind::array) {
            // Tables in warnings' paths are named by their numbers.
            std::size_t index = 0;
            std::from_chars(part.data(), part.data() + part.size(), index);
            if (index >= node->elements.size()) break;
            node = &node->elements[index];
            place = node->place;
        } else {
            const Member* member = node->find(part);
            if (member == nullptr) break;
            place = member->place;
            node = &member->value;
        }
        rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
    }
    return place;
}

std::vector<PolicyError> placed(const std::vector<Warning>& warnings,
                                const std::vector<Table>& schemes, const Document& document) {
    std::vector<PolicyError> result;
    for (const Warning& warning : warnings) {
        const Table& scheme = schemes[warning.scheme];
        result.push_back(document.error_at(place_of(warning, scheme), scheme.shown_as(warning.key),
                                           warning.message, warning.suggestion));
        result.back().warning = true;
    }
    return result;
}

// The file's in the order of their lines, then the command line's.
void sort_by_place(std::vector<PolicyError>& errors) {
    const auto rank = [](const PolicyError& error) {
        return std::tuple(error.line == 0, error.line, error.column);
    };
    std::stable_sort(errors.begin(), errors.end(),
                     [&](const PolicyError& a, const PolicyError& b) { return rank(a) < rank(b); });
}

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

std::string to_string(const PolicyError& error) {
    std::string text = error.source;
    if (error.line != 0) {
        text += ':' + std::to_string(error.line);
        if (error.column != 0) text += ':' + std::to_string(error.column);
    }
    text += error.warning ? ": warning: " : ": ";
    text += error.message;
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

    TableReader reader(parsed.document);
    std::vector<Table> schemes;
    reading.policy = read_root(reader, schemes);
    reading.errors.insert(reading.errors.end(), std::make_move_iterator(reader.errors().begin()),
                          std::make_move_iterator(reader.errors().end()));
    sort_by_place(reading.errors);
    if (reader.found() > reader.errors().size()) {
        PolicyError more;
        more.source = options.source;
        more.message =
            "there are " + std::to_string(reader.found() - reader.errors().size()) + " more errors";
        more.suggestion = "correct these first";
        reading.errors.push_back(std::move(more));
    }
    if (reading.ok()) {
        reading.warnings = placed(find_warnings(reading.policy), schemes, parsed.document);
        sort_by_place(reading.warnings);
    }
    return reading;
}

}  // namespace damon_schemes

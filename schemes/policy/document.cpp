// SPDX-License-Identifier: MIT
#include "schemes/policy/document.h"

#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <tuple>
#include <utility>

#include "schemes/policy/spelling.h"
#include "schemes/policy/toml_text.h"

namespace damon_schemes {

namespace {

Place place_of(const toml::source_region& region, std::uint32_t source) {
    return {source, region.begin.line, region.begin.column, region.end.line, region.end.column};
}

// Recursion is bounded: find_text_fault() has seen the text.
Node convert(const toml::node& from, std::uint32_t source) {
    Node node;
    node.place = place_of(from.source(), source);
    if (const auto* text = from.as_string()) {
        node.kind = Node::Kind::string;
        node.string = text->get();
    } else if (const auto* integer = from.as_integer()) {
        node.kind = Node::Kind::integer;
        node.integer = integer->get();
    } else if (const auto* floating = from.as_floating_point()) {
        node.kind = Node::Kind::floating;
        node.floating = floating->get();
    } else if (const auto* boolean = from.as_boolean()) {
        node.kind = Node::Kind::boolean;
        node.boolean = boolean->get();
    } else if (const auto* array = from.as_array()) {
        node.kind = Node::Kind::array;
        node.elements.reserve(array->size());
        for (const toml::node& element : *array) node.elements.push_back(convert(element, source));
    } else if (const auto* table = from.as_table()) {
        node.kind = Node::Kind::table;
        node.members.reserve(table->size());
        for (const auto& [key, value] : *table)
            node.members.push_back(
                {std::string(key.str()), place_of(key.source(), source), convert(value, source)});
        std::sort(node.members.begin(), node.members.end(), [](const Member& a, const Member& b) {
            return std::tie(a.place.line, a.place.column) < std::tie(b.place.line, b.place.column);
        });
    } else {
        node.kind = Node::Kind::date_time;
    }
    return node;
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (true) {
        const auto end = text.find('\n');
        std::string_view line = text.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        lines.push_back(line);
        if (end == std::string_view::npos) return lines;
        text.remove_prefix(end + 1);
    }
}

// Byte offset of a column that counts characters.
std::size_t offset_of(std::string_view line, std::uint32_t column) {
    std::size_t at = 0;
    for (std::uint32_t i = 1; i < column && at < line.size(); ++i) {
        ++at;
        while (at < line.size() && (static_cast<unsigned char>(line[at]) & 0xC0U) == 0x80U) ++at;
    }
    return at;
}

constexpr std::size_t longest_text = 80;
constexpr std::size_t longest_excerpt = 160;

// Text as part of a message: one line, and not longer than anybody reads.
std::string shortened(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return std::string(text);
    std::size_t end = limit;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    return std::string(text.substr(0, end)) + "…";
}

class OverrideReader {
  public:
    OverrideReader(Document& document, std::vector<PolicyError>& errors)
        : document_(document), errors_(errors) {}

    void apply(const std::string& text, std::uint32_t source) {
        source_ = source;
        if (auto fault = find_text_fault(text)) {
            // A key path is nested by its dots, which the pre-scan of a text counts as it stands.
            fail("", std::move(fault->message), std::move(fault->suggestion));
            return;
        }
        const auto equals = text.find('=');
        if (equals == std::string::npos || equals == 0) {
            fail("", "--set takes KEY=VALUE",
                 "write for example --set monitor.sampling_interval=10ms");
            return;
        }
        const std::string_view key = std::string_view(text).substr(0, equals);
        std::vector<std::string_view> path;
        for (std::string_view rest = key;;) {
            const auto dot = rest.find('.');
            path.push_back(rest.substr(0, dot));
            if (path.back().empty()) {
                fail(std::string(key), "a part of the key is empty",
                     "write for example --set monitor.sampling_interval=10ms");
                return;
            }
            if (dot == std::string_view::npos) break;
            rest.remove_prefix(dot + 1);
        }
        auto value = value_of(std::string_view(text).substr(equals + 1), std::string(key));
        if (value) set(path, std::move(*value), std::string(key));
    }

  private:
    void fail(std::string key, std::string message, std::string suggestion) {
        errors_.push_back(
            document_.error_at(here(), std::move(key), std::move(message), std::move(suggestion)));
    }
    Place here() const { return {source_, 0, 0, 0, 0}; }

    std::optional<Node> value_of(std::string_view text, std::string key) {
        const auto first = text.find_first_not_of(" \t");
        if (first != std::string_view::npos)
            text = text.substr(first, text.find_last_not_of(" \t") - first + 1);
        else
            text = {};
        const std::string toml = "value = " + std::string(text);
        if (auto fault = find_text_fault(toml)) {
            fail(std::move(key), std::move(fault->message), std::move(fault->suggestion));
            return std::nullopt;
        }
        const toml::parse_result parsed = toml::parse(toml);
        // Exactly one value, without a comment or another key behind it.
        if (parsed && parsed.table().size() == 1) {
            const toml::node* value = parsed.table().get("value");
            if (value != nullptr && value->source().end.line == 1 &&
                offset_of(toml, value->source().end.column) == toml.size()) {
                Node node = convert(*value, source_);
                forget_places(node);
                return node;
            }
        }
        if (!text.empty() &&
            std::string_view("\"'[{").find(text.front()) != std::string_view::npos) {
            fail(std::move(key),
                 "the value is not TOML" +
                     (parsed ? std::string() : ": " + std::string(parsed.error().description())),
                 "check its quotes and brackets");
            return std::nullopt;
        }
        Node node;
        node.kind = Node::Kind::string;
        node.string = text;
        node.place = here();
        return node;
    }

    // Lines and columns within an override say nothing to a person.
    void forget_places(Node& node) {
        node.place = here();
        for (Member& member : node.members) {
            member.place = here();
            forget_places(member.value);
        }
        for (Node& element : node.elements) forget_places(element);
    }

    // The element of an array of tables that a part of a path names: by its name, or by its number
    // from 0.
    Node* element_of(Node& array, std::string_view part) {
        for (Node& element : array.elements)
            if (const Member* name = element.find("name"); name != nullptr &&
                                                           name->value.kind == Node::Kind::string &&
                                                           name->value.string == part)
                return &element;
        std::size_t index = 0;
        const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
        if (error == std::errc{} && end == part.data() + part.size() &&
            index < array.elements.size())
            return &array.elements[index];
        return nullptr;
    }

    void fail_element(const Node& array, std::string_view list, std::string_view part,
                      std::string key) {
        std::vector<std::string_view> names;
        for (const Node& element : array.elements)
            if (const Member* name = element.find("name");
                name != nullptr && name->value.kind == Node::Kind::string && names.size() < 64)
                names.push_back(name->value.string);
        std::string suggestion;
        if (const auto name = nearest(part, names))
            suggestion = "did you mean '" + shortened(*name, 48) + "'?";
        else if (array.elements.empty())
            suggestion = "add one to the file first";
        else
            suggestion = "give the name of one of the file's, or a number from 0 to " +
                         std::to_string(array.elements.size() - 1);
        fail(std::move(key),
             "there is no " + std::string(list) + " '" + shortened(part, 48) + "' in the policy",
             std::move(suggestion));
    }

    void set(const std::vector<std::string_view>& path, Node value, std::string key) {
        Node* node = &document_.root;
        for (std::size_t i = 0; i < path.size(); ++i) {
            const std::string_view part = path[i];
            const bool last = i + 1 == path.size();
            if (node->kind == Node::Kind::array) {
                Node* element = element_of(*node, part);
                if (element == nullptr) {
                    fail_element(*node, i == 0 ? "element" : path[i - 1], part, std::move(key));
                    return;
                }
                node = element;
                if (last) *node = std::move(value);
                continue;
            }
            if (node->kind != Node::Kind::table) {
                std::string parent;
                for (std::size_t j = 0; j < i; ++j)
                    parent += (j == 0 ? "" : ".") + std::string(path[j]);
                fail(std::move(key),
                     "'" + shortened(parent, 80) +
                         "' is not a table in the policy, so nothing in it can be set",
                     "set it as a whole: --set '" + shortened(parent, 80) + "={ " +
                         std::string(part) + " = … }'");
                return;
            }
            Member* member = node->find(part);
            if (member == nullptr) {
                if (!last && (part == "scheme" || part == "target") && i == 0) {
                    fail_element(Node{Node::Kind::array, here(), {}, 0, 0, false, {}, {}}, part,
                                 path[1], std::move(key));
                    return;
                }
                Node fresh;
                fresh.place = here();
                node->members.push_back({std::string(part), here(), std::move(fresh)});
                member = &node->members.back();
            }
            node = &member->value;
            if (last) {
                *node = std::move(value);
                member->place = here();
            }
        }
    }

    Document& document_;
    std::vector<PolicyError>& errors_;
    std::uint32_t source_ = 0;
};

}  // namespace

const Member* Node::find(std::string_view key) const {
    for (const Member& member : members)
        if (member.key == key) return &member;
    return nullptr;
}

Member* Node::find(std::string_view key) {
    return const_cast<Member*>(std::as_const(*this).find(key));
}

PolicyError Document::error_at(const Place& place, std::string key, std::string message,
                               std::string suggestion) const {
    PolicyError error;
    error.source = place.source < sources.size() ? sources[place.source] : std::string();
    error.line = place.line;
    error.column = place.column;
    error.key = std::move(key);
    error.message = std::move(message);
    error.suggestion = std::move(suggestion);
    if (place.source == 0 && place.line != 0 && place.line <= lines.size()) {
        const std::string_view line = lines[place.line - 1];
        const std::size_t from = offset_of(line, place.column);
        const std::size_t to = place.end_line == place.line
                                   ? std::max(from, offset_of(line, place.end_column))
                                   : line.size();
        error.text = shortened(line.substr(from, to - from), longest_text);
        // A line of a megabyte helps nobody: show what surrounds the place.
        std::size_t start = 0;
        std::string lead;
        if (line.size() > longest_excerpt && from > longest_excerpt / 2) {
            start = from - longest_excerpt / 2;
            while (start < from && (static_cast<unsigned char>(line[start]) & 0xC0U) == 0x80U)
                ++start;
            lead = "…";
        }
        error.excerpt = lead + shortened(line.substr(start), longest_excerpt);
        error.excerpt_column = place.column;
        if (start != 0) {
            error.excerpt_column = 2;  // behind the ellipsis
            for (std::size_t i = start; i < from; ++i)
                if ((static_cast<unsigned char>(line[i]) & 0xC0U) != 0x80U) ++error.excerpt_column;
        }
    }
    return error;
}

DocumentReading parse_document(std::string_view text, const PolicyReadOptions& options) {
    DocumentReading reading;
    Document& document = reading.document;
    document.sources.push_back(options.source);
    if (auto fault = find_text_fault(text)) {
        // Lines only now that they can be shown: a text that is too large is not worth taking
        // apart.
        if (fault->line != 0) document.lines = lines_of(text);
        const Place place{0, fault->line, fault->column, fault->line, fault->column + 1};
        reading.errors.push_back(
            document.error_at(place, "", std::move(fault->message), std::move(fault->suggestion)));
        return reading;
    }
    document.lines = lines_of(text);
    const toml::parse_result parsed = toml::parse(text);
    if (!parsed) {
        const toml::source_position at = parsed.error().source().begin;
        const Place place{0, at.line, at.column, at.line, at.column + 1};
        reading.errors.push_back(document.error_at(
            place, "", "this is not TOML: " + std::string(parsed.error().description()),
            "the form of a policy is in docs/policy.md; text values need quotes"));
        return reading;
    }
    document.root = convert(parsed.table(), 0);
    reading.parsed = true;

    OverrideReader overrides(document, reading.errors);
    for (const std::string& text_of_override : options.overrides) {
        document.sources.push_back("--set " + shortened(text_of_override, 200));
        overrides.apply(text_of_override, static_cast<std::uint32_t>(document.sources.size() - 1));
    }
    return reading;
}

}  // namespace damon_schemes

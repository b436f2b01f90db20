// SPDX-License-Identifier: MIT
// The tree of a TOML text, with the place of everything in it, and with overrides edited in.  The
// checks work on this, so that they never see the parser and treat overrides like the file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "schemes/policy/reader.h"

namespace damon_schemes {

// Where something stands.  Lines and columns from 1, columns in characters; the end is the place
// behind the last character.
struct Place {
    std::uint32_t source = 0;  // index into Document::sources
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    std::uint32_t end_line = 0;
    std::uint32_t end_column = 0;
};

struct Member;

struct Node {
    enum class Kind : std::uint8_t { string, integer, floating, boolean, date_time, table, array };
    Kind kind = Kind::table;
    Place place;
    std::string string;           // string
    std::int64_t integer = 0;     // integer
    double floating = 0;          // floating
    bool boolean = false;         // boolean
    std::vector<Member> members;  // table, in the order of their places
    std::vector<Node> elements;   // array

    const Member* find(std::string_view key) const;
    Member* find(std::string_view key);
};

struct Member {
    std::string key;
    Place place;  // of the key
    Node value;
};

struct Document {
    Node root;
    std::vector<std::string>
        sources;  // [0] is the text's name, then "--set KEY=VALUE" for each override
    std::vector<std::string_view> lines;  // of the text, without their ends

    // Offending text and excerpt filled in from the place.
    PolicyError error_at(const Place& place, std::string key, std::string message,
                         std::string suggestion) const;
};

struct DocumentReading {
    Document document;
    std::vector<PolicyError> errors;  // the text could not be parsed, or an override not be applied
    bool parsed = false;              // the tree stands, though overrides may have failed
};

// The text must outlive the document.
DocumentReading parse_document(std::string_view text, const PolicyReadOptions& options);

}  // namespace damon_schemes

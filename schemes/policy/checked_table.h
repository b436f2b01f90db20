// SPDX-License-Identifier: MIT
// The tables of a policy's document, and the checked reading of what stands in them: every key
// known, every value of its type.  What is wrong is collected with its place.  What the values mean
// together is for the sections (sections.h) to check.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schemes/observation.h"
#include "schemes/policy/document.h"
#include "schemes/policy/reader.h"
#include "schemes/quantity.h"

namespace damon_schemes {

// A table of the policy: where it is known by (a path of policy_keys()) and how messages call it.
struct Table {
    const Node* node = nullptr;
    std::string path;   // "scheme.age"
    std::string shown;  // "scheme.cold.age"
    Place place;        // where to point for what is missing

    const Node* find(std::string_view key) const;      // null: it is not there
    Place key_place(std::string_view key) const;       // of the key; the table's where it is not
    Place value_place(std::string_view key) const;     // of the value, likewise
    std::string path_of(std::string_view key) const;   // "scheme.age.min"
    std::string shown_as(std::string_view key) const;  // "scheme.cold.age.min"
};

// "'text'"; and text that may be long, cut.
std::string quoted(std::string_view text);
std::string shortened_for_message(std::string_view text);

// "did you mean 'page'?", or where nothing is near all that there is.
std::string suggest_word(std::string_view word, std::span<const std::string_view> words);

// Where the value may also be the word "off": is it?
bool is_off(const Node* node);

// Every reading function gives nullopt (or null) where the key is not there, and where it is wrong,
// which is told.  The document has to outlive the reader and the tables.
class TableReader {
  public:
    explicit TableReader(const Document& document) : document_(document) {}

    Table root();  // its keys are checked
    std::optional<Table> table_in(const Table& parent, std::string_view key);
    std::vector<Table> tables_in(const Table& parent, std::string_view key);

    std::optional<Duration> duration_of(const Table& table, std::string_view key);
    std::optional<Share> share_of(const Table& table, std::string_view key);
    std::optional<Bytes> size_of(const Table& table, std::string_view key);
    std::optional<std::uint64_t> number_of(const Table& table, std::string_view key,
                                           std::uint64_t least, std::uint64_t most);
    // A number, whole or not.
    std::optional<double> figure_of(const Table& table, std::string_view key);
    std::optional<bool> truth_of(const Table& table, std::string_view key);
    const std::string* text_of(const Table& table, std::string_view key);
    // Which of the words; `what` is how messages call them: "TLB policy".
    std::optional<std::size_t> word_of(const Table& table, std::string_view key,
                                       std::string_view what,
                                       std::span<const std::string_view> words);

    // `key` is as the table shows it.
    void fail(const Place& place, std::string key, std::string message, std::string suggestion);
    void fail_at_value(const Table& table, std::string_view key, std::string message,
                       std::string suggestion);
    void fail_at_key(const Table& table, std::string_view key, std::string message,
                     std::string suggestion);
    void fail_type(const Table& table, std::string_view key, const Node& node);

    const Document& document() const { return document_; }
    // At most max_policy_errors of them, in the order in which they were found.
    std::vector<PolicyError>& errors() { return errors_; }
    std::size_t found() const { return found_; }

  private:
    void check_keys(const Table& table);
    template <typename T>
    std::optional<T> quantity_of(const Table& table, std::string_view key,
                                 QuantityReading<T> (*parse)(std::string_view));

    const Document& document_;
    std::vector<PolicyError> errors_;
    std::size_t found_ = 0;
};

}  // namespace damon_schemes

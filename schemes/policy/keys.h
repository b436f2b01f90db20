// SPDX-License-Identifier: MIT
// Every key that a policy may have.  The reader, the suggestions and docs/policy.md (a test
// compares it) go by this list.
#pragma once

#include <span>
#include <string_view>

namespace damon_schemes {

enum class KeyType { table, tables, integer, text, word, boolean, size, duration, share };

struct PolicyKey {
    std::string_view
        path;  // "scheme.age.min": a dotted path without the numbers of schemes or targets
    KeyType type = KeyType::table;
    std::string_view expected;       // for people: "a duration such as \"10s\""
    std::string_view default_value;  // as it would stand in a policy; "" where there is none
    std::string_view example;        // a valid value in TOML, not the default
};

std::span<const PolicyKey> policy_keys();

// What people write who know other tools, or guess, and what says it here: {"scheme", "min_size",
// "size = { min = … }"}.
struct KeyAlias {
    std::string_view table;  // "" for the top level
    std::string_view written;
    std::string_view meant;
};
std::span<const KeyAlias> policy_key_aliases();

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// TOML text → checked policy.  Reads no file and makes no system call: the caller hands over the
// text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "schemes/policy/model.h"

namespace damon_schemes {

// One thing that is wrong with a policy, or that it hardly can mean.
struct PolicyError {
    bool warning = false;      // it may be used as it is
    std::string source;        // the file's name, or "--set KEY=VALUE"
    std::uint32_t line = 0;    // from 1; 0 where no place can be named
    std::uint32_t column = 0;  // from 1; 0 likewise
    std::string key;   // the offending key's dotted path, e.g. "scheme.cold.min_szie"; may be empty
    std::string text;  // the offending text as it stands in the file, cut likewise; may be empty
    std::string excerpt;  // the line that it stands in, cut where it is long; may be empty
    std::uint32_t excerpt_column = 0;  // where in the excerpt the text begins, from 1
    std::string message;               // what is wrong
    std::string suggestion;            // what to write instead; may be empty
};

// "policy.toml:12:3: unknown key 'min_szie'; did you mean 'min_size'?", then the line of the file
// with a caret under the place where the text is known.  Several lines, the last without a newline.
// What is only a warning says so behind the place.
std::string to_string(const PolicyError& error);

struct PolicyReadOptions {
    std::string source = "policy";  // for messages
    std::vector<std::string>
        overrides;  // "KEY=VALUE" as of --set, applied over the text before checking
};

// Every error, not just the first; errors is empty if and only if the policy may be used.  Of one
// that may, warnings are what does not do what it seems to say.
struct PolicyReading {
    Policy policy;
    std::vector<PolicyError> errors;
    std::vector<PolicyError> warnings;
    bool ok() const { return errors.empty(); }
};

// Limits taken before the text reaches the TOML parser, which crashes on keys nested some 60,000
// deep.
inline constexpr std::size_t max_policy_bytes = 1 << 20;
inline constexpr std::size_t max_policy_depth = 32;
inline constexpr std::size_t max_policy_errors = 200;

// Never throws on bad text.  An override's KEY is a dotted path: "monitor.sampling_interval",
// "limits.brake", "scheme.NAME.age.min" ("scheme.0.age.min" counts in file order); its VALUE is
// TOML, or where it is none a plain string (so that 100ms needs no quotes).  At most
// max_policy_errors errors, in the order of their places; the last one says how many more there
// are.
PolicyReading read_policy(std::string_view text, const PolicyReadOptions& options);

}  // namespace damon_schemes

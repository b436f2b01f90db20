// SPDX-License-Identifier: MIT
// What a sound policy says that hardly can be meant: schemes in each other's way, controls that
// undo each other.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "schemes/policy/model.h"

namespace damon_schemes {

struct Warning {
    std::size_t scheme = 0;  // index into the policy's schemes
    std::string key;         // in the scheme: "verify.idle", "filter.2"
    std::string message;
    std::string suggestion;
};

// At most max_warnings.  Of very many schemes only the first compared_schemes are held against each
// other, so that a hostile policy costs no more than its reading.
inline constexpr std::size_t max_warnings = 100;
inline constexpr std::size_t compared_schemes = 200;
std::vector<Warning> find_warnings(const Policy& policy);

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// What a policy will do, in plain words.
#pragma once

#include <cstddef>
#include <string>

#include "schemes/policy/model.h"

namespace damon_schemes {

// Indented lines, each ended by a newline, none wider than `width` (but for a name that is).
std::string describe(const Policy& policy, std::size_t width = 80);

}  // namespace damon_schemes

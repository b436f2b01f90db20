// SPDX-License-Identifier: MIT
// A run's score as JSON: bytes as they are, shares from 0 to 1, null where there is nothing that a
// share could be of.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "benchmarks/accuracy/score.h"

namespace damon_schemes::accuracy {

nlohmann::json json_of(const Score& score);
nlohmann::json json_of(const RunScore& run);

}  // namespace damon_schemes::accuracy

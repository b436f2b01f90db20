// SPDX-License-Identifier: MIT
// A truth in a file: the line "damon-schemes truth 1", a line of JSON with everything but the
// touches, then one record after the other to the end, numbers as little-endian 64-bit words:
// process, area, slot, length, and so many bytes as encode_touches() makes them.
#pragma once

#include <string>

#include "benchmarks/accuracy/truth.h"
#include "schemes/result.h"

namespace damon_schemes::accuracy {

// Errors (runtime): the file cannot be written, or read, or is not what it should be.
Result<void> write_truth(const Truth& truth, const std::string& path);
Result<Truth> read_truth(const std::string& path);

}  // namespace damon_schemes::accuracy

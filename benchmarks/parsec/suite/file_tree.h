// SPDX-License-Identifier: MIT
// Files as a backup has them: texts, and later versions of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "benchmarks/parsec/suite/ledger.h"

namespace damon_schemes::parsec {

struct FileTreeShape {
    std::size_t bytes = 0;
    double repeated = 0.4;  // share of the files that are a version of an earlier one
    std::uint64_t seed = 1;
};

// One after another, in `to` (as many bytes as the shape says).
void write_files(Ledger& ledger, const FileTreeShape& shape, std::span<std::byte> to);

}  // namespace damon_schemes::parsec

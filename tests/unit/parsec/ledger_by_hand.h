// SPDX-License-Identifier: MIT
// A ledger whose clock goes on only where a test says so.
#pragma once

#include "benchmarks/parsec/suite/ledger.h"

namespace damon_schemes::parsec {

inline LedgerOptions by_hand() {
    LedgerOptions options;
    options.ages = default_ages();
    options.ticking = false;
    return options;
}

}  // namespace damon_schemes::parsec

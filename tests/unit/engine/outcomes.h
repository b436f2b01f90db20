// SPDX-License-Identifier: MIT
// Figures of an outcome that tests ask for.
#pragma once

#include "engine/actions/executor.h"

namespace damon_schemes::testing {

inline Bytes gap(const ActionOutcome& outcome, Gap which) {
    return outcome.gaps[static_cast<std::size_t>(which)];
}

inline Bytes sum_of_gaps(const ActionOutcome& outcome) {
    Bytes sum;
    for (const Bytes bytes : outcome.gaps) sum += bytes;
    return sum;
}

}  // namespace damon_schemes::testing

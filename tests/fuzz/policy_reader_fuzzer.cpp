// SPDX-License-Identifier: MIT
#include "tests/fuzz/policy_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    damon_schemes::exercise_policy_reader(bytes, size);
    return 0;
}

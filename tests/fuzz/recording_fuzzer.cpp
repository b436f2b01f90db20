// SPDX-License-Identifier: MIT
#include "tests/fuzz/recording.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    damon_schemes::exercise_recording(bytes, size);
    return 0;
}

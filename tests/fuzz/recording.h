// SPDX-License-Identifier: MIT
// What the readers of recordings must do with any bytes; shared by the fuzzer and the replay of its
// corpus.
#pragma once

#include <cstddef>
#include <cstdint>

namespace damon_schemes {

// The bytes are a file; and, once more, the records in a sound frame of our own format, which
// checksums keep a fuzzer out of.  Aborts where a reader breaks a promise.
void exercise_recording(const std::uint8_t* bytes, std::size_t size);

}  // namespace damon_schemes

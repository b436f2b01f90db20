// SPDX-License-Identifier: MIT
// What the policy reader must do with any bytes; shared by the fuzzer and the replay of its corpus.
#pragma once

#include <cstddef>
#include <cstdint>

namespace damon_schemes {

// The bytes are a policy; lines behind a line "--set" are overrides, one each.  Aborts where the
// reader breaks a promise.
void exercise_policy_reader(const std::uint8_t* bytes, std::size_t size);

}  // namespace damon_schemes

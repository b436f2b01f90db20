// SPDX-License-Identifier: MIT
// The secure hash algorithm SHA-1 (FIPS 180-4): a fingerprint of data, not a protection.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace damon_schemes::parsec {

using Sha1 = std::array<std::uint8_t, 20>;

Sha1 sha1_of(std::span<const std::byte> data);

}  // namespace damon_schemes::parsec

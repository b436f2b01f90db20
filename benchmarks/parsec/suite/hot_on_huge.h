// SPDX-License-Identifier: MIT
// How much of hot memory lies on huge pages.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

namespace damon_schemes::parsec {

// Bytes of these pages (addresses of this process, ascending) that lie on huge pages.
using HotOnHuge = std::function<std::optional<std::uint64_t>(std::span<const std::uint64_t>)>;

// Empty where frames cannot be seen (it takes CAP_SYS_ADMIN).  What it returns belongs to one
// thread.
HotOnHuge look_at_huge_pages();

}  // namespace damon_schemes::parsec

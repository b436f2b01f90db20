// SPDX-License-Identifier: MIT
// The regions that a scheme asks for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "schemes/decide/plan.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// The reasons before it say that a scheme does not match.
inline constexpr auto first_reason_of_matching = static_cast<std::size_t>(Reason::other_scheme);

// The access pattern with all bounds as plain numbers, ages in aggregation intervals.
class AccessPattern {
  public:
    AccessPattern() = default;  // matches everything
    // `min_age` stands for the scheme's own.
    AccessPattern(const Scheme& scheme, std::optional<Duration> min_age, Duration interval);

    // The first of size, frequency and age that a known region misses, or none_missed.
    Reason first_missed(std::uint64_t bytes, std::uint32_t ppm, std::uint32_t age) const {
        if (bytes < min_size_ || bytes > max_size_) return Reason::size;
        if (ppm < min_ppm_ || ppm > max_ppm_) return Reason::frequency;
        if (age < min_age_ || age > max_age_) return Reason::age;
        return none_missed;
    }
    static constexpr Reason none_missed = Reason::count_;

  private:
    std::uint64_t min_size_ = 0;
    std::uint64_t max_size_ = std::numeric_limits<std::uint64_t>::max();
    std::uint32_t min_ppm_ = 0;
    std::uint32_t max_ppm_ = std::numeric_limits<std::uint32_t>::max();
    std::uint64_t min_age_ = 0;
    std::uint64_t max_age_ = std::numeric_limits<std::uint64_t>::max();
};

}  // namespace damon_schemes

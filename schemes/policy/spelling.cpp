// SPDX-License-Identifier: MIT
#include "schemes/policy/spelling.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace damon_schemes {

namespace {

constexpr std::size_t longest_word = 48;

constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::size_t distance(std::string_view a, std::string_view b) {
    using Row = std::array<std::size_t, longest_word + 1>;
    Row before{}, last{}, row{};
    for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const bool same = lower(a[i - 1]) == lower(b[j - 1]);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0U : 1U)});
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1]))
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before = last;
        last = row;
    }
    return last[b.size()];
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates) {
    std::optional<std::string_view> best;
    std::size_t least = longest_word;
    if (word.empty() || word.size() > longest_word) return best;
    for (const std::string_view candidate : candidates) {
        if (candidate.size() > longest_word) continue;
        const std::size_t slips = distance(word, candidate);
        const std::size_t allowed =
            std::max<std::size_t>(1, (std::max(word.size(), candidate.size()) + 1) / 3);
        if (slips <= allowed && slips < candidate.size() && slips < least) {
            least = slips;
            best = candidate;
        }
    }
    return best;
}

}  // namespace damon_schemes

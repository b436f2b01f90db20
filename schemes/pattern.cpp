// SPDX-License-Identifier: MIT
#include "schemes/pattern.h"

namespace damon_schemes {

bool has_wildcards(std::string_view pattern) {
    return pattern.find_first_of("*?") != std::string_view::npos;
}

// Greedy, and back to the last '*' where that fails: never more than text times pattern.
bool matches_pattern(std::string_view text, std::string_view pattern) {
    // A character may have several bytes (UTF-8).
    const auto behind = [&](std::size_t at) {
        do ++at;
        while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80U);
        return at;
    };
    std::size_t t = 0;
    std::size_t p = 0;
    std::size_t star = std::string_view::npos;
    std::size_t star_text = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            star_text = t;
        } else if (p < pattern.size() && pattern[p] == '?') {
            t = behind(t);
            ++p;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++t;
            ++p;
        } else if (star != std::string_view::npos) {
            t = star_text = behind(star_text);
            p = star + 1;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

}  // namespace damon_schemes

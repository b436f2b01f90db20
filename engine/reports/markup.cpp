// SPDX-License-Identifier: MIT
#include "engine/reports/markup.h"

#include <cstddef>
#include <cstdint>

#include "schemes/utf8.h"

namespace damon_schemes {
namespace {

struct CodePoint {
    std::uint32_t value = 0xFFFD;
    std::size_t bytes = 1;
};

// U+FFFD for a byte that starts nothing valid.
CodePoint code_point(std::string_view text) {
    const std::size_t bytes = utf8_length(text);
    if (bytes == 0) return {};
    const auto first = static_cast<unsigned char>(text[0]);
    if (bytes == 1) return {first, 1};
    std::uint32_t value = first & (0xFFU >> (bytes + 1));
    for (std::size_t i = 1; i < bytes; ++i)
        value = value << 6 | (static_cast<unsigned char>(text[i]) & 0x3FU);
    return {value, bytes};
}

}  // namespace

std::string markup_text(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const CodePoint point = code_point(text);
        const bool allowed = point.value >= 0x20 && point.value != 0x7F && point.value != 0xFFFE &&
                             point.value != 0xFFFF && point.value != 0xFFFD;
        if (!allowed)
            result += "\uFFFD";
        else if (point.value == '&')
            result += "&amp;";
        else if (point.value == '<')
            result += "&lt;";
        else if (point.value == '>')
            result += "&gt;";
        else if (point.value == '"')
            result += "&quot;";
        else if (point.value == '\'')
            result += "&#39;";
        else
            result += text.substr(0, point.bytes);
        text.remove_prefix(point.bytes);
    }
    return result;
}

std::string script_json(std::string_view json) {
    std::string result;
    result.reserve(json.size());
    for (const char c : json) {
        if (c == '<')
            result += "\\u003c";
        else
            result += c;
    }
    return result;
}

std::string base64(std::string_view bytes) {
    static constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t three = 0;
        for (std::size_t k = 0; k < 3; ++k)
            three =
                three << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
        for (std::size_t k = 0; k < 4; ++k) {
            const bool padding = i + k > bytes.size();
            text += padding ? '=' : digits[three >> (18 - 6 * k) & 0x3FU];
        }
    }
    return text;
}

}  // namespace damon_schemes

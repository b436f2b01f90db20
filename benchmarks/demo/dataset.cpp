// SPDX-License-Identifier: MIT
#include "benchmarks/demo/dataset.h"

#include <algorithm>
#include <array>
#include <random>

namespace damon_schemes::demo {
namespace {

// Many times the window of lzo, and longer than the processor's caches hold.
constexpr std::size_t text_bytes = std::size_t{4} << 20;

constexpr std::array<std::string_view, 24> words = {
    "account", "article", "basket",  "checkout", "comment", "customer", "delivery", "discount",
    "favour",  "gallery", "invoice", "journal",  "message", "network",  "order",    "payment",
    "product", "profile", "refund",  "review",   "session", "shipment", "ticket",   "warehouse"};

void append_hex(std::string& to, std::uint64_t value) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (int shift = 60; shift >= 0; shift -= 4) to += digits[(value >> shift) & 15];
}

std::string make_text() {
    std::mt19937_64 random(1);
    std::string text;
    text.reserve(text_bytes + 256);
    while (text.size() < text_bytes) {
        const std::uint64_t draw = random();
        text += R"({"id":")";
        append_hex(text, random());
        text += R"(","kind":")";
        text += words[draw % words.size()];
        text += R"(","title":")";
        text += words[(draw >> 8) % words.size()];
        text += ' ';
        text += words[(draw >> 16) % words.size()];
        text += R"(","token":")";
        append_hex(text, random());
        append_hex(text, random());
        text += R"(","count":)";
        text += std::to_string((draw >> 24) % 100'000);
        text += R"(,"state":")";
        text += words[(draw >> 48) % words.size()];
        text += "\"}\n";
    }
    return text;
}

}  // namespace

Dataset::Dataset(DatasetShape shape) : shape_(shape), text_(make_text()) {
    shape_.hot_percent = std::clamp<std::uint32_t>(shape_.hot_percent, 1, 50);
}

std::string Dataset::key(std::uint32_t index) {
    const std::string digits = std::to_string(index);
    return "key:" + std::string(digits.size() < 8 ? 8 - digits.size() : 0, '0') + digits;
}

std::string Dataset::value(std::uint32_t index) const {
    std::string value = key(index) + " ";
    const std::size_t wanted = std::max(shape_.value_bytes, value.size()) - value.size();
    const std::size_t places = text_.size() - wanted;
    // Multiplied by a large prime, so that neighbours get different places.
    value.append(text_, index * std::uint64_t{2'654'435'761} % places, wanted);
    return value;
}

bool Dataset::begins_right(std::uint32_t index, std::string_view value) const {
    return value.size() >= shape_.value_bytes && value.starts_with(key(index) + " ");
}

std::uint32_t Dataset::hot_index(std::uint32_t n) const {
    return shape_.scattered ? n * hot_stride() : first_hot() + n;
}

bool Dataset::is_hot(std::uint32_t index) const {
    if (shape_.scattered) return index % hot_stride() == 0 && index / hot_stride() < hot_keys();
    return index >= first_hot() && index - first_hot() < hot_keys();
}

std::uint32_t Dataset::cold_index(std::uint32_t n) const {
    auto index = static_cast<std::uint32_t>((n + std::uint64_t{1}) * 2'654'435'761 % shape_.keys);
    while (is_hot(index)) index = (index + 1) % shape_.keys;
    return index;
}

}  // namespace damon_schemes::demo

// SPDX-License-Identifier: MIT
#include "benchmarks/accuracy/scale/address_space.h"

#include <algorithm>

namespace damon_schemes::scale {

bool TranslationCaches::has_page(std::uint64_t page) const {
    const auto& set = pages_[page % sets];
    return std::find(set.begin(), set.end(), page) != set.end();
}

bool TranslationCaches::has_upper(unsigned level, std::uint64_t entry) const {
    const auto& entries = upper_[level].entries;
    return std::find(entries.begin(), entries.end(), entry) != entries.end();
}

void TranslationCaches::remember_page(std::uint64_t page) {
    const auto set = page % sets;
    pages_[set][next_way_[set]] = page;
    next_way_[set] = static_cast<std::uint8_t>((next_way_[set] + 1) % ways);
}

void TranslationCaches::remember_upper(unsigned level, std::uint64_t entry) {
    Upper& upper = upper_[level];
    upper.entries[upper.next] = entry;
    upper.next = (upper.next + 1) % upper.size;
}

void TranslationCaches::forget_page(std::uint64_t page) {
    auto& set = pages_[page % sets];
    std::replace(set.begin(), set.end(), page, none);
    forget_upper();
}

void TranslationCaches::forget_upper() {
    for (Upper& upper : upper_) upper.entries.fill(none);
}

void TranslationCaches::forget_all() {
    for (auto& set : pages_) set.fill(none);
    forget_upper();
}

AddressSpace::AddressSpace(std::uint64_t start, std::uint64_t end) : start_(start), end_(end) {
    for (unsigned level = 0; level < levels; ++level)
        bits_[level].resize(index(level, end - 1) / 64 + 1);
}

void AddressSpace::access(std::uint64_t address) {
    const std::uint64_t page = address >> 12;
    if (caches_.has_page(page)) return;
    // The walk begins below the lowest entry that is remembered, and sets the bit of each it reads.
    unsigned from = 1;
    while (from < levels && !caches_.has_upper(from, address >> (12 + 9 * from))) ++from;
    for (unsigned level = from; level-- > 0;) {
        set_accessed(level, address, true);
        if (level > 0) caches_.remember_upper(level, address >> (12 + 9 * level));
    }
    caches_.remember_page(page);
}

bool AddressSpace::accessed(unsigned level, std::uint64_t address) const {
    const auto at = index(level, address);
    return (bits_[level][at / 64] >> at % 64 & 1) != 0;
}

void AddressSpace::set_accessed(unsigned level, std::uint64_t address, bool accessed) {
    const auto at = index(level, address);
    const auto bit = std::uint64_t{1} << at % 64;
    if (accessed)
        bits_[level][at / 64] |= bit;
    else
        bits_[level][at / 64] &= ~bit;
}

}  // namespace damon_schemes::scale

// SPDX-License-Identifier: MIT
// An address space whose page tables are a model: the Accessed bits of three levels, one
// processor's caches of translations, and what an access does to them.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace damon_schemes::scale {

// 4 KiB, 2 MiB, 1 GiB: what an entry of a level maps, as kmod/core/search.h numbers them.
constexpr unsigned levels = 3;

// What a processor remembers of the tables.  While it remembers a page's translation, an access
// walks no table and sets no bit; while it remembers an upper entry, a walk begins below it, and
// sets no bit there.  Sizes are those of a current x86 core: 1,536 pages (6 ways), 32 entries that
// map 2 MiB, 4 that map 1 GiB.
class TranslationCaches {
  public:
    bool has_page(std::uint64_t page) const;
    bool has_upper(unsigned level, std::uint64_t entry) const;
    void remember_page(std::uint64_t page);
    void remember_upper(unsigned level, std::uint64_t entry);
    // invlpg: the page's translation, and all upper entries whatever they map.
    void forget_page(std::uint64_t page);
    void forget_all();

  private:
    static constexpr std::size_t sets = 256, ways = 6;
    static constexpr std::uint64_t none = ~std::uint64_t{0};
    struct Upper {
        std::array<std::uint64_t, 32> entries;
        std::size_t next = 0, size = 0;
    };
    void forget_upper();

    std::array<std::array<std::uint64_t, ways>, sets> pages_ = [] {
        std::array<std::array<std::uint64_t, ways>, sets> empty;
        for (auto& set : empty) set.fill(none);
        return empty;
    }();
    std::array<std::uint8_t, sets> next_way_{};
    std::array<Upper, levels> upper_ = [] {
        std::array<Upper, levels> empty;
        for (auto& level : empty) level.entries.fill(none);
        empty[1].size = 32;
        empty[2].size = 4;
        return empty;
    }();
};

// [start, end) is mapped and present, all of it by base pages; borders are multiples of 4 KiB.
class AddressSpace {
  public:
    AddressSpace(std::uint64_t start, std::uint64_t end);

    std::uint64_t start() const { return start_; }
    std::uint64_t end() const { return end_; }

    // The processor accesses the page that holds the address.
    void access(std::uint64_t address);

    // The Accessed bit of the entry that maps the address on that level.
    bool accessed(unsigned level, std::uint64_t address) const;
    void set_accessed(unsigned level, std::uint64_t address, bool accessed);

    void flush_page(std::uint64_t address) { caches_.forget_page(address >> 12); }
    void flush_all() { caches_.forget_all(); }

  private:
    std::uint64_t index(unsigned level, std::uint64_t address) const {
        const unsigned shift = 12 + 9 * level;
        return (address >> shift) - (start_ >> shift);
    }

    std::uint64_t start_, end_;
    std::array<std::vector<std::uint64_t>, levels> bits_;
    TranslationCaches caches_;
};

}  // namespace damon_schemes::scale

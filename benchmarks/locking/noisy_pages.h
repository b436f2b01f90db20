// SPDX-License-Identifier: MIT
// Memory whose pages can be told apart, and that compressed swap cannot make much smaller than
// half.
#pragma once

#include <cstddef>
#include <cstdint>

#include "benchmarks/random.h"

namespace damon_schemes::bench {

// Of base pages: what is locked or swapped is then counted in them.
class NoisyPages {
  public:
    static constexpr std::size_t page = 4096;

    explicit NoisyPages(std::size_t bytes);
    ~NoisyPages();
    NoisyPages(const NoisyPages&) = delete;
    NoisyPages& operator=(const NoisyPages&) = delete;
    // false: there was no room for it.
    explicit operator bool() const { return words_ != nullptr; }

    std::size_t count() const { return bytes_ / page; }
    char* begin() const;
    void fill(std::size_t number, Random& random);
    // Reads and writes it; whether it still holds what it was filled with.
    bool use(std::size_t number);

  private:
    static constexpr std::size_t words_of_page = page / sizeof(std::uint64_t);
    volatile std::uint64_t* at(std::size_t number) const { return words_ + number * words_of_page; }

    volatile std::uint64_t* words_ = nullptr;
    std::size_t bytes_;
};

}  // namespace damon_schemes::bench

// SPDX-License-Identifier: MIT
// Radix sort of integers from the least digit on, as the class of SPLASH-2's `radix` does it: keys
// are made, counted and permuted digit by digit between two arrays, and checked.
//
// The keys lie in runs, as a column of a table does, that are sorted one after another with one
// scratch array: most of the memory waits for its turn.  The check looks for the keys all over it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "benchmarks/parsec/suite/ledger.h"

namespace damon_schemes::parsec {

struct RadixOptions {
    std::size_t runs = 64;
    std::size_t keys_a_run = 0;  // at least 1
    std::size_t lookups = 0;     // of each run's keys, at most all; looked for by the check
    std::uint64_t seed = 1;
};

// The keys of one run, by the rule of the integer sort of the NAS Parallel Benchmarks
// (RNR-94-007): each the mean of four numbers x' = 5^13 x mod 2^46, in double arithmetic.
class KeyStream {
  public:
    KeyStream(std::uint64_t seed, std::size_t run);
    std::uint32_t next();

  private:
    double draw();  // 0 < result < 1
    double x_;      // odd, below 2^46
};

class Radix {
  public:
    Radix(Ledger& ledger, const RadixOptions& options);

    void generate();
    void sort();
    // What is wrong; empty: nothing is.  The scratch array is given back.
    std::string check();
    std::uint32_t key(std::size_t run, std::size_t i) const { return runs_[run][i]; }
    // For tests.
    void set_key(std::size_t run, std::size_t i, std::uint32_t key) { runs_[run][i] = key; }

  private:
    static constexpr unsigned digit_bits = 8;
    static constexpr unsigned digits = 32 / digit_bits;
    static constexpr std::size_t buckets = std::size_t{1} << digit_bits;
    using Keys = Table<std::uint32_t>;

    void sort_run(Keys& keys);
    void permute(const Keys& from, const Keys& to, unsigned shift);
    std::string check_order(std::size_t run) const;
    bool holds(const Keys& keys, std::uint32_t key) const;

    Ledger& ledger_;
    RadixOptions options_;
    std::vector<Keys> runs_;
    std::vector<std::uint64_t> sums_;  // of each run's keys as they were made
    Keys scratch_;
};

}  // namespace damon_schemes::parsec

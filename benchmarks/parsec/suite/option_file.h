// SPDX-License-Identifier: MIT
// A file of options, as a reader sees it: a buffer of text at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/parsec/suite/ledger.h"
#include "benchmarks/random.h"

namespace damon_schemes::parsec {

// So many positions in a thousand contracts, each line with its contract's reference value.
class OptionFile {
  public:
    OptionFile(Ledger& ledger, std::size_t positions, std::uint64_t seed);

    // The next whole lines; empty at the end.  Good until the next call.
    std::string_view read();

  private:
    static constexpr std::size_t contracts = 1000;
    static constexpr std::size_t buffer_bytes = std::size_t{64} << 10;

    bench::Random random_;
    std::size_t left_;
    std::vector<std::string> lines_;
    Table<char> buffer_;
};

// The value by the complementary error function, in double precision: another way to the same.
double reference_value(bool call, double spot, double strike, double rate, double volatility,
                       double years);

}  // namespace damon_schemes::parsec

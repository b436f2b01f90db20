// SPDX-License-Identifier: MIT
// The value of European options in closed form (Black and Scholes, "The pricing of options and
// corporate liabilities", 1973), and a portfolio of them that is valued again and again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "benchmarks/parsec/suite/ledger.h"

namespace damon_schemes::parsec {

enum class OptionType : std::uint32_t { call, put };

// Per unit of the underlying; rate and volatility are of a year.
struct OptionTerms {
    float spot = 0;
    float strike = 0;
    float rate = 0;
    float volatility = 0;
    float years = 0;
    OptionType type = OptionType::call;
};

// All terms are positive.
float black_scholes(const OptionTerms& terms);

// A position of a portfolio, as its file has it.
struct OptionRecord {
    OptionTerms terms;
    std::uint32_t account = 0;
    float quantity = 0;
    float reference = 0;  // what its value should be
};

// One line: TYPE(C or P) SPOT STRIKE RATE VOLATILITY YEARS ACCOUNT QUANTITY REFERENCE.  Throws
// std::invalid_argument, which says what is wrong with it.
OptionRecord parse_option(std::string_view line);

class Portfolio {
  public:
    // For at most so many positions.
    Portfolio(Ledger& ledger, std::size_t capacity);

    // Lines of parse_option(), each with its end.  Throws std::invalid_argument, which names the
    // line, and where there are too many.
    void parse(std::string_view text);
    // Puts the terms in columns, which is what value() reads.
    void lay_out();
    // Values every position.
    void value();

    std::size_t size() const { return size_; }
    double total() const;
    // Looks for a value that is off its reference, or off its counterpart by put-call parity.
    // Empty: there is none.
    std::string check() const;

  private:
    OptionTerms terms_of(std::size_t i) const;

    std::size_t size_ = 0;
    Table<OptionRecord> records_;
    Table<float> spot_;
    Table<float> strike_;
    Table<float> rate_;
    Table<float> volatility_;
    Table<float> years_;
    Table<OptionType> type_;
    Table<float> value_;
};

}  // namespace damon_schemes::parsec

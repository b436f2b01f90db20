// SPDX-License-Identifier: MIT
// A database of transactions: sets of items, as baskets of a shop are.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "benchmarks/parsec/suite/ledger.h"

namespace damon_schemes::parsec {

using Item = std::uint16_t;
constexpr std::uint32_t most_items = 65'535;

// How transactions are made, after Agrawal and Srikant, "Fast algorithms for mining association
// rules" (VLDB 1994), section 2.4.3: from patterns that are bought together, some more often than
// others, and not always in full.
struct TransactionShape {
    std::uint32_t transactions = 10'000;
    std::uint32_t items = 1000;
    double mean_length = 20;
    std::uint32_t patterns = 300;
    double mean_pattern_length = 6;
    // Share of a pattern that is left out, on average.
    double corruption = 0.4;
    std::uint64_t seed = 1;
};

class Transactions {
  public:
    // Made as the shape says.
    Transactions(Ledger& ledger, const TransactionShape& shape);
    // These; each has every item at most once.
    Transactions(Ledger& ledger, std::uint32_t items,
                 const std::vector<std::vector<Item>>& transactions);

    std::size_t size() const { return ends_.size(); }
    std::size_t total_items() const { return total_; }
    // All items are below it; at most most_items.
    std::uint32_t items() const { return items_; }
    // In order of the items' numbers; touched.
    std::span<const Item> operator[](std::size_t i) const;

  private:
    std::uint32_t items_;
    std::size_t total_ = 0;
    Table<Item> all_;
    Table<std::uint32_t> ends_;
};

}  // namespace damon_schemes::parsec

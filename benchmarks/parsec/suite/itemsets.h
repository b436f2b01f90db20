// SPDX-License-Identifier: MIT
// Frequent itemsets: all sets of items that so many transactions have in common, by FP-growth.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "benchmarks/parsec/suite/fp_tree.h"
#include "benchmarks/parsec/suite/ledger.h"
#include "benchmarks/parsec/suite/scratch_stack.h"
#include "benchmarks/parsec/suite/transactions.h"

namespace damon_schemes::parsec {

// What was found, as it was found: only added to until it is read.
class ItemsetList {
  public:
    explicit ItemsetList(Ledger& ledger) : ledger_(ledger) {}

    void add(std::span<const Item> items, std::uint32_t support);
    std::uint64_t size() const { return size_; }
    void for_each(
        const std::function<void(std::span<const Item>, std::uint32_t support)>& visit) const;

  private:
    static constexpr std::size_t chunk_words = (std::size_t{1} << 20) / sizeof(Item);

    Ledger& ledger_;
    // Each itemset: how many items, the support in two words, the items.  None crosses the end of
    // a chunk.
    std::vector<Table<Item>> chunks_;
    std::vector<std::size_t> used_;
    std::uint64_t size_ = 0;
};

class ItemsetMiner {
  public:
    // minimum_support > 0: how many transactions make a set of items frequent.
    ItemsetMiner(Ledger& ledger, const Transactions& transactions, std::uint32_t minimum_support);

    // Counts the items and makes the tree of all transactions.
    void build();
    // All frequent itemsets, the rarest items first.
    void mine();
    const ItemsetList& found() const { return found_; }
    std::size_t nodes() const { return tree_ ? tree_->size() : 0; }

  private:
    // What the tree of a projection is grown for: ranks of it, as items.
    struct Projection {
        const FpTree& tree;
        std::span<const Item> items;
    };

    void mine(const Projection& projection);
    // The tree of all that occurs along with this item.
    void mine_with(const Projection& projection, Rank rank);

    Ledger& ledger_;
    const Transactions& transactions_;
    std::uint32_t minimum_support_;
    ScratchStack scratch_;
    ItemsetList found_;
    std::vector<Item> prefix_;  // of what is mined right now
    std::span<Item> items_;     // by rank
    std::optional<FpTree> tree_;
};

// Looks for what is wrong with what was found, by other means: counts the support of a sample of
// it in the transactions; whether all subsets of these were found, and are no rarer; whether
// single items and a sample of pairs that are frequent were found.  Empty: nothing is wrong.
std::string check_itemsets(Ledger& ledger, const Transactions& transactions,
                           std::uint32_t minimum_support, const ItemsetList& found,
                           std::uint64_t seed);

}  // namespace damon_schemes::parsec

// SPDX-License-Identifier: MIT
// An FP-tree (Han, Pei and Yin, "Mining frequent patterns without candidate generation", SIGMOD
// 2000) whose nodes lie together by item, so that mining an item reads its nodes in order.
#pragma once

#include <cstdint>
#include <span>

#include "benchmarks/parsec/suite/ledger.h"
#include "benchmarks/parsec/suite/scratch_stack.h"

namespace damon_schemes::parsec {

// An item's place by falling support: 0 is the most frequent one.
using Rank = std::uint32_t;

// A transaction's frequent items, ascending ranks, and how often it occurs.
struct FpRow {
    std::uint32_t first = 0;  // in the array of all rows' ranks
    std::uint32_t length = 0;
    std::uint32_t count = 0;
};

// Rows in ledger memory.
struct FpRows {
    std::span<const Rank> ranks;
    std::span<FpRow> rows;
    Rank end_rank = 0;  // all ranks are below it
};

struct FpNode {
    static constexpr std::uint32_t root = 0xffff'ffff;

    Rank rank = 0;
    std::uint32_t count = 0;
    std::uint32_t parent = root;  // index of a node
};

class FpTree {
  public:
    // Sorts the rows.  Takes what it needs from `scratch`, and belongs to it.
    FpTree(Ledger& ledger, ScratchStack& scratch, FpRows rows);

    Rank end_rank() const { return static_cast<Rank>(begins_.size() - 1); }
    // The nodes of an item: [first, end).
    std::uint32_t first(Rank rank) const { return told(begins_[rank]); }
    std::uint32_t end(Rank rank) const { return told(begins_[rank + 1]); }
    const FpNode& node(std::uint32_t index) const { return told(nodes_[index]); }
    std::size_t size() const { return nodes_.size(); }

  private:
    template <class T>
    T& told(T& value) const {
        ledger_->touch(&value, sizeof(T));
        return value;
    }
    void sort(ScratchStack& scratch, FpRows& rows) const;
    std::uint32_t common_length(const FpRows& rows, std::size_t i) const;

    Ledger* ledger_;
    std::span<std::uint32_t> begins_;
    std::span<FpNode> nodes_;
};

}  // namespace damon_schemes::parsec

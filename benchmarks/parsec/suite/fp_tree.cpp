// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/fp_tree.h"

#include <algorithm>

namespace damon_schemes::parsec {

FpTree::FpTree(Ledger& ledger, ScratchStack& scratch, FpRows rows) : ledger_(&ledger) {
    // Equal beginnings of rows in order are equal paths: the tree grows at its right edge only.
    sort(scratch, rows);
    begins_ = scratch.take<std::uint32_t>(rows.end_rank + 1);
    ledger_->touch(begins_.data(), begins_.size_bytes());
    std::fill(begins_.begin(), begins_.end(), 0);
    std::uint32_t depth = 0;
    for (std::size_t i = 0; i < rows.rows.size(); ++i) {
        const FpRow row = told(rows.rows[i]);
        depth = std::max(depth, row.length);
        for (std::uint32_t at = common_length(rows, i); at < row.length; ++at)
            ++told(begins_[told(rows.ranks[row.first + at])]);
    }
    std::uint32_t total = 0;
    for (std::uint32_t& begin : begins_) {
        const std::uint32_t count = begin;
        begin = total;
        total += count;
    }
    nodes_ = scratch.take<FpNode>(total);

    const ScratchStack::Mark mark = scratch.mark();
    const auto next = scratch.take<std::uint32_t>(rows.end_rank);
    const auto path = scratch.take<std::uint32_t>(depth);
    ledger_->touch(next.data(), next.size_bytes());
    std::copy_n(begins_.begin(), next.size(), next.begin());
    for (std::size_t i = 0; i < rows.rows.size(); ++i) {
        const FpRow row = told(rows.rows[i]);
        const std::uint32_t common = common_length(rows, i);
        for (std::uint32_t at = 0; at < common; ++at)
            told(nodes_[told(path[at])]).count += row.count;
        for (std::uint32_t at = common; at < row.length; ++at) {
            const Rank rank = told(rows.ranks[row.first + at]);
            const std::uint32_t node = told(next[rank])++;
            told(nodes_[node]) = {rank, row.count, at == 0 ? FpNode::root : path[at - 1]};
            told(path[at]) = node;
        }
    }
    scratch.rewind(mark);
}

// First by the first rank, in one pass, then what begins alike.
void FpTree::sort(ScratchStack& scratch, FpRows& rows) const {
    const ScratchStack::Mark mark = scratch.mark();
    const auto ends = scratch.take<std::uint32_t>(rows.end_rank + 1);
    const auto sorted = scratch.take<FpRow>(rows.rows.size());
    ledger_->touch(ends.data(), ends.size_bytes());
    std::fill(ends.begin(), ends.end(), 0);
    const auto begins_with = [&](const FpRow& row) {
        return row.length == 0 ? rows.end_rank : told(rows.ranks[row.first]);
    };
    for (const FpRow& row : rows.rows) ++told(ends[begins_with(told(row))]);
    std::uint32_t total = 0;
    for (std::uint32_t& end : ends) {
        const std::uint32_t count = end;
        end = total;
        total += count;
    }
    for (const FpRow& row : rows.rows) told(sorted[told(ends[begins_with(told(row))])++]) = row;
    const auto before = [&](const FpRow& a, const FpRow& b) {
        const Rank* const left = rows.ranks.data() + a.first;
        const Rank* const right = rows.ranks.data() + b.first;
        ledger_->touch(left, a.length * sizeof(Rank));
        ledger_->touch(right, b.length * sizeof(Rank));
        return std::lexicographical_compare(left, left + a.length, right, right + b.length);
    };
    std::uint32_t begin = 0;
    for (Rank rank = 0; rank < rows.end_rank; ++rank) {
        const std::uint32_t end = told(ends[rank]);
        const auto part = sorted.subspan(begin, end - begin);
        ledger_->touch(part.data(), part.size_bytes());
        std::sort(part.begin(), part.end(), before);
        begin = end;
    }
    ledger_->touch(sorted.data(), sorted.size_bytes());
    ledger_->touch(rows.rows.data(), rows.rows.size_bytes());
    std::copy(sorted.begin(), sorted.end(), rows.rows.begin());
    scratch.rewind(mark);
}

// How many ranks a row begins with that the row before it begins with, too.
std::uint32_t FpTree::common_length(const FpRows& rows, std::size_t i) const {
    if (i == 0) return 0;
    const FpRow& row = rows.rows[i];
    const FpRow& before = told(rows.rows[i - 1]);
    const std::uint32_t most = std::min(row.length, before.length);
    ledger_->touch(rows.ranks.data() + row.first, row.length * sizeof(Rank));
    ledger_->touch(rows.ranks.data() + before.first, before.length * sizeof(Rank));
    std::uint32_t common = 0;
    while (common < most && rows.ranks[row.first + common] == rows.ranks[before.first + common])
        ++common;
    return common;
}

}  // namespace damon_schemes::parsec

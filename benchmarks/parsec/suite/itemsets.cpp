// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/itemsets.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

#include "benchmarks/random.h"

namespace damon_schemes::parsec {

void ItemsetList::add(std::span<const Item> items, std::uint32_t support) {
    const std::size_t words = items.size() + 3;
    if (chunks_.empty() || chunk_words - used_.back() < words) {
        chunks_.emplace_back(ledger_, chunk_words, page_bytes);
        used_.push_back(0);
    }
    const auto at = chunks_.back().range(used_.back(), words);
    at[0] = static_cast<Item>(items.size());
    at[1] = static_cast<Item>(support);
    at[2] = static_cast<Item>(support >> 16);
    std::copy(items.begin(), items.end(), at.begin() + 3);
    used_.back() += words;
    ++size_;
}

void ItemsetList::for_each(
    const std::function<void(std::span<const Item>, std::uint32_t support)>& visit) const {
    for (std::size_t chunk = 0; chunk < chunks_.size(); ++chunk)
        for (std::size_t at = 0; at < used_[chunk];) {
            const std::size_t length = chunks_[chunk][at];
            const auto words = chunks_[chunk].range(at, length + 3);
            visit(words.subspan(3), words[1] | std::uint32_t{words[2]} << 16);
            at += words.size();
        }
}

ItemsetMiner::ItemsetMiner(Ledger& ledger, const Transactions& transactions,
                           std::uint32_t minimum_support)
    : ledger_(ledger),
      transactions_(transactions),
      minimum_support_(minimum_support),
      scratch_(ledger),
      found_(ledger) {}

void ItemsetMiner::build() {
    // Supports of single items, and the frequent ones by rank.
    Table<std::uint32_t> supports(ledger_, transactions_.items());
    for (std::size_t i = 0; i < transactions_.size(); ++i)
        for (const Item item : transactions_[i]) ++supports[item];
    constexpr Rank none = 0xffff'ffff;
    std::vector<Item> frequent;
    for (Item item = 0; item < supports.size(); ++item)
        if (supports[item] >= minimum_support_) frequent.push_back(item);
    std::stable_sort(frequent.begin(), frequent.end(),
                     [&](Item a, Item b) { return supports.raw(a) > supports.raw(b); });
    items_ = scratch_.take<Item>(frequent.size());
    ledger_.touch(items_.data(), items_.size_bytes());
    std::copy(frequent.begin(), frequent.end(), items_.begin());
    Table<Rank> rank_of(ledger_, transactions_.items());
    for (Rank& rank : rank_of.range(0, rank_of.size())) rank = none;
    for (Rank rank = 0; rank < frequent.size(); ++rank) rank_of[frequent[rank]] = rank;

    Table<Rank> ranks(ledger_, transactions_.total_items());
    Table<FpRow> rows(ledger_, transactions_.size());
    std::uint32_t end = 0;
    for (std::size_t i = 0; i < transactions_.size(); ++i) {
        const std::uint32_t first = end;
        for (const Item item : transactions_[i])
            if (const Rank rank = rank_of[item]; rank != none) ranks[end++] = rank;
        const auto row = ranks.range(first, end - first);
        std::sort(row.begin(), row.end());
        rows[i] = {first, end - first, 1};
    }
    tree_.emplace(
        ledger_, scratch_,
        FpRows{
            {&ranks.raw(0), end}, {&rows.raw(0), rows.size()}, static_cast<Rank>(frequent.size())});
}

void ItemsetMiner::mine() {
    mine({*tree_, items_});
}

void ItemsetMiner::mine(const Projection& projection) {
    for (Rank rank = projection.tree.end_rank(); rank-- > 0;) {
        std::uint32_t support = 0;
        for (std::uint32_t i = projection.tree.first(rank); i < projection.tree.end(rank); ++i)
            support += projection.tree.node(i).count;
        ledger_.touch(&projection.items[rank]);
        prefix_.push_back(projection.items[rank]);
        found_.add(prefix_, support);
        mine_with(projection, rank);
        prefix_.pop_back();
    }
}

void ItemsetMiner::mine_with(const Projection& projection, Rank rank) {
    const FpTree& tree = projection.tree;
    const ScratchStack::Mark mark = scratch_.mark();
    const auto supports = scratch_.take<std::uint32_t>(rank);
    ledger_.touch(supports.data(), supports.size_bytes());
    std::fill(supports.begin(), supports.end(), 0);
    const std::uint32_t first = tree.first(rank);
    const std::uint32_t end = tree.end(rank);
    std::size_t most_ranks = 0;
    for (std::uint32_t i = first; i < end; ++i) {
        const FpNode& node = tree.node(i);
        for (std::uint32_t up = node.parent; up != FpNode::root; up = tree.node(up).parent) {
            supports[tree.node(up).rank] += node.count;
            ++most_ranks;
        }
    }
    // In the projection's own ranks; the order stays.
    constexpr Rank none = 0xffff'ffff;
    const auto ranks_within = scratch_.take<Rank>(rank);
    const auto items = scratch_.take<Item>(rank);
    ledger_.touch(ranks_within.data(), ranks_within.size_bytes());
    ledger_.touch(items.data(), items.size_bytes());
    ledger_.touch(projection.items.data(), rank * sizeof(Item));
    Rank end_rank = 0;
    for (Rank old = 0; old < rank; ++old) {
        ranks_within[old] = none;
        if (supports[old] < minimum_support_) continue;
        items[end_rank] = projection.items[old];
        ranks_within[old] = end_rank++;
    }
    if (end_rank != 0) {
        const auto ranks = scratch_.take<Rank>(most_ranks);
        const auto rows = scratch_.take<FpRow>(end - first);
        std::uint32_t row_count = 0;
        std::uint32_t rank_count = 0;
        for (std::uint32_t i = first; i < end; ++i) {
            const FpNode& node = tree.node(i);
            const std::uint32_t begin = rank_count;
            for (std::uint32_t up = node.parent; up != FpNode::root; up = tree.node(up).parent) {
                const Rank within = ranks_within[tree.node(up).rank];
                if (within == none) continue;
                ledger_.touch(&ranks[rank_count]);
                ranks[rank_count++] = within;
            }
            if (rank_count == begin) continue;
            // The way up goes to ever smaller ranks.
            std::reverse(ranks.begin() + begin, ranks.begin() + rank_count);
            ledger_.touch(&rows[row_count], sizeof(FpRow));
            rows[row_count++] = {begin, rank_count - begin, node.count};
        }
        const FpTree within(ledger_, scratch_,
                            {ranks.first(rank_count), rows.first(row_count), end_rank});
        mine({within, items.first(end_rank)});
    }
    scratch_.rewind(mark);
}

namespace {

using Supports = std::map<std::vector<Item>, std::uint32_t>;

// Sorted, as names in messages and maps.
std::vector<Item> sorted_items(std::span<const Item> items) {
    std::vector<Item> sorted(items.begin(), items.end());
    std::sort(sorted.begin(), sorted.end());
    return sorted;
}

std::string text_of(const std::vector<Item>& items) {
    std::string text = "{";
    for (const Item item : items) text += (text.size() > 1 ? ", " : "") + std::to_string(item);
    return text + "}";
}

// Some of what was found, evenly over it, and of each length that there is.
Supports sample_of(const ItemsetList& found) {
    constexpr std::uint64_t most = 48;
    Supports sample;
    std::vector<bool> has_length;
    std::uint64_t number = 0;
    found.for_each([&](std::span<const Item> items, std::uint32_t support) {
        if (items.size() >= has_length.size()) has_length.resize(items.size() + 1);
        const bool first_of_length = !has_length[items.size()];
        has_length[items.size()] = true;
        if (first_of_length || number * most / found.size() != (number + 1) * most / found.size())
            sample[sorted_items(items)] = support;
        ++number;
    });
    return sample;
}

// What a walk over the transactions counts.
struct Recount {
    Supports of_sets;  // of those asked for
    std::vector<std::uint32_t> of_items;
};

Recount recount(const Transactions& transactions, const std::vector<std::vector<Item>>& sets) {
    // By its first item, so that a transaction is compared only with those it may have.
    std::vector<std::vector<std::size_t>> by_item(transactions.items());
    for (std::size_t i = 0; i < sets.size(); ++i) by_item[sets[i].front()].push_back(i);
    std::vector<std::uint32_t> counts(sets.size());
    Recount result;
    result.of_items.resize(transactions.items());
    for (std::size_t row = 0; row < transactions.size(); ++row) {
        const auto items = transactions[row];
        for (const Item item : items) {
            ++result.of_items[item];
            for (const std::size_t i : by_item[item])
                if (std::includes(items.begin(), items.end(), sets[i].begin(), sets[i].end()))
                    ++counts[i];
        }
    }
    for (std::size_t i = 0; i < sets.size(); ++i) result.of_sets[sets[i]] = counts[i];
    return result;
}

// Pairs of items whose order is drawn by the seed.
std::vector<std::vector<Item>> some_pairs(std::uint32_t items, std::uint64_t seed) {
    std::vector<std::vector<Item>> pairs;
    if (items < 2) return pairs;
    bench::Random random(seed);
    for (int i = 0; i < 64; ++i) {
        const auto a = static_cast<Item>(random.below(items));
        auto b = static_cast<Item>(random.below(items - 1));
        if (b >= a) ++b;
        pairs.push_back({std::min(a, b), std::max(a, b)});
    }
    return pairs;
}

}  // namespace

std::string check_itemsets(Ledger& ledger, const Transactions& transactions,
                           std::uint32_t minimum_support, const ItemsetList& found,
                           std::uint64_t seed) {
    ledger.begin_phase("check");
    const Supports sample = sample_of(found);
    std::vector<std::vector<Item>> sets;
    for (const auto& [items, support] : sample) sets.push_back(items);
    for (auto& pair : some_pairs(transactions.items(), seed)) sets.push_back(std::move(pair));
    const Recount counted = recount(transactions, sets);

    // What must be among what was found: the sets counted where they are frequent, frequent items,
    // and the sample's subsets by one item.
    Supports wanted;  // 0: not seen yet
    for (const auto& [items, count] : counted.of_sets) wanted[items] = 0;
    for (Item item = 0; item < counted.of_items.size(); ++item)
        if (counted.of_items[item] >= minimum_support) wanted[{item}] = 0;
    for (const auto& [items, support] : sample)
        for (std::size_t out = 0; items.size() > 1 && out < items.size(); ++out) {
            std::vector<Item> subset = items;
            subset.erase(subset.begin() + static_cast<std::ptrdiff_t>(out));
            wanted[subset] = 0;
        }

    std::string wrong;
    std::uint64_t single = 0;
    std::vector<Item> sorted;
    found.for_each([&](std::span<const Item> items, std::uint32_t support) {
        if (support < minimum_support && wrong.empty())
            wrong = text_of(sorted_items(items)) + " has a support of " + std::to_string(support);
        single += items.size() == 1;
        sorted.assign(items.begin(), items.end());
        std::sort(sorted.begin(), sorted.end());
        const auto one = wanted.find(sorted);
        if (one == wanted.end()) return;
        if (one->second != 0 && wrong.empty()) wrong = text_of(sorted) + " was found twice";
        one->second = support;
    });
    if (!wrong.empty()) return wrong;
    for (const auto& [items, support] : wanted) {
        const auto recounted = counted.of_sets.find(items);
        const bool frequent =
            recounted == counted.of_sets.end() || recounted->second >= minimum_support;
        if (support == 0 && frequent) return text_of(items) + " is frequent and was not found";
        if (support != 0 && recounted != counted.of_sets.end() && support != recounted->second)
            return text_of(items) + " is in " + std::to_string(recounted->second) +
                   " transactions, found " + std::to_string(support);
    }
    for (const auto& [items, support] : sample)
        for (std::size_t out = 0; items.size() > 1 && out < items.size(); ++out) {
            std::vector<Item> subset = items;
            subset.erase(subset.begin() + static_cast<std::ptrdiff_t>(out));
            if (wanted.at(subset) < support)
                return text_of(subset) + " is rarer than " + text_of(items);
        }
    std::uint64_t frequent = 0;
    for (Item item = 0; item < counted.of_items.size(); ++item) {
        if (counted.of_items[item] < minimum_support) continue;
        ++frequent;
        if (wanted.at({item}) != counted.of_items[item])
            return text_of({item}) + " is in " + std::to_string(counted.of_items[item]) +
                   " transactions, found " + std::to_string(wanted.at({item}));
    }
    if (single != frequent)
        return std::to_string(single) + " single items were found, " + std::to_string(frequent) +
               " are frequent";
    return {};
}

}  // namespace damon_schemes::parsec

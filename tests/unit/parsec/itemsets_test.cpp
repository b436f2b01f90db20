// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/itemsets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "benchmarks/parsec/suite/fp_tree.h"
#include "benchmarks/parsec/suite/scratch_stack.h"
#include "benchmarks/parsec/suite/transactions.h"
#include "benchmarks/random.h"
#include "ledger_by_hand.h"

namespace damon_schemes::parsec {
namespace {

using Found = std::map<std::vector<Item>, std::uint32_t>;

Found found_by(const ItemsetMiner& miner) {
    Found found;
    miner.found().for_each([&](std::span<const Item> items, std::uint32_t support) {
        std::vector<Item> sorted(items.begin(), items.end());
        std::sort(sorted.begin(), sorted.end());
        EXPECT_TRUE(found.emplace(sorted, support).second) << "found twice";
    });
    return found;
}

// Every subset of the items, counted.
Found naive(const std::vector<std::vector<Item>>& transactions, std::uint32_t items,
            std::uint32_t minimum_support) {
    Found found;
    for (std::uint32_t set = 1; set < (1U << items); ++set) {
        std::uint32_t support = 0;
        for (const auto& transaction : transactions) {
            std::uint32_t has = 0;
            for (const Item item : transaction) has |= 1U << item;
            support += (has & set) == set;
        }
        if (support < minimum_support) continue;
        std::vector<Item> members;
        for (Item item = 0; item < items; ++item)
            if ((set >> item & 1) != 0) members.push_back(item);
        found[members] = support;
    }
    return found;
}

std::vector<std::vector<Item>> random_transactions(std::uint64_t seed, std::uint32_t items,
                                                   std::size_t count) {
    bench::Random random(seed);
    std::vector<std::vector<Item>> transactions(count);
    for (auto& transaction : transactions)
        for (Item item = 0; item < items; ++item)
            // Low numbers are frequent.
            if (random.below(items + 2) > item) transaction.push_back(item);
    return transactions;
}

TEST(Itemsets, TextbookExample) {
    Ledger ledger(by_hand());
    const Transactions transactions(
        ledger, 6,
        {{1, 2, 5}, {2, 4}, {2, 3}, {1, 2, 4}, {1, 3}, {2, 3}, {1, 3}, {1, 2, 3, 5}, {1, 2, 3}});
    ItemsetMiner miner(ledger, transactions, 2);
    miner.build();
    miner.mine();
    const Found expected = {{{1}, 6},    {{2}, 7},       {{3}, 6},      {{4}, 2},    {{5}, 2},
                            {{1, 2}, 4}, {{1, 3}, 4},    {{1, 5}, 2},   {{2, 3}, 4}, {{2, 4}, 2},
                            {{2, 5}, 2}, {{1, 2, 3}, 2}, {{1, 2, 5}, 2}};
    EXPECT_EQ(found_by(miner), expected);
}

TEST(Itemsets, FindsWhatCountingEverySubsetFinds) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        constexpr std::uint32_t items = 9;
        const auto rows = random_transactions(seed, items, 40);
        const auto minimum_support = static_cast<std::uint32_t>(1 + seed % 12);
        Ledger ledger(by_hand());
        const Transactions transactions(ledger, items, rows);
        ItemsetMiner miner(ledger, transactions, minimum_support);
        miner.build();
        miner.mine();
        EXPECT_EQ(found_by(miner), naive(rows, items, minimum_support)) << "seed " << seed;
        EXPECT_EQ(check_itemsets(ledger, transactions, minimum_support, miner.found(), seed), "");
    }
}

TEST(Itemsets, NothingIsFrequentWhereNothingRecurs) {
    Ledger ledger(by_hand());
    const Transactions transactions(ledger, 4, {{0}, {1, 2}, {}, {3}});
    ItemsetMiner miner(ledger, transactions, 2);
    miner.build();
    miner.mine();
    EXPECT_EQ(miner.found().size(), 0U);
    EXPECT_EQ(check_itemsets(ledger, transactions, 2, miner.found(), 1), "");
}

TEST(Itemsets, ListHoldsMoreThanOneChunk) {
    Ledger ledger(by_hand());
    ItemsetList list(ledger);
    const auto item = [](std::uint32_t i) { return static_cast<Item>(i % most_items); };
    for (std::uint32_t i = 0; i < 200'000; ++i)
        list.add(std::vector<Item>{item(i), item(i + 1), item(i + 2)}, i + 1);
    std::uint32_t next = 0;
    list.for_each([&](std::span<const Item> items, std::uint32_t support) {
        ASSERT_THAT(items, testing::ElementsAre(item(next), item(next + 1), item(next + 2)));
        ASSERT_EQ(support, ++next);
    });
    EXPECT_EQ(next, 200'000U);
}

class ItemsetsCheck : public testing::Test {
  protected:
    // What was found, with one thing changed.
    std::string check(const std::function<void(Found&)>& change) {
        constexpr std::uint32_t items = 8;
        Ledger ledger(by_hand());
        const auto rows = random_transactions(7, items, 60);
        const Transactions transactions(ledger, items, rows);
        Found found = naive(rows, items, 5);
        change(found);
        ItemsetList list(ledger);
        for (const auto& [members, support] : found) list.add(members, support);
        return check_itemsets(ledger, transactions, 5, list, 1);
    }
};

TEST_F(ItemsetsCheck, PassesWhatIsRight) {
    EXPECT_EQ(check([](Found&) {}), "");
}

TEST_F(ItemsetsCheck, SeesASupportThatIsOff) {
    EXPECT_THAT(check([](Found& found) {
                    ++found.at({0, 1});
                }),
                testing::HasSubstr("{0, 1} is in"));
    EXPECT_THAT(check([](Found& found) { --found.at({0}); }), testing::HasSubstr("{0} is in"));
}

TEST_F(ItemsetsCheck, SeesAnItemsetThatIsMissing) {
    EXPECT_THAT(check([](Found& found) { found.erase(std::vector<Item>{0}); }),
                testing::HasSubstr("{0} is frequent and was not found"));
    EXPECT_THAT(check([](Found& found) {
                    found.erase({0, 1});
                }),
                testing::HasSubstr("{0, 1} is frequent and was not found"));
}

TEST_F(ItemsetsCheck, SeesWhatIsNotFrequent) {
    EXPECT_THAT(check([](Found& found) { found[{6, 7}] = 4; }), testing::HasSubstr("support of 4"));
}

TEST(FpTree, SharesBeginnings) {
    Ledger ledger(by_hand());
    ScratchStack scratch(ledger);
    const auto ranks = scratch.take<Rank>(8);
    const Rank values[] = {0, 1, 2, 0, 1, 3, 1, 3};
    std::copy(std::begin(values), std::end(values), ranks.begin());
    const auto rows = scratch.take<FpRow>(3);
    rows[0] = {6, 2, 1};
    rows[1] = {3, 3, 2};
    rows[2] = {0, 3, 4};
    const FpTree tree(ledger, scratch, {ranks, rows, 4});
    // 0, 0-1, 0-1-2, 0-1-3, 1, 1-3
    EXPECT_EQ(tree.size(), 6U);
    EXPECT_EQ(tree.end(0) - tree.first(0), 1U);
    EXPECT_EQ(tree.node(tree.first(0)).count, 6U);
    EXPECT_EQ(tree.node(tree.first(0)).parent, FpNode::root);
    ASSERT_EQ(tree.end(1) - tree.first(1), 2U);
    EXPECT_EQ(tree.node(tree.first(1)).count, 6U);
    EXPECT_EQ(tree.node(tree.first(1) + 1).count, 1U);
    ASSERT_EQ(tree.end(3) - tree.first(3), 2U);
    EXPECT_EQ(tree.node(tree.first(3)).count, 2U);
    EXPECT_EQ(tree.node(tree.first(3)).parent, tree.first(1));
    EXPECT_EQ(tree.node(tree.first(3) + 1).parent, tree.first(1) + 1);
}

// A part of why mining leaves most of its memory cold.
TEST(Itemsets, MiningLeavesTheTransactionsAlone) {
    Ledger ledger(by_hand());
    TransactionShape shape;
    shape.transactions = 2000;
    shape.items = 300;
    const Transactions transactions(ledger, shape);
    ItemsetMiner miner(ledger, transactions, 60);
    miner.build();
    ledger.advance(std::chrono::seconds(10));
    miner.mine();
    ledger.advance(std::chrono::seconds(11));
    const Balance balance = ledger.close();
    const CoursePoint& point = balance.course.back();
    EXPECT_GE(point.touched_bytes - point.hot_bytes,
              transactions.total_items() * sizeof(Item) - 2 * page_bytes);
}

TEST(Transactions, AreAsTheShapeSays) {
    Ledger ledger(by_hand());
    TransactionShape shape;
    shape.transactions = 4000;
    shape.items = 500;
    shape.mean_length = 12;
    const Transactions transactions(ledger, shape);
    ASSERT_EQ(transactions.size(), 4000U);
    std::size_t total = 0;
    for (std::size_t i = 0; i < transactions.size(); ++i) {
        const auto items = transactions[i];
        total += items.size();
        ASSERT_FALSE(items.empty());
        ASSERT_EQ(std::set<Item>(items.begin(), items.end()).size(), items.size());
        ASSERT_TRUE(std::is_sorted(items.begin(), items.end()));
        ASSERT_LT(items.back(), 500U);
    }
    EXPECT_EQ(total, transactions.total_items());
    EXPECT_NEAR(static_cast<double>(total) / 4000, 12, 4);
}

TEST(Transactions, ASeedRepeatsThem) {
    Ledger ledger(by_hand());
    TransactionShape shape;
    shape.transactions = 50;
    const Transactions first(ledger, shape);
    const Transactions second(ledger, shape);
    shape.seed = 2;
    const Transactions third(ledger, shape);
    bool differs = false;
    for (std::size_t i = 0; i < first.size(); ++i) {
        ASSERT_TRUE(std::ranges::equal(first[i], second[i]));
        differs = differs || !std::ranges::equal(first[i], third[i]);
    }
    EXPECT_TRUE(differs);
}

TEST(ScratchStack, GivesTheSameMemoryAfterGoingBack) {
    Ledger ledger(by_hand());
    ScratchStack scratch(ledger);
    const auto kept = scratch.take<std::uint32_t>(100);
    const ScratchStack::Mark mark = scratch.mark();
    const auto first = scratch.take<std::uint32_t>(1000);
    scratch.take<std::byte>(std::size_t{5} << 20);
    scratch.rewind(mark);
    const auto second = scratch.take<std::uint32_t>(1000);
    EXPECT_EQ(first.data(), second.data());
    EXPECT_GE(first.data(), kept.data() + kept.size());
}

}  // namespace
}  // namespace damon_schemes::parsec

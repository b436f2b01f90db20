// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/transactions.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "benchmarks/random.h"

namespace damon_schemes::parsec {
namespace {

// Draws from the distributions that the paper names.
class Draw {
  public:
    explicit Draw(std::uint64_t seed) : random_(seed) {}

    double uniform() { return static_cast<double>(random_.next() >> 11) * 0x1p-53; }
    double exponential(double mean) { return -mean * std::log(1 - uniform()); }
    // Knuth's way, which is good for small means.
    std::uint32_t poisson(double mean) {
        const double limit = std::exp(-mean);
        std::uint32_t n = 0;
        for (double product = uniform(); product > limit; product *= uniform()) ++n;
        return n;
    }
    double normal(double mean, double deviation) {
        const double radius = std::sqrt(-2 * std::log(1 - uniform()));
        return mean + deviation * radius * std::cos(2 * 3.14159265358979323846 * uniform());
    }
    Item item(std::uint32_t items) { return static_cast<Item>(random_.below(items)); }

  private:
    bench::Random random_;
};

struct Pattern {
    std::vector<Item> items;
    double cumulated_weight = 0;
    double corruption = 0;
};

std::vector<Pattern> patterns_of(const TransactionShape& shape, Draw& draw) {
    std::vector<Pattern> patterns(shape.patterns);
    double weight = 0;
    const std::vector<Item>* before = nullptr;
    for (Pattern& pattern : patterns) {
        const std::size_t length = std::clamp<std::size_t>(
            draw.poisson(shape.mean_pattern_length - 1) + 1, 1, shape.items);
        // A part of it is taken from the pattern before: patterns have items in common.
        if (before != nullptr) {
            const double share = std::min(1.0, draw.exponential(0.5));
            for (std::size_t i = 0; i < before->size() && pattern.items.size() < length; ++i)
                if (draw.uniform() < share) pattern.items.push_back((*before)[i]);
        }
        while (pattern.items.size() < length) {
            const Item item = draw.item(shape.items);
            if (std::find(pattern.items.begin(), pattern.items.end(), item) == pattern.items.end())
                pattern.items.push_back(item);
        }
        weight += draw.exponential(1);
        pattern.cumulated_weight = weight;
        pattern.corruption = std::clamp(draw.normal(shape.corruption, 0.3), 0.0, 0.95);
        before = &pattern.items;
    }
    return patterns;
}

const Pattern& choose(const std::vector<Pattern>& patterns, Draw& draw) {
    const double at = draw.uniform() * patterns.back().cumulated_weight;
    const auto found = std::upper_bound(
        patterns.begin(), patterns.end() - 1, at,
        [](double weight, const Pattern& pattern) { return weight < pattern.cumulated_weight; });
    return *found;
}

}  // namespace

Transactions::Transactions(Ledger& ledger, const TransactionShape& shape)
    : items_(shape.items), ends_(ledger, shape.transactions) {
    if (shape.items == 0 || shape.items > most_items || shape.patterns == 0)
        throw std::invalid_argument("transactions are made of 1 to 65535 items, and of patterns");
    Draw draw(shape.seed);
    const std::vector<Pattern> patterns = patterns_of(shape, draw);
    // A transaction is as long as drawn, or longer by the last pattern that went in.
    const auto most =
        static_cast<std::size_t>(shape.mean_length + 4 * shape.mean_pattern_length + 40);
    all_ = Table<Item>(ledger, shape.transactions * most);
    std::vector<bool> has(shape.items);
    std::vector<Item> basket;
    for (std::size_t row = 0; row < shape.transactions; ++row) {
        const std::size_t length = std::min<std::size_t>(
            most, std::max<std::uint32_t>(1, draw.poisson(shape.mean_length)));
        basket.clear();
        // So many patterns, at most: what they have left may be in the basket already.
        for (int tries = 0; basket.size() < length && tries < 100; ++tries) {
            const Pattern& pattern = choose(patterns, draw);
            for (const Item item : pattern.items) {
                if (draw.uniform() < pattern.corruption || has[item] || basket.size() == most)
                    continue;
                has[item] = true;
                basket.push_back(item);
            }
        }
        std::sort(basket.begin(), basket.end());
        for (const Item item : basket) {
            all_[total_++] = item;
            has[item] = false;
        }
        ends_[row] = static_cast<std::uint32_t>(total_);
    }
}

Transactions::Transactions(Ledger& ledger, std::uint32_t items,
                           const std::vector<std::vector<Item>>& transactions)
    : items_(items), ends_(ledger, transactions.size()) {
    std::size_t total = 0;
    for (const auto& transaction : transactions) total += transaction.size();
    all_ = Table<Item>(ledger, total);
    for (std::size_t row = 0; row < transactions.size(); ++row) {
        const std::size_t first = total_;
        for (const Item item : transactions[row]) all_[total_++] = item;
        const auto sorted = all_.range(first, total_ - first);
        std::sort(sorted.begin(), sorted.end());
        ends_[row] = static_cast<std::uint32_t>(total_);
    }
}

std::span<const Item> Transactions::operator[](std::size_t i) const {
    const std::size_t first = i == 0 ? 0 : ends_[i - 1];
    return all_.range(first, ends_[i] - first);
}

}  // namespace damon_schemes::parsec

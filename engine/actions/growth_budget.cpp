// SPDX-License-Identifier: MIT
#include "engine/actions/growth_budget.h"

#include <algorithm>

namespace damon_schemes {

namespace {

// Each look reads the page tables of a block: some microseconds natively.
constexpr Duration least_look_interval = std::chrono::seconds(1);
// Children come and go: of more targets than this the oldest are forgotten.
constexpr std::size_t most_targets = 1024;

}  // namespace

GrowthBudget::Grown& GrowthBudget::of(TargetId target, std::uint64_t generation) {
    Grown& grown = targets_[target];
    if (grown.generation != generation) grown = {generation, {}, {}, {}};
    if (targets_.size() > most_targets && targets_.begin()->first != target)
        targets_.erase(targets_.begin());
    return grown;
}

std::optional<Bytes> GrowthBudget::room(TargetId target, std::uint64_t generation,
                                        const Growth& growth, std::optional<Bytes> rss,
                                        Bytes wanted, const StillHuge& still_huge) {
    if (!growth.any()) return std::nullopt;
    Bytes most = growth.bytes.value_or(Bytes{~std::uint64_t{0}});
    if (growth.share) {
        const double share = static_cast<double>(growth.share->ppm) / 1e6;
        const double allowed = rss ? static_cast<double>(rss->count) * share : 0;
        most = std::min(most, Bytes{static_cast<std::uint64_t>(allowed)});
    }
    const std::lock_guard lock(mutex_);
    Grown& grown = of(target, generation);
    const auto left = [&] { return grown.total < most ? most - grown.total : Bytes{}; };
    const Instant now = std::chrono::steady_clock::now();
    if (left() >= wanted || (grown.looked && now - *grown.looked < least_look_interval))
        return left();
    grown.looked = now;
    std::erase_if(grown.blocks, [&](const auto& block) { return !still_huge(block.first); });
    grown.total = {};
    for (const auto& [block, bytes] : grown.blocks) grown.total += bytes;
    return left();
}

void GrowthBudget::add(TargetId target, std::uint64_t generation, std::uint64_t block,
                       Bytes bytes) {
    const std::lock_guard lock(mutex_);
    Grown& grown = of(target, generation);
    Bytes& of_block = grown.blocks[block];
    grown.total += bytes;
    grown.total -= of_block;
    of_block = bytes;
}

Bytes GrowthBudget::added(TargetId target) const {
    const std::lock_guard lock(mutex_);
    const auto grown = targets_.find(target);
    return grown == targets_.end() ? Bytes{} : grown->second.total;
}

}  // namespace damon_schemes

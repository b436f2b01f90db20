// SPDX-License-Identifier: MIT
#include "engine/recordings/ages.h"

#include <algorithm>
#include <limits>

namespace damon_schemes {
namespace {

std::uint64_t shared_bytes(AddressRange a, AddressRange b) {
    const std::uint64_t start = std::max(a.start, b.start);
    const std::uint64_t end = std::min(a.end, b.end);
    return end > start ? end - start : 0;
}

std::uint32_t age_after(const Region& before, const Region& now, std::uint32_t threshold) {
    const std::uint32_t moved =
        std::max(before.accessed, now.accessed) - std::min(before.accessed, now.accessed);
    if (moved > threshold || (before.accessed == 0) != (now.accessed == 0)) return 0;
    return before.age == std::numeric_limits<std::uint32_t>::max() ? before.age : before.age + 1;
}

void count_ages(const std::vector<Region>& before, std::vector<Region>& now,
                std::uint32_t threshold) {
    auto first = before.begin();
    for (auto& region : now) {
        while (first != before.end() && first->range.end <= region.range.start) ++first;
        auto best = before.end();
        std::uint64_t most = 0;
        for (auto old = first; old != before.end() && old->range.start < region.range.end; ++old) {
            if (const auto shared = shared_bytes(old->range, region.range); shared > most) {
                most = shared;
                best = old;
            }
        }
        region.age = best == before.end() ? 0 : age_after(*best, region, threshold);
    }
}

}  // namespace

const TargetSnapshot* Ages::before(TargetId id) const {
    const auto found =
        std::lower_bound(before_.begin(), before_.end(), id,
                         [](const TargetSnapshot& each, TargetId key) { return each.id < key; });
    return found != before_.end() && found->id == id ? &*found : nullptr;
}

void Ages::count(Snapshot& snapshot, std::uint32_t looks) {
    static const std::vector<Region> none;
    for (auto& target : snapshot.targets) {
        const TargetSnapshot* old = before(target.id);
        count_ages(old ? old->regions : none, target.regions, looks / 10);
    }
    before_ = snapshot.targets;
    std::stable_sort(before_.begin(), before_.end(),
                     [](const TargetSnapshot& a, const TargetSnapshot& b) { return a.id < b.id; });
}

}  // namespace damon_schemes

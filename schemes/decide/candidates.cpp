// SPDX-License-Identifier: MIT
#include "schemes/decide/candidates.h"

#include <algorithm>

namespace damon_schemes {

void Candidates::add(const RegionPart& part) {
    const std::uint64_t bytes = part.range.size().count;
    if (!parts_.empty()) {
        Candidate& last = parts_.back();
        if (last.target == part.target && last.region == part.region &&
            last.range.end == part.range.start) {
            last.range.end = part.range.end;
            last.granted += bytes;
            return;
        }
    }
    parts_.push_back({part, bytes, 0});
}

void Candidates::begin_at(const Position& position, const Snapshot& snapshot, bool cut) {
    if (parts_.empty()) return;
    // Targets come in the snapshot's order, which need not be that of their ids.
    std::size_t at = 0;
    while (at < snapshot.targets.size() && snapshot.targets[at].id != position.target) ++at;
    if (at == snapshot.targets.size()) return;
    const auto found =
        std::partition_point(parts_.begin(), parts_.end(), [&](const Candidate& part) {
            return part.target < at || (part.target == at && part.range.end <= position.address);
        });
    first_ = static_cast<std::size_t>(found - parts_.begin()) % parts_.size();
    Candidate& part = parts_[first_];
    if (!cut || part.target != at || part.range.start >= position.address ||
        part.range.end <= position.address)
        return;
    Candidate behind = part;
    behind.range.start = part.range.end = position.address;
    behind.granted = behind.range.size().count;
    part.granted = part.range.size().count;
    ++first_;
    parts_.insert(parts_.begin() + static_cast<std::ptrdiff_t>(first_), behind);
}

void Candidates::rank(const Scheme& scheme, const Snapshot& snapshot) {
    if (ranked_) return;
    ranked_ = true;
    if (!scheme.quota.priority.any()) return;
    for (Candidate& part : parts_) {
        const Region& region = snapshot.targets[part.target].regions[part.region];
        part.score = score_of(scheme.quota.priority, scheme.action, region);
    }
}

std::optional<Candidates::Shortage> Candidates::limit(std::size_t begin, std::size_t end,
                                                      std::uint64_t most, const Scheme& scheme,
                                                      const Snapshot& snapshot) {
    std::uint64_t wanted = 0;
    for (std::size_t i = begin; i < end; ++i) wanted += parts_[i].granted;
    if (wanted <= most) return std::nullopt;

    // The least score with which the limit is not yet passed by what scores more.
    rank(scheme, snapshot);
    bytes_of_score_.resize(greatest_score + 1);
    std::uint32_t greatest = 0;
    for (std::size_t i = begin; i < end; ++i) {
        greatest = std::max(greatest, parts_[i].score);
        bytes_of_score_[parts_[i].score] += parts_[i].granted;
    }
    std::uint32_t score = greatest;
    std::uint64_t left = most;
    while (score > 0 && bytes_of_score_[score] <= left) left -= bytes_of_score_[score--];
    std::fill_n(bytes_of_score_.begin(), greatest + 1, 0);

    Shortage shortage{0, score, {}};
    const std::uint64_t grain = grain_of(scheme.action).count;
    const std::size_t first = begin <= first_ && first_ < end ? first_ : begin;
    for (std::size_t n = 0; n < end - begin; ++n) {
        Candidate& part = parts_[begin + (first - begin + n) % (end - begin)];
        if (part.score > score) continue;
        // Nothing behind the part that is cut is let through, so that the next window finds it in
        // its turn.
        if (part.score < score) part.granted = 0;
        if (part.granted == 0) continue;
        if (part.granted > left) {
            // At a border of what can be acted on.
            const std::uint64_t border = (part.range.start + left) / grain * grain;
            part.granted = border > part.range.start ? border - part.range.start : 0;
            left = part.granted;
        }
        left -= part.granted;
        if (part.granted != 0)
            shortage.position = {snapshot.targets[part.target].id, part.range.start + part.granted};
    }
    shortage.held = wanted;
    for (std::size_t i = begin; i < end; ++i) shortage.held -= parts_[i].granted;
    return shortage;
}

}  // namespace damon_schemes

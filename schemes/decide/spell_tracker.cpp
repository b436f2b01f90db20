// SPDX-License-Identifier: MIT
#include "schemes/decide/spell_tracker.h"

#include <algorithm>
#include <utility>

namespace damon_schemes {

namespace {

Duration age_of(std::uint32_t age, Duration interval) {
    return interval > Duration::max() / (std::int64_t{age} + 1) ? Duration::max() : interval * age;
}

}  // namespace

void SpellTracker::begin(const Snapshot& snapshot) {
    std::swap(last_, now_);
    now_.targets.clear();
    now_.regions.clear();
    now_.time = snapshot.time;
    now_.interval =
        std::clamp(snapshot.aggregation_interval, Duration(1), Duration(std::chrono::hours(24)));
    step_ = elapsed(last_.time, now_.time);
    // A few lost snapshots are a longer step; what happened in a long pause nobody knows.
    if (last_.regions.empty() || step_ > std::max(window_ / 4, now_.interval * 2))
        step_ = Duration::zero();
    target_ = 0;
    next_ = behind_ = 0;
}

void SpellTracker::begin_target(TargetId target, std::uint64_t generation) {
    now_.targets.push_back({target, generation, now_.regions.size()});
    next_ = behind_ = 0;
    if (step_ == Duration::zero()) return;
    // They come in the same order as a rule.
    const auto& known = last_.targets;
    for (std::size_t tried = 0; tried < known.size(); ++tried) {
        const std::size_t at = (target_ + tried) % known.size();
        if (known[at].id != target) continue;
        target_ = at + 1;
        if (known[at].generation != generation) return;  // its addresses mean something else now
        next_ = known[at].first;
        behind_ = at + 1 < known.size() ? known[at + 1].first : last_.regions.size();
        return;
    }
}

void SpellTracker::count(std::uint32_t age, double bytes, bool accessed) {
    if (bytes <= 0) return;
    Outcome* outcome = nullptr;
    if (age < young_.size()) {
        outcome = &young_[age];
    } else {
        if (old_.empty() || old_.back().age != age) old_.push_back({age, 0, 0});
        outcome = &old_.back();
    }
    (accessed ? outcome->accessed : outcome->stayed) += bytes;
}

void SpellTracker::look(const Region& region, double matching, bool accessed) {
    const bool says = region.known() && !region.nothing_present();
    const double present =
        says ? 1 - static_cast<double>(region.absent) / static_cast<double>(region.sampled) : 0;
    // Where snapshots were lost: it is younger than the time since the last one, so it was used.
    const bool interrupted =
        age_of(region.age, now_.interval) < step_ - std::min(step_, now_.interval * 2);

    for (; next_ < behind_; ++next_) {
        const Idle& idle = last_.regions[next_];
        if (idle.range.start >= region.range.end) break;
        const AddressRange both{std::max(idle.range.start, region.range.start),
                                std::min(idle.range.end, region.range.end)};
        if (says && !both.empty()) {
            const auto bytes = static_cast<double>(both.size().count);
            if (accessed || interrupted)
                count(idle.age, bytes * static_cast<double>(idle.share), true);
            else  // what is there no longer was not accessed
                count(idle.age, bytes * std::min(static_cast<double>(idle.share), present), false);
        }
        if (idle.range.end > region.range.end) break;  // it goes on in the next region
    }

    if (says && matching > 0 && !region.range.empty())
        now_.regions.push_back({region.range, region.age, static_cast<float>(matching * present)});
}

void SpellTracker::finish(IdleSpells& spells) {
    spells.advance(now_.time);
    for (std::size_t age = 0; age < young_.size(); ++age) {
        Outcome& outcome = young_[age];
        if (outcome.stayed + outcome.accessed > 0)
            spells.observe(age_of(static_cast<std::uint32_t>(age), last_.interval), step_,
                           outcome.stayed, outcome.accessed);
        outcome = {};
    }
    for (const Outcome& outcome : old_)
        spells.observe(age_of(outcome.age, last_.interval), step_, outcome.stayed,
                       outcome.accessed);
    old_.clear();
}

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include "engine/monitors/aggregation.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace damon_schemes {

void Aggregation::begin(std::vector<std::pair<TargetId, std::int32_t>> targets,
                        Duration sampling_interval, Duration aggregation_interval) {
    std::vector<Target> places;
    for (const auto& [id, pid] : targets) {
        Target place;
        // A generation never comes back, however often monitoring begins.
        if (const Target* known = find(pid); known != nullptr && known->id == id)
            place.generation = known->generation;
        place.id = id;
        place.pid = pid;
        places.push_back(std::move(place));
    }
    targets_ = std::move(places);
    sampling_ = sampling_interval;
    aggregation_ = aggregation_interval;
    const auto looks = aggregation_interval / std::max(sampling_interval, Duration(1));
    nominal_ = static_cast<std::uint32_t>(std::clamp<std::int64_t>(looks, 1, UINT32_MAX));
    restart();
}

void Aggregation::restart() {
    clear();
    uncertain_ = true;
    previous_.reset();
}

void Aggregation::clear() {
    for (Target& target : targets_) {
        target.announced = 0;
        target.regions.clear();
    }
    last_.reset();
    broken_ = false;
    finished_ = false;
}

// Within an interval targets and addresses only rise.
bool Aggregation::begins_anew(const AggregatedRegion& region) const {
    if (!last_) return false;
    return finished_ || std::tuple(region.target, region.range.start) <=
                            std::tuple(last_->target, last_->range.start);
}

void Aggregation::add(const AggregatedRegion& region) {
    if (begins_anew(region)) {
        // Targets without a region tell nothing: only here is it known that no more came.
        if (!finished_) {
            const bool bad = broken_ || std::any_of(targets_.begin(), targets_.end(), [&](auto& t) {
                                 return t.regions.size() != t.announced ||
                                        (uncertain_ && t.expected && t.regions.empty());
                             });
            if (bad) {
                drop();
            } else {
                for (Target& target : targets_) target.expected = !target.regions.empty();
                finish();
            }
        }
        // A target that had none has regions again, after the interval seemed to be told of whole.
        const bool stray = finished_ && region.target > last_->target &&
                           elapsed(last_->time, region.time) < aggregation_ / 2;
        clear();
        broken_ = stray;
    }
    last_ = region;
    if (region.target >= targets_.size() || region.range.empty()) {
        broken_ = true;
        return;
    }
    Target& target = targets_[region.target];
    const bool sorted =
        target.regions.empty() || target.regions.back().range.end <= region.range.start;
    if (target.regions.empty()) target.announced = region.regions;
    if (!sorted || target.announced != region.regions) broken_ = true;
    Region seen;
    seen.range = region.range;
    // It counts the looks that should have been taken, and may round up beyond them.
    seen.sampled = nominal_;
    seen.accessed = std::min(region.nr_accesses, nominal_);
    seen.age = region.age;
    target.regions.push_back(seen);
    target.expected = true;
    if (!broken_ && whole()) {
        finish();
        finished_ = true;
    }
}

bool Aggregation::whole() const {
    return std::all_of(targets_.begin(), targets_.end(), [](const Target& target) {
        if (target.regions.empty()) return !target.expected;
        return target.regions.size() == target.announced;
    });
}

TargetSnapshot Aggregation::snapshot_of(Target& target) {
    TargetSnapshot seen;
    seen.id = target.id;
    seen.pid = target.pid;
    seen.generation = target.generation;
    seen.regions = std::move(target.regions);
    target.regions.clear();
    const bool unknown = target.blind || target.exec_now || target.blind_now;
    for (Region& region : seen.regions) {
        if (unknown) {
            region.sampled = 0;
            region.accessed = 0;
            region.age = 0;
        } else if (target.since_exec) {
            region.age = std::min(region.age, *target.since_exec);
        }
    }
    if (target.exec_now) {
        target.since_exec = 0;
    } else if (target.since_exec && *target.since_exec < UINT32_MAX) {
        ++*target.since_exec;
    }
    target.exec_now = false;
    target.blind_now = false;
    return seen;
}

void Aggregation::finish() {
    Snapshot snapshot;
    snapshot.time = last_->time;
    snapshot.duration = previous_ ? elapsed(*previous_, last_->time) : aggregation_;
    snapshot.sampling_interval = sampling_;
    snapshot.aggregation_interval = aggregation_;
    snapshot.passes = nominal_;
    // What was missing before this one was an interval of its own.
    if (missing_) ++lost_;
    missing_ = false;
    regions_ = 0;
    for (Target& target : targets_) {
        regions_ += static_cast<std::uint32_t>(target.regions.size());
        snapshot.targets.push_back(snapshot_of(target));
    }
    snapshot.sequence = ++sequence_ + lost_;
    snapshot.lost = lost_;
    looks_ += nominal_;
    previous_ = last_->time;
    uncertain_ = false;
    ready_.push_back(std::move(snapshot));
}

// What began before anybody listened, or was not told of whole.
void Aggregation::drop() {
    ++lost_;
    missing_ = false;
    previous_ = last_->time;
    uncertain_ = broken_;
}

void Aggregation::lose() {
    const bool under_way = last_.has_value() && !finished_;
    broken_ = broken_ || under_way;
    missing_ = missing_ || !under_way;
    uncertain_ = true;
}

Aggregation::Target* Aggregation::find(std::int32_t pid) {
    const auto found = std::find_if(targets_.begin(), targets_.end(),
                                    [pid](const Target& target) { return target.pid == pid; });
    return found == targets_.end() ? nullptr : &*found;
}

void Aggregation::exec(std::int32_t pid) {
    Target* target = find(pid);
    if (target == nullptr) return;
    ++target->generation;
    target->exec_now = true;
    target->since_exec.reset();
    // Another thread that execs takes the place of the first one.
    target->blind_now = target->blind_now || target->blind;
    target->blind = false;
}

void Aggregation::end(std::int32_t pid) {
    if (Target* target = find(pid)) target->blind = true;
}

std::optional<Snapshot> Aggregation::take() {
    if (ready_.empty()) return std::nullopt;
    Snapshot snapshot = std::move(ready_.front());
    ready_.pop_front();
    return snapshot;
}

}  // namespace damon_schemes

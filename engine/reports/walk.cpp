// SPDX-License-Identifier: MIT
#include "engine/reports/walk.h"

#include <algorithm>
#include <unordered_map>

#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

constexpr std::size_t most_targets = 1000;
constexpr std::size_t most_named = 8;

class Walk {
  public:
    Walk(const ReportSelection& selection, ReportVisitor& visitor)
        : selection_(selection), visitor_(visitor) {}

    void take(const RecordedTarget& target) {
        Known& known = known_target(target.id, target.pid);
        if (!target.name.empty()) known.label.name = target.name;
        if (target.pid != 0) known.label.pid = target.pid;
        if (selection_.wants(target.id, known.label.pid)) visitor_.described(target);
    }

    void take(const Snapshot& snapshot) {
        Duration duration = snapshot.duration;
        if (duration <= Duration::zero()) duration = snapshot.aggregation_interval;
        const Instant from = later(snapshot.time, -duration);
        if (walked_.snapshots++ == 0) {
            walked_.beginning = from;
            walked_.end = snapshot.time;
            first_lost_ = snapshot.lost;
        } else if (snapshot.sequence > last_sequence_ + 1 && last_sequence_ != 0) {
            missing_ += snapshot.sequence - last_sequence_ - 1;
        }
        last_sequence_ = snapshot.sequence;
        const std::uint64_t counted = snapshot.lost > first_lost_ ? snapshot.lost - first_lost_ : 0;
        walked_.lost = std::max(counted, missing_);
        walked_.end = std::max(walked_.end, snapshot.time);
        for (const TargetSnapshot& target : snapshot.targets) take(snapshot, target, from);
    }

    void take(const RecordedAction& action) {
        const auto known = known_.find(action.target.value);
        const std::int32_t pid = known == known_.end() ? 0 : known->second.label.pid;
        if (!selection_.wants(action.target, pid) || !wanted(action.time, action.time)) return;
        visitor_.acted(action);
    }

    Walked finish() {
        for (const auto& [id, known] : known_) walked_.targets.push_back(known.label);
        std::sort(walked_.targets.begin(), walked_.targets.end(),
                  [](const TargetLabel& a, const TargetLabel& b) { return a.id < b.id; });
        return std::move(walked_);
    }

  private:
    struct Known {
        TargetLabel label;
        std::optional<Instant> last;
    };

    Known& known_target(TargetId id, std::int32_t pid) {
        if (known_.size() >= most_targets && !known_.contains(id.value)) {
            overflow_.label = {id, pid, ""};
            overflow_.last.reset();
            return overflow_;
        }
        const auto [place, fresh] = known_.try_emplace(id.value);
        if (fresh) place->second.label = {id, pid, ""};
        return place->second;
    }

    bool wanted(Instant from, Instant to) const {
        if (selection_.tmin && to <= selection_.tmin->on(walked_.beginning)) return false;
        return !selection_.tmax || from < selection_.tmax->on(walked_.beginning);
    }

    void take(const Snapshot& snapshot, const TargetSnapshot& target, Instant from) {
        Known& known = known_target(target.id, target.pid);
        if (target.pid != 0) known.label.pid = target.pid;
        // A pass that comes late leaves a slip between two intervals, in which nothing changed.
        if (known.last && *known.last < snapshot.time) {
            const Duration slip = elapsed(*known.last, from);
            if (slip < std::max(snapshot.aggregation_interval, snapshot.duration) / 2)
                from = *known.last;
        }
        if (!target.regions.empty()) known.last = snapshot.time;
        if (!selection_.wants(target.id, known.label.pid) || !wanted(from, snapshot.time)) return;
        const LifeKey life = {target.id.value, target.generation};
        const std::vector<Region>* regions = &target.regions;
        if (!selection_.all_addresses()) {
            cut(life, target.regions);
            regions = &cut_;
        }
        ++walked_.selected;
        visitor_.saw({life, known.label, snapshot, target, *regions, from, snapshot.time});
    }

    void cut(LifeKey life, const std::vector<Region>& regions) {
        cut_.clear();
        const std::vector<AddressRange> everywhere = {selection_.addresses};
        const std::vector<AddressRange>* wanted = &everywhere;
        if (selection_.areas) {
            const auto area = selection_.areas->find(life);
            if (area == selection_.areas->end()) return;
            wanted = &area->second.ranges();
        }
        auto range = wanted->begin();
        for (const Region& region : regions) {
            while (range != wanted->end() && range->end <= region.range.start) ++range;
            for (auto next = range; next != wanted->end() && next->start < region.range.end;
                 ++next) {
                Region part = region;
                part.range.start =
                    std::max({region.range.start, next->start, selection_.addresses.start});
                part.range.end = std::min({region.range.end, next->end, selection_.addresses.end});
                if (!part.range.empty()) cut_.push_back(part);
            }
        }
    }

    const ReportSelection& selection_;
    ReportVisitor& visitor_;
    Walked walked_;
    std::unordered_map<std::uint64_t, Known> known_;
    Known overflow_;
    std::vector<Region> cut_;
    std::uint64_t last_sequence_ = 0;
    std::uint64_t first_lost_ = 0;
    std::uint64_t missing_ = 0;
};

}  // namespace

std::string TargetLabel::title() const {
    const std::string number =
        pid != 0 ? "pid " + std::to_string(pid) : "target " + std::to_string(id.value);
    return name.empty() ? number : printable(name) + " (" + number + ")";
}

Instant TimeBound::on(Instant beginning) const {
    return absolute ? Instant(value) : later(beginning, value);
}

bool ReportSelection::all_addresses() const {
    return !areas && addresses.start == 0 &&
           addresses.end == std::numeric_limits<std::uint64_t>::max();
}

bool ReportSelection::wants(TargetId id, std::int32_t pid) const {
    return !target || *target == id.value ||
           (pid > 0 && *target == static_cast<std::uint32_t>(pid));
}

Result<Walked> walk(RecordingReader& reader, const ReportSelection& selection,
                    ReportVisitor& visitor) {
    Walk walk(selection, visitor);
    for (;;) {
        const auto event = reader.next();
        if (!event) return event.error();
        if (!*event) break;
        std::visit([&walk](const auto& one) { walk.take(one); }, **event);
    }
    Walked walked = walk.finish();
    walked.damage = reader.damage();
    if (selection.target && !walked.targets.empty() &&
        std::none_of(walked.targets.begin(), walked.targets.end(),
                     [&selection](const TargetLabel& label) {
                         return selection.wants(label.id, label.pid);
                     })) {
        std::string there;
        for (std::size_t i = 0; i < walked.targets.size() && i < most_named; ++i)
            there += (i == 0 ? "" : ", ") + walked.targets[i].title();
        if (walked.targets.size() > most_named) there += ", ...";
        return Error{ErrorKind::usage,
                     "target " + std::to_string(*selection.target) +
                         " is not in the recording; there are: " + there,
                     0};
    }
    return walked;
}

}  // namespace damon_schemes

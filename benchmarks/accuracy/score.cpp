// SPDX-License-Identifier: MIT
#include "benchmarks/accuracy/score.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace damon_schemes::accuracy {
namespace {

using Ranges = std::vector<AddressRange>;

std::optional<double> quotient(double part, double whole) {
    if (whole == 0) return std::nullopt;
    return part / whole;
}
std::optional<double> quotient(std::uint64_t part, std::uint64_t whole) {
    return quotient(static_cast<double>(part), static_cast<double>(whole));
}

bool at_least(std::uint64_t part, std::uint64_t whole, Share share) {
    return static_cast<double>(part) * 1e6 >= static_cast<double>(whole) * share.ppm;
}

const TargetSnapshot* target_of(const Snapshot& snapshot, std::int32_t pid) {
    for (const TargetSnapshot& target : snapshot.targets)
        if (target.pid == pid && !target.exited && !target.denied) return &target;
    return nullptr;
}

// Calls with each piece of `ranges`' elements and the region it lies in, or nullptr.
template <typename Element, typename Visit>
void overlay(const std::vector<Element>& elements, const std::vector<Region>& regions,
             AddressRange (*range_of)(const Element&), Visit visit) {
    auto region = regions.begin();
    for (const Element& element : elements) {
        const AddressRange range = range_of(element);
        std::uint64_t at = range.start;
        while (region != regions.end() && region->range.end <= at) ++region;
        for (auto each = region; at < range.end; ++each) {
            const bool none = each == regions.end() || each->range.start >= range.end;
            const std::uint64_t start = none ? range.end : std::max(each->range.start, at);
            if (start > at) visit(element, start - at, nullptr);
            if (none) break;
            const std::uint64_t end = std::min(each->range.end, range.end);
            visit(element, end - start, &*each);
            at = end;
        }
    }
}

AddressRange range_of_use(const Use& use) {
    return use.range;
}
AddressRange range_itself(const AddressRange& range) {
    return range;
}

template <typename Condition>
Ranges ranges_where(const std::vector<Use>& uses, Condition condition) {
    Ranges ranges;
    for (const Use& use : uses) {
        if (!condition(use)) continue;
        if (!ranges.empty() && ranges.back().end == use.range.start)
            ranges.back().end = use.range.end;
        else
            ranges.push_back(use.range);
    }
    return ranges;
}

Ranges common(const Ranges& a, const Ranges& b) {
    Ranges both;
    for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end();) {
        const AddressRange range{std::max(i->start, j->start), std::min(i->end, j->end)};
        if (!range.empty()) both.push_back(range);
        if (i->end < j->end)
            ++i;
        else
            ++j;
    }
    return both;
}

std::uint64_t bytes_of(const std::vector<Ranges>& all) {
    std::uint64_t bytes = 0;
    for (const Ranges& ranges : all)
        for (const AddressRange& range : ranges) bytes += range.size().count;
    return bytes;
}

bool is_hot(const Use& use, std::uint32_t looks, Share least) {
    return use.looks > 0 && at_least(use.looks, looks, least);
}

}  // namespace

Score& Score::operator+=(const Score& other) {
    mapped += other.mapped;
    touched += other.touched;
    hot += other.hot;
    called_hot += other.called_hot;
    called_cold += other.called_cold;
    unknown += other.unknown;
    called_hot_at_edge += other.called_hot_at_edge;
    called_hot_touched += other.called_hot_touched;
    called_hot_hot += other.called_hot_hot;
    called_cold_touched += other.called_cold_touched;
    called_cold_hot += other.called_cold_hot;
    frequency += other.frequency;
    frequency_seen += other.frequency_seen;
    frequency_found += other.frequency_found;
    return *this;
}

std::optional<double> Score::recall() const {
    return quotient(called_hot_hot, hot);
}
std::optional<double> Score::precision() const {
    return quotient(called_hot_touched, called_hot - called_hot_at_edge);
}
std::optional<double> Score::strict_precision() const {
    return quotient(called_hot_hot, called_hot);
}
std::optional<double> Score::frequency_of_touched() const {
    return quotient(frequency, static_cast<double>(touched));
}
std::optional<double> Score::weighted_recall() const {
    return quotient(frequency_found, frequency);
}
std::optional<double> Score::weighted_precision() const {
    return quotient(frequency_found, frequency_seen);
}
std::optional<double> Score::wrongly_cold_of_mapped() const {
    return quotient(called_cold_touched, mapped);
}
std::optional<double> Score::wrongly_cold_hot_of_mapped() const {
    return quotient(called_cold_hot, mapped);
}
std::optional<double> Score::wrongly_cold_of_touched() const {
    return quotient(called_cold_touched, touched);
}
std::optional<double> Score::unknown_of_mapped() const {
    return quotient(unknown, mapped);
}
std::optional<double> Score::working_set_error() const {
    return quotient(static_cast<double>(called_hot) - static_cast<double>(touched),
                    static_cast<double>(touched));
}

Scorer::Scorer(const Truth& truth, ScoreRules rules) : truth_(truth), rules_(std::move(rules)) {}

void Scorer::find_changes(Duration look) {
    const std::vector<Instant>& phases = truth_.phases();
    for (std::size_t i = 1; i < phases.size(); ++i) {
        Change change;
        change.at = phases[i];
        change.until = i + 1 < phases.size() ? phases[i + 1] : truth_.end();
        change.score.at = change.at - truth_.begin();
        const Window before{phases[i - 1], change.at, look}, after{change.at, change.until, look};
        const std::uint32_t looks_before = truth_.looks_in(before);
        const std::uint32_t looks_after = truth_.looks_in(after);
        for (std::size_t process = 0; process < truth_.processes(); ++process) {
            const std::vector<Use> was = truth_.use_of(process, before);
            const std::vector<Use> is = truth_.use_of(process, after);
            const auto untouched = [](const Use& use) { return use.looks == 0; };
            change.newly_hot.push_back(
                common(ranges_where(was, untouched), ranges_where(is, [&](const Use& use) {
                           return is_hot(use, looks_after, rules_.hot);
                       })));
            change.newly_cold.push_back(common(
                ranges_where(was,
                             [&](const Use& use) { return is_hot(use, looks_before, rules_.hot); }),
                ranges_where(is, untouched)));
        }
        change.score.newly_hot = bytes_of(change.newly_hot);
        change.score.newly_cold = bytes_of(change.newly_cold);
        if (std::max(change.score.newly_hot, change.score.newly_cold) >= rules_.least_change.count)
            changes_.push_back(std::move(change));
    }
}

void Scorer::score_changes(const Snapshot& snapshot) {
    const auto called = [&](const std::vector<Ranges>& all,
                            const std::function<bool(const Region&)>& rule) {
        std::uint64_t bytes = 0;
        for (std::size_t process = 0; process < truth_.processes(); ++process)
            if (const TargetSnapshot* target = target_of(snapshot, truth_.pid(process)))
                overlay(all[process], target->regions, range_itself,
                        [&](const AddressRange&, std::uint64_t size, const Region* region) {
                            if (region != nullptr && rule(*region)) bytes += size;
                        });
        return bytes;
    };
    for (Change& change : changes_) {
        if (snapshot.time <= change.at) change.sequence_before = snapshot.sequence;
        if (snapshot.time <= change.at || snapshot.time > change.until) continue;
        ChangeScore& score = change.score;
        score.watched = {snapshot.sequence - change.sequence_before,
                         static_cast<double>((snapshot.time - change.at).count()) /
                             static_cast<double>(snapshot.aggregation_interval.count())};
        const bool hot = at_least(called(change.newly_hot, rules_.called_hot), score.newly_hot,
                                  rules_.change_seen);
        const bool cold = at_least(called(change.newly_cold, rules_.called_cold), score.newly_cold,
                                   rules_.change_seen);
        if (hot && !score.hot_seen) score.hot_seen = score.watched;
        if (cold && !score.cold_seen) score.cold_seen = score.watched;
        if (hot && cold && !score.seen) score.seen = score.watched;
    }
}

void Scorer::add(const Snapshot& snapshot) {
    const Window window{snapshot.time - snapshot.duration, snapshot.time,
                        snapshot.sampling_interval};
    if (!first_) {
        first_ = window.from;
        find_changes(snapshot.sampling_interval);
    }
    score_changes(snapshot);
    const std::uint32_t looks = truth_.looks_in(window);
    if (window.from < truth_.begin() || window.to > truth_.end() || looks == 0) return;

    SnapshotScore scored;
    scored.at = window.to - truth_.begin();
    for (const TargetSnapshot& target : snapshot.targets) scored.regions += target.regions.size();
    // The phase in which the interval ends.
    Instant quiet_since = *first_;
    for (const Instant phase : truth_.phases())
        if (phase < window.to) quiet_since = std::max(quiet_since, phase);
    scored.settled = window.from >= quiet_since + rules_.settling * snapshot.aggregation_interval;

    Score& score = scored.score;
    for (std::size_t process = 0; process < truth_.processes(); ++process) {
        static const std::vector<Region> none;
        const TargetSnapshot* target = target_of(snapshot, truth_.pid(process));
        overlay(truth_.use_of(process, window), target == nullptr ? none : target->regions,
                range_of_use, [&](const Use& use, std::uint64_t size, const Region* region) {
                    const bool touched = use.looks > 0;
                    const bool hot = is_hot(use, looks, rules_.hot);
                    const double frequency =
                        static_cast<double>(use.looks) / static_cast<double>(looks);
                    const auto bytes = static_cast<double>(size);
                    score.mapped += size;
                    if (touched) score.touched += size;
                    if (hot) score.hot += size;
                    score.frequency += bytes * frequency;
                    if (region != nullptr && region->known()) {
                        const double seen = static_cast<double>(region->accessed) /
                                            static_cast<double>(region->sampled);
                        score.frequency_seen += bytes * seen;
                        score.frequency_found += bytes * std::min(frequency, seen);
                    }
                    if (region != nullptr && rules_.called_hot(*region)) {
                        score.called_hot += size;
                        if (use.at_edge) score.called_hot_at_edge += size;
                        if (touched) score.called_hot_touched += size;
                        if (hot) score.called_hot_hot += size;
                    } else if (region != nullptr && rules_.called_cold(*region)) {
                        score.called_cold += size;
                        if (touched) score.called_cold_touched += size;
                        if (hot) score.called_cold_hot += size;
                    } else {
                        score.unknown += size;
                    }
                });
    }
    run_.whole += score;
    if (scored.settled) {
        run_.settled += score;
        ++run_.settled_snapshots;
    }
    run_.snapshots.push_back(scored);
}

RunScore Scorer::finish() const {
    RunScore run = run_;
    for (const Change& change : changes_) run.changes.push_back(change.score);
    return run;
}

}  // namespace damon_schemes::accuracy

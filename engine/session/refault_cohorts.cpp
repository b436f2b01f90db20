// SPDX-License-Identifier: MIT
#include "engine/session/refault_cohorts.h"

#include <algorithm>
#include <utility>

namespace damon_schemes {
namespace {

constexpr double growth = 1.5;
constexpr std::uint64_t page_size = 4096;
constexpr Bytes largest_look = mebibytes(16);
constexpr std::size_t most_runs_of_look = 1024;
// Actions that follow each other as closely as this are one cohort: their pages' time away is wrong
// by that much at most.
constexpr Duration joined_within = std::chrono::milliseconds(100);
// A last look that is later than this says nothing about the window any more.
constexpr double latest_look = 1.25;

void append(std::vector<AddressRange>& runs, AddressRange run) {
    if (!runs.empty() && runs.back().end == run.start) {
        runs.back().end = run.end;
    } else {
        runs.push_back(run);
    }
}

// Takes what `taken` has out of `runs`, both sorted; the bytes that both had.
Bytes take_out(std::vector<AddressRange>& runs, const std::vector<AddressRange>& taken) {
    Bytes common;
    std::vector<AddressRange> rest;
    auto next = std::partition_point(taken.begin(), taken.end(), [&](AddressRange range) {
        return range.end <= runs.front().start;
    });
    if (next == taken.end() || next->start >= runs.back().end) return common;
    rest.reserve(runs.size());
    for (AddressRange run : runs) {
        while (next != taken.end() && next->end <= run.start) ++next;
        for (auto at = next; at != taken.end() && at->start < run.end; ++at) {
            const AddressRange both{std::max(run.start, at->start), std::min(run.end, at->end)};
            if (both.empty()) continue;
            common += both.size();
            if (run.start < both.start) rest.push_back({run.start, both.start});
            run.start = both.end;
        }
        if (!run.empty()) rest.push_back(run);
    }
    runs = std::move(rest);
    return common;
}

}  // namespace

RefaultCohorts::RefaultCohorts(RefaultWatch settings, std::size_t runs_per_scheme,
                               std::uint64_t seed)
    : settings_(settings), limit_(runs_per_scheme), random_(seed) {}

std::vector<AddressRange> RefaultCohorts::sample(std::vector<AddressRange> runs,
                                                 std::uint64_t weight) {
    if (weight > 1) {
        std::uniform_int_distribution<std::uint64_t> chance(0, weight - 1);
        std::erase_if(runs, [&](AddressRange) { return chance(random_) != 0; });
    }
    return runs;
}

std::vector<RefaultReport> RefaultCohorts::add(std::uint32_t scheme, TargetId target,
                                               std::uint64_t generation,
                                               std::vector<AddressRange> left, Instant time) {
    std::vector<RefaultReport> reports;
    if (left.empty()) return reports;
    for (Cohort& cohort : cohorts_) {
        if (cohort.target != target || cohort.generation != generation) continue;
        const Bytes again = take_out(cohort.runs, left);
        if (again.count > 0 && elapsed(cohort.time, time) <= settings_.window) {
            reports.push_back({cohort.scheme, target, Bytes{again.count * cohort.weight},
                               elapsed(cohort.time, time), time});
        }
    }
    drop_empty();

    auto [weight, unused] = weights_.try_emplace(scheme, 1);
    // Few enough are watched again: what comes now is watched more closely.
    while (weight->second > 1 && runs(scheme) < limit_ / 4) weight->second /= 2;
    Cohort cohort;
    cohort.scheme = scheme;
    cohort.target = target;
    cohort.generation = generation;
    cohort.time = time;
    cohort.weight = weight->second;
    cohort.runs = sample(std::move(left), cohort.weight);
    if (cohort.runs.empty()) return reports;
    plan_next(cohort, time);
    for (auto other = cohorts_.rbegin(); other != cohorts_.rend(); ++other) {
        if (elapsed(other->time, time) > joined_within) break;
        if (other->scheme != scheme || other->target != target || other->generation != generation ||
            other->weight != cohort.weight || other->passed != 0)
            continue;
        std::vector<AddressRange> both;
        both.reserve(other->runs.size() + cohort.runs.size());
        std::merge(other->runs.begin(), other->runs.end(), cohort.runs.begin(), cohort.runs.end(),
                   std::back_inserter(both));
        other->runs.clear();
        for (const AddressRange run : both) append(other->runs, run);
        keep_within_limit(scheme);
        return reports;
    }
    cohorts_.push_back(std::move(cohort));
    keep_within_limit(scheme);
    return reports;
}

std::size_t RefaultCohorts::runs(std::uint32_t scheme) const {
    std::size_t count = 0;
    for (const Cohort& cohort : cohorts_)
        if (cohort.scheme == scheme) count += cohort.runs.size();
    return count;
}

void RefaultCohorts::keep_within_limit(std::uint32_t scheme) {
    while (runs(scheme) > limit_) {
        weights_[scheme] *= 2;
        for (Cohort& cohort : cohorts_) {
            if (cohort.scheme != scheme) continue;
            cohort.runs = sample(std::move(cohort.runs), 2);
            cohort.weight *= 2;
        }
        drop_empty();
    }
}

void RefaultCohorts::drop_empty() {
    for (auto cohort = cohorts_.begin(); cohort != cohorts_.end();) {
        if (!cohort->runs.empty()) {
            ++cohort;
            continue;
        }
        if (looked_at_ == cohort) looked_at_.reset();
        cohort = cohorts_.erase(cohort);
    }
}

// Its next look is the first of the planned times that has not passed: one that comes late does not
// make the ones behind it come at once.
void RefaultCohorts::plan_next(Cohort& cohort, Instant now) const {
    Duration after = std::min(first_look, settings_.window);
    while (after < settings_.window && later(cohort.time, after) <= now)
        after = Duration(static_cast<Duration::rep>(static_cast<double>(after.count()) * growth));
    cohort.last = after >= settings_.window;
    cohort.due = later(cohort.time, std::min(after, settings_.window));
    cohort.passed = 0;
}

std::optional<RefaultCohorts::Look> RefaultCohorts::next_look(Instant now) {
    // Whoever asks again without an answer has none: the pages are not asked for again this time.
    if (looked_at_) end_look(*looked_at_, now);
    looked_at_.reset();
    const Duration latest(
        static_cast<Duration::rep>(static_cast<double>(settings_.window.count()) * latest_look));
    std::erase_if(cohorts_,
                  [&](const Cohort& cohort) { return elapsed(cohort.time, now) > latest; });

    // What was not used gathers for a tenth of a second, so that whoever asks now and then may
    // still have all of it.
    const auto rate = static_cast<double>(settings_.rate.count);
    const double most_budget = std::max(rate / 10, static_cast<double>(page_size));
    if (budget_at_) {
        budget_ += rate * std::chrono::duration<double>(elapsed(*budget_at_, now)).count();
        budget_ = std::min(budget_, most_budget);
    } else {
        budget_ = most_budget;
    }
    budget_at_ = now;

    auto first = cohorts_.end();
    for (auto cohort = cohorts_.begin(); cohort != cohorts_.end(); ++cohort) {
        if (cohort->due <= now && (first == cohorts_.end() || cohort->due < first->due))
            first = cohort;
    }
    if (first == cohorts_.end() || budget_ < static_cast<double>(page_size)) return std::nullopt;

    Look look;
    look.target = first->target;
    look.generation = first->generation;
    const Bytes most{
        std::min(largest_look.count, static_cast<std::uint64_t>(budget_) / page_size * page_size)};
    Bytes taken;
    for (const AddressRange run : first->runs) {
        if (run.end <= first->passed) continue;
        if (taken >= most || look.ranges.size() == most_runs_of_look) break;
        AddressRange part{std::max(run.start, first->passed), run.end};
        part.end = std::min(part.end, part.start + (most - taken).count);
        look.ranges.push_back(part);
        taken += part.size();
    }
    budget_ -= static_cast<double>(taken.count);
    looked_at_ = first;
    return look;
}

std::optional<RefaultReport> RefaultCohorts::found(const Look& look, std::span<const Place> places,
                                                   Instant now) {
    if (!looked_at_) return std::nullopt;
    const auto at = *looked_at_;
    looked_at_.reset();
    Cohort& cohort = *at;
    std::vector<AddressRange> gone;  // from the cohort
    Bytes back;
    std::size_t index = 0;
    for (const AddressRange range : look.ranges) {
        for (std::uint64_t page = range.start; page < range.end; page += page_size, ++index) {
            const Place place = index < places.size() ? places[index] : Place::neither;
            if (place == Place::swap) continue;
            append(gone, {page, page + page_size});
            if (place == Place::memory) back += Bytes{page_size};
        }
    }
    std::optional<RefaultReport> report;
    if (back.count > 0) {
        report = RefaultReport{cohort.scheme, cohort.target, Bytes{back.count * cohort.weight},
                               elapsed(cohort.time, now), now};
    }
    cohort.passed = look.ranges.back().end;
    const bool whole = cohort.passed >= cohort.runs.back().end;
    if (!gone.empty()) take_out(cohort.runs, gone);
    if (cohort.runs.empty()) {
        cohorts_.erase(at);
    } else if (whole) {
        end_look(at, now);
    }
    return report;
}

void RefaultCohorts::end_look(Cohorts::iterator cohort, Instant now) {
    if (cohort->last || elapsed(cohort->time, now) >= settings_.window) {
        cohorts_.erase(cohort);
    } else {
        plan_next(*cohort, now);
    }
}

void RefaultCohorts::hasten(TargetId target, Instant now) {
    for (Cohort& cohort : cohorts_) {
        if (cohort.target != target || elapsed(cohort.time, now) >= settings_.window) continue;
        cohort.due = std::min(cohort.due, now);
        cohort.last = false;
    }
}

void RefaultCohorts::forget(TargetId target) {
    looked_at_.reset();
    std::erase_if(cohorts_, [target](const Cohort& cohort) { return cohort.target == target; });
}

void RefaultCohorts::forget_older(TargetId target, std::uint64_t generation) {
    looked_at_.reset();
    std::erase_if(cohorts_, [target, generation](const Cohort& cohort) {
        return cohort.target == target && cohort.generation < generation;
    });
}

std::optional<Instant> RefaultCohorts::next_due() const {
    std::optional<Instant> next;
    for (const Cohort& cohort : cohorts_)
        if (!next || cohort.due < *next) next = cohort.due;
    return next;
}

}  // namespace damon_schemes

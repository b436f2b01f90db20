// SPDX-License-Identifier: MIT
#include "schemes/decide/refault_meter.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace damon_schemes {

namespace {

constexpr std::int64_t slots_in_window = 8;
constexpr std::int64_t windows_kept = 3;
constexpr std::int64_t slots_kept = slots_in_window * windows_kept + 1;
constexpr double least_evidence = 1 << 20;
constexpr double shortest_idle_ns = 1e7;
constexpr double bins_in_octave = 8;

}  // namespace

RefaultMeter::RefaultMeter(Duration window)
    : width_(std::max(window / slots_in_window, Duration(1))) {}

std::int64_t RefaultMeter::slot_of(Instant when) const {
    const std::int64_t since = when.time_since_epoch().count();
    return since / width_.count() - (since % width_.count() < 0 ? 1 : 0);
}

// The bin whose upper edge is the first that is not below.
std::size_t RefaultMeter::bin_of(Duration idle) {
    const double octaves =
        std::log2(std::max(1.0, static_cast<double>(idle.count()) / shortest_idle_ns));
    return std::min(idle_bins - 1, static_cast<std::size_t>(std::ceil(octaves * bins_in_octave)));
}

std::size_t RefaultMeter::bins_below(Duration age) {
    const double octaves = std::log2(static_cast<double>(age.count()) / shortest_idle_ns);
    if (!(octaves >= 0)) return 0;
    // An age that is a bin's upper edge, but for rounding, avoids that bin.
    return std::min(idle_bins, static_cast<std::size_t>(octaves * bins_in_octave + 1e-6) + 1);
}

void RefaultMeter::paged_out(Instant when, Bytes bytes, Duration age) {
    if (bytes.count == 0) return;
    paged_out_ += bytes;
    if (slots_.empty()) slots_.resize(slots_kept);
    const std::int64_t number = slot_of(when);
    Slot& slot = slots_[static_cast<std::size_t>((number % slots_kept + slots_kept) % slots_kept)];
    if (slot.paged_out > 0 && slot.number > number) return;  // too late
    if (slot.paged_out == 0 || slot.number != number) {
        slot = {};
        slot.number = number;
        slot.age = age;
    }
    slot.age = std::min(slot.age, age);
    slot.paged_out += static_cast<double>(bytes.count);
}

void RefaultMeter::came_back(Instant found, Duration away, Bytes bytes) {
    came_back_ += bytes;
    if (slots_.empty()) return;
    away = std::max(away, Duration::zero());
    const std::int64_t number = slot_of(later(found, -away));
    Slot& slot = slots_[static_cast<std::size_t>((number % slots_kept + slots_kept) % slots_kept)];
    if (slot.paged_out == 0 || slot.number != number) return;  // too long ago
    const Duration idle =
        later(Instant(std::max(slot.age, Duration::zero())), away).time_since_epoch();
    slot.came_back[bin_of(idle)] += static_cast<float>(bytes.count);
}

double RefaultMeter::weight_of(const Slot& slot, std::int64_t current, Which which) const {
    if (slot.paged_out == 0 || slot.number > current) return 0;
    // Instants may lie further apart than a signed number can say.
    const auto age = static_cast<std::uint64_t>(current) - static_cast<std::uint64_t>(slot.number);
    if (age >= slots_kept) return 0;
    if (which == Which::complete && age <= slots_in_window) return 0;
    return std::exp(-static_cast<double>(age) / static_cast<double>(slots_in_window));
}

RefaultMeter::Evidence RefaultMeter::gather(Instant now, Which which) const {
    Evidence evidence;
    const std::int64_t current = slot_of(now);
    double bytes = 0;
    for (const Slot& slot : slots_) {
        const double weight = weight_of(slot, current, which);
        if (weight == 0) continue;
        bytes += slot.paged_out;
        evidence.paged_out += slot.paged_out * weight;
        for (std::size_t bin = 0; bin < idle_bins; ++bin)
            evidence.came_back[bin] += static_cast<double>(slot.came_back[bin]) * weight;
    }
    evidence.enough = bytes >= least_evidence;
    return evidence;
}

double RefaultMeter::Evidence::share(std::size_t avoided) const {
    const auto from = came_back.begin() + static_cast<std::ptrdiff_t>(avoided);
    const double never_left = std::accumulate(came_back.begin(), from, 0.0);
    const double back = std::accumulate(from, came_back.end(), 0.0);
    const double left = paged_out - never_left;
    // What is reported to be back may be more than what was reported to have left.
    return back <= 0 ? 0 : left <= back ? 1 : back / left;
}

std::optional<double> RefaultMeter::share(Instant now) const {
    return share_with(now, Duration::zero());
}

std::optional<double> RefaultMeter::share_with(Instant now, Duration age) const {
    if (slots_.empty()) return std::nullopt;
    std::optional<double> share;
    for (const Which which : {Which::complete, Which::all}) {
        const Evidence evidence = gather(now, which);
        if (evidence.enough) share = std::max(share.value_or(0), evidence.share(bins_below(age)));
    }
    return share;
}

Duration RefaultMeter::least_age(Instant now, Duration from, double target) const {
    const Evidence complete = gather(now, Which::complete);
    const Evidence all = gather(now, Which::all);
    const auto met = [&](std::size_t avoided) {
        return (!complete.enough || complete.share(avoided) <= target) &&
               (!all.enough || all.share(avoided) <= target);
    };
    std::size_t avoided = bins_below(from);
    while (avoided < idle_bins && !met(avoided)) ++avoided;
    if (avoided == 0) return from;
    // The upper edge of the last bin avoided, rounded up to be no less than it.
    const double edge =
        shortest_idle_ns * std::exp2(static_cast<double>(avoided - 1) / bins_in_octave);
    return std::max(from, Duration(static_cast<Duration::rep>(std::ceil(edge))));
}

}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include "schemes/decide/idle_spells.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace damon_schemes {

namespace {

constexpr std::int64_t slots_in_window = 8;
constexpr double least_evidence = 1 << 20;
constexpr unsigned bits_of_unit = 20;  // about 1 ms
constexpr unsigned bits_in_octave = 3;
constexpr std::uint64_t bins_in_octave = 1U << bits_in_octave;

}  // namespace

IdleSpells::IdleSpells(Duration window)
    : window_(std::max(window, Duration(slots_in_window))), slot_(window_ / slots_in_window) {}

std::size_t IdleSpells::bin_of(Duration idle) {
    const auto units =
        static_cast<std::uint64_t>(std::max(idle, Duration::zero()).count()) >> bits_of_unit;
    if (units < bins_in_octave) return static_cast<std::size_t>(units);
    const auto shift = static_cast<unsigned>(std::bit_width(units)) - bits_in_octave - 1;
    const std::uint64_t bin = (shift + 1) * bins_in_octave + (units >> shift) % bins_in_octave;
    return static_cast<std::size_t>(std::min<std::uint64_t>(bin, bins - 1));
}

Duration IdleSpells::begin_of(std::size_t bin) {
    if (bin >= bins) return Duration::max();
    std::uint64_t units = bin;
    if (bin >= bins_in_octave)
        units = (bins_in_octave + bin % bins_in_octave) << (bin / bins_in_octave - 1);
    return Duration(static_cast<Duration::rep>(units << bits_of_unit));
}

void IdleSpells::advance(Instant now) {
    if (!since_ || now < now_) {
        forget();
        since_ = faded_ = now;
    }
    now_ = now;
    const std::int64_t slots = elapsed(faded_, now) / slot_;
    if (slots == 0) return;
    faded_ = later(faded_, slot_ * slots);
    const double weight = std::exp(-static_cast<double>(slots) / slots_in_window);
    for (double& bytes : watched_) bytes *= weight;
    for (double& bytes : accessed_) bytes *= weight;
}

void IdleSpells::observe(Duration idle, Duration length, double stayed, double accessed) {
    // What was accessed was so at some moment of that time: half of it, in the mean.
    const double watched = stayed + accessed / 2;
    const Instant end = later(Instant(idle), length);
    for (std::size_t bin = bin_of(idle); bin < bins && Instant(begin_of(bin)) < end; ++bin) {
        const double in_bin =
            static_cast<double>(elapsed(std::max(Instant(idle), Instant(begin_of(bin))),
                                        std::min(end, Instant(begin_of(bin + 1))))
                                    .count());
        watched_[bin] += watched * in_bin;
        accessed_[bin] += accessed * in_bin / static_cast<double>(length.count());
    }
}

void IdleSpells::forget() {
    since_.reset();
    watched_.fill(0);
    accessed_.fill(0);
}

std::optional<double> IdleSpells::share(Duration age, Duration left,
                                        std::optional<double> back) const {
    const Instant from{age};
    const Instant leaving{std::max(age, left)};
    const Instant end = std::min(later(from, window_), leaving);
    double staying = 1;
    if (later(from, window_) > leaving) {
        if (!back) return std::nullopt;
        staying -= *back;
    }
    double ended = 0;  // minus the logarithm of what stays idle
    for (std::size_t bin = bin_of(age); bin < bins && Instant(begin_of(bin)) < end; ++bin) {
        const double in_bin = static_cast<double>(elapsed(std::max(from, Instant(begin_of(bin))),
                                                          std::min(end, Instant(begin_of(bin + 1))))
                                                      .count());
        if (watched_[bin] < least_evidence * in_bin) return std::nullopt;
        if (in_bin > 0) ended += accessed_[bin] / watched_[bin] * in_bin;
    }
    return 1 - staying * std::exp(-ended);
}

std::optional<Duration> IdleSpells::least_age(Duration from, Duration left,
                                              std::optional<double> back, double most) const {
    for (Duration age = from; age < left; age = begin_of(bin_of(age) + 1)) {
        const auto found = share(age, left, back);
        if (found && *found <= most) return age;
    }
    return std::nullopt;
}

}  // namespace damon_schemes

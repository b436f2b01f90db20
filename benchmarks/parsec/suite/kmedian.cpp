// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/kmedian.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace damon_schemes::parsec {
namespace {

float chance(bench::Random& random) {
    return static_cast<float>(random.next() >> 40) * 0x1p-24F;
}

// Four sums, since one would wait for itself at each step.
float squared_distance(std::span<const float> one, std::span<const float> other) {
    float sums[4] = {};
    std::size_t i = 0;
    for (; i + 4 <= one.size(); i += 4) {
        for (std::size_t k = 0; k < 4; ++k) {
            const float d = one[i + k] - other[i + k];
            sums[k] += d * d;
        }
    }
    for (; i < one.size(); ++i) {
        const float d = one[i] - other[i];
        sums[0] += d * d;
    }
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

bool differ(double one, double other) {
    return std::abs(one - other) > 1e-6 * std::max(std::abs(one), std::abs(other));
}

}  // namespace

WeightedPoints::WeightedPoints(Ledger& ledger, std::size_t points, std::size_t dimensions)
    : ledger_(ledger),
      dimensions_(dimensions),
      coordinates_(ledger, points * dimensions, page_bytes),
      weights_(ledger, points),
      slots_(ledger, points),
      costs_(ledger, points),
      offers_(ledger, points) {}

float WeightedPoints::distance(std::size_t point, std::span<const float> to) const {
    return squared_distance(coordinates(point), to) * weights_[point];
}

void WeightedPoints::begin(std::size_t centre) {
    centres_ = {centre};
    const std::span<const float> to = coordinates(centre);
    cost_ = 0;
    for (std::size_t i = 0; i < size(); ++i) {
        slots_[i] = 0;
        cost_ += static_cast<double>(costs_[i] = distance(i, to));
    }
}

void WeightedPoints::open(std::size_t centre) {
    const auto slot = static_cast<std::uint32_t>(centres_.size());
    centres_.push_back(centre);
    const std::span<const float> to = coordinates(centre);
    cost_ = 0;
    for (std::size_t i = 0; i < size(); ++i) {
        const float cost = distance(i, to);
        if (cost < costs_[i]) {
            costs_[i] = cost;
            slots_[i] = slot;
        }
        cost_ += static_cast<double>(costs_[i]);
    }
}

// The farther a point is from all centres, the more likely it becomes one (Meyerson, 2001).
void WeightedPoints::open_by_chance(std::size_t most, bench::Random& random) {
    begin(random.below(size()));
    for (std::size_t i = 0; i < size() && centres_.size() < most; ++i) {
        const std::size_t point = random.below(size());
        if (static_cast<double>(chance(random)) * centre_cost_ < static_cast<double>(costs_[point]))
            open(point);
    }
}

bool WeightedPoints::try_centre(std::size_t candidate) {
    if (std::find(centres_.begin(), centres_.end(), candidate) != centres_.end()) return false;
    const std::span<const float> to = coordinates(candidate);
    double nearer = 0;
    // For each centre: how much dearer its other points get if it closes and they move here.
    std::vector<double> dearer(centres_.size(), 0);
    for (std::size_t i = 0; i < size(); ++i) {
        const float offer = offers_[i] = distance(i, to);
        const auto more = static_cast<double>(offer) - static_cast<double>(costs_[i]);
        if (more < 0)
            nearer -= more;
        else
            dearer[slots_[i]] += more;
    }
    double gain = nearer - centre_cost_;
    for (const double more : dearer) gain += std::max(0.0, centre_cost_ - more);
    if (gain <= 1e-9 * cost_) return false;
    take(candidate, dearer);
    return true;
}

void WeightedPoints::take(std::size_t candidate, const std::vector<double>& dearer) {
    constexpr auto closed = static_cast<std::uint32_t>(-1);
    std::vector<std::uint32_t> now(centres_.size(), closed);
    std::vector<std::size_t> left;
    for (std::size_t slot = 0; slot < centres_.size(); ++slot) {
        if (dearer[slot] < centre_cost_) continue;
        now[slot] = static_cast<std::uint32_t>(left.size());
        left.push_back(centres_[slot]);
    }
    const auto own = static_cast<std::uint32_t>(left.size());
    left.push_back(candidate);
    centres_ = std::move(left);
    cost_ = 0;
    for (std::size_t i = 0; i < size(); ++i) {
        const std::uint32_t slot = now[slots_[i]];
        if (slot == closed || offers_[i] < costs_[i]) {
            slots_[i] = own;
            costs_[i] = offers_[i];
        } else {
            slots_[i] = slot;
        }
        cost_ += static_cast<double>(costs_[i]);
    }
}

void WeightedPoints::assign_nearest() {
    const std::vector<std::size_t> centres = centres_;
    begin(centres.front());
    for (std::size_t slot = 1; slot < centres.size(); ++slot) open(centres[slot]);
}

// Dearer while there are too many, cheaper while there are too few.
void WeightedPoints::search(const KMedianOptions& options, bench::Random& random) {
    constexpr int attempts = 40;
    for (int i = 0; i < attempts; ++i) {
        for (std::size_t k = 0; k < options.candidates; ++k) try_centre(random.below(size()));
        if (centres_.size() > options.most_centres)
            centre_cost_ *= 1.5;
        else if (centres_.size() < options.least_centres)
            centre_cost_ /= 1.5;
        else
            return;
    }
}

WeightedPoints WeightedPoints::sample(std::size_t step) const {
    WeightedPoints few(ledger_, size() / step, dimensions_);
    for (std::size_t i = 0; i < few.size(); ++i) {
        std::ranges::copy(coordinates(i * step), few.coordinates(i).begin());
        few.weight(i) = weights_[i * step];
    }
    return few;
}

// On a sample, where it is soon known.
void WeightedPoints::find_centre_cost(const KMedianOptions& options, bench::Random& random) {
    const std::size_t step = std::max<std::size_t>(1, size() / 2048);
    WeightedPoints few = sample(step);
    few.begin(0);
    few.centre_cost_ = few.cost_ / static_cast<double>(2 * options.most_centres);
    few.open_by_chance(2 * options.most_centres, random);
    few.search(options, random);
    centre_cost_ = few.centre_cost_ * static_cast<double>(step);
}

void WeightedPoints::cluster(const KMedianOptions& options, bench::Random& random) {
    if (centre_cost_ == 0) find_centre_cost(options, random);
    open_by_chance(options.most_centres, random);
    search(options, random);
    assign_nearest();
}

double WeightedPoints::recomputed_cost() const {
    double sum = 0;
    for (std::size_t i = 0; i < size(); ++i)
        sum += static_cast<double>(distance(i, coordinates(centre_of(i))));
    return sum;
}

double WeightedPoints::cost_with(const std::vector<std::size_t>& centres, std::size_t step) const {
    double sum = 0;
    for (std::size_t i = 0; i < size(); i += step) {
        float least = distance(i, coordinates(centres.front()));
        for (const std::size_t centre : centres)
            least = std::min(least, distance(i, coordinates(centre)));
        sum += static_cast<double>(least);
    }
    return sum;
}

std::string WeightedPoints::check(bench::Random& random) const {
    double sum = 0;
    for (std::size_t i = 0; i < size(); ++i) {
        const float own = distance(i, coordinates(centre_of(i)));
        sum += static_cast<double>(own);
        for (const std::size_t centre : centres_) {
            if (distance(i, coordinates(centre)) < own) {
                return "point " + std::to_string(i) + " is nearer to centre " +
                       std::to_string(centre) + " than to its own, " + std::to_string(centre_of(i));
            }
        }
    }
    if (differ(sum, cost_)) {
        return "the search made the cost " + std::to_string(cost_) + ", it is " +
               std::to_string(sum);
    }
    std::vector<std::size_t> any(centres_.size());
    for (std::size_t& each : any) each = random.below(size());
    constexpr std::size_t step = 8;
    const double found = cost_with(centres_, step);
    const double naive = cost_with(any, step);
    if (found > naive) {
        return "as many centres at random cost " + std::to_string(naive) + ", those found " +
               std::to_string(found);
    }
    return {};
}

KMedian::KMedian(Ledger& ledger, const KMedianOptions& options)
    : ledger_(ledger),
      options_(options),
      random_(options.seed),
      origins_(options.clusters * options.dimensions),
      block_(ledger, options.points, options.dimensions) {
    for (float& each : origins_) each = chance(random_);
}

std::span<const float> KMedian::origin(std::size_t cluster) const {
    return std::span(origins_).subspan(cluster * options_.dimensions, options_.dimensions);
}

void KMedian::read_block() {
    for (std::size_t i = 0; i < block_.size(); ++i) {
        const std::span<const float> at = origin(random_.below(options_.clusters));
        const std::span<float> point = block_.coordinates(i);
        for (std::size_t k = 0; k < point.size(); ++k)
            point[k] = at[k] + (chance(random_) - 0.5F) * 0.4F;
        block_.weight(i) = 1;
    }
}

void KMedian::cluster_block() {
    block_.cluster(options_, random_);
    const std::size_t first = kept_.size();
    for (const std::size_t centre : block_.centres()) {
        const std::span<const float> at = block_.coordinates(centre);
        kept_.push_back({{at.begin(), at.end()}, 0});
    }
    for (std::size_t i = 0; i < block_.size(); ++i)
        kept_[first + block_.slot_of(i)].weight += block_.weight(i);
}

std::string KMedian::check() {
    return block_.check(random_);
}

WeightedPoints KMedian::final_centres() {
    WeightedPoints all(ledger_, kept_.size(), options_.dimensions);
    for (std::size_t i = 0; i < kept_.size(); ++i) {
        std::ranges::copy(kept_[i].coordinates, all.coordinates(i).begin());
        all.weight(i) = kept_[i].weight;
    }
    all.cluster(options_, random_);
    return all;
}

}  // namespace damon_schemes::parsec

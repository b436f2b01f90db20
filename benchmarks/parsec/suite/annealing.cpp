// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/annealing.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>
#include <vector>

namespace damon_schemes::parsec {
namespace {

std::uint32_t width_for(std::uint32_t elements) {
    auto width = static_cast<std::uint32_t>(std::sqrt(static_cast<double>(elements)));
    while (std::uint64_t{width} * width < elements) ++width;
    return width;
}

std::int64_t distance(std::uint32_t one, std::uint32_t other) {
    const auto side = [](std::uint32_t a, std::uint32_t b) {
        return std::abs(static_cast<std::int32_t>(a) - static_cast<std::int32_t>(b));
    };
    return side(one >> 16, other >> 16) + side(one & 0xffff, other & 0xffff);
}

double chance(bench::Random& random) {
    return static_cast<double>(random.next() >> 11) * 0x1p-53;
}

}  // namespace

Annealing::Annealing(Ledger& ledger, const AnnealingOptions& options)
    : options_(options),
      width_(width_for(options.elements)),
      random_(options.seed),
      ends_(ledger, options.elements, page_bytes),
      pins_(ledger, std::size_t{2} * options.inputs * options.elements, page_bytes),
      places_(ledger, options.elements, page_bytes) {}

// Up to 4 columns and rows away, never itself.
std::uint32_t Annealing::near(std::uint32_t element, bench::Random& random) const {
    for (;;) {
        const std::uint64_t steps = random.next();
        const std::int64_t column = static_cast<std::int64_t>(steps % 9) - 4;
        const std::int64_t row = static_cast<std::int64_t>((steps >> 32) % 9) - 4;
        const std::int64_t other = element + row * width_ + column;
        if (other >= 0 && other < options_.elements && other != element)
            return static_cast<std::uint32_t>(other);
    }
}

// The same wires each time: visit(element, input, weight).
template <class Visit>
void Annealing::visit_wires(Visit&& visit) const {
    bench::Random random(options_.seed + 1);
    for (std::uint32_t element = 0; element < options_.elements; ++element) {
        for (unsigned i = 0; i < options_.inputs; ++i) {
            const std::uint32_t input = near(element, random);
            visit(element, input, static_cast<std::uint32_t>(1 + random.below(4)));
        }
    }
}

void Annealing::make_netlist() {
    ends_.for_each([](std::uint32_t& end) { end = 0; });
    visit_wires([&](std::uint32_t element, std::uint32_t input, std::uint32_t) {
        ++ends_[element];
        ++ends_[input];
    });
    std::uint32_t sum = 0;
    ends_.for_each([&](std::uint32_t& end) { sum += std::exchange(end, sum); });
    // Each begins where its pins do, and ends behind the last.
    visit_wires([&](std::uint32_t element, std::uint32_t input, std::uint32_t weight) {
        pins_[ends_[element]++] = {input, weight};
        pins_[ends_[input]++] = {element, weight};
    });
    place_at_random();
    cost_ = first_cost_ = recomputed_cost();
}

void Annealing::place_at_random() {
    for (std::uint32_t i = 0; i < options_.elements; ++i)
        places_[i] = (i % width_) << 16 | (i / width_);
    for (std::uint32_t i = options_.elements; i > 1; --i)
        std::swap(places_[i - 1], places_[random_.below(i)]);
}

std::span<Annealing::Pin> Annealing::pins_of(std::uint32_t element) const {
    const std::uint32_t begin = element == 0 ? 0 : ends_[element - 1];
    return pins_.range(begin, ends_[element] - begin);
}

// Of the cost, if that element moved there.  Its wires to `other`, which moves the other way, stay
// as long as they are.
std::int64_t Annealing::change(std::uint32_t moved, std::uint32_t to, std::uint32_t other) const {
    const std::uint32_t from = places_[moved];
    std::int64_t sum = 0;
    for (const Pin& pin : pins_of(moved)) {
        if (pin.element == other) continue;
        const std::uint32_t end = places_[pin.element];
        sum += (distance(to, end) - distance(from, end)) * pin.weight;
    }
    return sum;
}

bool Annealing::swap(std::uint32_t one, std::uint32_t other, double temperature) {
    if (one == other) return false;
    const std::int64_t more = change(one, places_[other], other) + change(other, places_[one], one);
    if (more > 0 && chance(random_) >= std::exp(-static_cast<double>(more) / temperature))
        return false;
    std::swap(places_[one], places_[other]);
    cost_ += more;
    return true;
}

void Annealing::anneal() {
    double temperature = options_.start_temperature;
    for (unsigned step = 0; step < options_.temperatures; ++step) {
        for (std::uint64_t i = 0; i < options_.swaps; ++i) {
            swap(static_cast<std::uint32_t>(random_.below(options_.elements)),
                 static_cast<std::uint32_t>(random_.below(options_.elements)), temperature);
        }
        temperature /= options_.cooling;
    }
}

std::int64_t Annealing::recomputed_cost() const {
    std::int64_t twice = 0;
    for (std::uint32_t element = 0; element < options_.elements; ++element) {
        const std::uint32_t place = places_[element];
        for (const Pin& pin : pins_of(element))
            twice += distance(place, places_[pin.element]) * pin.weight;
    }
    return twice / 2;
}

std::string Annealing::check() const {
    std::vector<bool> taken(std::size_t{width_} * width_);
    for (std::uint32_t element = 0; element < options_.elements; ++element) {
        const std::uint32_t place = places_[element];
        const std::size_t at = std::size_t{place & 0xffff} * width_ + (place >> 16);
        if ((place >> 16) >= width_ || at >= options_.elements)
            return "element " + std::to_string(element) + " is outside of the grid";
        if (taken[at]) return "element " + std::to_string(element) + " is where another one is";
        taken[at] = true;
    }
    const std::int64_t anew = recomputed_cost();
    if (anew != cost_) {
        return "the swaps made the cost " + std::to_string(cost_) + ", it is " +
               std::to_string(anew);
    }
    if (cost_ >= first_cost_) {
        return "the cost did not fall: " + std::to_string(first_cost_) + " at first, " +
               std::to_string(cost_) + " now";
    }
    return {};
}

}  // namespace damon_schemes::parsec

// SPDX-License-Identifier: MIT
// Simulated annealing of a netlist's placement, as the class of PARSEC's `canneal` does it: two
// elements anywhere on the grid change places if their wires get shorter, or at times if not.
//
// Which elements and whose places are read is chance: all of the memory is used, all of the time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "benchmarks/parsec/suite/ledger.h"
#include "benchmarks/random.h"

namespace damon_schemes::parsec {

struct AnnealingOptions {
    std::uint32_t elements = 0;  // at least 64; at most 2^31
    unsigned inputs = 5;         // of each element
    double start_temperature = 2000;
    double cooling = 1.5;  // by which it is divided
    unsigned temperatures = 12;
    std::uint64_t swaps = 0;  // tried at each temperature
    std::uint64_t seed = 1;
};

class Annealing {
  public:
    Annealing(Ledger& ledger, const AnnealingOptions& options);

    // Wires mostly join elements that are near each other on a grid that the placement, random at
    // first, knows nothing of.
    void make_netlist();
    // Through all temperatures.
    void anneal();
    // What is wrong; empty: nothing is.
    std::string check() const;

    // The sum over all wires of length times weight: as the swaps changed it, and taken anew.
    std::int64_t cost() const { return cost_; }
    std::int64_t recomputed_cost() const;
    std::int64_t first_cost() const { return first_cost_; }
    std::uint32_t width() const { return width_; }
    std::uint32_t place(std::uint32_t element) const { return places_[element]; }
    // For tests.
    void set_place(std::uint32_t element, std::uint32_t place) { places_[element] = place; }
    // Tries one swap.  Whether they changed places.
    bool swap(std::uint32_t one, std::uint32_t other, double temperature);

  private:
    // Each wire is at both of its ends.
    struct Pin {
        std::uint32_t element;
        std::uint32_t weight;
    };

    template <class Visit>
    void visit_wires(Visit&& visit) const;
    void place_at_random();
    std::uint32_t near(std::uint32_t element, bench::Random& random) const;
    std::span<Pin> pins_of(std::uint32_t element) const;
    std::int64_t change(std::uint32_t moved, std::uint32_t to, std::uint32_t other) const;

    AnnealingOptions options_;
    std::uint32_t width_;
    bench::Random random_;
    Table<std::uint32_t> ends_;    // behind each element's last pin
    Table<Pin> pins_;              // of all elements, one after another
    Table<std::uint32_t> places_;  // column << 16 | row
    std::int64_t cost_ = 0;
    std::int64_t first_cost_ = 0;
};

}  // namespace damon_schemes::parsec

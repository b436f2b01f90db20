// SPDX-License-Identifier: MIT
// Online k-median of a stream of points, as the class of PARSEC's `streamcluster` does it: a block
// of points is read, its centres are found by local search with facility costs (Charikar and Guha,
// 1999; O'Callaghan et al., 2002), and they stand for the block from then on.
//
// Each candidate is held against every point of the block: all of it is read all of the time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "benchmarks/parsec/suite/ledger.h"
#include "benchmarks/random.h"

namespace damon_schemes::parsec {

struct KMedianOptions {
    std::size_t points = 0;  // of a block
    std::size_t dimensions = 128;
    std::size_t least_centres = 10;
    std::size_t most_centres = 20;
    std::size_t candidates = 20;  // tried before the number of centres is judged
    std::size_t clusters = 12;    // that the stream's points are strewn around
    std::uint64_t seed = 1;
};

// Points, each with a weight, and the centre, one of them, that it belongs to.
class WeightedPoints {
  public:
    WeightedPoints(Ledger& ledger, std::size_t points, std::size_t dimensions);

    std::size_t size() const { return weights_.size(); }
    std::span<float> coordinates(std::size_t point) const {
        return coordinates_.range(point * dimensions_, dimensions_);
    }
    float& weight(std::size_t point) const { return weights_[point]; }
    const std::vector<std::size_t>& centres() const { return centres_; }
    // The centre of a point: its index of centres(), and the point that it is.
    std::size_t slot_of(std::size_t point) const { return slots_[point]; }
    std::size_t centre_of(std::size_t point) const { return centres_[slots_[point]]; }
    double cost() const { return cost_; }
    double recomputed_cost() const;
    double centre_cost() const { return centre_cost_; }

    // Between so many centres, if there are as many different points.
    void cluster(const KMedianOptions& options, bench::Random& random);
    // What is wrong; empty: nothing is.
    std::string check(bench::Random& random) const;
    // What every `step`th point costs with these centres, each at its nearest.
    double cost_with(const std::vector<std::size_t>& centres, std::size_t step) const;
    // For tests.
    void set_slot_of(std::size_t point, std::size_t slot) {
        slots_[point] = static_cast<std::uint32_t>(slot);
    }

  private:
    // Squared, times the weight of the first one.
    float distance(std::size_t point, std::span<const float> to) const;
    void begin(std::size_t centre);
    void open(std::size_t centre);
    void open_by_chance(std::size_t most, bench::Random& random);
    // The centre's gain is what the whole costs less with it; taken if that is more than nothing.
    bool try_centre(std::size_t candidate);
    void take(std::size_t candidate, const std::vector<double>& dearer);
    void assign_nearest();
    void search(const KMedianOptions& options, bench::Random& random);
    // Copies every `step`th.
    WeightedPoints sample(std::size_t step) const;
    void find_centre_cost(const KMedianOptions& options, bench::Random& random);

    Ledger& ledger_;
    std::size_t dimensions_;
    Table<float> coordinates_;
    Table<float> weights_;
    Table<std::uint32_t> slots_;  // index of centres_
    Table<float> costs_;          // the distance to the centre
    Table<float> offers_;         // the distance to the candidate
    std::vector<std::size_t> centres_;
    double cost_ = 0;
    double centre_cost_ = 0;  // of opening one
};

class KMedian {
  public:
    KMedian(Ledger& ledger, const KMedianOptions& options);

    // The next block of the stream.
    void read_block();
    void cluster_block();
    // What is wrong with the block's clustering; empty: nothing is.
    std::string check();
    // The centres of all blocks so far, clustered.
    WeightedPoints final_centres();
    const WeightedPoints& block() const { return block_; }
    // Where the stream's points are strewn around.
    std::span<const float> origin(std::size_t cluster) const;

  private:
    struct KeptCentre {
        std::vector<float> coordinates;
        float weight = 0;
    };

    Ledger& ledger_;
    KMedianOptions options_;
    bench::Random random_;
    std::vector<float> origins_;
    WeightedPoints block_;
    std::vector<KeptCentre> kept_;
};

}  // namespace damon_schemes::parsec

// SPDX-License-Identifier: MIT
// How right a monitor's snapshots are, held against what memory really was used.
//
// What is counted is memory of the truth's areas that was mapped for the whole of a snapshot's
// interval, in bytes, for each snapshot whose interval lies within the truth.  With the looks of
// Use (truth.h), which are as long as the monitor's sampling interval:
//
//   touched       in at least one whole slot of the interval
//   hot           in at least the share `hot` of the interval's looks
//   called hot    lies in a region that rules.called_hot says yes to
//   called cold   likewise, rules.called_cold: no look found it accessed, nor did a search of its
//   tables unknown       neither: not looked at, or of no region of the snapshot at all
//
//   recall             hot and called hot / hot; hot memory that is unknown counts as not found
//   precision          called hot and touched / called hot, memory used only at an edge left out of
//                      both: a region is called hot where any look found it used
//   strict precision   called hot and hot / called hot
//   wrongly cold       touched and called cold
//   working set error  (called hot - touched) / touched
//   weighted recall    sum of min(true, seen frequency) / sum of true frequencies, where a
//                      frequency is the share of looks that found the memory used; weighted
//                      precision divides by the sum of those seen
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "benchmarks/accuracy/truth.h"
#include "schemes/observation.h"

namespace damon_schemes::accuracy {

struct ScoreRules {
    Share hot{200'000};
    std::function<bool(const Region&)> called_hot = [](const Region& region) {
        return region.accessed > 0;
    };
    std::function<bool(const Region&)> called_cold = [](const Region& region) {
        return region.known() && region.accessed == 0 && !region.hit;
    };
    // A snapshot is settled if its interval begins at least so many aggregation intervals after the
    // first one's and after the phase's beginning.
    std::uint32_t settling = 10;
    // A change is seen in the first snapshot in which so much of what became hot is called hot, and
    // of what was hot and is not used any more is called cold.
    Share change_seen{900'000};
    // Changes of less than this are not scored.
    Bytes least_change = mebibytes(4);
};

// Bytes; sums over several snapshots count memory once a snapshot.
struct Score {
    std::uint64_t mapped = 0;
    std::uint64_t touched = 0;
    std::uint64_t hot = 0;
    std::uint64_t called_hot = 0;
    std::uint64_t called_cold = 0;
    std::uint64_t unknown = 0;
    std::uint64_t called_hot_at_edge = 0;  // used only at an edge of the interval
    std::uint64_t called_hot_touched = 0;
    std::uint64_t called_hot_hot = 0;
    std::uint64_t called_cold_touched = 0;  // wrongly
    std::uint64_t called_cold_hot = 0;      // of these, hot
    double frequency = 0;                   // bytes times share of looks
    double frequency_seen = 0;
    double frequency_found = 0;  // the lesser of the two

    Score& operator+=(const Score& other);

    // nullopt: there is nothing that it could be a share of.
    std::optional<double> recall() const;
    std::optional<double> precision() const;
    std::optional<double> strict_precision() const;
    // Of touched memory, the share of looks in which it was.
    std::optional<double> frequency_of_touched() const;
    std::optional<double> weighted_recall() const;
    std::optional<double> weighted_precision() const;
    std::optional<double> wrongly_cold_of_mapped() const;
    std::optional<double> wrongly_cold_hot_of_mapped() const;
    std::optional<double> wrongly_cold_of_touched() const;
    std::optional<double> unknown_of_mapped() const;
    std::optional<double> working_set_error() const;
};

struct SnapshotScore {
    Duration at{};  // the interval's end, since the truth's beginning
    bool settled = false;
    std::uint64_t regions = 0;  // of all targets
    Score score;
};

// One beginning of a phase at which at least `least_change` of memory became hot that had not been
// touched in the phase before, or stopped being touched that had been hot.  Only memory that was
// mapped in both phases counts.
struct ChangeScore {
    Duration at{};                                // since the truth's beginning
    std::uint64_t newly_hot = 0, newly_cold = 0;  // bytes
    // When a snapshot saw it; nullopt: none did before the next phase.
    struct Seen {
        // Aggregation intervals that have ended since, by the snapshots' sequence numbers: the
        // first is the one in which the change fell, the second the first that lies wholly behind
        // it.
        std::uint64_t intervals = 0;
        double time = 0;  // from the change to the interval's end, in nominal aggregation intervals
    };
    std::optional<Seen> seen;
    std::optional<Seen> hot_seen, cold_seen;  // each half of it alone
    Seen watched;                             // the last snapshot of the phase
};

struct RunScore {
    std::vector<SnapshotScore> snapshots;
    std::vector<ChangeScore> changes;
    Score whole;    // the sum over all snapshots
    Score settled;  // over those that are settled
    std::uint64_t settled_snapshots = 0;
};

// The snapshots in the order of their times.  The truth is complete and outlives the scorer.
class Scorer {
  public:
    explicit Scorer(const Truth& truth, ScoreRules rules = {});

    void add(const Snapshot& snapshot);
    RunScore finish() const;

  private:
    struct Change {
        Instant at{}, until{};
        std::vector<std::vector<AddressRange>> newly_hot, newly_cold;  // by process
        ChangeScore score;
        std::uint64_t sequence_before = 0;  // of the last snapshot before it
    };
    void find_changes(Duration look);
    void score_changes(const Snapshot& snapshot);

    const Truth& truth_;
    ScoreRules rules_;
    RunScore run_;
    std::vector<Change> changes_;
    std::optional<Instant> first_;  // beginning of the first snapshot's interval
};

}  // namespace damon_schemes::accuracy

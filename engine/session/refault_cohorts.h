// SPDX-License-Identifier: MIT
// What was paged out, and how much of it comes back soon: which pages to look at when, and what a
// look means.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "schemes/decide/decider.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

// Pages that left memory for swap in one action, or in a few that followed each other closely, are
// a cohort.  It is looked at again after 250 ms, and then at times that grow by a factor of 1.5 up
// to the window: what returns, returns soon, and `away` is known to within that factor.  A page
// found in memory is a refault and leaves its cohort; one that was unmapped or freed just leaves
// it.  At the window's end a cohort is forgotten.
//
// Looks are at most the policy's refaults.rate a second, and come late rather than more often.  At
// most so many runs of pages are kept for each scheme; beyond, half of what is watched is chosen at
// random and counts twice, as often as it takes, so that figures stay right on average.
//
// Pure: time and what a look found come from the caller.  One thread.
class RefaultCohorts {
  public:
    static constexpr std::size_t default_limit = 65'536;  // runs a scheme; 1 MiB
    static constexpr Duration first_look = std::chrono::milliseconds(250);

    explicit RefaultCohorts(RefaultWatch settings, std::size_t runs_per_scheme = default_limit,
                            std::uint64_t seed = 1);

    // What of a target an action made leave, sorted and disjoint.  What an older cohort still has
    // of it had come back in between: that is a refault, too, and is handed back.
    std::vector<RefaultReport> add(std::uint32_t scheme, TargetId target, std::uint64_t generation,
                                   std::vector<AddressRange> left, Instant time);

    // What to look at now, at most 16 MiB and 1,024 runs; nullopt: nothing is due yet, or the rate
    // is used up.  found() is due for it before the next one, unless the target is forgotten.
    struct Look {
        TargetId target;
        std::uint64_t generation = 0;
        std::vector<AddressRange> ranges;
    };
    std::optional<Look> next_look(Instant now);

    enum class Place : std::uint8_t { swap, memory, neither };
    // One place a page of the look's ranges, in order.
    std::optional<RefaultReport> found(const Look& look, std::span<const Place> places,
                                       Instant now);

    // Something says that much of it is coming back: all of it is looked at next, and then as ever.
    void hasten(TargetId target, Instant now);

    // It has exited, or (`generation`) runs another program: what is older is forgotten, and no
    // refault.
    void forget(TargetId target);
    void forget_older(TargetId target, std::uint64_t generation);

    // When to ask for a look again; nullopt: nothing is watched.
    std::optional<Instant> next_due() const;
    std::size_t runs(std::uint32_t scheme) const;

  private:
    struct Cohort {
        std::uint32_t scheme = 0;
        TargetId target;
        std::uint64_t generation = 0;
        Instant time{};
        std::vector<AddressRange> runs;  // sorted
        std::uint64_t weight = 1;        // each page stands for so many
        Instant due{};
        bool last = false;         // this look is the last
        std::uint64_t passed = 0;  // of the look under way: addresses below were looked at
    };
    using Cohorts = std::list<Cohort>;

    void plan_next(Cohort& cohort, Instant now) const;
    void end_look(Cohorts::iterator cohort, Instant now);
    void keep_within_limit(std::uint32_t scheme);
    void drop_empty();
    std::vector<AddressRange> sample(std::vector<AddressRange> runs, std::uint64_t weight);

    RefaultWatch settings_;
    std::size_t limit_;
    std::mt19937_64 random_;
    Cohorts cohorts_;                                 // by time
    std::map<std::uint32_t, std::uint64_t> weights_;  // of what is added next, by scheme
    std::optional<Cohorts::iterator> looked_at_;
    double budget_ = 0;  // bytes that may be looked at
    std::optional<Instant> budget_at_;
};

}  // namespace damon_schemes

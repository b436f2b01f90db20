// SPDX-License-Identifier: MIT
// The module without a kernel: its core, driven in the order of kmod/sampler.c, over an address
// space that is a model.
#pragma once

extern "C" {
#include "core/adjust.h"
#include "core/layout.h"
#include "core/search.h"
}

#include <cstdint>
#include <span>
#include <vector>

#include "benchmarks/accuracy/scale/address_space.h"

namespace damon_schemes::scale {

// What it has cost so far.
struct Looks {
    std::uint64_t samples = 0;  // leaves checked
    std::uint64_t entries = 0;  // looked at by searches
    std::uint64_t searches = 0;
};

// Watches one address space, which must outlive it.
class SimulatedMonitor {
  public:
    // `limits.search` says whether it searches; the seed chooses pages and cuts.
    SimulatedMonitor(AddressSpace& space, const ds_limits& limits, std::uint64_t seed);

    // One pass: the pages prepared are looked at, the next prepared and flushed.  True where it
    // ended an aggregation interval; regions() are those of its snapshot then, until the next pass.
    bool pass();

    std::span<const ds_region> regions() const;
    const Looks& looks() const { return looks_; }

  private:
    struct Memory {
        std::vector<ds_region> regions;
        std::vector<ds_slice> slices;
        ds_regions handle{};
    };
    static Memory room_for(std::uint32_t capacity);
    void check_samples();
    void prepare_samples();
    void clear_entries();
    void look_at_entries();
    void end_interval();
    void begin_interval();

    AddressSpace& space_;
    ds_limits limits_;
    ds_random random_{};
    Memory current_, spare_;
    std::vector<ds_probe> probes_;
    std::vector<__u64> cleared_, hits_;
    ds_search search_{};
    std::uint32_t passes_ = 0;
    std::uint32_t last_nr_ = 0;
    bool between_ = true;  // an interval has ended, the next has not begun
    Looks looks_;
};

}  // namespace damon_schemes::scale

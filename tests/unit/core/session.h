// SPDX-License-Identifier: MIT
// A monitoring session without a kernel: the core, driven in the module's order, over address
// spaces that a test makes up.  After every step it says what broke of what must always hold.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core.h"

namespace damon_schemes::core {

// Regions with exactly the memory they are said to have, and canaries behind it.
class RegionMemory {
  public:
    RegionMemory(std::uint32_t capacity, std::uint32_t max_targets);
    ds_regions& operator*() { return regions_; }
    ds_regions* operator->() { return &regions_; }
    const ds_regions* operator->() const { return &regions_; }
    const ds_region* begin(std::uint32_t slice) const {
        return regions_.regions + regions_.slices[slice].first;
    }
    bool canaries_alive() const;

  private:
    std::uint32_t capacity_;
    std::uint32_t max_targets_;
    std::unique_ptr<ds_region[]> memory_;
    std::unique_ptr<ds_slice[]> slices_;
    ds_regions regions_{};
};

// What a look at an address of a target finds; decided by the test.
using Look = std::function<ds_look(std::uint32_t target, std::uint64_t address)>;

// Whether an entry of a level at an address was accessed.
using Hit = std::function<bool(__u32 level, std::uint64_t address)>;

class Session {
  public:
    static constexpr std::uint32_t max_targets = 4;

    Session(const ds_limits& limits, std::uint64_t seed);

    bool add_target(const ds_layout& layout);  // false: no room
    void remove_target(std::uint32_t which);
    void adopt(std::uint32_t which, const ds_layout& layout);

    // One sampling pass: every region's random page is looked at.
    void sample(const Look& look);
    // The end of an aggregation interval; between merge and split a snapshot could be read.
    void aggregate();
    void merge();
    void reset();
    void split();
    // A whole search: what is planned is hit where the test says so, and concluded at once.
    void search(const Hit& hit);
    void retune(const ds_intervals& from, const ds_intervals& to);

    const ds_regions& regions() const { return *current_->operator->(); }
    const ds_region* begin(std::uint32_t slice) const { return current_->begin(slice); }
    const ds_limits& limits() const { return limits_; }
    const std::vector<ds_layout>& layouts() const { return layouts_; }

    // What does not hold; empty: all is well.
    const std::vector<std::string>& broken() const { return broken_; }

  private:
    using Regions = std::vector<std::vector<ds_region>>;  // a copy, target by target
    Regions copy() const;
    void check(const char* step);
    void expect(bool holds, const char* step, const std::string& what);
    void for_each_piece(
        const Regions& before, const char* step,
        const std::function<void(const ds_region& piece, const ds_region& whole)>& look);
    void force_within_maximum();

    ds_limits limits_;
    ds_random random_{};
    RegionMemory a_, b_;
    RegionMemory* current_ = &a_;
    RegionMemory* spare_ = &b_;
    std::vector<ds_layout> layouts_;
    std::uint32_t last_nr_ = 0;
    std::uint32_t next_search_ = 0;
    std::vector<std::string> broken_;
};

}  // namespace damon_schemes::core

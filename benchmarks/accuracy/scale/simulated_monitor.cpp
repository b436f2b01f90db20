// SPDX-License-Identifier: MIT
#include "benchmarks/accuracy/scale/simulated_monitor.h"

#include <utility>

namespace damon_schemes::scale {

SimulatedMonitor::Memory SimulatedMonitor::room_for(std::uint32_t capacity) {
    Memory memory{std::vector<ds_region>(capacity), std::vector<ds_slice>(1), {}};
    memory.handle.regions = memory.regions.data();
    memory.handle.slices = memory.slices.data();
    memory.handle.capacity = capacity;
    memory.handle.nr_slices = 1;
    return memory;
}

SimulatedMonitor::SimulatedMonitor(AddressSpace& space, const ds_limits& limits, std::uint64_t seed)
    : space_(space),
      limits_(limits),
      current_(room_for(limits.max_regions + DS_LAYOUT_ADDED)),
      spare_(room_for(limits.max_regions + DS_LAYOUT_ADDED)) {
    ds_random_seed(&random_, seed);
    const std::uint32_t entries = DS_SEARCH_ENTRIES_PER_REGION * limits.max_regions;
    probes_.resize(DS_SEARCH_PROBES_PER_REGION * limits.max_regions + DS_SEARCH_MAX_PROBES);
    cleared_.resize(entries / 64 + 1);
    hits_.resize(entries / 64 + 1);
    search_.probes = probes_.data();
    search_.capacity = static_cast<std::uint32_t>(probes_.size());
    search_.cleared = cleared_.data();
    search_.hits = hits_.data();
    search_.max_entries = entries;

    ds_layout layout{};
    layout.ranges[0] = {space.start(), space.end()};
    layout.nr = 1;
    auto& regions = current_.handle;
    regions.nr = ds_layout_regions(&layout, (space.end() - space.start()) / limits.min_regions,
                                   limits.min_region_size, regions.regions, limits.max_regions);
    regions.slices[0] = {0, regions.nr};
}

std::span<const ds_region> SimulatedMonitor::regions() const {
    return {current_.handle.regions, current_.handle.nr};
}

void SimulatedMonitor::check_samples() {
    for (std::uint32_t i = 0; i < current_.handle.nr; ++i) {
        ds_region& region = current_.handle.regions[i];
        if (region.pending == DS_PENDING_NONE) continue;
        const bool accessed = space_.accessed(DS_LEVEL_PAGE, region.sample);
        ds_region_count(&region, accessed ? DS_LOOK_ACCESSED : DS_LOOK_IDLE);
        if (!accessed && region.pending == DS_PENDING_YOUNG)
            space_.set_accessed(DS_LEVEL_PAGE, region.sample, true);
        region.pending = DS_PENDING_NONE;
        ++looks_.samples;
    }
}

void SimulatedMonitor::prepare_samples() {
    for (std::uint32_t i = 0; i < current_.handle.nr; ++i) {
        ds_region& region = current_.handle.regions[i];
        region.sample = ds_region_pick(&region, &random_, limits_.min_region_size);
        const bool young = space_.accessed(DS_LEVEL_PAGE, region.sample);
        region.pending = young ? DS_PENDING_YOUNG : DS_PENDING_OLD;
        space_.set_accessed(DS_LEVEL_PAGE, region.sample, false);
        space_.flush_page(region.sample);
    }
}

void SimulatedMonitor::clear_entries() {
    for (std::uint32_t i = 0; i < search_.nr; ++i) {
        const ds_probe& probe = search_.probes[i];
        for (std::uint32_t entry = 0; entry < probe.nr; ++entry) {
            const auto address = probe.start + entry * ds_level_size(probe.level);
            if (!space_.accessed(probe.level, address)) continue;
            space_.set_accessed(probe.level, address, false);
            ds_search_set(search_.cleared, probe.first + entry);
        }
    }
    if (search_.nr != 0) {
        space_.flush_all();
        ++looks_.searches;
    }
}

void SimulatedMonitor::look_at_entries() {
    for (std::uint32_t i = 0; i < search_.nr; ++i) {
        const ds_probe& probe = search_.probes[i];
        looks_.entries += probe.nr;
        for (std::uint32_t entry = 0; entry < probe.nr; ++entry) {
            const auto address = probe.start + entry * ds_level_size(probe.level);
            if (space_.accessed(probe.level, address))
                ds_search_set(search_.hits, probe.first + entry);
            else if (ds_search_test(search_.cleared, probe.first + entry))
                space_.set_accessed(probe.level, address, true);
        }
    }
}

void SimulatedMonitor::end_interval() {
    look_at_entries();
    if (ds_search_conclude(&search_, &current_.handle, &spare_.handle, &limits_))
        std::swap(current_, spare_);
    ds_regions_aggregate(&current_.handle, &limits_);
    ds_regions_merge(&current_.handle, &limits_);
}

void SimulatedMonitor::begin_interval() {
    ds_regions_reset(&current_.handle);
    const auto nr = current_.handle.nr;
    if (ds_regions_split(&current_.handle, &spare_.handle, &limits_, last_nr_, &random_))
        std::swap(current_, spare_);
    last_nr_ = nr;
    if (limits_.search) {
        ds_search_plan(&search_, &current_.handle, &limits_, &random_);
        clear_entries();
    }
}

bool SimulatedMonitor::pass() {
    if (between_)
        begin_interval();
    else
        check_samples();
    const bool ends = !between_ && ++passes_ == limits_.max_nr_accesses;
    between_ = false;
    if (!ends) {
        prepare_samples();
        return false;
    }
    end_interval();
    passes_ = 0;
    between_ = true;
    return true;
}

}  // namespace damon_schemes::scale

// SPDX-License-Identifier: MIT
#include "engine/session/refault_watcher.h"

#include <unistd.h>

#include <utility>

namespace damon_schemes {

RefaultWatcher::RefaultWatcher(RefaultWatch settings, MachinePaths paths)
    : paths_(std::move(paths)), cohorts_(settings) {}

std::vector<RefaultReport> RefaultWatcher::watch(std::uint32_t scheme, const SurveyedTarget& target,
                                                 std::uint64_t generation,
                                                 std::vector<AddressRange> left, Instant time) {
    const auto known = opened_.find(target.id);
    if (known == opened_.end() || known->second.generation != generation) {
        if (known != opened_.end()) opened_.erase(known);
        const auto folder = open_process_folder(target.pid, target.pidfd, paths_.proc);
        auto pagemap = folder ? Pagemap::open(folder->get()) : std::nullopt;
        // What cannot be looked at is not watched.
        if (!pagemap) return {};
        opened_.emplace(target.id, Opened{generation, std::move(*pagemap)});
    }
    return cohorts_.add(scheme, target.id, generation, std::move(left), time);
}

std::vector<RefaultReport> RefaultWatcher::look(Instant now) {
    const Bytes page_size{static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))};
    std::vector<RefaultReport> reports;
    std::vector<PagemapEntry> entries;
    std::vector<RefaultCohorts::Place> places;
    while (const auto look = cohorts_.next_look(now)) {
        places.clear();
        const auto opened = opened_.find(look->target);
        for (const AddressRange range : look->ranges) {
            entries.clear();
            if (opened != opened_.end() && opened->second.generation == look->generation)
                opened->second.pagemap.read(range, page_size, entries);
            // What is missing at the end is of an address space that is no more.
            entries.resize(range.size().count / page_size.count);
            for (const PagemapEntry entry : entries) {
                places.push_back(entry.present()   ? RefaultCohorts::Place::memory
                                 : entry.swapped() ? RefaultCohorts::Place::swap
                                                   : RefaultCohorts::Place::neither);
            }
        }
        if (const auto report = cohorts_.found(*look, places, now)) reports.push_back(*report);
    }
    return reports;
}

void RefaultWatcher::forget(TargetId target) {
    cohorts_.forget(target);
    opened_.erase(target);
}

void RefaultWatcher::forget_older(TargetId target, std::uint64_t generation) {
    cohorts_.forget_older(target, generation);
    const auto opened = opened_.find(target);
    if (opened != opened_.end() && opened->second.generation < generation) opened_.erase(opened);
}

}  // namespace damon_schemes

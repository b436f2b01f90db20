// SPDX-License-Identifier: MIT
#include "session.h"

#include <algorithm>
#include <utility>

namespace damon_schemes::core {
namespace {

constexpr std::uint64_t region_canary = 0xdeadbeefcafef00d;
constexpr std::uint32_t slice_canary = 0xfeedface;
constexpr std::uint32_t canaries = 4;

// By the largest entries that lie in it, and single pages where none does.
bool hit_anywhere(const Hit& hit, const ds_region& region) {
    for (std::uint64_t at = region.start; at < region.end;) {
        __u32 level = DS_LEVEL_DIRECTORY;
        while (level > DS_LEVEL_PAGE &&
               (at % ds_level_size(level) != 0 || at + ds_level_size(level) > region.end))
            level--;
        if (hit(level, at)) return true;
        at += ds_level_size(level);
    }
    return false;
}

}  // namespace

RegionMemory::RegionMemory(std::uint32_t capacity, std::uint32_t max_targets)
    : capacity_(capacity),
      max_targets_(max_targets),
      memory_(std::make_unique<ds_region[]>(capacity + canaries)),
      slices_(std::make_unique<ds_slice[]>(max_targets + canaries)) {
    for (std::uint32_t i = 0; i < canaries; i++) {
        memory_[capacity + i].start = region_canary;
        slices_[max_targets + i].first = slice_canary;
    }
    regions_.regions = memory_.get();
    regions_.slices = slices_.get();
    regions_.capacity = capacity;
}

bool RegionMemory::canaries_alive() const {
    for (std::uint32_t i = 0; i < canaries; i++)
        if (memory_[capacity_ + i].start != region_canary ||
            slices_[max_targets_ + i].first != slice_canary)
            return false;
    return true;
}

// Room beyond the maximum is for what adopting adds before the next merge.
Session::Session(const ds_limits& limits, std::uint64_t seed)
    : limits_(limits),
      a_(limits.max_regions + DS_LAYOUT_ADDED, max_targets),
      b_(limits.max_regions + DS_LAYOUT_ADDED, max_targets) {
    ds_random_seed(&random_, seed);
}

void Session::expect(bool holds, const char* step, const std::string& what) {
    if (!holds && broken_.size() < 20) broken_.push_back(std::string(step) + ": " + what);
}

Session::Regions Session::copy() const {
    Regions result;
    for (std::uint32_t s = 0; s < regions().nr_slices; s++)
        result.emplace_back(begin(s), begin(s) + regions().slices[s].nr);
    return result;
}

void Session::check(const char* step) {
    const auto& all = regions();
    expect(current_->canaries_alive() && spare_->canaries_alive(), step, "wrote past the memory");
    expect(all.nr <= all.capacity, step, "more regions than there is room for");
    expect(all.nr_slices == layouts_.size(), step, "a target is missing");
    std::uint32_t next = 0;
    for (std::uint32_t s = 0; s < all.nr_slices; s++) {
        expect(all.slices[s].first == next, step, "slices are not contiguous");
        next = all.slices[s].first + all.slices[s].nr;
        const auto& layout = layouts_[s];
        std::uint32_t range = 0;
        std::uint64_t bytes = 0;
        for (std::uint32_t i = all.slices[s].first; i < next && i < all.capacity; i++) {
            const auto& region = all.regions[i];
            expect(region.start < region.end, step, "an empty region");
            expect(i == all.slices[s].first || all.regions[i - 1].end <= region.start, step,
                   "regions overlap or are not sorted");
            expect(region.start % limits_.min_region_size == 0 &&
                       region.end % limits_.min_region_size == 0,
                   step, "a border is not aligned");
            while (range < layout.nr && layout.ranges[range].end <= region.start) range++;
            expect(range < layout.nr && layout.ranges[range].start <= region.start &&
                       region.end <= layout.ranges[range].end,
                   step, "a region outside of the layout");
            expect(std::uint64_t{region.accessed} + region.absent <= region.sampled, step,
                   "more was found than was looked for");
            bytes += ds_region_size(&region);
        }
        expect(bytes == ds_layout_bytes(&layout), step, "bytes of the layout are not covered");
    }
    expect(next == all.nr, step, "regions that belong to no target");
}

void Session::force_within_maximum() {
    ds_regions_merge(&**current_, &limits_);
    expect(regions().nr <= limits_.max_regions, "merge", "more regions than the maximum");
}

bool Session::add_target(const ds_layout& layout) {
    auto& all = **current_;
    if (all.nr_slices == max_targets ||
        (all.nr_slices + 1) * DS_LAYOUT_RANGES > limits_.max_regions)
        return false;
    if (all.nr + DS_LAYOUT_RANGES > limits_.max_regions) {
        auto tighter = limits_;
        tighter.max_regions -= DS_LAYOUT_RANGES;
        ds_regions_merge(&all, &tighter);
    }
    const std::uint32_t room = limits_.max_regions - all.nr;
    std::vector<ds_region> first(room);
    const auto piece = (ds_regions_bytes(&all) + ds_layout_bytes(&layout)) / limits_.min_regions;
    const auto nr = ds_layout_regions(&layout, piece, limits_.min_region_size, first.data(), room);
    all.slices[all.nr_slices++] = {all.nr, 0};
    layouts_.push_back(layout);
    expect(ds_regions_replace(&all, all.nr_slices - 1, first.data(), nr) == 0, "add", "no room");
    check("add");
    return true;
}

void Session::remove_target(std::uint32_t which) {
    auto expected = copy();
    ds_regions_remove(&**current_, which);
    layouts_.erase(layouts_.begin() + which);
    expected.erase(expected.begin() + which);
    check("remove");
    const auto now = copy();
    for (std::size_t s = 0; s < now.size(); s++)
        expect(borders(now[s]) == borders(expected[s]), "remove", "another target was disturbed");
}

void Session::adopt(std::uint32_t which, const ds_layout& layout) {
    const auto old = copy()[which];
    std::vector<ds_region> out(old.size() + DS_LAYOUT_ADDED);
    const auto nr =
        ds_layout_adopt(&layout, old.data(), static_cast<std::uint32_t>(old.size()), out.data());
    expect(nr <= out.size(), "adopt", "more regions than promised");
    auto before = copy();
    if (ds_regions_replace(&**current_, which, out.data(), nr) != 0) {
        const auto unchanged = copy();
        for (std::size_t s = 0; s < before.size(); s++)
            expect(borders(before[s]) == borders(unchanged[s]), "replace",
                   "changed something although there was no room");
        force_within_maximum();
        before = copy();
        const auto& fewer = before[which];
        out.assign(fewer.size() + DS_LAYOUT_ADDED, ds_region{});
        const auto again = ds_layout_adopt(&layout, fewer.data(),
                                           static_cast<std::uint32_t>(fewer.size()), out.data());
        expect(ds_regions_replace(&**current_, which, out.data(), again) == 0, "adopt",
               "no room for what adopting adds to the maximum");
    }
    layouts_[which] = layout;
    check("adopt");
    const auto now = copy();
    for (std::size_t s = 0; s < now.size(); s++)
        if (s != which)
            expect(borders(now[s]) == borders(before[s]), "adopt", "another target was disturbed");
}

void Session::sample(const Look& look) {
    auto& all = **current_;
    for (std::uint32_t s = 0; s < all.nr_slices; s++) {
        for (std::uint32_t i = 0; i < all.slices[s].nr; i++) {
            auto& region = all.regions[all.slices[s].first + i];
            const auto address = ds_region_pick(&region, &random_, limits_.min_region_size);
            expect(address >= region.start && address < region.end, "sample",
                   "a page outside of its region");
            ds_region_count(&region, look(s, address));
        }
    }
    check("sample");
}

void Session::aggregate() {
    const auto before = copy();
    ds_regions_aggregate(&**current_, &limits_);
    check("aggregate");
    const auto now = copy();
    for (std::size_t s = 0; s < now.size(); s++) {
        for (std::size_t i = 0; i < now[s].size(); i++) {
            const auto &was = before[s][i], &is = now[s][i];
            if (!was.sampled)
                expect(is.age == was.age && is.nr_accesses == was.last_nr_accesses, "aggregate",
                       "the unknown aged or cooled");
            else
                expect((is.nr_accesses != 0) == (was.accessed != 0) &&
                           is.nr_accesses <= limits_.max_nr_accesses,
                       "aggregate", "a count that the looks do not give");
        }
    }
}

void Session::merge() {
    const auto before = copy();
    force_within_maximum();
    check("merge");
    const auto now = copy();
    for (std::size_t s = 0; s < now.size(); s++) {
        std::size_t b = 0;
        for (const auto& region : now[s]) {
            const auto first = b;
            while (b < before[s].size() && before[s][b].end <= region.end) b++;
            expect(first < b && before[s][first].start == region.start &&
                       before[s][b - 1].end == region.end,
                   "merge", "a border where there was none");
            if (first >= b) return;
            bool all_known = true, any_accessed = false;
            std::uint32_t youngest = ~0U, oldest = 0, least = ~0U, most = 0;
            for (auto i = first; i < b; i++) {
                const auto& piece = before[s][i];
                all_known &= piece.sampled != 0;
                any_accessed |= piece.accessed != 0;
                youngest = std::min(youngest, piece.age);
                oldest = std::max(oldest, piece.age);
                least = std::min(least, piece.nr_accesses);
                most = std::max(most, piece.nr_accesses);
            }
            expect((region.sampled != 0) == all_known, "merge", "known though a part was not");
            expect(!all_known || (region.accessed != 0) == any_accessed, "merge",
                   "an access was lost or invented");
            expect(region.age >= youngest && region.age <= oldest, "merge", "age is no mean");
            expect(region.nr_accesses >= least && region.nr_accesses <= most, "merge",
                   "count is no mean");
        }
        expect(b == before[s].size(), "merge", "regions were lost");
    }
}

void Session::reset() {
    ds_regions_reset(&**current_);
    check("reset");
    for (std::uint32_t i = 0; i < regions().nr; i++) {
        const auto& region = regions().regions[i];
        expect(!region.sampled && !region.accessed && !region.absent &&
                   region.last_nr_accesses == region.nr_accesses,
               "reset", "the last interval is not over");
    }
}

void Session::split() {
    const auto before = copy();
    const auto nr = regions().nr;
    (**spare_).nr_slices = 0;
    if (ds_regions_split(&**current_, &**spare_, &limits_, last_nr_, &random_))
        std::swap(current_, spare_);
    else
        expect(nr > limits_.max_regions / 2, "split", "did not split although there was room");
    last_nr_ = nr;
    check("split");
    if (nr <= limits_.max_regions)
        expect(regions().nr <= limits_.max_regions, "split", "more regions than the maximum");
    for_each_piece(before, "split", [&](const ds_region& piece, const ds_region& whole) {
        expect(piece.nr_accesses == whole.nr_accesses &&
                   piece.last_nr_accesses == whole.last_nr_accesses && piece.age == whole.age &&
                   piece.sampled == whole.sampled && piece.accessed == whole.accessed,
               "split", "a piece that did not inherit");
    });
}

// Each region that there is now, with the one before that it is a piece of.
void Session::for_each_piece(
    const Regions& before, const char* step,
    const std::function<void(const ds_region& piece, const ds_region& whole)>& look) {
    const auto now = copy();
    for (std::size_t s = 0; s < now.size(); s++) {
        std::size_t b = 0;
        for (const auto& piece : now[s]) {
            while (b < before[s].size() && before[s][b].end <= piece.start) b++;
            if (b == before[s].size()) break;
            const auto& whole = before[s][b];
            expect(whole.start <= piece.start && piece.end <= whole.end, step,
                   "a piece of two regions");
            look(piece, whole);
        }
    }
}

void Session::search(const Hit& hit) {
    const std::uint32_t entries = DS_SEARCH_ENTRIES_PER_REGION * limits_.max_regions;
    std::vector<ds_probe> probes(DS_SEARCH_PROBES_PER_REGION * limits_.max_regions +
                                 DS_SEARCH_MAX_PROBES);
    std::vector<__u64> cleared(entries / 64 + 1), hits(entries / 64 + 1);
    ds_search search{};
    search.probes = probes.data();
    search.capacity = static_cast<std::uint32_t>(probes.size());
    search.cleared = cleared.data();
    search.hits = hits.data();
    search.max_entries = entries;
    search.next = next_search_;
    ds_search_plan(&search, &**current_, &limits_, &random_);
    next_search_ = search.next;
    expect(search.nr_entries <= entries, "plan", "more entries than the budget");
    std::uint64_t behind = 0;
    std::uint32_t first = 0;
    for (std::uint32_t i = 0; i < search.nr; i++) {
        const auto& probe = probes[i];
        const auto& region = regions().regions[probe.region];
        if (i > 0 && probes[i - 1].region != probe.region) {
            expect(probes[i - 1].region < probe.region, "plan", "probes are not sorted");
            behind = 0;
        }
        expect(probe.first == first && probe.nr > 0, "plan", "entries overlap or are missing");
        expect(probe.start >= behind && probe.start >= region.start &&
                   ds_probe_end(&probe) <= region.end &&
                   probe.start % ds_level_size(probe.level) == 0,
               "plan", "a probe outside of its region");
        for (std::uint32_t entry = 0; entry < probe.nr; entry++)
            if (hit(probe.level, probe.start + entry * ds_level_size(probe.level)))
                ds_search_set(search.hits, probe.first + entry);
        behind = ds_probe_end(&probe);
        first += probe.nr;
    }
    const auto before = copy();
    const auto nr = regions().nr;
    if (ds_search_conclude(&search, &**current_, &**spare_, &limits_)) std::swap(current_, spare_);
    check("search");
    expect(regions().nr <= std::max(nr, limits_.max_regions), "search",
           "more regions than the maximum");
    for_each_piece(before, "search", [&](const ds_region& piece, const ds_region& whole) {
        expect(piece.sampled == whole.sampled && piece.age == whole.age &&
                   piece.last_nr_accesses == whole.last_nr_accesses,
               "search", "a piece that did not inherit");
        // Where all of it was looked at, its pages say whether anything was accessed.
        if (piece.search & DS_SEARCH_IDLE && piece.search & DS_SEARCH_LOOKED)
            expect(!hit_anywhere(hit, piece), "search", "accessed memory called idle");
    });
}

void Session::retune(const ds_intervals& from, const ds_intervals& to) {
    const auto before = copy();
    ds_regions_retune(&**current_, &from, &to);
    limits_.max_nr_accesses = ds_max_nr_accesses(&to);
    check("retune");
    const auto now = copy();
    for (std::size_t s = 0; s < now.size(); s++) {
        expect(borders(now[s]) == borders(before[s]), "retune", "a border moved");
        for (std::size_t i = 0; i < now[s].size(); i++)
            expect(now[s][i].sampled == before[s][i].sampled &&
                       now[s][i].accessed == before[s][i].accessed,
                   "retune", "looks were lost");
    }
}

}  // namespace damon_schemes::core

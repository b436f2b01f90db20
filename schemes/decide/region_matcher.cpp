// SPDX-License-Identifier: MIT
#include "schemes/decide/region_matcher.h"

#include <algorithm>

namespace damon_schemes {

RegionMatcher::RegionMatcher(std::vector<SchemeState>& schemes)
    : schemes_(schemes), sieves_(schemes.size()) {
    for (std::size_t i = 0; i < schemes.size(); ++i) {
        sieves_[i].acting = schemes[i].acting;
        sieves_[i].verifying = schemes[i].scheme->verify.has_value();
        if (schemes[i].scheme->action == Action::mlock) locking_.push_back(i);
        for (const Filter& filter : schemes[i].scheme->filters)
            if (filter.kind == FilterKind::address) address_filters_.push_back(filter);
    }
    matching_.reserve(schemes.size());
    unrejected_.reserve(schemes.size());
}

void RegionMatcher::begin(Duration interval, Instant now) {
    now_ = now;
    for (std::size_t i = 0; i < sieves_.size(); ++i) {
        Sieve& sieve = sieves_[i];
        sieve.pattern = AccessPattern(*schemes_[i].scheme, schemes_[i].region_age(), interval);
        sieve.matched = sieve.matched_regions = 0;
        sieve.missed.fill(0);
    }
}

void RegionMatcher::finish() {
    for (std::size_t i = 0; i < sieves_.size(); ++i) {
        SchemeTally& tally = schemes_[i].tally;
        tally.matched = {sieves_[i].matched};
        tally.matched_regions = sieves_[i].matched_regions;
        for (std::size_t reason = 0; reason < first_reason_of_matching; ++reason)
            tally.held_back[reason] += {sieves_[i].missed[reason]};
    }
}

// Collects in `matching_` the schemes that may contest a region.  True: one of them has filters.
bool RegionMatcher::sift(const RegionPart& whole, const Region& region, TargetState& state,
                         Explanation* explanation) {
    const std::uint64_t bytes = region.range.size().count;
    const bool known = region.known();
    const std::uint32_t ppm = frequency(region).ppm;
    const std::uint32_t sampled_ppm = sampled_frequency(region).ppm;
    bool filtering = false;
    matching_.clear();
    for (std::size_t i = 0; i < sieves_.size(); ++i) {
        Sieve& sieve = sieves_[i];
        const Reason missed = known ? sieve.pattern.first_missed(
                                          bytes, sieve.verifying ? sampled_ppm : ppm, region.age)
                                    : Reason::unknown;
        if (missed != AccessPattern::none_missed) {
            sieve.missed[static_cast<std::size_t>(missed)] += bytes;
            if (explanation != nullptr) schemes_[i].tell(whole, missed);
            continue;
        }
        sieve.matched += bytes;
        ++sieve.matched_regions;
        if (!sieve.acting) {
            if (explanation != nullptr) schemes_[i].tell(whole, {});
        } else if (schemes_[i].blocked) {
            take(i, whole, region, state);
        } else {
            matching_.push_back(i);
            filtering |= schemes_[i].filtering;
        }
    }
    return filtering;
}

void RegionMatcher::match(const TargetSnapshot& target, TargetState& state, std::uint32_t index,
                          Explanation* explanation) {
    for (std::uint32_t r = 0; r < target.regions.size(); ++r) {
        const Region& region = target.regions[r];
        if (region.range.empty()) continue;
        if (!locking_.empty()) keep_locks(region, state);
        const RegionPart whole{index, r, region.range};
        const bool filtering = sift(whole, region, state, explanation);
        if (matching_.empty()) continue;
        if (filtering) {
            cut(region, state);
            for (const FilterPiece& piece : pieces_)
                filter({index, r, piece.range}, piece, region, state);
        } else {
            contest(matching_, whole, region, state);
        }
    }
}

// What is locked stays so while it is used as the scheme asks for.  What was not looked at is not
// cold.
void RegionMatcher::keep_locks(const Region& region, TargetState& state) {
    for (const std::size_t i : locking_) {
        if (state.held[i].empty()) continue;
        if (!region.known() || schemes_[i].scheme->frequency.contains(frequency(region)))
            state.held[i].keep(region.range, now_);
    }
}

// Cuts the region into pieces that are the same to the filters of all schemes that match.
void RegionMatcher::cut(const Region& region, const TargetState& state) {
    static const std::vector<MappedArea> none;
    const bool by_mappings = std::any_of(matching_.begin(), matching_.end(),
                                         [&](std::size_t i) { return schemes_[i].needs_mappings; });
    cut_for_filters(address_filters_, region.range,
                    by_mappings ? *state.conditions->mappings : none, pieces_);
}

// What the filters of a scheme reject goes to the next one that matches.
void RegionMatcher::filter(const RegionPart& part, const FilterPiece& piece, const Region& region,
                           TargetState& state) {
    unrejected_.clear();
    for (const std::size_t i : matching_) {
        const SchemeState& scheme = schemes_[i];
        if (scheme.filtering) {
            // What a look at the pages has to decide stays: the executor asks again.
            const FilterVerdict verdict =
                judge(scheme.scheme->filters, scheme.facts_of(piece, state));
            if (verdict.kind == FilterVerdict::Kind::rejected) {
                take(i, part, region, state, &verdict);
                continue;
            }
        }
        unrejected_.push_back(i);
    }
    contest(unrejected_, part, region, state);
}

// The first in the file, except that pageout goes before cold: what leaves memory needs no place in
// the list of what may leave it.
std::size_t RegionMatcher::winner(const Indices& able) const {
    const std::size_t first = able.front();
    if (able.size() == 1 || schemes_[first].scheme->action != Action::cold) return first;
    for (const std::size_t index : able)
        if (schemes_[index].scheme->action == Action::pageout) return index;
    return first;
}

void RegionMatcher::contest(const Indices& able, const RegionPart& part, const Region& region,
                            TargetState& state) {
    if (able.empty()) return;
    const std::size_t winning = winner(able);
    for (const std::size_t i : able) {
        if (i == winning)
            take(i, part, region, state);
        else
            schemes_[i].hold_back(part, Reason::other_scheme, static_cast<std::uint32_t>(winning));
    }
}

// Hands memory that the scheme matches on to its candidates, without what it may not have.
void RegionMatcher::take(std::size_t index, const RegionPart& part, const Region& region,
                         TargetState& state, const FilterVerdict* rejected) {
    SchemeState& scheme = schemes_[index];
    std::uint64_t position = part.range.start;
    const auto acted_until = [&](std::uint64_t end) {
        if (position < end)
            scheme.hold_back({part.target, part.region, {position, end}}, Reason::recently_acted);
    };
    const auto add_unlocked = [&](AddressRange range) {
        const RegionPart free{part.target, part.region, range};
        if (scheme.needs_presence && region.nothing_present())
            scheme.hold_back(free, Reason::nothing_present);
        else if (scheme.blocked)
            scheme.hold_back(free, *scheme.blocked);
        else if (rejected != nullptr)
            scheme.hold_back(free, Reason::filter, rejected->by);
        else
            scheme.candidates.add(free);
    };
    const auto add = [&](AddressRange range) {
        acted_until(range.start);
        position = range.end;
        if (state.held[index].empty()) return add_unlocked(range);
        state.held[index].divide(range, add_unlocked, [&](AddressRange locked) {
            scheme.hold_back({part.target, part.region, locked}, Reason::already_locked);
        });
    };
    state.acted[index].for_each_free(part.range, scheme.cursor, add);
    acted_until(part.range.end);
}

}  // namespace damon_schemes

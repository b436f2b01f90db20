// SPDX-License-Identifier: MIT
// Schemes, targets and conditions at random, small enough for every page of them to be looked at.
#pragma once

#include <rapidcheck.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "schemes/decide/decider.h"
#include "tests/unit/schemes/observed.h"

namespace damon_schemes::observed {

inline constexpr std::uint64_t page = 4096;
inline constexpr std::uint64_t pages = 48;  // of each target

template <typename T>
Range<T> any_range(std::vector<T> bounds) {
    Range<T> range;
    if (*rc::gen::inRange(0, 2) == 0) range.min = *rc::gen::elementOf(bounds);
    if (*rc::gen::inRange(0, 2) == 0) range.max = *rc::gen::elementOf(bounds);
    if (range.min && range.max && *range.max < *range.min) std::swap(range.min, range.max);
    return range;
}

inline Scheme any_scheme(bool with_quota) {
    Scheme scheme;
    scheme.action = *rc::gen::element(Action::pageout, Action::pageout, Action::cold,
                                      Action::willneed, Action::stat);
    scheme.size = any_range<Bytes>({{page}, {4 * page}, {16 * page}});
    scheme.frequency = any_range<Share>({{0}, {100'000}, {500'000}, {1'000'000}});
    scheme.age = any_range<Duration>({Duration(100ms), Duration(450ms), Duration(2s)});
    scheme.allow_unseen_accesses = *rc::gen::arbitrary<bool>();
    if (with_quota && *rc::gen::inRange(0, 2) == 0) {
        scheme.quota.bytes = Bytes{page * *rc::gen::inRange<std::uint64_t>(1, 60) + 17};
        scheme.quota.per = *rc::gen::element(Duration(300ms), Duration(1s));
    }
    if (with_quota && *rc::gen::inRange(0, 3) == 0) scheme.quota.time = Duration(1ms);
    return scheme;
}

inline Filter any_filter() {
    Filter filter;
    filter.allow = *rc::gen::arbitrary<bool>();
    filter.kind = *rc::gen::element(FilterKind::anonymous, FilterKind::file, FilterKind::mapping,
                                    FilterKind::address, FilterKind::huge_page, FilterKind::young,
                                    FilterKind::target, FilterKind::cgroup);
    filter.pattern = *rc::gen::element<std::string>("a", "/a", "*");
    const auto start = *rc::gen::inRange<std::uint64_t>(0, pages);
    filter.range = {start * page, (start + *rc::gen::inRange<std::uint64_t>(1, pages)) * page};
    return filter;
}

inline QuotaGoal any_goal() {
    QuotaGoal goal;
    goal.metric =
        *rc::gen::element(GoalMetric::pressure, GoalMetric::free_memory, GoalMetric::refaults);
    goal.share = Share{*rc::gen::element(10'000U, 500'000U)};
    return goal;
}

// With a quota or without, and each of the controls now and then.
inline Scheme any_scheme_with_controls() {
    Scheme scheme = any_scheme(true);
    const auto now_and_then = [] { return *rc::gen::inRange(0, 4) == 0; };
    const auto weight = [] { return *rc::gen::inRange(0U, 3U); };
    scheme.quota.priority = {weight(), weight(), weight()};
    if (now_and_then()) scheme.quota.goals = {any_goal(), any_goal()};
    scheme.quota.tuner = *rc::gen::element(GoalTuner::consistent, GoalTuner::temporal);
    if (now_and_then()) scheme.apply_interval = Duration(*rc::gen::element(350ms, 1000ms));
    if (now_and_then()) scheme.cool_down = Duration(*rc::gen::element(100ms, 3000ms));
    if (now_and_then()) {
        scheme.watermarks = Watermarks{};
        const auto low = *rc::gen::inRange(0U, 500'000U);
        scheme.watermarks->free_memory =
            Watermark{Share{low + 400'000}, Share{low + 200'000}, Share{low}};
        scheme.watermarks->interval = Duration(*rc::gen::element(100ms, 1000ms));
    }
    if (now_and_then()) scheme.filters = {any_filter(), any_filter()};
    if (now_and_then()) scheme.floor.rss = Bytes{page * *rc::gen::inRange(0U, 60U)};
    if (now_and_then()) scheme.floor.share = Share{*rc::gen::inRange(0U, 1'000'001U)};
    if (now_and_then()) scheme.min_rss = Bytes{page * *rc::gen::inRange(0U, 60U)};
    if (now_and_then()) scheme.tune = Tune{Share{10'000}, Duration(100ms), Duration(2s)};
    return scheme;
}

inline TargetSnapshot any_target(std::uint64_t id) {
    TargetSnapshot seen = target(id, {});
    std::uint64_t at_page = *rc::gen::inRange<std::uint64_t>(0, 3);
    while (at_page < pages) {
        const auto end = at_page + *rc::gen::inRange<std::uint64_t>(1, 20);
        Region region;
        region.range = {at_page * page, std::min(end, pages) * page};
        region.sampled = *rc::gen::element(0U, 1U, 20U, 20U, 20U);
        if (region.sampled != 0) {
            region.accessed =
                *rc::gen::inRange(0, 2) == 0 ? 0 : *rc::gen::inRange(0U, region.sampled + 1);
            region.absent = *rc::gen::inRange(0U, region.sampled - region.accessed + 1);
        }
        region.age = *rc::gen::element(0U, 3U, 20U, 100U);
        seen.regions.push_back(region);
        at_page = end + (*rc::gen::inRange(0, 3) == 0 ? 1 : 0);
    }
    seen.unseen_accesses = *rc::gen::inRange(0, 8) == 0;
    seen.denied = *rc::gen::inRange(0, 12) == 0;
    seen.generation = *rc::gen::inRange(0, 12) == 0 ? 2 : 1;
    return seen;
}

inline std::shared_ptr<const std::vector<MappedArea>> any_mappings() {
    auto mappings = std::make_shared<std::vector<MappedArea>>();
    for (std::uint64_t at_page = 0; at_page < pages;) {
        const auto end = at_page + *rc::gen::inRange<std::uint64_t>(1, 20);
        if (*rc::gen::inRange(0, 4) != 0)
            mappings->push_back({{at_page * page, end * page},
                                 *rc::gen::arbitrary<bool>(),
                                 *rc::gen::arbitrary<bool>(),
                                 *rc::gen::element<std::string>("a", "b")});
        at_page = end;
    }
    return mappings;
}

inline Conditions any_conditions(std::uint64_t step) {
    Conditions conditions = seeing();
    conditions.sees = *rc::gen::inRange(0, 10) != 0;
    conditions.free_swap = Share{*rc::gen::element(0U, 99'999U, 100'000U, 1'000'000U)};
    if (*rc::gen::inRange(0, 10) == 0) conditions.free_swap.reset();
    if (*rc::gen::inRange(0, 6) != 0)
        conditions.free_memory = Share{*rc::gen::inRange(0U, 1'000'001U)};
    if (*rc::gen::inRange(0, 6) != 0) conditions.stalled = step * *rc::gen::element(1ms, 40ms);
    for (std::uint64_t id = 1; id <= 3; ++id) {
        Conditions::Target target;
        target.id = {id};
        target.major_faults = step > 60 && id == 2 ? step * 1000 : 5;
        if (*rc::gen::inRange(0, 6) != 0) target.rss = Bytes{page * *rc::gen::inRange(0U, 90U)};
        if (*rc::gen::inRange(0, 6) != 0) target.swapped = Bytes{page * *rc::gen::inRange(0U, 90U)};
        target.name = *rc::gen::element<std::string>("a", "b");
        if (*rc::gen::inRange(0, 6) != 0)
            target.cgroup = *rc::gen::element<std::string>("/a", "/b");
        if (*rc::gen::inRange(0, 6) != 0) target.mappings = any_mappings();
        conditions.targets.push_back(std::move(target));
    }
    return conditions;
}

}  // namespace damon_schemes::observed

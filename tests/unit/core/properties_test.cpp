// SPDX-License-Identifier: MIT
// What must hold after any operations in any order; session.cpp checks it after each.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <sstream>

#include "session.h"

namespace damon_schemes::core {
namespace {

constexpr std::uint64_t page = 4096;

enum class Step {
    add,
    remove,
    adopt,
    sample,
    interval,
    aggregate,
    merge,
    reset,
    split,
    search,
    retune
};

struct Operation {
    Step step;
    std::uint64_t choice;  // whatever the step has to choose comes from this
};

std::ostream& operator<<(std::ostream& out, const Operation& operation) {
    static constexpr const char* names[] = {"add",      "remove",    "adopt", "sample",
                                            "interval", "aggregate", "merge", "reset",
                                            "split",    "search",    "retune"};
    return out << names[static_cast<int>(operation.step)] << "(" << operation.choice << ")";
}

// A made-up address space: some mappings with gaps of very different sizes between them.
ds_layout any_layout(std::uint64_t choice, std::uint64_t min_region_size) {
    ds_random random{};
    ds_random_seed(&random, choice);
    ds_layout_walk walk{};
    std::uint64_t at = 0x400000 + ds_random_below(&random, 64) * page;
    const auto mappings = ds_random_below(&random, 24);
    for (std::uint64_t i = 0; i < mappings; i++) {
        const auto size =
            (1 + ds_random_below(&random, 1ULL << ds_random_below(&random, 14))) * page;
        ds_layout_add(&walk, at, at + size);
        at += size;
        if (ds_random_below(&random, 2))
            at += ds_random_below(&random, 1ULL << ds_random_below(&random, 34)) * page;
    }
    ds_layout layout{};
    ds_layout_finish(&walk, min_region_size, &layout);
    return layout;
}

// Layouts that differ only a little, as most updates find them.
ds_layout moved(ds_layout layout, std::uint64_t choice, std::uint64_t min_region_size) {
    ds_random random{};
    ds_random_seed(&random, choice);
    for (std::uint32_t i = 0; i < layout.nr; i++) {
        auto& range = layout.ranges[i];
        const auto by = ds_random_below(&random, 16) * min_region_size;
        if (ds_random_below(&random, 2) && range.end - range.start > by)
            range.end -= by;
        else if (i + 1 < layout.nr ? range.end + by < layout.ranges[i + 1].start : true)
            range.end += by;
    }
    return layout;
}

// Hits that a program could have made: what a page says, its tables say, too.
void search_for_anything(Session& session, std::uint64_t choice) {
    const auto shift = static_cast<unsigned>(12 + choice % 20);
    session.search([&](__u32 level, std::uint64_t address) {
        const auto size = ds_level_size(level);
        for (auto at = address >> shift; at <= (address + size - 1) >> shift; at++)
            if (at * 0x9e3779b97f4a7c15 >> 61 < choice % 8) return true;
        return false;
    });
}

void apply(Session& session, const Operation& operation) {
    const auto targets = session.regions().nr_slices;
    const auto which = static_cast<std::uint32_t>(targets ? operation.choice % targets : 0);
    const auto size = session.limits().min_region_size;
    switch (operation.step) {
        case Step::add:
            session.add_target(any_layout(operation.choice, size));
            break;
        case Step::remove:
            if (targets) session.remove_target(which);
            break;
        case Step::adopt:
            if (targets)
                session.adopt(which, operation.choice & 16
                                         ? any_layout(operation.choice, size)
                                         : moved(session.layouts()[which], operation.choice, size));
            break;
        case Step::sample: {
            ds_random looks{};
            ds_random_seed(&looks, operation.choice);
            session.sample([&](std::uint32_t, std::uint64_t) {
                return static_cast<ds_look>(ds_random_below(&looks, 4));
            });
            break;
        }
        case Step::interval: {
            // What the module does, with memory whose use differs from place to place.
            for (std::uint64_t pass = 0; pass < operation.choice % 8; pass++)
                session.sample([&](std::uint32_t, std::uint64_t address) {
                    return static_cast<ds_look>((address >> 16) * operation.choice % 7 % 4);
                });
            if (operation.choice & 1) search_for_anything(session, operation.choice);
            session.aggregate();
            session.merge();
            session.reset();
            session.split();
            break;
        }
        case Step::aggregate:
            session.aggregate();
            break;
        case Step::merge:
            session.merge();
            break;
        case Step::reset:
            session.reset();
            break;
        case Step::split:
            session.split();
            break;
        case Step::search:
            search_for_anything(session, operation.choice);
            break;
        case Step::retune: {
            const ds_intervals from{.sampling = 1, .aggregation = session.limits().max_nr_accesses};
            const ds_intervals to{.sampling = 1 + operation.choice % 50,
                                  .aggregation = 50 + operation.choice % 5000};
            session.retune(from, to);
            break;
        }
    }
}

rc::Gen<std::vector<Operation>> operations() {
    const auto step = rc::gen::map(rc::gen::inRange(0, 15), [](int n) {
        // Whole intervals and samples come more often than the rest.
        return n < 11 ? static_cast<Step>(n) : n < 13 ? Step::interval : Step::sample;
    });
    return rc::gen::container<std::vector<Operation>>(
        rc::gen::map(rc::gen::pair(step, rc::gen::inRange<std::uint64_t>(0, 1ULL << 40)),
                     [](const std::pair<Step, std::uint64_t>& both) {
                         return Operation{both.first, both.second};
                     }));
}

void holds_under_any_operations(std::uint32_t min_regions, std::uint32_t max_regions,
                                std::uint64_t min_region_size) {
    const ds_limits limits{.min_regions = min_regions,
                           .max_regions = max_regions,
                           .max_nr_accesses = 20,
                           .min_region_size = min_region_size,
                           .search = *rc::gen::inRange(0, 2)};
    Session session(limits, *rc::gen::arbitrary<std::uint64_t>());
    apply(session, {Step::add, *rc::gen::inRange<std::uint64_t>(0, 1ULL << 40)});
    for (const auto& operation : *operations()) {
        apply(session, operation);
        if (!session.broken().empty()) {
            std::ostringstream what;
            for (const auto& line : session.broken()) what << line << "\n";
            RC_LOG() << operation << " broke\n" << what.str();
            RC_FAIL("an invariant does not hold");
        }
    }
}

RC_GTEST_PROP(Properties, HoldUnderAnyOperations, ()) {
    holds_under_any_operations(*rc::gen::inRange(3U, 20U), *rc::gen::inRange(20U, 300U), page);
}

RC_GTEST_PROP(Properties, HoldWhereTheMaximumIsTight, ()) {
    holds_under_any_operations(3, *rc::gen::inRange(3U, 14U), page);
}

RC_GTEST_PROP(Properties, HoldForALargeMinimumRegionSize, ()) {
    holds_under_any_operations(*rc::gen::inRange(3U, 20U), *rc::gen::inRange(20U, 100U),
                               page << *rc::gen::inRange(1, 12));
}

// The three ranges against the definition: no other choice of two gaps leaves out more.
RC_GTEST_PROP(Properties, TheLayoutLeavesOutTheMostItCan, ()) {
    const auto sizes = *rc::gen::container<std::vector<std::pair<std::uint32_t, std::uint32_t>>>(
        rc::gen::pair(rc::gen::inRange(1U, 1000U), rc::gen::inRange(0U, 1000U)));
    ds_layout_walk walk{};
    std::vector<std::uint64_t> gaps;
    std::uint64_t at = 0, mapped = 0, first_gap = 0;
    for (const auto& [size, gap] : sizes) {
        if (mapped && gap) gaps.push_back(gap);
        at += mapped ? gap : 0;
        ds_layout_add(&walk, at, at + size);
        at += size;
        mapped += size;
    }
    ds_layout layout{};
    ds_layout_finish(&walk, 1, &layout);
    std::sort(gaps.rbegin(), gaps.rend());
    for (std::size_t i = 0; i < std::min<std::size_t>(2, gaps.size()); i++) first_gap += gaps[i];
    RC_ASSERT(ds_layout_bytes(&layout) == at - first_gap);
    RC_ASSERT(layout.nr == (sizes.empty() ? 0 : std::min<std::size_t>(2, gaps.size()) + 1));
}

}  // namespace
}  // namespace damon_schemes::core

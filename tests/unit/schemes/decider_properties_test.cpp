// SPDX-License-Identifier: MIT
// What holds for every policy, every snapshot and every order of reports.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "tests/unit/schemes/any_session.h"
#include "tests/unit/schemes/observed.h"

namespace damon_schemes {
namespace {

using namespace observed;

std::uint64_t bytes_of(const Snapshot& snapshot) {
    std::uint64_t bytes = 0;
    for (const TargetSnapshot& seen : snapshot.targets)
        if (!seen.exited)
            for (const Region& region : seen.regions) bytes += region.range.size().count;
    return bytes;
}

// Runs a session of random snapshots, plans and reports, and hands each step to `look`.
template <typename Look>
void run_session(const Policy& policy, int steps, Look look) {
    Decider decider(policy);
    Duration time{};
    struct Flying {
        ActionReport report;
    };
    std::vector<ActionReport> flying;
    for (int step = 0; step < steps; ++step) {
        time +=
            *rc::gen::element(Duration(100ms), Duration(100ms), Duration(400ms), Duration(1200ms));
        std::vector<TargetSnapshot> targets;
        for (std::uint64_t id = 1; id <= 3; ++id)
            if (*rc::gen::inRange(0, 15) != 0) targets.push_back(any_target(id));
        const Snapshot seen = snapshot(time, targets);
        const Conditions conditions = any_conditions(static_cast<std::uint64_t>(step));
        const Plan plan = decider.decide(seen, conditions);
        look(seen, conditions, plan);
        for (const PlannedRange& planned : plan.ranges) {
            ActionReport report = done(seen, planned, seen.time);
            report.advised =
                *rc::gen::element(Bytes{}, report.advised, Bytes{report.advised.count / 2});
            report.spent = *rc::gen::element(Duration(0), Duration(10us), Duration(5ms));
            flying.push_back(report);
        }
        while (!flying.empty() && *rc::gen::inRange(0, 4) != 0) {
            const auto index = *rc::gen::inRange<std::size_t>(0, flying.size());
            decider.report(flying[index]);
            flying.erase(flying.begin() + static_cast<std::ptrdiff_t>(index));
        }
    }
}

TEST(DeciderProperties, EveryByteIsAccountedForExactlyOnce) {
    EXPECT_TRUE(rc::check([] {
        std::vector<Scheme> schemes;
        const auto count = *rc::gen::inRange(1, 5);
        for (int i = 0; i < count; ++i) schemes.push_back(any_scheme_with_controls());
        run_session(
            policy(schemes), 12, [&](const Snapshot& seen, const Conditions&, const Plan& plan) {
                RC_ASSERT(plan.schemes.size() == schemes.size());
                const std::uint64_t all = bytes_of(seen);
                for (std::size_t i = 0; i < schemes.size(); ++i) {
                    const SchemeTally& tally = plan.schemes[i];
                    std::uint64_t unmatched = 0;
                    std::uint64_t stopped = 0;
                    for (std::size_t r = 0; r < reason_count; ++r)
                        (r <= static_cast<std::size_t>(Reason::age) ? unmatched : stopped) +=
                            tally.held_back[r].count;
                    RC_ASSERT(tally.matched.count + unmatched == all);
                    if (acts(schemes[i].action))
                        RC_ASSERT(tally.planned.count + stopped == tally.matched.count);
                    else
                        RC_ASSERT(tally.planned.count + stopped == 0U);
                    std::uint64_t planned = 0;
                    std::uint64_t ranges = 0;
                    for (const PlannedRange& range : plan.ranges) {
                        if (range.scheme != i) continue;
                        planned += range.range.size().count;
                        ++ranges;
                    }
                    RC_ASSERT(planned == tally.planned.count);
                    RC_ASSERT(ranges == tally.planned_ranges);
                    const std::uint64_t by_quota = held(tally, Reason::quota_bytes).count +
                                                   held(tally, Reason::quota_time).count +
                                                   held(tally, Reason::quota_goal).count;
                    RC_ASSERT(tally.quota_exceeded == (by_quota != 0));
                }
            });
    }));
}

TEST(DeciderProperties, OnlyKnownMatchingMemoryIsPlannedAndNoneTwice) {
    EXPECT_TRUE(rc::check([] {
        std::vector<Scheme> schemes;
        const auto count = *rc::gen::inRange(1, 5);
        for (int i = 0; i < count; ++i) schemes.push_back(any_scheme_with_controls());
        run_session(
            policy(schemes), 12,
            [&](const Snapshot& seen, const Conditions& conditions, const Plan& plan) {
                std::set<std::pair<std::uint32_t, std::uint64_t>> taken;
                std::uint32_t last_scheme = 0;
                for (const PlannedRange& planned : plan.ranges) {
                    RC_ASSERT(planned.scheme >= last_scheme);
                    last_scheme = planned.scheme;
                    const Scheme& scheme = schemes[planned.scheme];
                    const TargetSnapshot& target = seen.targets[planned.target];
                    RC_ASSERT(acts(scheme.action) && conditions.sees && !target.denied);
                    RC_ASSERT(!target.unseen_accesses || scheme.allow_unseen_accesses);
                    RC_ASSERT(!planned.range.empty());
                    RC_ASSERT(planned.range.start % page == 0 && planned.range.end % page == 0);
                    for (auto address = planned.range.start; address < planned.range.end;
                         address += page) {
                        const auto region = std::find_if(
                            target.regions.begin(), target.regions.end(), [&](const Region& r) {
                                return r.range.start <= address && address < r.range.end;
                            });
                        RC_ASSERT(region != target.regions.end());
                        RC_ASSERT(region->known());
                        RC_ASSERT(scheme.size.contains(region->range.size()));
                        RC_ASSERT(scheme.frequency.contains(frequency(*region)));
                        RC_ASSERT(scheme.age.contains(region->age * seen.aggregation_interval));
                        RC_ASSERT(taken.emplace(planned.target, address).second);
                    }
                }
            });
    }));
}

using HeldPages = std::map<std::tuple<std::size_t, std::uint64_t, std::uint64_t>, Instant>;

Instant at_a_whole_interval(Instant when) {
    return std::chrono::ceil<Duration>(
        at(std::chrono::ceil<std::chrono::duration<std::int64_t, std::deci>>(when - at(0s))));
}

// What was gone when it was last told, and is there now, is young to pageout.
void hold_returned(const std::vector<Scheme>& schemes, const TargetSnapshot& target, Instant now,
                   std::map<std::uint64_t, double>& gone, HeldPages& held_until) {
    std::map<std::uint64_t, double> still_gone;  // looks that found nothing
    for (const Region& region : target.regions) {
        double looks = 0;
        for (auto address = region.range.start; address < region.range.end; address += page)
            looks += gone.contains(address) ? gone[address] : 0;
        looks = looks * page / static_cast<double>(region.range.size().count) + region.sampled;
        for (auto address = region.range.start; address < region.range.end; address += page) {
            if (region.nothing_present()) {
                still_gone[address] = looks;
                continue;
            }
            if (!gone.contains(address)) continue;
            if (!region.known()) {
                still_gone[address] = gone[address];
                continue;
            }
            const double there = 1 - static_cast<double>(region.absent) / region.sampled;
            if (gone[address] * there < 8) continue;
            for (std::size_t i = 0; i < schemes.size(); ++i) {
                const Duration age = schemes[i].age.min.value_or(Duration(0));
                const auto [held, fresh] =
                    held_until.try_emplace({i, target.id.value, address}, Instant::min());
                if (schemes[i].action == Action::pageout && age > Duration(0) &&
                    held->second <= now)
                    held->second = at_a_whole_interval(now + age);
            }
        }
    }
    gone = still_gone;
}

// The whole decision again, page by page and without any cleverness, for policies without quotas.
TEST(DeciderProperties, PlansWhatAPageByPageModelPlans) {
    EXPECT_TRUE(rc::check([] {
        std::vector<Scheme> schemes;
        const auto count = *rc::gen::inRange(1, 4);
        for (int i = 0; i < count; ++i) schemes.push_back(any_scheme(false));
        Policy unbraked = policy(schemes);
        unbraked.limits.brake.reset();
        Decider decider(unbraked);
        // Held until, by scheme, target and page.
        HeldPages held_until;
        std::map<std::uint64_t, std::map<std::uint64_t, double>> gone;
        std::map<std::uint64_t, std::uint64_t> generations;
        Duration time{};
        for (int step = 0; step < 10; ++step) {
            time +=
                *rc::gen::element(Duration(100ms), Duration(500ms), Duration(2s), Duration(30s));
            std::vector<TargetSnapshot> targets;
            for (std::uint64_t id = 1; id <= 2; ++id) targets.push_back(any_target(id));
            const Snapshot seen = snapshot(time, targets);
            const Conditions conditions = any_conditions(0);

            std::set<std::tuple<std::uint32_t, std::uint32_t, std::uint64_t>> expected;
            for (std::uint32_t t = 0; t < targets.size(); ++t) {
                const TargetSnapshot& target = targets[t];
                if (generations.contains(target.id.value) &&
                    generations[target.id.value] != target.generation) {
                    std::erase_if(held_until, [&](const auto& entry) {
                        return std::get<1>(entry.first) == target.id.value;
                    });
                    gone[target.id.value].clear();
                }
                generations[target.id.value] = target.generation;
                hold_returned(schemes, target, seen.time, gone[target.id.value], held_until);
                for (const Region& region : target.regions) {
                    std::vector<std::uint32_t> able;
                    for (std::uint32_t i = 0; i < schemes.size(); ++i) {
                        const Scheme& scheme = schemes[i];
                        const bool swap_low = scheme.action == Action::pageout &&
                                              conditions.free_swap &&
                                              conditions.free_swap->ppm < 100'000;
                        if (acts(scheme.action) && region.known() && conditions.sees &&
                            !target.denied &&
                            (!target.unseen_accesses || scheme.allow_unseen_accesses) &&
                            !swap_low && scheme.size.contains(region.range.size()) &&
                            scheme.frequency.contains(frequency(region)) &&
                            scheme.age.contains(region.age * seen.aggregation_interval))
                            able.push_back(i);
                    }
                    if (able.empty()) continue;
                    std::uint32_t winner = able.front();
                    if (schemes[winner].action == Action::cold)
                        for (const std::uint32_t i : able)
                            if (schemes[i].action == Action::pageout) {
                                winner = i;
                                break;
                            }
                    if (region.nothing_present() && schemes[winner].action != Action::willneed)
                        continue;
                    for (auto address = region.range.start; address < region.range.end;
                         address += page) {
                        const auto held = held_until.find({winner, target.id.value, address});
                        if (held == held_until.end() || held->second <= seen.time)
                            expected.emplace(winner, t, address);
                    }
                }
            }

            const Plan plan = decider.decide(seen, conditions);
            std::set<std::tuple<std::uint32_t, std::uint32_t, std::uint64_t>> planned;
            for (const PlannedRange& range : plan.ranges)
                for (auto address = range.range.start; address < range.range.end; address += page)
                    planned.emplace(range.scheme, range.target, address);
            RC_ASSERT(planned == expected);

            for (const PlannedRange& range : plan.ranges) {
                const Scheme& scheme = schemes[range.scheme];
                const Duration hold = std::max(scheme.age.min.value_or(Duration(0)), Duration(1s));
                const bool reported = *rc::gen::inRange(0, 3) != 0;
                const Instant acted = seen.time + 50ms;
                if (reported) decider.report(done(seen, range, acted));
                // A hold ends at a whole interval.
                const Instant until = reported ? at_a_whole_interval(acted + hold)
                                               : seen.time + std::max(hold, Duration(60s));
                for (auto address = range.range.start; address < range.range.end; address += page)
                    held_until[{range.scheme, targets[range.target].id.value, address}] = until;
            }
        }
    }));
}

TEST(DeciderProperties, AWindowNeverLetsMoreThroughThanItsLimit) {
    EXPECT_TRUE(rc::check([] {
        Scheme limited = any_scheme(false);
        limited.action = *rc::gen::element(Action::pageout, Action::cold, Action::willneed);
        limited.quota.bytes = Bytes{page * *rc::gen::inRange<std::uint64_t>(1, 40)};
        limited.quota.per = *rc::gen::element(Duration(300ms), Duration(1s), Duration(3s));
        limited.quota.priority = {*rc::gen::inRange(0U, 3U), *rc::gen::inRange(0U, 3U),
                                  *rc::gen::inRange(0U, 3U)};
        Decider decider(policy({limited}));
        Duration time{};
        std::map<std::int64_t, std::uint64_t> planned;
        for (int step = 0; step < 30; ++step) {
            const Snapshot seen = snapshot(time, std::vector{any_target(1), any_target(2)});
            const Plan plan = decider.decide(seen, seeing());
            planned[time / limited.quota.per] += plan.schemes[0].planned.count;
            RC_ASSERT(planned[time / limited.quota.per] <= limited.quota.bytes->count);
            // All of it is advised: nothing is given back.
            for (const PlannedRange& range : plan.ranges)
                decider.report(done(seen, range, seen.time, 1ms));
            time += *rc::gen::element(Duration(100ms), Duration(200ms), Duration(700ms));
        }
    }));
}

// However small the quota: no page waits for longer than a whole round.
TEST(DeciderProperties, AQuotaGoesRoundAllThatMatches) {
    EXPECT_TRUE(rc::check([] {
        Scheme limited = scheme(Action::pageout, 0s);
        const auto budget = *rc::gen::inRange<std::uint64_t>(1, 20);
        limited.quota = {Bytes{page * budget}, {}, Duration(2s)};
        limited.quota.priority = {0, 0, 0};
        Decider decider(policy({limited}));
        std::vector<TargetSnapshot> targets;
        std::uint64_t matching = 0;
        for (std::uint64_t id = 1; id <= 3; ++id) {
            TargetSnapshot seen = any_target(id);
            seen.denied = seen.unseen_accesses = false;
            seen.generation = 1;
            for (Region& region : seen.regions) {
                region.sampled = 20;
                region.absent = 0;
                if (region.accessed == 0) matching += region.range.size().count / page;
            }
            targets.push_back(seen);
        }
        std::set<std::pair<std::uint32_t, std::uint64_t>> reached;
        const std::uint64_t round = (matching + budget - 1) / budget;
        for (std::uint64_t window = 0; window < round; ++window) {
            const Snapshot seen = snapshot(static_cast<int>(window) * 2s, targets);
            const Plan plan = decider.decide(seen, seeing());
            for (const PlannedRange& range : plan.ranges) {
                for (auto address = range.range.start; address < range.range.end; address += page)
                    reached.emplace(range.target, address);
                decider.report(done(seen, range, seen.time));
            }
        }
        RC_ASSERT(reached.size() == matching);
    }));
}

TEST(DeciderProperties, TheSameInputsGiveTheSamePlans) {
    EXPECT_TRUE(rc::check([] {
        std::vector<Scheme> schemes{any_scheme_with_controls(), any_scheme_with_controls()};
        Decider one(policy(schemes));
        Decider moved(policy({}));
        Decider other(policy(schemes));
        moved = std::move(other);
        Duration time{};
        for (int step = 0; step < 10; ++step, time += 300ms) {
            const Snapshot seen = snapshot(time, std::vector{any_target(1), any_target(2)});
            const Conditions conditions = any_conditions(0);
            const Plan a = one.decide(seen, conditions);
            const Plan b = moved.decide(seen, conditions);
            RC_ASSERT(a.ranges.size() == b.ranges.size());
            for (std::size_t i = 0; i < a.ranges.size(); ++i) {
                RC_ASSERT(a.ranges[i].scheme == b.ranges[i].scheme);
                RC_ASSERT(a.ranges[i].target == b.ranges[i].target);
                RC_ASSERT(a.ranges[i].range == b.ranges[i].range);
                if (*rc::gen::arbitrary<bool>()) {
                    one.report(done(seen, a.ranges[i], seen.time, 10us));
                    moved.report(done(seen, b.ranges[i], seen.time, 10us));
                }
            }
        }
    }));
}

TEST(DeciderProperties, AnythingThatASnapshotMaySayIsSurvived) {
    EXPECT_TRUE(rc::check([] {
        std::vector<Scheme> schemes{any_scheme_with_controls(), any_scheme_with_controls()};
        Decider decider(policy(schemes));
        for (int step = 0; step < 10; ++step) {
            Snapshot seen;
            seen.time = Instant(Duration(*rc::gen::arbitrary<std::int64_t>()));
            seen.aggregation_interval = Duration(*rc::gen::element<std::int64_t>(
                -1, 0, 1, 1'000'000, std::numeric_limits<std::int64_t>::max()));
            for (std::uint64_t t = 0; t < 2; ++t) {
                TargetSnapshot target;
                target.id = {*rc::gen::inRange<std::uint64_t>(0, 3) * 2 + t};
                target.generation = *rc::gen::inRange<std::uint64_t>(0, 2);
                target.exited = *rc::gen::inRange(0, 5) == 0;
                std::uint64_t start = 0;
                for (int i = 0; i < 3; ++i) {
                    Region region;
                    region.range.start = start;
                    region.range.end = start =
                        start + *rc::gen::element<std::uint64_t>(0, 1, page, 1ULL << 61);
                    region.sampled = *rc::gen::arbitrary<std::uint32_t>();
                    region.accessed =
                        std::min(*rc::gen::arbitrary<std::uint32_t>(), region.sampled);
                    region.absent = *rc::gen::arbitrary<std::uint32_t>();
                    region.age = *rc::gen::arbitrary<std::uint32_t>();
                    target.regions.push_back(region);
                }
                seen.targets.push_back(target);
            }
            const Plan plan = decider.decide(seen, any_conditions(0));
            for (const PlannedRange& range : plan.ranges) {
                ActionReport report =
                    done(seen, range, Instant(Duration(*rc::gen::arbitrary<std::int64_t>())));
                report.advised = {*rc::gen::arbitrary<std::uint64_t>()};
                report.spent = Duration(*rc::gen::arbitrary<std::int32_t>());
                decider.report(report);
            }
        }
    }));
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
// Whatever stands in a policy: the reader says what is wrong, and what is right it reads as it was
// meant.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <vector>

#include "schemes/policy/reader.h"
#include "schemes/quantity.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;

Duration any_duration(Duration least, Duration most) {
    return std::chrono::microseconds(*rc::gen::inRange<std::int64_t>(least / 1us, most / 1us + 1));
}

bool sometimes() {
    return *rc::gen::arbitrary<bool>();
}

Share any_share(std::uint32_t least, std::uint32_t most) {
    return Share{*rc::gen::inRange(least, most + 1)};
}

std::vector<QuotaGoal> any_goals(Action action) {
    std::vector<QuotaGoal> goals;
    for (const auto metric : {GoalMetric::pressure, GoalMetric::cgroup_pressure,
                              GoalMetric::refaults, GoalMetric::free_memory, GoalMetric::figure}) {
        if (!sometimes() || (metric == GoalMetric::refaults && action != Action::pageout)) continue;
        QuotaGoal goal;
        goal.metric = metric;
        if (metric == GoalMetric::figure) {
            // Quarters are written and read exactly.
            goal.figure = static_cast<double>(*rc::gen::inRange(1, 100'000)) / 4;
            goal.file = *rc::gen::element<std::string>("/f", "/run/la ten\"cy", "/é");
        } else {
            goal.share = any_share(1, 1'000'000);
        }
        goals.push_back(goal);
    }
    return goals;
}

Watermark any_watermark() {
    Watermark mark;
    mark.low = any_share(0, 300'000);
    mark.mid = any_share(300'000, 600'000);
    mark.high = any_share(600'000, 1'000'000);
    return mark;
}

Filter any_filter(Action action) {
    Filter filter;
    filter.allow = sometimes();
    filter.kind = static_cast<FilterKind>(*rc::gen::inRange(0, 8));
    const bool looks_at_pages = action == Action::pageout || action == Action::cold;
    if (!looks_at_pages &&
        (filter.kind == FilterKind::young || filter.kind == FilterKind::huge_page))
        filter.kind = FilterKind::anonymous;
    if (filter.kind == FilterKind::mapping || filter.kind == FilterKind::target)
        filter.pattern = *rc::gen::element<std::string>("[heap]", "*", "?x*", "é \"\\");
    if (filter.kind == FilterKind::cgroup)
        filter.pattern = *rc::gen::element<std::string>("/user.slice", "*", "/a/?");
    if (filter.kind == FilterKind::address) {
        const auto start = *rc::gen::inRange<std::uint64_t>(0, 1ULL << 36);
        filter.range = {start << 12, (start + *rc::gen::inRange<std::uint64_t>(1, 1ULL << 20))
                                         << 12};
    }
    return filter;
}

// The controls that the action may have.
void add_any_controls(Scheme& scheme, Duration aggregation) {
    if (sometimes()) {
        scheme.watermarks = Watermarks{};
        if (sometimes()) scheme.watermarks->free_memory = any_watermark();
        if (!scheme.watermarks->free_memory || sometimes())
            scheme.watermarks->free_swap = any_watermark();
        scheme.watermarks->interval = any_duration(1ms, 100s);
    }
    if (!acts(scheme.action)) return;
    if (sometimes()) scheme.apply_interval = aggregation + any_duration(0us, 100s);
    if (sometimes()) scheme.min_rss = Bytes{*rc::gen::inRange<std::uint64_t>(0, 1ULL << 40)};
    for (int i = *rc::gen::inRange(0, 4); i > 0; --i)
        scheme.filters.push_back(any_filter(scheme.action));
    if (sometimes()) scheme.cool_down = any_duration(0us, 100s);
    if (scheme.action != Action::pageout) return;
    if (sometimes()) scheme.floor.rss = Bytes{*rc::gen::inRange<std::uint64_t>(0, 1ULL << 40)};
    if (sometimes()) scheme.floor.share = any_share(0, 999'999);
    if (sometimes()) scheme.verify = Verify{any_duration(1ms, 30s)};
    if (sometimes() && scheme.age.min >= aggregation)
        scheme.tune = Tune{any_share(1, 999'999), any_duration(aggregation, *scheme.age.min),
                           *scheme.age.min + any_duration(0us, 10s)};
    if (scheme.verify && !scheme.age.max && scheme.age.min >= 1ms && sometimes() &&
        std::max(*scheme.age.min, scheme.tune ? scheme.tune->max : Duration(0)) <= 30s)
        scheme.verify = Verify{{}, true};
}

TargetSelector any_target() {
    TargetSelector target;
    if (*rc::gen::arbitrary<bool>()) {
        target.pid = *rc::gen::inRange(1, 100'000);
        return target;
    }
    if (sometimes()) target.executable = *rc::gen::element<std::string>("/usr/bin/a", "*/b?", "*");
    if (sometimes()) target.user = *rc::gen::element<std::string>("root", "0", "1000", "a-b");
    if (sometimes()) target.unit = *rc::gen::element<std::string>("a.service", "b@?.scope", "c*");
    if (sometimes()) target.cgroup = *rc::gen::element<std::string>("/", "/a/*", "*.slice");
    if (sometimes()) target.min_rss = Bytes{*rc::gen::inRange<std::uint64_t>(0, 1ULL << 40)};
    if (!target.is_rule() || sometimes())
        target.name =
            *rc::gen::element<std::string>("a", "redis-server", "(sd-pam)", "ünï \"x\\", "post*");
    target.all = target.is_rule() || *rc::gen::arbitrary<bool>();
    return target;
}

void add_any_guard(Limits::Guard& guard) {
    if (sometimes()) guard.refaults.reset();
    if (sometimes()) guard.pressure = any_share(1, 1'000'000);
    if (sometimes())
        guard.figure = {"/run/figure", static_cast<double>(*rc::gen::inRange(-1000, 100'000)) / 4};
    guard.pause = any_duration(1s, 100s);
    guard.longest_pause = guard.pause + any_duration(0us, 1000s);
}

Policy any_policy() {
    Policy policy;
    MonitorAttributes& monitor = policy.monitor;
    monitor.sampling_interval = any_duration(1us, 1s);
    monitor.aggregation_interval = any_duration(monitor.sampling_interval, 10s);
    monitor.update_interval = any_duration(monitor.aggregation_interval, 100s);
    monitor.min_regions = *rc::gen::inRange(3U, 1000U);
    monitor.max_regions = *rc::gen::inRange(monitor.min_regions, 1'000'000U);
    monitor.min_region_size = {std::uint64_t{4096} << *rc::gen::inRange(0, 10)};
    monitor.tlb = static_cast<TlbPolicy>(*rc::gen::inRange(0, 4));
    monitor.memory = static_cast<WatchedMemory>(*rc::gen::inRange(0, 2));
    if (*rc::gen::arbitrary<bool>())
        monitor.interval_goal =
            IntervalGoal{any_share(1, 999'999), *rc::gen::inRange(1U, 1000U),
                         any_duration(1us, monitor.sampling_interval),
                         any_duration(monitor.sampling_interval, monitor.sampling_interval + 10s)};
    const auto targets = *rc::gen::inRange(0, 3);
    for (int i = 0; i < targets; ++i) {
        policy.targets.push_back(any_target());
    }
    const auto schemes = *rc::gen::inRange(1, 4);
    for (int i = 0; i < schemes; ++i) {
        Scheme scheme;
        scheme.name = "s-" + std::to_string(i);
        scheme.action = static_cast<Action>(*rc::gen::inRange(0, 4));
        if (*rc::gen::arbitrary<bool>())
            scheme.size.min = Bytes{*rc::gen::inRange<std::uint64_t>(0, 1ULL << 40)};
        if (*rc::gen::arbitrary<bool>())
            scheme.size.max =
                std::max(scheme.size.min.value_or(Bytes{}), monitor.min_region_size) + mebibytes(3);
        if (*rc::gen::arbitrary<bool>())
            scheme.frequency.min = Share{*rc::gen::inRange(0U, 500'000U)};
        if (*rc::gen::arbitrary<bool>())
            scheme.frequency.max = Share{*rc::gen::inRange(500'000U, 1'000'001U)};
        if (*rc::gen::arbitrary<bool>()) scheme.age.min = any_duration(0us, 1000s);
        if (*rc::gen::arbitrary<bool>())
            scheme.age.max = scheme.age.min.value_or(Duration(0)) + any_duration(10s, 100s);
        if (scheme.action == Action::pageout) scheme.quota = default_pageout_quota();
        if (scheme.action != Action::stat && *rc::gen::arbitrary<bool>()) {
            scheme.quota.per = any_duration(1ms, 10s);
            scheme.quota.bytes = Bytes{*rc::gen::inRange<std::uint64_t>(4096, 1ULL << 33)};
            scheme.quota.time.reset();
            if (*rc::gen::arbitrary<bool>())
                scheme.quota.time = any_duration(1us, scheme.quota.per);
            scheme.quota.priority = {*rc::gen::inRange(0U, 1001U), *rc::gen::inRange(0U, 1001U),
                                     *rc::gen::inRange(0U, 1001U)};
            scheme.quota.goals = any_goals(scheme.action);
            if (!scheme.quota.goals.empty() && sometimes())
                scheme.quota.tuner = GoalTuner::temporal;
        }
        add_any_controls(scheme, monitor.aggregation_interval);
        scheme.allow_unseen_accesses = *rc::gen::arbitrary<bool>();
        scheme.split_huge_pages = *rc::gen::arbitrary<bool>();
        policy.schemes.push_back(scheme);
    }
    if (sometimes()) policy.refaults.window = any_duration(1s, 3600s);
    if (sometimes())
        policy.refaults.rate = Bytes{*rc::gen::inRange<std::uint64_t>(1 << 20, 1ULL << 40)};
    if (*rc::gen::arbitrary<bool>()) policy.limits.min_free_swap.reset();
    if (*rc::gen::arbitrary<bool>())
        policy.limits.brake = Limits::Brake{*rc::gen::inRange<std::uint64_t>(1, 10000),
                                            *rc::gen::inRange(1U, 1000U), any_duration(1s, 100s)};
    else if (*rc::gen::arbitrary<bool>())
        policy.limits.brake.reset();
    if (*rc::gen::arbitrary<bool>()) policy.limits.min_headroom.reset();
    if (*rc::gen::arbitrary<bool>()) policy.limits.min_zram_saving.reset();
    if (*rc::gen::arbitrary<bool>())
        policy.limits.guard.reset();
    else
        add_any_guard(*policy.limits.guard);
    return policy;
}

template <typename T>
void write_range(std::string& text, const std::string& key, const Range<T>& range) {
    if (!range.min && !range.max) return;
    text += key + " = {";
    if (range.min) text += " min = \"" + to_string(*range.min) + "\"";
    if (range.min && range.max) text += ",";
    if (range.max) text += " max = \"" + to_string(*range.max) + "\"";
    text += " }\n";
}

// A literal string keeps quotation marks and backslashes as they are.
std::string literal(const std::string& text) {
    return "'" + text + "'";
}

std::string quoted(const std::string& text) {
    return "\"" + text + "\"";
}

void write_quota(std::string& text, const Quota& quota) {
    text += "[scheme.quota]\n";
    text += "bytes = " + quoted(quota.bytes ? to_string(*quota.bytes) : "off") + "\n";
    text += "time = " + quoted(quota.time ? to_string(*quota.time) : "off") + "\n";
    text += "per = " + quoted(to_string(quota.per)) + "\n";
    const Priority& weights = quota.priority;
    text += "priority = { size = " + std::to_string(weights.size) +
            ", frequency = " + std::to_string(weights.frequency) +
            ", age = " + std::to_string(weights.age) + " }\n";
    if (!quota.goals.empty())
        text += std::string("tuner = ") +
                (quota.tuner == GoalTuner::temporal ? "'temporal'" : "'consistent'") + "\n";
    for (const QuotaGoal& goal : quota.goals) {
        text +=
            "[[scheme.quota.goal]]\nmetric = " + quoted(std::string(name_of(goal.metric))) + "\n";
        if (goal.metric == GoalMetric::figure)
            text +=
                "target = " + std::to_string(goal.figure) + "\nfile = " + literal(goal.file) + "\n";
        else
            text += "target = " + quoted(to_string(goal.share)) + "\n";
    }
}

std::string watermark(const Watermark& mark) {
    return "{ high = " + quoted(to_string(mark.high)) + ", mid = " + quoted(to_string(mark.mid)) +
           ", low = " + quoted(to_string(mark.low)) + " }\n";
}

// Keys first: what is in brackets goes on to the next brackets.
void write_controls(std::string& text, const Scheme& scheme) {
    if (scheme.apply_interval)
        text += "apply_interval = " + quoted(to_string(*scheme.apply_interval)) + "\n";
    if (scheme.cool_down) text += "cool_down = " + quoted(to_string(*scheme.cool_down)) + "\n";
    if (scheme.min_rss) text += "min_rss = " + quoted(to_string(*scheme.min_rss)) + "\n";
    if (scheme.floor.rss) text += "floor.rss = " + quoted(to_string(*scheme.floor.rss)) + "\n";
    if (scheme.floor.share)
        text += "floor.share = " + quoted(to_string(*scheme.floor.share)) + "\n";
    if (scheme.verify)
        text += "verify.idle = " +
                quoted(scheme.verify->of_age ? "age" : to_string(scheme.verify->idle)) + "\n";
    if (scheme.tune)
        text += "tune = { refaults = " + quoted(to_string(scheme.tune->refaults)) +
                ", age = { min = " + quoted(to_string(scheme.tune->min)) +
                ", max = " + quoted(to_string(scheme.tune->max)) + " } }\n";
    if (scheme.watermarks) {
        text += "[scheme.watermarks]\n";
        if (scheme.watermarks->free_memory)
            text += "free_memory = " + watermark(*scheme.watermarks->free_memory);
        if (scheme.watermarks->free_swap)
            text += "free_swap = " + watermark(*scheme.watermarks->free_swap);
        text += "interval = " + quoted(to_string(scheme.watermarks->interval)) + "\n";
    }
    for (const Filter& filter : scheme.filters) {
        text += "[[scheme.filter]]\n" + std::string(filter.allow ? "allow" : "reject") + " = " +
                quoted(std::string(name_of(filter.kind))) + "\n";
        if (!filter.pattern.empty()) text += "name = " + literal(filter.pattern) + "\n";
        if (filter.kind == FilterKind::address)
            text += "start = " + std::to_string(filter.range.start) +
                    "\nend = " + std::to_string(filter.range.end) + "\n";
    }
}

std::string off_or(const auto& limit) {
    return limit ? quoted(to_string(*limit)) : "\"off\"";
}

void write_guard(std::string& text, const Limits& limits) {
    text += "min_headroom = " + off_or(limits.min_headroom) +
            "\nmin_zram_saving = " + off_or(limits.min_zram_saving) + "\n";
    if (!limits.guard) {
        text += "guard = \"off\"\n";
        return;
    }
    const Limits::Guard& guard = *limits.guard;
    text += "[limits.guard]\nrefaults = " + off_or(guard.refaults) +
            "\npressure = " + off_or(guard.pressure) +
            "\npause = " + quoted(to_string(guard.pause)) +
            "\nlongest_pause = " + quoted(to_string(guard.longest_pause)) + "\n";
    if (guard.figure)
        text += "figure = { file = " + quoted(guard.figure->file) +
                ", max = " + std::to_string(guard.figure->max) + " }\n";
}

std::string text_of(const Policy& policy) {
    static const std::vector<std::string> tlb{"auto", "none", "page", "full"};
    const auto truth = [](bool value) { return std::string(value ? "true" : "false"); };
    const MonitorAttributes& monitor = policy.monitor;
    std::string text = "version = 1\n[monitor]\n";
    text += "sampling_interval = \"" + to_string(monitor.sampling_interval) + "\"\n";
    text += "aggregation_interval = \"" + to_string(monitor.aggregation_interval) + "\"\n";
    text += "update_interval = \"" + to_string(monitor.update_interval) + "\"\n";
    if (const auto& goal = monitor.interval_goal)
        text += "interval_goal = { accesses = \"" + to_string(goal->accesses) +
                "\", aggregations = " + std::to_string(goal->aggregations) +
                ", sampling = { min = \"" + to_string(goal->min) + "\", max = \"" +
                to_string(goal->max) + "\" } }\n";
    text += "regions = { min = " + std::to_string(monitor.min_regions) +
            ", max = " + std::to_string(monitor.max_regions) + " }\n";
    text += "min_region_size = \"" + to_string(monitor.min_region_size) + "\"\n";
    text += "tlb = \"" + tlb[static_cast<std::size_t>(monitor.tlb)] + "\"\n";
    text += std::string("memory = \"") +
            (monitor.memory == WatchedMemory::physical ? "physical" : "targets") + "\"\n";
    for (const TargetSelector& target : policy.targets) {
        text += "[[target]]\n";
        if (target.pid) text += "pid = " + std::to_string(*target.pid) + "\n";
        const auto add = [&](const char* key, const std::optional<std::string>& value) {
            if (value) text += std::string(key) + " = '" + *value + "'\n";
        };
        add("name", target.name);
        add("executable", target.executable);
        add("user", target.user);
        add("unit", target.unit);
        add("cgroup", target.cgroup);
        if (target.min_rss) text += "min_rss = " + quoted(to_string(*target.min_rss)) + "\n";
        if (!target.pid && !target.is_rule()) text += "all = " + truth(target.all) + "\n";
    }
    for (const Scheme& scheme : policy.schemes) {
        text += "[[scheme]]\nname = \"" + scheme.name + "\"\naction = \"" +
                std::string(name_of(scheme.action)) + "\"\n";
        write_range(text, "size", scheme.size);
        write_range(text, "frequency", scheme.frequency);
        write_range(text, "age", scheme.age);
        text += "allow_unseen_accesses = " + truth(scheme.allow_unseen_accesses) + "\n";
        text += "split_huge_pages = " + truth(scheme.split_huge_pages) + "\n";
        write_controls(text, scheme);
        if (scheme.quota.bytes || scheme.quota.time) write_quota(text, scheme.quota);
    }
    text += "[refaults]\nwindow = " + quoted(to_string(policy.refaults.window)) +
            "\nrate = " + quoted(to_string(policy.refaults.rate)) + "\n";
    text += "[limits]\nmin_free_swap = \"" +
            (policy.limits.min_free_swap ? to_string(*policy.limits.min_free_swap) : "off") +
            "\"\n";
    if (const auto& brake = policy.limits.brake)
        text += "brake = { faults_per_second = " + std::to_string(brake->faults_per_second) +
                ", times = " + std::to_string(brake->times) + ", pause = \"" +
                to_string(brake->pause) + "\" }\n";
    else
        text += "brake = \"off\"\n";
    write_guard(text, policy.limits);
    return text;
}

void expect_same(const Policy& a, const Policy& b) {
    RC_ASSERT(a.monitor == b.monitor);
    RC_ASSERT(a.limits == b.limits);
    RC_ASSERT(a.refaults == b.refaults);
    RC_ASSERT(a.schemes == b.schemes);
    RC_ASSERT(a.targets.size() == b.targets.size());
    for (std::size_t i = 0; i < a.targets.size(); ++i) {
        RC_ASSERT(a.targets[i].pid == b.targets[i].pid);
        RC_ASSERT(a.targets[i].name == b.targets[i].name);
        RC_ASSERT(a.targets[i].all == b.targets[i].all);
    }
}

TEST(PolicyProperties, WhatIsWrittenIsRead) {
    EXPECT_TRUE(rc::check([] {
        const Policy policy = any_policy();
        const std::string text = text_of(policy);
        RC_LOG() << text;
        const PolicyReading reading = read_policy(text, {});
        for (const PolicyError& error : reading.errors) RC_LOG() << to_string(error) << "\n";
        RC_ASSERT(reading.ok());
        expect_same(reading.policy, policy);
    }));
}

void expect_sound_controls(const Scheme& scheme, Duration aggregation) {
    RC_ASSERT(!scheme.apply_interval || *scheme.apply_interval >= aggregation);
    const Duration idle = scheme.verify ? scheme.verify->idle_at(scheme.age.min) : Duration(1s);
    RC_ASSERT(idle >= 1ms && idle <= 30s);
    if (scheme.tune) {
        RC_ASSERT(scheme.age.min.has_value());
        RC_ASSERT(aggregation <= scheme.tune->min && scheme.tune->min <= *scheme.age.min);
        RC_ASSERT(*scheme.age.min <= scheme.tune->max);
        RC_ASSERT(scheme.tune->refaults > Share{0});
    }
    if (scheme.action != Action::pageout)
        RC_ASSERT(!scheme.verify && !scheme.tune && scheme.floor == Floor{});
    for (const QuotaGoal& goal : scheme.quota.goals) {
        if (goal.metric == GoalMetric::figure)
            RC_ASSERT(goal.figure > 0 && goal.file.starts_with('/'));
        else
            RC_ASSERT(goal.share > Share{0});
    }
    if (scheme.watermarks) {
        RC_ASSERT(scheme.watermarks->free_memory || scheme.watermarks->free_swap);
        RC_ASSERT(scheme.watermarks->interval >= 1ms);
        for (const auto& mark : {scheme.watermarks->free_memory, scheme.watermarks->free_swap})
            RC_ASSERT(!mark || (mark->low < mark->high && mark->low <= mark->mid &&
                                mark->mid <= mark->high));
    }
    for (const Filter& filter : scheme.filters) {
        const bool named = filter.kind == FilterKind::mapping ||
                           filter.kind == FilterKind::target || filter.kind == FilterKind::cgroup;
        RC_ASSERT(named != filter.pattern.empty());
        RC_ASSERT((filter.kind == FilterKind::address) != filter.range.empty());
    }
}

// What a sound reading promises, whatever it came from.
void expect_sound(const Policy& policy) {
    const MonitorAttributes& monitor = policy.monitor;
    RC_ASSERT(monitor.sampling_interval >= 1us);
    RC_ASSERT(monitor.sampling_interval <= monitor.aggregation_interval);
    RC_ASSERT(monitor.aggregation_interval <= monitor.update_interval);
    if (const auto& goal = monitor.interval_goal) {
        RC_ASSERT(goal->accesses > Share{} && goal->accesses < Share{1'000'000});
        RC_ASSERT(goal->aggregations >= 1U);
        RC_ASSERT(goal->min >= 1us && goal->min <= monitor.sampling_interval);
        RC_ASSERT(goal->max >= monitor.sampling_interval);
        for (const Duration sampling : {goal->min, goal->max}) {
            const MonitorAttributes then = with_sampling_interval(monitor, sampling);
            RC_ASSERT(then.sampling_interval <= then.aggregation_interval);
            RC_ASSERT(then.aggregation_interval <= then.update_interval);
        }
    }
    RC_ASSERT(monitor.min_regions >= 3U && monitor.min_regions <= monitor.max_regions);
    RC_ASSERT(monitor.min_region_size >= kibibytes(4));
    RC_ASSERT(!policy.schemes.empty());
    for (const Scheme& scheme : policy.schemes) {
        RC_ASSERT(!scheme.name.empty());
        RC_ASSERT(!scheme.quota.bytes || scheme.quota.bytes->count >= 4096U);
        RC_ASSERT(!scheme.quota.time ||
                  (*scheme.quota.time > Duration(0) && *scheme.quota.time <= scheme.quota.per));
        expect_sound_controls(scheme, monitor.aggregation_interval);
    }
    RC_ASSERT(policy.refaults.window >= 1s && policy.refaults.window <= 1h);
    RC_ASSERT(policy.refaults.rate >= mebibytes(1));
    for (const TargetSelector& target : policy.targets)
        RC_ASSERT(target.pid.has_value() != (target.name.has_value() || target.is_rule()));
}

TEST(PolicyProperties, AnySlipIsReadOrReported) {
    EXPECT_TRUE(rc::check([] {
        std::string text = text_of(any_policy());
        std::vector<std::string> overrides;
        const auto slips = *rc::gen::inRange(1, 6);
        for (int i = 0; i < slips && !text.empty(); ++i) {
            const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
            static const std::vector<std::string> pieces{"[",
                                                         "]",
                                                         "{",
                                                         "}",
                                                         "\"",
                                                         "'",
                                                         "\"\"\"",
                                                         ".",
                                                         "=",
                                                         ",",
                                                         "\n",
                                                         "#",
                                                         "-",
                                                         "9",
                                                         "1e400",
                                                         "\\",
                                                         std::string(1, '\0'),
                                                         "\xff",
                                                         "\r",
                                                         "a.",
                                                         "[[",
                                                         "]]",
                                                         "off",
                                                         "0",
                                                         "allow",
                                                         "true",
                                                         "1979-05-27",
                                                         "nan"};
            switch (*rc::gen::inRange(0, 4)) {
                case 0:
                    text.insert(at, *rc::gen::elementOf(pieces));
                    break;
                case 1:
                    text.erase(at, *rc::gen::inRange<std::size_t>(1, 20));
                    break;
                case 2:
                    text.insert(at,
                                text.substr(*rc::gen::inRange<std::size_t>(0, text.size()), 30));
                    break;
                default:
                    overrides.push_back(text.substr(at, *rc::gen::inRange<std::size_t>(0, 40)));
            }
        }
        RC_LOG() << text;
        PolicyReadOptions options;
        options.overrides = overrides;
        const PolicyReading reading = read_policy(text, options);
        if (reading.ok()) expect_sound(reading.policy);
        for (const PolicyError& error : reading.errors) {
            RC_ASSERT(!error.message.empty());
            RC_ASSERT(!to_string(error).empty());
            RC_ASSERT(to_string(error).back() != '\n');
        }
    }));
}

}  // namespace
}  // namespace damon_schemes

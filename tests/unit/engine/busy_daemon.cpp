// SPDX-License-Identifier: MIT
#include "tests/unit/engine/busy_daemon.h"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace damon_schemes::testing {
namespace {

using namespace std::chrono_literals;

Bytes& in(std::array<Bytes, gap_count>& gaps, Gap gap) {
    return gaps[static_cast<std::size_t>(gap)];
}
Bytes& in(std::array<Bytes, reason_count>& held_back, Reason reason) {
    return held_back[static_cast<std::size_t>(reason)];
}

DaemonStatus::OfScheme pageout() {
    DaemonStatus::OfScheme scheme;
    scheme.name = "cold";
    scheme.action = Action::pageout;
    SchemeTotals& totals = scheme.totals;
    totals.matched_regions = 7;
    totals.matched = mebibytes(70);
    in(totals.held_back, Reason::age) = mebibytes(20);
    in(totals.held_back, Reason::frequency) = mebibytes(200);
    totals.quota_exceeded = 3;
    totals.planned = mebibytes(60);
    totals.advised = mebibytes(55);
    totals.paged_out = mebibytes(51);
    in(totals.gaps, Gap::shared) = mebibytes(4);
    in(totals.gaps, Gap::not_idle) = mebibytes(1);
    totals.calls = 31;
    totals.spent = 1500ms;
    totals.verified.idle = mebibytes(55);
    totals.verified.not_idle = mebibytes(1);
    totals.watched = mebibytes(50);
    totals.refaulted = mebibytes(2);
    totals.errors[EPERM] = 2;
    scheme.tuned_age = 12s;
    scheme.guard_pauses = 9;
    SchemeControls& controls = scheme.controls;
    controls.free_memory = SchemeControls::Rest::no;
    controls.free_swap = SchemeControls::Rest::too_little_free;
    controls.quota_bytes = mebibytes(128);
    controls.bytes_left = mebibytes(100);
    controls.quota_time = 10ms;
    controls.time_left = -2ms;
    controls.goals = {{0.02, 0.01, 2.0}, {40.0, 50.0, 0.8}, {std::nullopt, 7.0, std::nullopt}};
    controls.goal_bytes = mebibytes(32);
    controls.tuned_age = 12s;
    controls.refault_share = 0.04;
    scheme.goals = {GoalMetric::pressure, GoalMetric::figure, GoalMetric::figure};
    return scheme;
}

DaemonStatus::OfScheme collapse() {
    DaemonStatus::OfScheme scheme;
    scheme.name = "hot";
    scheme.action = Action::collapse;
    scheme.totals.planned = mebibytes(8);
    scheme.totals.advised = mebibytes(6);
    scheme.totals.confirmed = mebibytes(4);
    scheme.totals.grown = mebibytes(1);
    scheme.totals.remote.stops = 5;
    scheme.totals.remote.stopped = 2ms;
    return scheme;
}

DaemonStatus::Target target(std::int32_t pid, const char* name, std::optional<Bytes> rss,
                            std::optional<Bytes> swapped, std::optional<std::size_t> rule) {
    DaemonStatus::Target target;
    target.pid = pid;
    target.name = name;
    target.rss = rss;
    target.swapped = swapped;
    target.rule = rule;
    return target;
}

TargetSelector named(const char* name) {
    TargetSelector rule;
    rule.name = name;
    rule.all = true;
    return rule;
}

}  // namespace

DaemonStatus busy_daemon() {
    DaemonStatus status;
    status.elapsed = 3h;
    status.unwatched = 2;
    DaemonStatus::OfPolicy web;
    web.name = "/etc/damon-schemes/policy.d/50-web.toml";
    web.rules = {named("nginx"), named("php-fpm*")};
    web.targets.push_back(target(100, "nginx", mebibytes(300), mebibytes(50), 0));
    web.targets.push_back(target(101, "nginx", mebibytes(12), mebibytes(1), 0));
    web.targets.back().braked = true;
    web.targets.push_back(target(102, "php-fpm8.2", std::nullopt, std::nullopt, 1));
    web.targets.push_back(target(103, "child", mebibytes(3), Bytes{}, std::nullopt));
    web.targets[0].guarded.push_back({"cold", Harm::refaults, 5.5e6, 8s});
    web.targets[1].guarded.push_back({"cold", Harm::refaults, 7e6, 20s});
    web.schemes = {pageout(), collapse()};
    web.snapshots = 900;
    web.regions = 240;
    web.monitor.emplace();
    web.monitor->thread_time = 5s;
    web.monitor->passes = 18000;
    web.monitor->late_passes = 12;
    web.monitor->lost_snapshots = 4;
    web.monitor->memory = kibibytes(640);
    web.actor_time = 700ms;
    status.policies.push_back(web);
    DaemonStatus::OfPolicy rest;
    rest.name = "/etc/damon-schemes/policy.toml";
    rest.observing = "the canary did not run";
    rest.resting = "enough memory is free";
    TargetSelector slice;
    slice.cgroup = "/system.slice/*";
    slice.min_rss = mebibytes(10);
    slice.all = true;
    rest.rules = {slice};
    DaemonStatus::OfScheme watch;
    watch.name = "watch";
    watch.totals.matched = mebibytes(7);
    rest.schemes.push_back(watch);
    status.policies.push_back(rest);
    return status;
}

EngineFigures busy_engine() {
    EngineFigures engine;
    engine.version = "1.2.3";
    engine.began = EngineFigures::Clock::time_point(1'700'000'000s);
    engine.reloads = 2;
    engine.failed_reloads = 1;
    engine.last_reload_failed = true;
    engine.policies_read = engine.began + 1h;
    engine.cpu = 42s;
    engine.rss = mebibytes(21);
    engine.host.emplace();
    engine.host->total = mebibytes(2048);
    engine.host->free = mebibytes(100);
    engine.host->available = mebibytes(300);
    engine.host->swap_total = mebibytes(1024);
    engine.host->swap_free = mebibytes(64);
    engine.host->zram = mebibytes(200);
    engine.stalled = 90s;
    return engine;
}

}  // namespace damon_schemes::testing

// SPDX-License-Identifier: MIT
// Which series a daemon's state makes, and that there are never too many.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "engine/control/daemon_metrics.h"
#include "tests/unit/engine/busy_daemon.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using testing::busy_daemon;
using testing::busy_engine;
using ::testing::HasSubstr;
using ::testing::Not;

// As a scraper has them: what a series is called with its labels, and its value.
using Series = std::map<std::string, double>;

Series series_of(const Metrics& metrics) {
    Series found;
    for (const Metric& metric : metrics) {
        for (const MetricSample& sample : metric.samples) {
            std::string name = sample_name(*metric.family);
            char before = '{';
            for (const MetricLabel& label : sample.labels) {
                name += before + std::string(label.name) + "=" + label.value;
                before = ',';
            }
            if (before == ',') name += '}';
            EXPECT_TRUE(found.emplace(name, sample.value).second) << "twice: " << name;
        }
    }
    return found;
}

Series series_of(DaemonMetrics& metrics, const DaemonStatus& status) {
    return series_of(metrics.of(status, busy_engine()));
}

double at(const Series& series, const std::string& name) {
    const auto found = series.find("damon_schemes_" + name);
    EXPECT_NE(found, series.end()) << name;
    return found == series.end() ? -1 : found->second;
}

constexpr double mib = 1 << 20;
const std::string web = "policy=/etc/damon-schemes/policy.d/50-web.toml";
const std::string cold = "{" + web + ",scheme=cold,action=pageout";

TEST(DaemonMetrics, TellWhatSchemesDid) {
    DaemonMetrics metrics;
    const Series series = series_of(metrics, busy_daemon());
    EXPECT_EQ(at(series, "matched_bytes" + cold + "}"), 70 * mib);
    EXPECT_EQ(at(series, "planned_bytes_total" + cold + "}"), 60 * mib);
    EXPECT_EQ(at(series, "advised_bytes_total" + cold + "}"), 55 * mib);
    EXPECT_EQ(at(series, "paged_out_bytes_total" + cold + "}"), 51 * mib);
    EXPECT_EQ(at(series, "refaulted_bytes_total" + cold + "}"), 2 * mib);
    EXPECT_EQ(at(series, "skipped_bytes_total" + cold + ",reason=shared}"), 4 * mib);
    EXPECT_EQ(at(series, "held_back_bytes" + cold + ",reason=frequency}"), 200 * mib);
    EXPECT_EQ(at(series, "verified_bytes_total" + cold + ",result=not_idle}"), mib);
    EXPECT_EQ(at(series, "action_errors_total" + cold + ",error=EPERM}"), 2);
    EXPECT_EQ(at(series, "action_seconds_total" + cold + "}"), 1.5);
    const std::string hot = "{" + web + ",scheme=hot,action=collapse}";
    EXPECT_EQ(at(series, "confirmed_bytes_total" + hot), 4 * mib);
    EXPECT_EQ(at(series, "grown_bytes_total" + hot), mib);
    EXPECT_FALSE(series.contains("damon_schemes_paged_out_bytes_total" + hot));
    // What only counts plans nothing.
    EXPECT_FALSE(series.contains(
        "damon_schemes_planned_bytes_total{policy=/etc/damon-schemes/policy.toml,scheme=watch,"
        "action=stat}"));
}

TEST(DaemonMetrics, TellWhereControllersStand) {
    DaemonMetrics metrics;
    const Series series = series_of(metrics, busy_daemon());
    EXPECT_EQ(at(series, "quota_bytes" + cold + "}"), 128 * mib);
    EXPECT_EQ(at(series, "quota_left_bytes" + cold + "}"), 100 * mib);
    EXPECT_EQ(at(series, "quota_time_left_seconds" + cold + "}"), -0.002);
    EXPECT_EQ(at(series, "goal_current" + cold + ",goal=pressure}"), 0.02);
    EXPECT_EQ(at(series, "goal_score" + cold + ",goal=figure}"), 0.8);
    EXPECT_EQ(at(series, "goal_target" + cold + ",goal=figure-2}"), 7);
    EXPECT_FALSE(series.contains("damon_schemes_goal_current" + cold + ",goal=figure-2}"));
    EXPECT_EQ(at(series, "watermark_resting" + cold + ",watermark=free_memory}"), 0);
    EXPECT_EQ(at(series, "watermark_resting" + cold + ",watermark=free_swap}"), 1);
    EXPECT_EQ(at(series, "guarded_targets" + cold + ",harm=refaults}"), 2);
    EXPECT_EQ(at(series, "guarded_targets" + cold + ",harm=pressure}"), 0);
    EXPECT_EQ(at(series, "guarded_targets{" + web + ",scheme=hot,action=collapse,harm=refaults}"),
              0);
    EXPECT_EQ(at(series, "guard_pauses_total" + cold + "}"), 9);
    EXPECT_EQ(at(series, "tuned_age_seconds" + cold + "}"), 12);
    EXPECT_EQ(at(series, "refault_ratio" + cold + "}"), 0.04);
}

TEST(DaemonMetrics, TellOfTargetsByTheRulesThatTheyFit) {
    DaemonMetrics metrics;
    const Series series = series_of(metrics, busy_daemon());
    const std::string nginx = "{" + web + ",rule=name=nginx}";
    EXPECT_EQ(at(series, "targets" + nginx), 2);
    EXPECT_EQ(at(series, "target_resident_bytes" + nginx), 312 * mib);
    EXPECT_EQ(at(series, "target_swapped_bytes" + nginx), 51 * mib);
    EXPECT_EQ(at(series, "braked_targets" + nginx), 1);
    EXPECT_EQ(at(series, "targets{" + web + ",rule=name=php-fpm*}"), 1);
    EXPECT_EQ(at(series, "targets{" + web + ",rule=none}"), 1);
    // A rule that nothing fits is told of: who looks for it should find it.
    EXPECT_EQ(at(series,
                 "targets{policy=/etc/damon-schemes/policy.toml,rule=cgroup=/system.slice/*, "
                 "min_rss=10MiB}"),
              0);
}

TEST(DaemonMetrics, TellHowManyTargetsArePausedByWhateverOrder) {
    const std::string paused = "paused_targets{" + web + ",rule=name=nginx}";
    DaemonMetrics metrics;
    DaemonStatus status = busy_daemon();
    EXPECT_EQ(at(series_of(metrics, status), paused), 0);
    status.policies[0].targets[0].paused.emplace();
    EXPECT_EQ(at(series_of(metrics, status), paused), 1);
    status.policies[0].paused.emplace();
    EXPECT_EQ(at(series_of(metrics, status), paused), 2);
    status.policies[0].paused.reset();
    status.paused.emplace();
    EXPECT_EQ(at(series_of(metrics, status), paused), 2);
}

TEST(DaemonMetrics, TellOfTheDaemonItself) {
    DaemonMetrics metrics;
    const Series series = series_of(metrics, busy_daemon());
    EXPECT_EQ(at(series, "build_info{version=1.2.3}"), 1);
    EXPECT_EQ(at(series, "start_time_seconds"), 1.7e9);
    EXPECT_EQ(at(series, "reloads_total{result=done}"), 2);
    EXPECT_EQ(at(series, "reloads_total{result=failed}"), 1);
    EXPECT_EQ(at(series, "last_reload_successful"), 0);
    EXPECT_EQ(at(series, "policies_read_timestamp_seconds"), 1.7e9 + 3600);
    EXPECT_EQ(at(series, "engine_cpu_seconds_total"), 42);
    EXPECT_EQ(at(series, "engine_resident_bytes"), 21 * mib);
    EXPECT_EQ(at(series, "monitor_cpu_seconds_total{" + web + "}"), 5);
    EXPECT_EQ(at(series, "lost_snapshots_total{" + web + "}"), 4);
    EXPECT_EQ(at(series, "unwatched_processes"), 2);
    EXPECT_EQ(at(series, "host_swap_free_bytes"), 64 * mib);
    EXPECT_EQ(at(series, "host_memory_stalled_seconds_total"), 90);
    EXPECT_EQ(at(series, "policy_observing{policy=/etc/damon-schemes/policy.toml}"), 1);
    EXPECT_EQ(at(series, "policy_observing{" + web + "}"), 0);
    EXPECT_EQ(at(series, "policy_resting{policy=/etc/damon-schemes/policy.toml}"), 1);
}

TEST(DaemonMetrics, WhatCannotBeReadIsLeftOut) {
    EngineFigures engine = busy_engine();
    engine.rss.reset();
    engine.host.reset();
    engine.stalled.reset();
    DaemonStatus status = busy_daemon();
    status.policies[0].monitor.reset();
    const std::string text = exposition(DaemonMetrics().of(status, engine), ExpositionFormat::text);
    for (const char* name : {"host_", "engine_resident", "monitor_cpu", "lost_snapshots"})
        EXPECT_THAT(text, Not(HasSubstr(std::string("damon_schemes_") + name)));
    EXPECT_THAT(text, HasSubstr("damon_schemes_engine_cpu_seconds_total 42\n"));
}

TEST(DaemonMetrics, CountersGoOnWhereASchemeOrAMonitorBeginsAnew) {
    DaemonMetrics metrics;
    DaemonStatus status = busy_daemon();
    (void)metrics.of(status, busy_engine());
    SchemeTotals& totals = status.policies[0].schemes[0].totals;
    totals = SchemeTotals{};
    totals.paged_out = mebibytes(1);
    status.policies[0].monitor->lost_snapshots = 1;
    status.policies[0].snapshots = 10;
    const Series series = series_of(metrics, status);
    EXPECT_EQ(at(series, "paged_out_bytes_total" + cold + "}"), 52 * mib);
    EXPECT_EQ(at(series, "lost_snapshots_total{" + web + "}"), 5);
    EXPECT_EQ(at(series, "snapshots_total{" + web + "}"), 910);
    // What had a value once keeps its series.
    EXPECT_EQ(at(series, "skipped_bytes_total" + cold + ",reason=shared}"), 4 * mib);
    EXPECT_EQ(at(series, "held_back_bytes" + cold + ",reason=age}"), 0);
    EXPECT_FALSE(series.contains("damon_schemes_held_back_bytes" + cold + ",reason=filter}"));
}

TEST(DaemonMetrics, NoCounterEverFallsWhateverHappensToPolicies) {
    DaemonMetrics metrics(DaemonMetrics::Limits{2, 2, 2});
    std::map<std::string, double> last;
    for (int turn = 0; turn < 60; ++turn) {
        DaemonStatus status;
        // Policies come and go, and so does who has room for series of its own.
        for (int which = 0; which < 5; ++which) {
            if ((turn / (which + 2)) % 2 == 1) continue;
            DaemonStatus::OfPolicy policy;
            policy.name = std::to_string(which);
            // Each begins anew from time to time.
            policy.snapshots = static_cast<std::uint64_t>(turn % (7 + which));
            DaemonStatus::OfScheme scheme;
            scheme.name = "cold";
            scheme.action = Action::pageout;
            scheme.totals.paged_out = mebibytes(static_cast<std::uint64_t>(turn % (5 + which)));
            policy.schemes.push_back(scheme);
            status.policies.push_back(policy);
        }
        const Metrics told = metrics.of(status, busy_engine());
        std::map<std::string, double> now;
        for (const Metric& metric : told) {
            if (metric.family->kind != MetricKind::counter) continue;
            const Series series = series_of({metric});
            now.insert(series.begin(), series.end());
        }
        for (const auto& [name, value] : now)
            if (const auto before = last.find(name); before != last.end()) {
                EXPECT_GE(value, before->second) << name << " in turn " << turn;
            }
        last = now;
    }
}

TEST(DaemonMetrics, ManyPoliciesAndSchemesShareASeries) {
    DaemonStatus status;
    for (int which = 0; which < 300; ++which) {
        DaemonStatus::OfPolicy policy = busy_daemon().policies[0];
        policy.name = "policy-" + std::to_string(which);
        for (int more = 0; more < 8; ++more) {
            policy.schemes.push_back(policy.schemes[0]);
            policy.schemes.back().name += std::to_string(more);
            TargetSelector rule;
            rule.name = "service" + std::to_string(more);
            policy.rules.push_back(rule);
        }
        // A process's name is nobody's label.
        for (int pid = 0; pid < 20; ++pid) {
            policy.targets.push_back(policy.targets[0]);
            policy.targets.back().pid = pid;
            policy.targets.back().name = "program" + std::to_string(pid);
        }
        status.policies.push_back(policy);
    }
    DaemonMetrics metrics;
    const Series series = series_of(metrics, status);
    std::map<std::string, std::size_t> of_family;
    for (const auto& [name, value] : series) ++of_family[name.substr(0, name.find('{'))];
    EXPECT_EQ(of_family["damon_schemes_snapshots_total"], 65U);
    // 128 of their own; others of policies that are told of, by policy and action; those of all
    // other policies, by action.
    EXPECT_LE(of_family["damon_schemes_planned_bytes_total"], 128U + 64U * 2 + 2U);
    EXPECT_LE(of_family["damon_schemes_quota_bytes"], 128U);
    EXPECT_LE(of_family["damon_schemes_targets"], 128U + 64U * 2 + 1U);
    EXPECT_LE(series.size(), 10000U);
    // Nothing is lost.
    double targets = 0;
    double paged_out = 0;
    for (const auto& [name, value] : series) {
        if (name.starts_with("damon_schemes_targets{")) targets += value;
        if (name.starts_with("damon_schemes_paged_out_bytes_total{")) paged_out += value;
        EXPECT_THAT(name, Not(HasSubstr("program")));
    }
    EXPECT_EQ(targets, 300 * 24);
    EXPECT_EQ(paged_out, 300 * 9 * 51 * mib);
    EXPECT_TRUE(series.contains(
        "damon_schemes_planned_bytes_total{policy=other,scheme=other,action=pageout}"));
}

TEST(DaemonMetrics, LongAndBrokenNamesAreCutAndStayApart) {
    DaemonStatus status;
    for (const std::string& name :
         {std::string(5000, 'a') + "1", std::string(5000, 'a') + "2", std::string("b\xFF.toml"),
          std::string("b\xFE.toml"), std::string(115, 'c') + "\xE2\x82\xAC\xE2\x82\xAC"}) {
        DaemonStatus::OfPolicy policy;
        policy.name = name;
        status.policies.push_back(policy);
    }
    DaemonMetrics metrics;
    const Metrics told = metrics.of(status, busy_engine());
    std::set<std::string> names;
    for (const Metric& metric : told)
        for (const MetricSample& sample : metric.samples)
            for (const MetricLabel& label : sample.labels)
                if (label.name == "policy") names.insert(label.value);
    EXPECT_EQ(names.size(), 5U);
    for (const std::string& name : names) {
        EXPECT_LE(name.size(), DaemonMetrics::longest_label);
        EXPECT_EQ(to_utf8(name), name);
    }
}

TEST(DaemonMetrics, FamiliesAreCalledAsPrometheussConventionsHaveIt) {
    std::set<std::string> names;
    for (const MetricFamily& family : daemon_metric_families()) {
        const std::string name(family.name);
        EXPECT_TRUE(names.insert(name).second) << name;
        EXPECT_TRUE(name.starts_with("damon_schemes_")) << name;
        EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos) << name;
        EXPECT_FALSE(name.ends_with("_total") || name.ends_with("_info")) << name;
        EXPECT_TRUE(family.help.ends_with(".")) << name;
        if (!family.unit.empty()) {
            EXPECT_TRUE(name.ends_with("_" + std::string(family.unit))) << name;
        }
    }
}

TEST(DaemonMetrics, AMadeUpDaemonHasAValueForEach) {
    for (const Metric& metric : DaemonMetrics().of(busy_daemon(), busy_engine()))
        EXPECT_FALSE(metric.samples.empty())
            << metric.family->name << ": tests/unit/engine/busy_daemon.cpp says nothing of it";
}

TEST(DaemonMetrics, DocumentationHasARowForEachAndNoOther) {
    std::ifstream file(std::string(DAMON_SCHEMES_SOURCE) + "/docs/operate.md");
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    std::set<std::string> rows;
    for (std::size_t at = 0; (at = text.find("\n| `damon_schemes_", at)) != std::string::npos;) {
        at += 4;
        rows.insert(text.substr(at, text.find('`', at) - at));
    }
    std::set<std::string> told;
    for (const MetricFamily& family : daemon_metric_families()) told.insert(sample_name(family));
    EXPECT_EQ(rows, told);
}

}  // namespace
}  // namespace damon_schemes

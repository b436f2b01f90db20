// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/reports/readable.h"
#include "engine/reports/summary.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

template <std::size_t n>
Bytes& at(std::array<Bytes, n>& values, auto index) {
    return values[static_cast<std::size_t>(index)];
}

RunSummary some_run() {
    RunSummary run;
    run.elapsed = 60s;
    run.ended = "interrupted";
    TargetSummary target;
    target.pid = 4242;
    target.name = "redis-server";
    target.rss_before = mebibytes(400);
    target.rss_after = mebibytes(90);
    target.rss_peak = mebibytes(410);
    target.swapped = mebibytes(310);
    target.major_faults = 1203;
    run.targets.push_back(target);
    SchemeSummary scheme;
    scheme.name = "cold";
    scheme.action = Action::pageout;
    scheme.matched_regions = 12;
    scheme.matched = mebibytes(20);
    at(scheme.held_back, Reason::age) = mebibytes(8);
    scheme.quota_exceeded = 3;
    scheme.planned = mebibytes(350);
    scheme.advised = mebibytes(340);
    scheme.paged_out = mebibytes(310);
    at(scheme.gaps, Gap::touched) = mebibytes(30);
    at(scheme.gaps, Gap::unmapped) = mebibytes(10);
    scheme.calls = 85;
    scheme.spent = 420ms;
    run.schemes.push_back(scheme);
    run.used_before = mebibytes(900);
    run.used_after = mebibytes(700);
    run.swap_used_before = Bytes{};
    run.swap_used_after = mebibytes(310);
    run.zram_before = mebibytes(1);
    run.zram_after = mebibytes(101);
    MonitorCost cost;
    cost.thread_time = 600ms;
    cost.passes = 12'000;
    cost.late_passes = 4;
    cost.flush_ipis = 12'000;
    cost.irq_off_max = 40us;
    cost.lock_max = 55us;
    cost.memory = kibibytes(212);
    cost.regions = 950;
    cost.tlb = TlbPolicy::page;
    run.monitor = cost;
    run.engine_time = 180ms;
    run.engine_rss = mebibytes(9);
    run.snapshots = 600;
    run.lost_snapshots = 1;
    return run;
}

TEST(Summary, NetSavedIsWhatTheTargetsGaveUpLessWhatZramTook) {
    EXPECT_EQ(net_saved(some_run()), 210 << 20);
    RunSummary loss = some_run();
    loss.zram_after = mebibytes(511);
    EXPECT_EQ(net_saved(loss), -(200 << 20));
}

TEST(Summary, NetSavedIsNotMadeUpFromMissingFigures) {
    RunSummary run = some_run();
    run.targets[0].exited = true;
    EXPECT_EQ(net_saved(run), std::nullopt);
    run = some_run();
    run.zram_after.reset();
    EXPECT_EQ(net_saved(run), std::nullopt);
    run = some_run();
    run.targets[0].rss_before.reset();
    EXPECT_EQ(net_saved(run), std::nullopt);
    run = some_run();
    run.targets.clear();
    EXPECT_EQ(net_saved(run), std::nullopt);
    EXPECT_THAT(summary_table(run), HasSubstr("not known"));
}

TEST(Summary, TheTableAsAWhole) {
    EXPECT_EQ(summary_table(some_run()), R"(Ran for 60.0 s. Ended: interrupted.

Target               PID  RSS before      after       peak    swapped maj.faults
redis-server        4242   400.0 MiB   90.0 MiB  410.0 MiB  310.0 MiB      1,203

Scheme cold (pageout)
  matched              20.0 MiB  in 12 regions of the last snapshot
    age                 8.0 MiB  not acted on: it has not been so for as long as
                                 the scheme asks for, or for too long
  quota                       3  snapshots in which it was used up
  planned             350.0 MiB  for all of the session
  advised             340.0 MiB  by the calls' own account, 85 calls, 420.0 ms
  paged out           310.0 MiB  really left memory (sampled)
    unmapped           10.0 MiB  not done: nothing is mapped there (any more)
    touched            30.0 MiB  not done: was used again before it could leave,
                                 or came back since

Memory
  system used        -200.0 MiB  900.0 MiB before, 700.0 MiB after
  swap used          +310.0 MiB  0 B before, 310.0 MiB after
  zram's own memory  +100.0 MiB  1.0 MiB before, 101.0 MiB after
  advised             340.0 MiB  what was asked of the kernel, and taken
  left memory         310.0 MiB  of that, what really went
  net saved          +210.0 MiB  the targets' RSS drop less the growth of zram's
                                 own memory

Cost
  monitoring thread       1.0 %  of one CPU; 12,000 passes, 4 late, 12,000 TLB
                                 flush IPIs (page)
  module memory       212.0 KiB  950 regions; interrupts off at most 40 us, lock
                                 held at most 55 us
  engine                 0.30 %  of one CPU
  engine RSS            9.0 MiB
  snapshots                 600  1 lost
)");
}

TEST(Summary, CountsChildrenWhereThereWereAny) {
    RunSummary run = some_run();
    run.monitor->children = 1200;
    run.monitor->children_unwatched = 3;
    const std::string table = summary_table(run);
    EXPECT_NE(table.find("children                1,200  became targets; 3 at the end could not"),
              std::string::npos)
        << table;
    const json root = json::parse(summary_json(run));
    EXPECT_EQ(root["monitor"]["children"], 1200);
    EXPECT_EQ(root["monitor"]["children_unwatched"], 3);
}

TEST(Summary, TellsIntervalsThatHaveAGoal) {
    RunSummary run = some_run();
    run.sampling_interval = 40ms;
    run.aggregation_interval = 800ms;
    EXPECT_EQ(summary_table(run).find("sampling interval"), std::string::npos);
    EXPECT_EQ(json::parse(summary_json(run))["monitor"]["interval_changes"], nullptr);
    run.interval_changes = 3;
    const std::string table = summary_table(run);
    EXPECT_NE(
        table.find("sampling interval     40.0 ms  at the end, aggregation 800.0 ms; changed 3"),
        std::string::npos)
        << table;
    const json root = json::parse(summary_json(run));
    EXPECT_EQ(root["monitor"]["sampling_ns"], 40'000'000);
    EXPECT_EQ(root["monitor"]["aggregation_ns"], 800'000'000);
    EXPECT_EQ(root["monitor"]["interval_changes"], 3);
}

RunSummary verified_run() {
    RunSummary run = some_run();
    SchemeSummary& scheme = run.schemes[0];
    scheme.verify = Verify{2s};
    scheme.verified.looked = mebibytes(100);
    scheme.verified.idle = mebibytes(90);
    scheme.verified.not_idle = mebibytes(10);
    scheme.verified.acts = 25;
    scheme.verified.total = 250ms;
    scheme.verified.longest = 31ms;
    scheme.watched = mebibytes(310);
    scheme.refaulted = mebibytes(31);
    scheme.refault_window = 60s;
    scheme.tuned_age = 12s;
    scheme.mean_tuned_age = 7s;
    scheme.recent_refault_share = 0.25;
    scheme.errors = {{EINVAL, 3}};
    run.targets[0].cgroup_refaults = WorkingsetRefaults{1234, 56};
    return run;
}

TEST(Summary, TellsOfVerificationRefaultsAndTheTunedAge) {
    const std::string table = summary_table(verified_run());
    EXPECT_THAT(table, HasSubstr("  verified            100.0 MiB  looked at again after 2.0 s"));
    EXPECT_THAT(table, HasSubstr("31.0 ms"));
    EXPECT_THAT(table, HasSubstr("  came back            31.0 MiB  of 310.0 MiB"));
    EXPECT_THAT(table, HasSubstr("  tuned age              12.0 s"));
    EXPECT_THAT(table, HasSubstr("7.0 s (mean)"));
    EXPECT_THAT(table, HasSubstr("a hint: 1,234 anonymous and 56 file pages"));
    std::istringstream lines(table);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(columns_of(line), 80U) << line;

    RunSummary dry = verified_run();
    dry.dry_run = true;
    EXPECT_THAT(summary_table(dry), HasSubstr("a dry run verifies nothing"));
    EXPECT_THAT(summary_table(some_run()), Not(HasSubstr("verified")));
}

TEST(Summary, JsonTellsOfVerificationRefaultsAndErrors) {
    const json scheme = json::parse(summary_json(verified_run()))["schemes"][0];
    EXPECT_EQ(scheme["verify"]["idle_ns"], 2'000'000'000);
    EXPECT_EQ(scheme["verify"]["looked_bytes"], 100 << 20);
    EXPECT_EQ(scheme["verify"]["idle_bytes"], 90 << 20);
    EXPECT_EQ(scheme["verify"]["not_idle_bytes"], 10 << 20);
    EXPECT_EQ(scheme["verify"]["acts"], 25);
    EXPECT_EQ(scheme["verify"]["mean_from_look_to_act_ns"], 10'000'000);
    EXPECT_EQ(scheme["verify"]["longest_from_look_to_act_ns"], 31'000'000);
    EXPECT_EQ(scheme["refaults"]["watched_bytes"], 310 << 20);
    EXPECT_EQ(scheme["refaults"]["refaulted_bytes"], 31 << 20);
    EXPECT_EQ(scheme["refaults"]["recent_share"], 0.25);
    EXPECT_EQ(scheme["tuned_age_ns"], 12'000'000'000);
    EXPECT_EQ(scheme["tuned_age_mean_ns"], 7'000'000'000);
    EXPECT_EQ(scheme["errors"], json({{"EINVAL", 3}}));
    const json target = json::parse(summary_json(verified_run()))["targets"][0];
    EXPECT_EQ(target["cgroup_refaulted_pages"]["anonymous"], 1234);

    const json plain = json::parse(summary_json(some_run()));
    EXPECT_TRUE(plain["schemes"][0]["verify"].is_null());
    EXPECT_TRUE(plain["schemes"][0]["tuned_age_ns"].is_null());
    EXPECT_TRUE(plain["targets"][0]["cgroup_refaulted_pages"].is_null());
}

TEST(Summary, AdvisedAndGoneAndSavedAreThreeFigures) {
    const std::string table = summary_table(some_run());
    EXPECT_THAT(table, HasSubstr("340.0 MiB"));
    EXPECT_THAT(table, HasSubstr("310.0 MiB"));
    EXPECT_THAT(table, HasSubstr("+210.0 MiB"));
}

TEST(Summary, TellsWhatBecameHugeLockedAndWhatThatCost) {
    RunSummary run = some_run();
    SchemeSummary huge;
    huge.name = "hot";
    huge.action = Action::collapse;
    huge.advised = mebibytes(12);
    huge.confirmed = mebibytes(10);
    huge.grown = mebibytes(3);
    SchemeSummary lock;
    lock.name = "keep";
    lock.action = Action::mlock;
    lock.confirmed = mebibytes(8);
    lock.unlocked = mebibytes(2);
    lock.remote = {40, 2ms, 90us, {}};
    at(lock.remote.refused, RemoteRefusal::seccomp) = mebibytes(1);
    at(lock.gaps, Gap::memlock_limit) = mebibytes(5);
    run.schemes = {huge, lock};
    const std::string table = summary_table(run);
    EXPECT_THAT(table, HasSubstr("became huge"));
    EXPECT_THAT(table, HasSubstr("3.0 MiB"));
    EXPECT_THAT(table, HasSubstr("locked"));
    EXPECT_THAT(table, HasSubstr("seccomp"));
    EXPECT_THAT(table, HasSubstr("memlock_limit"));
    EXPECT_THAT(table, HasSubstr("40"));
    const json schemes = json::parse(summary_json(run))["schemes"];
    EXPECT_EQ(schemes[0]["confirmed_bytes"], mebibytes(10).count);
    EXPECT_EQ(schemes[0]["grown_bytes"], mebibytes(3).count);
    EXPECT_EQ(schemes[1]["unlocked_bytes"], mebibytes(2).count);
    EXPECT_EQ(schemes[1]["remote"]["stops"], 40);
    EXPECT_EQ(schemes[1]["remote"]["stopped_ns"], 2'000'000);
    EXPECT_EQ(schemes[1]["remote"]["longest_stop_ns"], 90'000);
    EXPECT_EQ(schemes[1]["remote"]["refused_bytes"]["seccomp"], mebibytes(1).count);
}

TEST(Summary, ADryRunClaimsNothing) {
    RunSummary run = some_run();
    run.dry_run = true;
    const std::string table = summary_table(run);
    EXPECT_THAT(table, HasSubstr("A dry run: nothing was acted on."));
    EXPECT_THAT(table, Not(HasSubstr("advised ")));
    EXPECT_THAT(table, Not(HasSubstr("paged out")));
}

TEST(Summary, SaysWhyItOnlyObserved) {
    RunSummary run = some_run();
    run.observed_only = "the canary was seen in 3 % of the samples, and 90 % are needed.";
    EXPECT_THAT(summary_table(run),
                HasSubstr("Only observed, nothing was acted on: the canary was seen in 3 %"));
}

TEST(Summary, ASchemeThatOnlyCountsShowsNoActions) {
    RunSummary run = some_run();
    run.schemes[0].action = Action::stat;
    const std::string table = summary_table(run);
    EXPECT_THAT(table, HasSubstr("matched"));
    EXPECT_THAT(table, Not(HasSubstr("planned")));
    EXPECT_THAT(table, Not(HasSubstr("left memory")));
}

TEST(Summary, NoLineIsWiderThanTheTerminal) {
    RunSummary run = some_run();
    run.ended = std::string(300, 'x') + " with spaces " + std::string(30, 'y');
    run.ended =
        "a reason of many words that goes on for longer than any terminal is wide, and then "
        "some more";
    run.targets[0].name = "a-name-that-is-long-\xc3\xa9";
    run.targets[0].note = run.ended;
    run.targets[0].major_faults = std::numeric_limits<std::uint64_t>::max();
    run.schemes[0].name = std::string(120, 's');
    for (std::size_t i = 0; i < gap_count; ++i) run.schemes[0].gaps[i] = mebibytes(1 + i);
    for (std::size_t i = 0; i < reason_count; ++i) run.schemes[0].held_back[i] = mebibytes(1 + i);
    for (std::size_t width = 60; width <= 140; width += 4) {
        std::istringstream lines(summary_table(run, width));
        for (std::string line; std::getline(lines, line);)
            EXPECT_LE(columns_of(line), width) << line;
    }
}

TEST(Summary, ANameWithEscapesDoesNotReachTheTerminal) {
    RunSummary run = some_run();
    run.targets[0].name = "evil\x1b[2J";
    EXPECT_THAT(summary_table(run), Not(HasSubstr("\x1b")));
}

TEST(Summary, JsonHasEveryFigureExactly) {
    const json root = json::parse(summary_json(some_run()));
    EXPECT_EQ(root["elapsed_ns"], 60'000'000'000);
    EXPECT_EQ(root["ended"], "interrupted");
    EXPECT_EQ(root["dry_run"], false);
    EXPECT_TRUE(root["observed_only"].is_null());
    EXPECT_EQ(root["net_saved_bytes"], 210 << 20);
    const json& target = root["targets"][0];
    EXPECT_EQ(target["pid"], 4242);
    EXPECT_EQ(target["name"], "redis-server");
    EXPECT_EQ(target["exited"], false);
    EXPECT_EQ(target["rss_before_bytes"], 400 << 20);
    EXPECT_EQ(target["rss_after_bytes"], 90 << 20);
    EXPECT_EQ(target["rss_peak_bytes"], 410 << 20);
    EXPECT_EQ(target["swapped_bytes"], 310 << 20);
    EXPECT_EQ(target["major_faults"], 1203);
    const json& scheme = root["schemes"][0];
    EXPECT_EQ(scheme["name"], "cold");
    EXPECT_EQ(scheme["action"], "pageout");
    EXPECT_EQ(scheme["matched_regions"], 12);
    EXPECT_EQ(scheme["matched_bytes"], 20 << 20);
    EXPECT_EQ(scheme["planned_bytes"], 350 << 20);
    EXPECT_EQ(scheme["advised_bytes"], 340 << 20);
    EXPECT_EQ(scheme["paged_out_bytes"], 310 << 20);
    EXPECT_EQ(scheme["quota_exceeded_snapshots"], 3);
    EXPECT_EQ(scheme["calls"], 85);
    EXPECT_EQ(scheme["spent_ns"], 420'000'000);
    EXPECT_EQ(scheme["gaps_bytes"]["touched"], 30 << 20);
    EXPECT_EQ(scheme["gaps_bytes"].size(), gap_count);
    EXPECT_EQ(scheme["held_back_bytes"]["age"], 8 << 20);
    EXPECT_EQ(scheme["held_back_bytes"].size(), reason_count);
    EXPECT_EQ(root["system"]["used_before_bytes"], 900 << 20);
    EXPECT_EQ(root["system"]["used_after_bytes"], 700 << 20);
    EXPECT_EQ(root["system"]["swap_used_before_bytes"], 0);
    EXPECT_EQ(root["system"]["swap_used_after_bytes"], 310 << 20);
    EXPECT_EQ(root["system"]["zram_before_bytes"], 1 << 20);
    EXPECT_EQ(root["system"]["zram_after_bytes"], 101 << 20);
    const json& monitor = root["monitor"];
    EXPECT_EQ(monitor["thread_ns"], 600'000'000);
    EXPECT_DOUBLE_EQ(monitor["cpu_share"].get<double>(), 0.01);
    EXPECT_EQ(monitor["passes"], 12'000);
    EXPECT_EQ(monitor["irq_off_max_ns"], 40'000);
    EXPECT_EQ(monitor["children"], 0);
    EXPECT_EQ(monitor["tlb"], "page");
    EXPECT_EQ(root["engine"]["cpu_ns"], 180'000'000);
    EXPECT_DOUBLE_EQ(root["engine"]["cpu_share"].get<double>(), 0.003);
    EXPECT_EQ(root["engine"]["rss_bytes"], 9 << 20);
    EXPECT_EQ(root["engine"]["snapshots"], 600);
    EXPECT_EQ(root["engine"]["lost_snapshots"], 1);
}

TEST(Summary, JsonSaysNullForWhatIsNotKnown) {
    const json root = json::parse(summary_json(RunSummary{}));
    EXPECT_TRUE(root["net_saved_bytes"].is_null());
    EXPECT_TRUE(root["monitor"].is_null());
    EXPECT_TRUE(root["system"]["used_before_bytes"].is_null());
    EXPECT_TRUE(root["engine"]["rss_bytes"].is_null());
    EXPECT_EQ(root["engine"]["cpu_share"], 0.0);
    EXPECT_EQ(root["targets"], json::array());
}

TEST(Summary, JsonTakesANameThatIsNoUtf8) {
    RunSummary run = some_run();
    run.targets[0].name = "caf\xe9";
    EXPECT_EQ(json::parse(summary_json(run))["targets"][0]["name"], "caf\ufffd");
}

}  // namespace
}  // namespace damon_schemes

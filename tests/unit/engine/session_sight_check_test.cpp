// SPDX-License-Identifier: MIT
// The check with a real canary, and a monitor that sees of it what a test says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <memory>
#include <string>

#include "engine/actions/mappings.h"
#include "engine/events/loop.h"
#include "engine/session/sight_check.h"
#include "engine/targets/procfs.h"
#include "tests/unit/engine/scripted_monitor.h"

namespace damon_schemes {
namespace {

using ::testing::HasSubstr;
using testing::MonitorScript;
using testing::ScriptedMonitor;

// Looks at each 64 KiB of all that the target has mapped, but for what only a sanitizer maps.
Snapshot snapshot_of(const MonitorScript& script, std::uint32_t accessed, std::uint32_t sampled) {
    constexpr std::uint64_t step = 64 << 10;
    Snapshot snapshot;
    TargetSnapshot target;
    target.id = TargetId{script.added.size()};
    target.pid = script.added.back();
    const auto maps = read_file("/proc/" + std::to_string(target.pid) + "/maps");
    for (const Mapping& mapping : parse_mappings(maps.value_or(""))) {
        if (mapping.range.size() > mebibytes(64)) continue;
        for (auto at = mapping.range.start; at + step <= mapping.range.end; at += step)
            target.regions.push_back({{at, at + step}, sampled, accessed, 0, 0});
    }
    snapshot.targets.push_back(std::move(target));
    return snapshot;
}

class SightCheckTest : public ::testing::Test {
  protected:
    void SetUp() override {
        auto loop = make_event_loop(LoopKind::epoll);
        ASSERT_TRUE(loop) << loop.error().message;
        loop_ = std::move(*loop);
    }
    // The share of looks, in percent, that find memory accessed; the argument is the TLB policy.
    void sees(std::function<std::uint32_t(TlbPolicy)> percent) {
        script_->source = [this, percent = std::move(percent)]() -> Result<Snapshot> {
            ++snapshots_;
            return snapshot_of(*script_, percent(script_->attributes.back().tlb), 100);
        };
    }
    MonitorFactory factory() {
        return [script = script_]() -> Result<std::unique_ptr<Monitor>> {
            return std::unique_ptr<Monitor>(std::make_unique<ScriptedMonitor>(script));
        };
    }
    SightCheck::Outcome outcome_under(TlbPolicy tlb) {
        MonitorAttributes attributes;
        attributes.tlb = tlb;
        SightCheck check(*loop_, factory(), attributes);
        std::optional<SightCheck::Outcome> outcome;
        const auto started = check.start([&](const SightCheck::Outcome& concluded) {
            EXPECT_FALSE(outcome.has_value()) << "concluded twice";
            outcome = concluded;
            EXPECT_EQ(script_->monitors, 0) << "the canary is still watched";
            EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "the canary still runs";
            loop_->stop();
        });
        EXPECT_TRUE(started) << started.error().message;
        EXPECT_TRUE(loop_->run());
        return outcome.value_or(SightCheck::Outcome{});
    }

    std::unique_ptr<EventLoop> loop_;
    std::shared_ptr<MonitorScript> script_ = std::make_shared<MonitorScript>();
    int snapshots_ = 0;
};

TEST_F(SightCheckTest, lets_act_what_saw_memory_in_use_as_used) {
    sees([](TlbPolicy) { return 100U; });
    const auto outcome = outcome_under(TlbPolicy::automatic);
    EXPECT_TRUE(outcome.sees) << outcome.reason;
    EXPECT_EQ(outcome.tlb, TlbPolicy::automatic);
    EXPECT_EQ(outcome.sight.samples, outcome.sight.accessed);
    EXPECT_GE(snapshots_, 5) << "a single snapshot is no proof";
}

TEST_F(SightCheckTest, refuses_a_monitor_that_calls_memory_in_use_idle) {
    sees([](TlbPolicy) { return 0U; });
    const auto outcome = outcome_under(TlbPolicy::page);
    EXPECT_FALSE(outcome.sees);
    EXPECT_THAT(outcome.reason, HasSubstr("accessed in only 0% of "));
    for (const auto& attributes : script_->attributes)
        EXPECT_EQ(attributes.tlb, TlbPolicy::page) << "not what the policy asks for";
}

TEST_F(SightCheckTest, wants_nine_looks_in_ten) {
    sees([](TlbPolicy) { return 89U; });
    EXPECT_FALSE(outcome_under(TlbPolicy::full).sees);
    sees([](TlbPolicy) { return 90U; });
    EXPECT_TRUE(outcome_under(TlbPolicy::full).sees);
}

TEST_F(SightCheckTest, tries_a_full_flush_where_the_monitors_own_choice_does_not_see) {
    sees([](TlbPolicy tlb) { return tlb == TlbPolicy::full ? 100U : 0U; });
    const auto outcome = outcome_under(TlbPolicy::automatic);
    EXPECT_TRUE(outcome.sees) << outcome.reason;
    EXPECT_EQ(outcome.tlb, TlbPolicy::full);
    EXPECT_EQ(script_->added.size(), 2U);
}

TEST_F(SightCheckTest, refuses_where_a_full_flush_does_not_see_either) {
    sees([](TlbPolicy) { return 10U; });
    const auto outcome = outcome_under(TlbPolicy::automatic);
    EXPECT_FALSE(outcome.sees);
    EXPECT_EQ(outcome.tlb, TlbPolicy::full);
    EXPECT_THAT(outcome.reason, HasSubstr("only 10% of "));
}

TEST_F(SightCheckTest, of_a_monitor_that_flushes_nothing_no_flush_is_asked) {
    script_->flushes = false;
    sees([](TlbPolicy tlb) { return tlb == TlbPolicy::full ? 100U : 0U; });
    const auto outcome = outcome_under(TlbPolicy::automatic);
    EXPECT_FALSE(outcome.sees);
    EXPECT_THAT(outcome.reason, HasSubstr("pti=on"));
    EXPECT_EQ(script_->added.size(), 1U) << "it was tried once more";
    for (const auto& attributes : script_->attributes)
        EXPECT_EQ(attributes.tlb, TlbPolicy::automatic);
}

TEST_F(SightCheckTest, takes_no_looks_for_no_proof) {
    script_->source = [this]() -> Result<Snapshot> { return snapshot_of(*script_, 0, 0); };
    const auto outcome = outcome_under(TlbPolicy::page);
    EXPECT_FALSE(outcome.sees);
    EXPECT_THAT(outcome.reason, HasSubstr("too few samples"));
}

TEST_F(SightCheckTest, waits_out_a_moment_in_which_it_is_not_seen) {
    sees([this](TlbPolicy) { return snapshots_ < 20 ? 0U : 100U; });
    const auto outcome = outcome_under(TlbPolicy::page);
    EXPECT_TRUE(outcome.sees) << outcome.reason;
    EXPECT_LT(snapshots_, 30);
}

TEST_F(SightCheckTest, a_canary_that_did_not_run_says_nothing_of_the_monitor) {
    constexpr int stopped_for = 100;  // snapshots, of far more than decide
    std::int32_t stopped = 0;
    script_->source = [&]() -> Result<Snapshot> {
        const std::int32_t canary = script_->added.back();
        if (++snapshots_ == 1) ::kill(stopped = canary, SIGSTOP);
        ::usleep(3000);  // so that it stands still for a part of each
        if (snapshots_ == stopped_for) ::kill(std::exchange(stopped, 0), SIGCONT);
        Snapshot snapshot = snapshot_of(*script_, stopped != 0 ? 0U : 100U, 100);
        snapshot.duration = std::chrono::milliseconds(3);
        return snapshot;
    };
    const auto outcome = outcome_under(TlbPolicy::page);
    EXPECT_TRUE(outcome.sees) << outcome.reason;
    EXPECT_GE(snapshots_, stopped_for);
}

TEST_F(SightCheckTest, a_canary_that_never_runs_is_not_waited_for_for_ever) {
    script_->source = [&]() -> Result<Snapshot> {
        if (++snapshots_ == 1) ::kill(script_->added.back(), SIGSTOP);
        ::usleep(3000);
        Snapshot snapshot = snapshot_of(*script_, 0U, 100);
        snapshot.duration = std::chrono::milliseconds(3);
        return snapshot;
    };
    const auto outcome = outcome_under(TlbPolicy::page);
    EXPECT_FALSE(outcome.sees);
    EXPECT_THAT(outcome.reason, HasSubstr("try again when the machine is less busy"));
}

TEST_F(SightCheckTest, never_lets_act_without_a_flush_and_needs_no_trial_for_that) {
    sees([](TlbPolicy) { return 100U; });
    const auto outcome = outcome_under(TlbPolicy::none);
    EXPECT_FALSE(outcome.sees);
    EXPECT_THAT(outcome.reason, HasSubstr("set it to \"auto\""));
    EXPECT_TRUE(script_->attributes.empty()) << "a monitor was started for it";
}

TEST_F(SightCheckTest, says_why_the_monitor_failed) {
    script_->source = []() -> Result<Snapshot> {
        return Error{ErrorKind::runtime, "the device is gone", ENODEV};
    };
    const auto outcome = outcome_under(TlbPolicy::automatic);
    EXPECT_FALSE(outcome.sees);
    EXPECT_THAT(outcome.reason, HasSubstr("the device is gone"));
}

TEST_F(SightCheckTest, cannot_start_where_the_canary_may_not_be_watched) {
    script_->refuses_targets = Error{ErrorKind::unsupported, "may not be watched", EPERM};
    SightCheck check(*loop_, factory(), {});
    const auto started = check.start([](const SightCheck::Outcome&) { FAIL() << "concluded"; });
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().message, "may not be watched");
}

TEST_F(SightCheckTest, may_be_ended_by_what_it_calls) {
    sees([](TlbPolicy) { return 100U; });
    std::unique_ptr<SightCheck> check;
    check = std::make_unique<SightCheck>(*loop_, factory(), MonitorAttributes{});
    ASSERT_TRUE(check->start([&](const SightCheck::Outcome&) {
        check.reset();
        loop_->stop();
    }));
    ASSERT_TRUE(loop_->run());
    EXPECT_EQ(check, nullptr);
}

TEST_F(SightCheckTest, leaves_no_canary_when_it_is_ended_early) {
    {
        SightCheck check(*loop_, factory(), {});
        ASSERT_TRUE(check.start([](const SightCheck::Outcome&) { FAIL() << "concluded"; }));
        EXPECT_EQ(script_->monitors, 1);
    }
    EXPECT_EQ(script_->monitors, 0);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
}

}  // namespace
}  // namespace damon_schemes

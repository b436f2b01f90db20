// SPDX-License-Identifier: MIT
// A session that is recorded, from what the monitor sees to what is read from the file.
#include "cli/recording_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/events/loop.h"
#include "tests/unit/engine/laid_out_folder.h"
#include "tests/unit/engine/recorded.h"
#include "tests/unit/engine/scripted_monitor.h"
#include "tests/unit/schemes/observed.h"

namespace damon_schemes {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

const int in_the_program = 1;

// Advises all that it is asked to.
class Obedient final : public Executor {
  public:
    std::vector<ActionOutcome> execute(const ActionRequest& request, const Cancelled&) override {
        std::vector<ActionOutcome> outcomes;
        for (const auto& range : request.ranges) {
            ActionOutcome outcome;
            outcome.asked = outcome.advised = outcome.paged_out = range.size();
            outcome.calls = 1;
            outcome.spent = 3ms;
            outcomes.push_back(outcome);
        }
        return outcomes;
    }
};

class RecordedSession : public ::testing::Test {
  protected:
    void SetUp() override {
        auto loop = make_event_loop(LoopKind::epoll);
        ASSERT_TRUE(loop) << loop.error().message;
        loop_ = std::move(*loop);
    }
    // Watches itself, with these schemes, until the script has been seen; returns what is in the
    // file.
    ReadRecording run(std::vector<Scheme> schemes, std::size_t actions,
                      RecordingFormat format = RecordingFormat::own) {
        auto policy = observed::policy(std::move(schemes));
        policy.limits = {std::nullopt, std::nullopt};
        policy.monitor.max_regions = 321;
        Session session(*loop_, std::move(policy),
                        {std::make_unique<ScriptedMonitor>(script_), std::make_unique<Obedient>()});
        auto self = open_process(getpid());
        EXPECT_TRUE(self && session.add(std::move(*self)));
        auto recorder = start_recording(session, {path_, format, OldRecording::rename});
        if (!recorder) {
            ADD_FAILURE() << recorder.error().message;
            return {};
        }
        session.on_decision = [&](const Snapshot& snapshot, const Plan&) {
            (*recorder)->see(snapshot);
        };
        const std::size_t snapshots = script_->waiting.size();
        EXPECT_TRUE(session.start());
        EXPECT_TRUE(session.allow_acting(TlbPolicy::automatic));
        const auto ticks = loop_->on_timer(1ms, true, [&] {
            std::uint64_t calls = 0;
            for (const auto& totals : session.totals()) calls += totals.calls;
            if (session.snapshots() >= snapshots && calls >= actions) loop_->stop();
        });
        EXPECT_TRUE(ticks);
        EXPECT_TRUE(loop_->run());
        EXPECT_TRUE((*recorder)->finish());
        tally_ = (*recorder)->tally();
        return read_recording(path_);
    }
    // As a monitor says it now: a plan that is older than an aggregation interval is not carried
    // out.
    void see(std::vector<Region> regions) {
        auto target = observed::target(1, std::move(regions));
        target.pid = getpid();
        for (auto& region : target.regions) region.age = 1;
        auto snapshot = observed::snapshot(0s, {target});
        snapshot.time = std::chrono::steady_clock::now();
        snapshot.aggregation_interval = 1h;
        seen_.push_back(snapshot);
        script_->waiting.emplace_back(snapshot);
    }

    const LaidOutFolder folder_{};
    const std::string path_ = folder_.path() + "/damon.dsr";
    std::unique_ptr<EventLoop> loop_;
    std::shared_ptr<MonitorScript> script_ = std::make_shared<MonitorScript>();
    std::vector<Snapshot> seen_;
    RecorderTally tally_;
};

TEST_F(RecordedSession, WithoutSchemesHasWhatWasSeen) {
    see({observed::cold(0, 4), observed::hot(4, 8)});
    see({observed::cold(0, 8)});
    const auto read = run({}, 0);
    ASSERT_FALSE(read.error) << read.error->message;
    EXPECT_FALSE(read.damage) << *read.damage;
    EXPECT_TRUE(read.info.attributes_known);
    EXPECT_EQ(read.info.attributes.max_regions, 321U);
    EXPECT_TRUE(read.info.started_unix_time.has_value());
    EXPECT_THAT(read.info.origin, HasSubstr("damon-schemes " DAMON_SCHEMES_VERSION ", Linux "));
    ASSERT_EQ(read.events.size(), 3U);
    const auto& target = std::get<RecordedTarget>(read.events[0]);
    EXPECT_EQ(target.pid, getpid());
    EXPECT_EQ(target.name, "cli_tests");
    // Its own mappings, as they are.
    const auto address = reinterpret_cast<std::uint64_t>(&in_the_program);
    const auto found = std::find_if(
        target.mappings.begin(), target.mappings.end(), [address](const RecordedMapping& mapping) {
            return mapping.range.start <= address && address < mapping.range.end;
        });
    ASSERT_NE(found, target.mappings.end());
    EXPECT_EQ(found->kind, MappingKind::file);
    EXPECT_THAT(found->name, HasSubstr("cli_tests"));
    EXPECT_EQ(std::get<Snapshot>(read.events[1]), seen_[0]);
    EXPECT_EQ(std::get<Snapshot>(read.events[2]), seen_[1]);
    EXPECT_EQ(tally_.snapshots, 2U);
}

TEST_F(RecordedSession, HasWhatItsSchemesDid) {
    see({observed::cold(0, 4), observed::hot(4, 8), observed::cold(8, 9)});
    const auto read = run({observed::scheme(Action::pageout)}, 2);
    ASSERT_FALSE(read.error) << read.error->message;
    ASSERT_EQ(read.info.schemes.size(), 1U);
    EXPECT_EQ(read.info.schemes[0].action, Action::pageout);
    std::vector<RecordedAction> actions;
    for (const auto& event : read.events) {
        if (const auto* action = std::get_if<RecordedAction>(&event)) actions.push_back(*action);
    }
    ASSERT_EQ(actions.size(), 2U);
    EXPECT_EQ(actions[0].target, TargetId{1});
    EXPECT_EQ(actions[0].range, (AddressRange{0, 4 * observed::mib}));
    EXPECT_EQ(actions[1].range, (AddressRange{8 * observed::mib, 9 * observed::mib}));
    EXPECT_EQ(actions[1].advised, Bytes{observed::mib});
    EXPECT_EQ(actions[1].spent, 3ms);
    EXPECT_GE(actions[0].time, seen_[0].time);
}

TEST_F(RecordedSession, KeepsTheIntervalsOfEachSnapshot) {
    see({observed::cold(0, 4)});
    see({observed::cold(0, 4)});
    seen_[1].sampling_interval = 40ms;
    seen_[1].aggregation_interval = 800ms;
    script_->waiting.back() = seen_[1];
    const auto read = run({}, 0);
    ASSERT_FALSE(read.error) << read.error->message;
    EXPECT_EQ(std::get<Snapshot>(read.events[1]).sampling_interval, 5ms);
    EXPECT_EQ(std::get<Snapshot>(read.events[2]), seen_[1]);
}

// They have one for all.
TEST_F(RecordedSession, InDamonsFormatsHasNoGoalForItsIntervals) {
    auto policy = observed::policy({});
    policy.monitor.interval_goal = IntervalGoal{};
    Session session(*loop_, std::move(policy),
                    {std::make_unique<ScriptedMonitor>(script_), std::make_unique<Obedient>()});
    for (const auto format : {RecordingFormat::damon_1, RecordingFormat::damon_2}) {
        const auto recorder = start_recording(session, {path_, format, OldRecording::rename});
        ASSERT_FALSE(recorder);
        EXPECT_EQ(recorder.error().kind, ErrorKind::usage);
        EXPECT_THAT(recorder.error().message, HasSubstr("monitor.interval_goal"));
        EXPECT_NE(access(path_.c_str(), F_OK), 0);
    }
    EXPECT_TRUE(start_recording(session, {path_, RecordingFormat::own, OldRecording::rename}));
}

TEST_F(RecordedSession, InDamonsFormatHasItsRegions) {
    see({observed::cold(0, 4), observed::hot(4, 8)});
    const auto read = run({}, 0, RecordingFormat::damon_1);
    ASSERT_FALSE(read.error) << read.error->message;
    EXPECT_EQ(read.info.format, RecordingFormat::damon_1);
    EXPECT_EQ(std::get<Snapshot>(read.events.back()).targets[0].pid, getpid());
}

TEST(RecordingSummary, SaysHowMuchAndWhatWasLeftOut) {
    EXPECT_EQ(recording_summary("a.dsr", {1200, 0, {1536}}),
              "recorded 1,200 snapshots in a.dsr (1.5 KiB)");
    EXPECT_EQ(recording_summary("a.dsr", {1, 3, {10}}),
              "recorded 1 snapshot in a.dsr (10 B); left out 3 that the disk was too slow for");
}

}  // namespace
}  // namespace damon_schemes

// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/reports/walk.h"
#include "phase_recording.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using namespace phase_recording;
using testing::ElementsAre;
using testing::HasSubstr;

struct Seen {
    LifeKey life;
    std::string title;
    Instant from;
    Instant to;
    std::vector<Region> regions;
};

class Collector final : public ReportVisitor {
  public:
    void saw(const SeenTarget& seen) override {
        sights.push_back({seen.life, seen.label.title(), seen.from, seen.to, seen.regions});
    }
    void acted(const RecordedAction& action) override { actions.push_back(action); }
    std::vector<Seen> sights;
    std::vector<RecordedAction> actions;
};

Collector collected(const Recorded& recorded, const ReportSelection& selection = {}) {
    Collector collector;
    EXPECT_TRUE(walk(*recorded.reader(), selection, collector).ok());
    return collector;
}

TEST(Walk, NamesTargetsAsTheyWereDescribedLast) {
    Recorded recorded;
    recorded.events.emplace_back(snapshot(1, {seen(1, {region(heap, mebibytes(1), 1)})}));
    recorded.events.emplace_back(RecordedTarget{{1}, 42, 1, "shell", {}});
    recorded.events.emplace_back(snapshot(2, {seen(1, {region(heap, mebibytes(1), 1)})}));
    const auto sights = collected(recorded).sights;
    ASSERT_EQ(sights.size(), 2U);
    EXPECT_EQ(sights[0].title, "pid 42");
    EXPECT_EQ(sights[1].title, "shell (pid 42)");
}

TEST(Walk, ClosesTheSlipOfALateThreadButNoGap) {
    Recorded recorded;
    Snapshot late = snapshot(2, {seen(1, {region(heap, mebibytes(1), 1)})});
    late.time += 10ms;  // its interval began 10 ms after the first one ended
    recorded.events.emplace_back(snapshot(1, {seen(1, {region(heap, mebibytes(1), 1)})}));
    recorded.events.emplace_back(late);
    recorded.events.emplace_back(snapshot(5, {seen(1, {region(heap, mebibytes(1), 1)})}));
    const auto sights = collected(recorded).sights;
    ASSERT_EQ(sights.size(), 3U);
    EXPECT_EQ(sights[0].from, Instant(0ms));
    EXPECT_EQ(sights[1].from, Instant(100ms));
    EXPECT_EQ(sights[2].from, Instant(400ms));
}

TEST(Walk, SelectsByTargetTimeAndAddress) {
    const Recorded recorded = phases();
    ReportSelection selection;
    selection.target = 43;  // a pid
    EXPECT_EQ(collected(recorded, selection).sights.size(), 20U);
    selection.target = 2;  // an id
    EXPECT_EQ(collected(recorded, selection).sights.size(), 20U);
    selection = {};
    selection.target = 1;
    selection.tmin = TimeBound{1s, false};
    selection.tmax = TimeBound{Duration(2s), true};  // the recording begins at 0
    EXPECT_EQ(collected(recorded, selection).sights.size(), 10U);
    selection.addresses = {heap + mebibytes(12).count, heap + mebibytes(20).count};
    const auto sights = collected(recorded, selection).sights;
    ASSERT_EQ(sights.size(), 10U);
    EXPECT_THAT(sights[0].regions,
                ElementsAre(region(heap + mebibytes(12).count, mebibytes(4), looks),
                            region(heap + mebibytes(16).count, mebibytes(4), 0, 11)));
}

TEST(Walk, CountsWhatWasLost) {
    Collector collector;
    const Recorded recorded = phases();
    const auto walked = walk(*recorded.reader(), {}, collector);
    ASSERT_TRUE(walked.ok());
    EXPECT_EQ(walked->snapshots, 75U);
    EXPECT_EQ(walked->lost, 5U);
    EXPECT_EQ(walked->end, Instant(8s));
}

TEST(Walk, ATargetThatIsNotThereIsAnErrorThatSaysWhichAre) {
    Collector collector;
    const Recorded recorded = phases();
    ReportSelection selection;
    selection.target = 99;
    const auto walked = walk(*recorded.reader(), selection, collector);
    ASSERT_FALSE(walked.ok());
    EXPECT_EQ(walked.error().kind, ErrorKind::usage);
    EXPECT_THAT(walked.error().message, HasSubstr("there are: program (pid 42), worker (pid 43)"));
}

}  // namespace
}  // namespace damon_schemes

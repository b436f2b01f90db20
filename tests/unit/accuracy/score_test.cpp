// SPDX-License-Identifier: MIT
#include "benchmarks/accuracy/score.h"

#include <gtest/gtest.h>

#include <chrono>

namespace damon_schemes::accuracy {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t page = 4096, mib = 1 << 20;
constexpr std::int32_t pid = 7;
const Instant begin{Duration(1s)};

// A region of an interval of ten looks.
Region region(std::uint64_t start, std::uint64_t end, std::uint32_t accessed,
              std::uint32_t sampled = 10) {
    return {{start, end}, sampled, accessed, 0, 0};
}

// Ends at begin + `end`, is 100 ms long, looks each 10 ms.
Snapshot snapshot(Duration end, std::vector<Region> regions) {
    Snapshot made;
    made.sequence = static_cast<std::uint64_t>(end / 100ms);
    made.time = begin + end;
    made.duration = 100ms;
    made.sampling_interval = 10ms;
    made.aggregation_interval = 100ms;
    made.targets.push_back({TargetId{1}, pid, 0, false, false, false, std::move(regions)});
    return made;
}

// 64 MiB from address 64 MiB on; the phases are two seconds.
class Scoring : public testing::Test {
  protected:
    Scoring() : truth(begin, 10ms) {
        truth.add_process(pid);
        truth.add_area(0, {"area", start, page, 64 * mib / page, {{{start, start + 64 * mib}}}});
        truth.set_end(begin + 4s);
        truth.add_phase(begin);
        truth.add_phase(begin + 2s);
    }
    // Megabytes [from, to) of the area, in each `every`-th slot of a time.
    void touch(std::uint64_t from, std::uint64_t to, Duration since, Duration until,
               std::uint64_t every = 1) {
        const UnitRun run{from * mib / page, to * mib / page};
        for (auto slot = static_cast<std::uint64_t>(since / 10ms);
             slot < static_cast<std::uint64_t>(until / 10ms); ++slot)
            if (slot % every == 0) truth.record(0, 0, slot, std::span(&run, 1));
    }
    static Region part(std::uint64_t from, std::uint64_t to, std::uint32_t accessed,
                       std::uint32_t sampled = 10) {
        return region(start + from * mib, start + to * mib, accessed, sampled);
    }
    Score scored(std::vector<Region> regions, ScoreRules rules = {}) {
        Scorer scorer(truth, std::move(rules));
        scorer.add(snapshot(1s, std::move(regions)));
        return scorer.finish().whole;
    }

    static constexpr std::uint64_t start = 64 * mib;
    Truth truth;
};

TEST_F(Scoring, ARightSnapshotHasNoError) {
    touch(0, 16, 0s, 2s);
    const Score score = scored({part(0, 16, 10), part(16, 64, 0)});
    EXPECT_EQ(score.mapped, 64 * mib);
    EXPECT_EQ(score.hot, 16 * mib);
    EXPECT_EQ(score.called_cold, 48 * mib);
    EXPECT_EQ(score.recall(), 1);
    EXPECT_EQ(score.precision(), 1);
    EXPECT_EQ(score.strict_precision(), 1);
    EXPECT_EQ(score.weighted_recall(), 1);
    EXPECT_EQ(score.weighted_precision(), 1);
    EXPECT_EQ(score.wrongly_cold_of_mapped(), 0);
    EXPECT_EQ(score.working_set_error(), 0);
}

TEST_F(Scoring, HotMemoryInAColdRegionIsWronglyCold) {
    touch(0, 16, 0s, 2s);
    const Score score = scored({part(0, 12, 10), part(12, 64, 0)});
    EXPECT_EQ(score.recall(), 0.75);
    EXPECT_EQ(score.precision(), 1);
    EXPECT_EQ(score.called_cold_touched, 4 * mib);
    EXPECT_EQ(score.called_cold_hot, 4 * mib);
    EXPECT_EQ(score.wrongly_cold_of_mapped(), 4.0 / 64);
    EXPECT_EQ(score.wrongly_cold_hot_of_mapped(), 4.0 / 64);
    EXPECT_EQ(score.wrongly_cold_of_touched(), 0.25);
    EXPECT_EQ(score.working_set_error(), -0.25);
}

TEST_F(Scoring, IdleMemoryInAHotRegionCostsPrecision) {
    touch(0, 16, 0s, 2s);
    const Score score = scored({part(0, 32, 5), part(32, 64, 0)});
    EXPECT_EQ(score.recall(), 1);
    EXPECT_EQ(score.precision(), 0.5);
    EXPECT_EQ(score.called_cold_touched, 0U);
    EXPECT_EQ(score.working_set_error(), 1);
    // Seen at half of the true frequency, over twice the memory.
    EXPECT_EQ(score.weighted_recall(), 0.5);
    EXPECT_EQ(score.weighted_precision(), 0.5);
}

TEST_F(Scoring, UnknownMemoryIsNeitherHotNorCold) {
    touch(0, 16, 0s, 2s);
    const Score score = scored({part(0, 8, 10), part(8, 32, 0, 0)});
    EXPECT_EQ(score.unknown, 56 * mib) << "what no region covers is unknown, too";
    EXPECT_EQ(score.recall(), 0.5);
    EXPECT_EQ(score.called_cold, 0U);
    EXPECT_EQ(score.called_cold_touched, 0U);
}

TEST_F(Scoring, HotStartsAtItsShareOfLooks) {
    touch(0, 16, 0s, 2s, 5);    // two looks of ten
    touch(16, 32, 2s, 4s, 10);  // one look of ten
    Scorer scorer(truth, {});
    scorer.add(snapshot(1s, {part(0, 64, 0)}));
    scorer.add(snapshot(3s, {part(0, 64, 0)}));
    const RunScore run = scorer.finish();
    ASSERT_EQ(run.snapshots.size(), 2U);
    EXPECT_EQ(run.snapshots[0].score.hot, 16 * mib);
    EXPECT_EQ(run.snapshots[1].score.hot, 0U);
    EXPECT_EQ(run.snapshots[1].score.touched, 16 * mib);
    EXPECT_EQ(run.snapshots[1].score.called_cold_touched, 16 * mib);
    EXPECT_EQ(run.snapshots[1].score.called_cold_hot, 0U);
    EXPECT_EQ(run.snapshots[1].score.recall(), std::nullopt);
    EXPECT_EQ(run.whole.touched, 32 * mib);
    EXPECT_DOUBLE_EQ(*run.snapshots[0].score.frequency_of_touched(), 0.2);
    EXPECT_DOUBLE_EQ(*run.whole.frequency_of_touched(), 0.15);
}

TEST_F(Scoring, MemoryUsedOnlyAtTheEdgeIsNoErrorOfPrecision) {
    touch(0, 16, 0s, 2s);
    Scorer scorer(truth, {});
    scorer.add(snapshot(2105ms, {part(0, 16, 1), part(16, 64, 0)}));  // from 2005 ms on
    const Score score = scorer.finish().whole;
    EXPECT_EQ(score.called_hot_at_edge, 16 * mib);
    EXPECT_EQ(score.touched, 0U);
    EXPECT_EQ(score.precision(), std::nullopt);
}

TEST_F(Scoring, APredicateMayKeepMemoryFromBeingCalledCold) {
    touch(0, 16, 0s, 2s);
    ScoreRules rules;
    rules.called_cold = [](const Region& each) {
        return each.known() && each.accessed == 0 && each.age >= 3;
    };
    const Score score = scored({part(0, 64, 0)}, rules);
    EXPECT_EQ(score.called_cold, 0U);
    EXPECT_EQ(score.unknown, 64 * mib);
}

TEST_F(Scoring, RegionsOverTheBordersOfAreasCountOnlyWithin) {
    touch(0, 64, 0s, 2s);
    const Score score = scored({region(0, 65 * mib, 10), region(65 * mib, 1024 * mib, 0)});
    EXPECT_EQ(score.mapped, 64 * mib);
    EXPECT_EQ(score.called_hot, 1 * mib);
    EXPECT_EQ(score.called_cold_touched, 63 * mib);
}

TEST_F(Scoring, AnExitedTargetAndOneNotWatchedAreUnknown) {
    touch(0, 16, 0s, 2s);
    Scorer scorer(truth, {});
    Snapshot gone = snapshot(1s, {part(0, 64, 0)});
    gone.targets[0].exited = true;
    scorer.add(gone);
    Snapshot other = snapshot(1100ms, {part(0, 64, 0)});
    other.targets[0].pid = pid + 1;
    scorer.add(other);
    const Score score = scorer.finish().whole;
    EXPECT_EQ(score.mapped, 128 * mib);
    EXPECT_EQ(score.unknown, 128 * mib);
    EXPECT_EQ(score.recall(), 0);
}

TEST_F(Scoring, IntervalsOutsideOfTheTruthAreLeftOut) {
    touch(0, 16, 0s, 4s);
    Scorer scorer(truth, {});
    scorer.add(snapshot(50ms, {part(0, 64, 0)}));
    scorer.add(snapshot(4050ms, {part(0, 64, 0)}));
    EXPECT_TRUE(scorer.finish().snapshots.empty());
}

TEST_F(Scoring, SettledSnapshotsBeginLongEnoughAfterTheStartAndAPhase) {
    touch(0, 16, 0s, 4s);
    Scorer scorer(truth, {});
    for (int i = 1; i <= 40; ++i)
        scorer.add(snapshot(i * 100ms, {part(0, 16, 10), part(16, 64, 0)}));
    const RunScore run = scorer.finish();
    ASSERT_EQ(run.snapshots.size(), 40U);
    for (const SnapshotScore& each : run.snapshots)
        EXPECT_EQ(each.settled, (each.at > 1s && each.at <= 2s) || each.at > 3s) << each.at.count();
    EXPECT_EQ(run.settled_snapshots, 20U);
    EXPECT_EQ(run.settled.hot, 20 * 16 * mib);
}

// The hot 16 MiB move from the area's beginning to its end.
class ScoringAMove : public Scoring {
  protected:
    ScoringAMove() {
        touch(0, 16, 0s, 2s);
        touch(48, 64, 2s, 4s);
    }
    static Snapshot before(Duration end) {
        return snapshot(end, {part(0, 16, 10), part(16, 64, 0)});
    }
    static Snapshot after(Duration end) {
        return snapshot(end, {part(0, 48, 0), part(48, 64, 10)});
    }
    ChangeScore change(const std::vector<Snapshot>& snapshots) {
        Scorer scorer(truth, {});
        for (const Snapshot& each : snapshots) scorer.add(each);
        const RunScore run = scorer.finish();
        EXPECT_EQ(run.changes.size(), 1U);
        return run.changes.empty() ? ChangeScore{} : run.changes.front();
    }
};

TEST_F(ScoringAMove, TellsHowLongItTookToBeSeen) {
    const ChangeScore score = change(
        {before(1930ms), snapshot(2030ms, {part(0, 16, 7), part(16, 48, 0), part(48, 64, 3)}),
         after(2130ms), after(2230ms)});
    EXPECT_EQ(score.at, 2s);
    EXPECT_EQ(score.newly_hot, 16 * mib);
    EXPECT_EQ(score.newly_cold, 16 * mib);
    ASSERT_TRUE(score.seen);
    EXPECT_EQ(score.seen->intervals, 2U) << "the one of the change, and the first behind it";
    EXPECT_DOUBLE_EQ(score.seen->time, 1.3);
    ASSERT_TRUE(score.hot_seen && score.cold_seen);
    EXPECT_EQ(score.hot_seen->intervals, 1U);
    EXPECT_DOUBLE_EQ(score.hot_seen->time, 0.3);
    EXPECT_EQ(score.cold_seen->intervals, 2U);
    EXPECT_EQ(score.watched.intervals, 3U);
    EXPECT_DOUBLE_EQ(score.watched.time, 2.3);
}

TEST_F(ScoringAMove, CountsSnapshotsThatWereLost) {
    const ChangeScore score = change({before(1930ms), after(2230ms)});
    ASSERT_TRUE(score.seen);
    EXPECT_EQ(score.seen->intervals, 3U);
}

TEST_F(ScoringAMove, LessThanNineTenthsIsNotSeen) {
    const ChangeScore score =
        change({before(1900ms), snapshot(2200ms, {part(0, 50, 0), part(50, 64, 10)}),
                snapshot(2300ms, {part(0, 2, 1), part(2, 48, 0), part(48, 64, 10)})});
    EXPECT_FALSE(score.seen);
    ASSERT_TRUE(score.hot_seen && score.cold_seen);
    EXPECT_DOUBLE_EQ(score.cold_seen->time, 2);
    EXPECT_DOUBLE_EQ(score.hot_seen->time, 3);
}

TEST_F(ScoringAMove, UnknownMemoryIsNotSeenToBeCold) {
    EXPECT_FALSE(change({before(1900ms),
                         snapshot(2200ms, {part(0, 16, 0, 0), part(16, 48, 0), part(48, 64, 10)})})
                     .seen);
}

TEST_F(Scoring, AChangeOfLittleMemoryIsNotScored) {
    touch(0, 3, 0s, 2s);
    touch(48, 51, 2s, 4s);
    Scorer scorer(truth, {});
    scorer.add(snapshot(1s, {part(0, 64, 0)}));
    EXPECT_TRUE(scorer.finish().changes.empty());
}

}  // namespace
}  // namespace damon_schemes::accuracy

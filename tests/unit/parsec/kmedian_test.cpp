// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/kmedian.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>

#include "benchmarks/random.h"

namespace damon_schemes::parsec {
namespace {

using testing::AllOf;
using testing::Ge;
using testing::HasSubstr;
using testing::Le;

class KMedianTest : public testing::Test {
  protected:
    static KMedianOptions few_points() {
        KMedianOptions options;
        options.points = 2000;
        options.dimensions = 16;
        options.candidates = 60;
        return options;
    }

    Ledger ledger_{{.ages = {}, .ticking = false, .hot_on_huge = {}}};
};

TEST_F(KMedianTest, FindsAsManyCentresAsAskedFor) {
    KMedian clusters(ledger_, few_points());
    clusters.read_block();
    clusters.cluster_block();
    EXPECT_THAT(clusters.block().centres().size(), AllOf(Ge(10U), Le(20U)));
    EXPECT_EQ(clusters.check(), "");
}

// The points are within 0.2 of their origins in each dimension: a third of 0.04 from them squared
// in the mean, and twice that from another such point.
TEST_F(KMedianTest, FindsWhereThePointsAre) {
    const KMedianOptions options = few_points();
    KMedian clusters(ledger_, options);
    clusters.read_block();
    clusters.cluster_block();
    const double spread = 0.04 / 3 * static_cast<double>(options.dimensions);
    EXPECT_LT(clusters.block().cost(), 3 * spread * static_cast<double>(options.points));
}

TEST_F(KMedianTest, KeepsTheCostRight) {
    KMedian clusters(ledger_, few_points());
    clusters.read_block();
    clusters.cluster_block();
    const double cost = clusters.block().recomputed_cost();
    EXPECT_NEAR(clusters.block().cost(), cost, 1e-6 * cost);
}

TEST_F(KMedianTest, ChecksThatEachPointHasItsNearestCentre) {
    const KMedianOptions options = few_points();
    bench::Random random(1);
    WeightedPoints points(ledger_, 100, 2);
    for (std::size_t i = 0; i < points.size(); ++i) {
        points.coordinates(i)[0] = static_cast<float>(i % 12);
        points.coordinates(i)[1] = static_cast<float>(i % 7) / 100;
        points.weight(i) = 1;
    }
    points.cluster(options, random);
    ASSERT_EQ(points.check(random), "");
    points.set_slot_of(50, (points.slot_of(50) + 1) % points.centres().size());
    EXPECT_THAT(points.check(random), HasSubstr("point 50 is nearer to centre"));
}

TEST_F(KMedianTest, ChecksTheCost) {
    KMedian clusters(ledger_, few_points());
    clusters.read_block();
    clusters.cluster_block();
    // A centre without the points around it.
    clusters.block().coordinates(clusters.block().centres()[0])[0] += 0.01F;
    EXPECT_NE(clusters.check(), "");
}

TEST_F(KMedianTest, WeighsPoints) {
    bench::Random random(1);
    KMedianOptions options = few_points();
    options.least_centres = options.most_centres = 1;
    WeightedPoints points(ledger_, 3, 1);
    for (std::size_t i = 0; i < 3; ++i) points.coordinates(i)[0] = static_cast<float>(i);
    points.weight(0) = 100;
    points.weight(1) = points.weight(2) = 1;
    points.cluster(options, random);
    EXPECT_EQ(points.centre_of(2), 0U);
}

TEST_F(KMedianTest, ClustersTheCentresOfAllBlocks) {
    const KMedianOptions options = few_points();
    KMedian clusters(ledger_, options);
    for (int block = 0; block < 3; ++block) {
        clusters.read_block();
        clusters.cluster_block();
    }
    const WeightedPoints centres = clusters.final_centres();
    EXPECT_GE(centres.size(), 3 * options.least_centres);
    EXPECT_THAT(centres.centres().size(), AllOf(Ge(10U), Le(20U)));
    float weight = 0;
    for (std::size_t i = 0; i < centres.size(); ++i) weight += centres.weight(i);
    EXPECT_EQ(weight, 3.0F * static_cast<float>(options.points));
}

}  // namespace
}  // namespace damon_schemes::parsec

// SPDX-License-Identifier: MIT
#include "benchmarks/demo/latency_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace damon_schemes::demo {
namespace {

TEST(LatencyHistogram, OfNothingSaysZero) {
    const LatencyHistogram histogram;
    EXPECT_EQ(histogram.count(), 0U);
    EXPECT_EQ(histogram.percentile(0.99), Duration::zero());
}

TEST(LatencyHistogram, OneValueIsEveryPercentile) {
    LatencyHistogram histogram;
    histogram.add(Duration(17));
    for (const double share : {0.0, 0.5, 0.99, 1.0})
        EXPECT_EQ(histogram.percentile(share), Duration(17));
}

TEST(LatencyHistogram, APercentileIsTheLeastValueThatCoversItsShare) {
    LatencyHistogram histogram;
    for (int ns = 1; ns <= 20; ++ns) histogram.add(Duration(ns));
    EXPECT_EQ(histogram.percentile(0.5), Duration(10));
    EXPECT_EQ(histogram.percentile(0.51), Duration(11));
    EXPECT_EQ(histogram.percentile(0.95), Duration(19));
    EXPECT_EQ(histogram.percentile(0.96), Duration(20));
}

TEST(LatencyHistogram, IsNeverBelowTheTruthAndAtMostAThirtySecondAbove) {
    std::mt19937_64 random(7);
    std::uniform_real_distribution<double> magnitude(0, 36);  // to 2^36 ns, over a minute
    std::vector<std::int64_t> values;
    LatencyHistogram histogram;
    for (int i = 0; i < 20'000; ++i) {
        values.push_back(static_cast<std::int64_t>(std::exp2(magnitude(random))));
        histogram.add(Duration(values.back()));
    }
    std::sort(values.begin(), values.end());
    for (const double share : {0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1.0}) {
        const auto rank =
            static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
        const std::int64_t truth = values[rank - 1];
        const std::int64_t said = histogram.percentile(share).count();
        EXPECT_GE(said, truth) << share;
        EXPECT_LE(said, truth + truth / 32) << share;
    }
}

TEST(LatencyHistogram, CountsWhatIsTooLongAsTheLongestAndWhatIsNegativeAsNothing) {
    LatencyHistogram histogram;
    histogram.add(Duration::max());
    EXPECT_GE(histogram.percentile(1), std::chrono::minutes(15));
    histogram.add(Duration(-5));
    EXPECT_EQ(histogram.percentile(0.5), Duration::zero());
    EXPECT_EQ(histogram.count(), 2U);
}

TEST(LatencyHistogram, AddingAnotherIsCountingBoth) {
    LatencyHistogram one;
    LatencyHistogram other;
    LatencyHistogram both;
    for (int ns = 0; ns < 100'000; ns += 37) {
        (ns % 2 == 0 ? one : other).add(Duration(ns));
        both.add(Duration(ns));
    }
    one.add(other);
    EXPECT_EQ(one.count(), both.count());
    for (const double share : {0.1, 0.5, 0.9, 0.99})
        EXPECT_EQ(one.percentile(share), both.percentile(share));
}

}  // namespace
}  // namespace damon_schemes::demo

// SPDX-License-Identifier: MIT
#include "benchmarks/demo/dataset.h"

#include <gtest/gtest.h>

#include <set>

namespace damon_schemes::demo {
namespace {

DatasetShape shape(bool scattered) {
    DatasetShape shape;
    shape.keys = 2'000;
    shape.value_bytes = 300;
    shape.scattered = scattered;
    return shape;
}

TEST(Dataset, ValuesHaveTheirSizeAndTellTheirKey) {
    const Dataset dataset(shape(false));
    for (std::uint32_t index = 0; index < dataset.shape().keys; ++index) {
        const std::string value = dataset.value(index);
        EXPECT_EQ(value.size(), 300U);
        EXPECT_TRUE(dataset.begins_right(index, value));
        EXPECT_FALSE(dataset.begins_right(index + 1, value));
    }
    EXPECT_FALSE(dataset.begins_right(0, dataset.value(0).substr(0, 299)));
    EXPECT_FALSE(dataset.begins_right(0, ""));
}

TEST(Dataset, TheSameShapeGivesTheSameBytes) {
    const Dataset one(shape(false));
    const Dataset other(shape(false));
    for (const std::uint32_t index : {0U, 1U, 999U, 1999U})
        EXPECT_EQ(one.value(index), other.value(index));
    EXPECT_NE(one.value(1).substr(20), one.value(2).substr(20));
}

TEST(Dataset, HotKeysLieTogetherUnlessScattered) {
    const Dataset dataset(shape(false));
    ASSERT_EQ(dataset.hot_keys(), 100U);
    for (std::uint32_t n = 1; n < dataset.hot_keys(); ++n)
        EXPECT_EQ(dataset.hot_index(n), dataset.hot_index(n - 1) + 1);
}

TEST(Dataset, ScatteredHotKeysLeaveNoLongStretchWithoutOne) {
    const Dataset dataset(shape(true));
    ASSERT_EQ(dataset.hot_keys(), 100U);
    std::uint32_t since = 0;
    for (std::uint32_t index = 0; index < dataset.shape().keys; ++index) {
        since = dataset.is_hot(index) ? 0 : since + 1;
        EXPECT_LT(since, 20U) << index;
    }
}

TEST(Dataset, HotAndColdNeverMeet) {
    for (const bool scattered : {false, true}) {
        const Dataset dataset(shape(scattered));
        std::set<std::uint32_t> hot;
        for (std::uint32_t n = 0; n < dataset.hot_keys(); ++n) {
            EXPECT_LT(dataset.hot_index(n), dataset.shape().keys);
            hot.insert(dataset.hot_index(n));
        }
        EXPECT_EQ(hot.size(), dataset.hot_keys());
        for (std::uint32_t index = 0; index < dataset.shape().keys; ++index)
            EXPECT_EQ(dataset.is_hot(index), hot.contains(index)) << index;
        for (std::uint32_t n = 0; n < 500; ++n) {
            EXPECT_LT(dataset.cold_index(n), dataset.shape().keys);
            EXPECT_FALSE(dataset.is_hot(dataset.cold_index(n))) << n;
        }
    }
}

}  // namespace
}  // namespace damon_schemes::demo

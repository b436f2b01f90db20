// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/radiosity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <stdexcept>

namespace damon_schemes::parsec {
namespace {

using namespace std::chrono_literals;

RadiosityOptions coarse() {
    RadiosityOptions options;
    options.elements = 100'000;
    options.links = 1'000'000;
    return options;
}

class RadiosityTest : public testing::Test {
  protected:
    Ledger ledger_{{.ages = {3s}, .ticking = false, .hot_on_huge = {}}};
};

TEST_F(RadiosityTest, LosesNoLightInAClosedRoom) {
    Radiosity radiosity(ledger_, coarse());
    radiosity.make_picture();
    EXPECT_NEAR(radiosity.emitted(), 300, 0.01);
    EXPECT_NEAR(radiosity.absorbed(), radiosity.emitted(), 0.05 * radiosity.emitted());
    EXPECT_EQ(radiosity.check(), "");
}

TEST_F(RadiosityTest, SeesASurfaceInEachDirection) {
    Radiosity radiosity(ledger_, coarse());
    radiosity.make_picture();
    for (std::size_t from = 0; from < radiosity.surfaces(); ++from) {
        double sum = 0;
        for (std::size_t to = 0; to < radiosity.surfaces(); ++to)
            sum += radiosity.exchanged(from, to);
        EXPECT_NEAR(sum / radiosity.area(from), 1, 0.1) << "surface " << from;
    }
}

TEST_F(RadiosityTest, DividesMoreFinelyWhereMoreIsDemanded) {
    Radiosity rough(ledger_, coarse());
    rough.make_picture();
    RadiosityOptions options = coarse();
    options.power_a_link /= 4;
    Radiosity fine(ledger_, options);
    fine.make_picture();
    EXPECT_GT(fine.links_used(), 2 * rough.links_used());
    EXPECT_GT(fine.elements_used(), rough.elements_used());
}

TEST_F(RadiosityTest, IsTheSameForTheSameSeed) {
    Radiosity one(ledger_, coarse());
    Radiosity other(ledger_, coarse());
    one.make_picture();
    other.make_picture();
    EXPECT_EQ(one.absorbed(), other.absorbed());
    EXPECT_EQ(one.links_used(), other.links_used());
}

TEST_F(RadiosityTest, SaysThatAPoolIsTooSmall) {
    RadiosityOptions options = coarse();
    options.elements = 100;
    Radiosity radiosity(ledger_, options);
    EXPECT_THROW(radiosity.make_picture(), std::runtime_error);
}

TEST_F(RadiosityTest, UsesTheSameFewEntriesForEachPicture) {
    Radiosity radiosity(ledger_, coarse());
    for (int i = 0; i < 10; ++i) {
        ledger_.advance((1 + i) * 1s);
        radiosity.make_picture();
    }
    ledger_.advance(11s);
    const Balance balance = ledger_.close();
    const CoursePoint& end = balance.course.back();
    EXPECT_GT(end.touched_bytes, 20'000'000U);
    EXPECT_GT(static_cast<double>(end.idle_bytes[0]),
              0.95 * static_cast<double>(end.touched_bytes));
}

TEST_F(RadiosityTest, GivesEachPoolEntryOnceUntilItComesBack) {
    struct Entry {
        std::uint32_t next = 0;
        std::uint32_t value = 0;
    };
    Pool<Entry> pool(ledger_, 10);
    std::set<std::uint32_t> taken;
    for (int i = 0; i < 10; ++i) {
        const std::uint32_t each = pool.take();
        EXPECT_TRUE(each != 0 && taken.insert(each).second);
        pool[each].value = 7;
    }
    EXPECT_EQ(pool.take(), 0U);
    EXPECT_EQ(pool.used(), 10U);
    pool.give_back(4);
    EXPECT_EQ(pool.take(), 4U);
    EXPECT_EQ(pool[4].value, 0U);
}

}  // namespace
}  // namespace damon_schemes::parsec
